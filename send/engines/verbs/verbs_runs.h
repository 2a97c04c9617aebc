/* SPDX-License-Identifier: Apache-2.0 */
/* Experimental: runs of packets. A run is one work request that the device cuts into several packets (TSO). The engine
 * makes runs if the stream has the option hardware_tso.
 *
 * All packets of a run go to one destination, because the device repeats one head (Ethernet, IP and UDP header) for all
 * of them. They also have the same size, because the head contains the UDP length, and no document says that the device
 * writes the UDP length of each packet. A packet that does not fit into the present run begins another request. Each
 * packet has its own slot, the slot of its number. The run uses the work request of its first packet. */
#ifndef SPEADI_VERBS_RUNS_H
#define SPEADI_VERBS_RUNS_H

#include "verbs_frames.h"

/* Builds a chain of requests for `count` packets. The first packet has the number `number`. Sets *last to the last
 * request of the chain. Returns how many packets the chain carries. It stops at a packet that no frame can carry, as
 * speadi_verbs_frames_make() does. */
unsigned speadi_verbs_runs_make(struct speadi_verbs_frames *frames, uint64_t number,
                                const struct speadi_frame_template *heads,
                                const struct speadi_tx_packet *packets, unsigned count,
                                struct ibv_send_wr **last);

#endif
