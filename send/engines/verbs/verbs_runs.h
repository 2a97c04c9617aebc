/* Experimental: runs of packets that the device cuts out of one work request (TSO), where the stream was told
 * to (verbs_tso).
 *
 * The packets of a run go to one destination and are of one size: the device repeats one head for all of
 * them, and nothing says that it writes UDP lengths. A packet that continues no run is a frame of its own. Each
 * packet keeps the slot of its number; the request is that of the run's first. */
#ifndef SPEADI_VERBS_RUNS_H
#define SPEADI_VERBS_RUNS_H

#include "verbs_frames.h"

/* Makes a chain of requests of packets, numbered from `number` on, and ends it at *last. Returns how many
 * packets are in it, as speadi_verbs_frames_make(). */
unsigned speadi_verbs_runs_make(struct speadi_verbs_frames *frames, uint64_t number,
                                const struct speadi_frame_template *heads,
                                const struct speadi_tx_packet *packets, unsigned count,
                                struct ibv_send_wr **last);

#endif
