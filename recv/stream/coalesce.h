/* SPDX-License-Identifier: Apache-2.0 */
/* Decides how long packets coalesce in the sockets before the owner thread reads them.
 *
 * Waking the thread costs about as much CPU time as reading a train of 64 KiB. At a steady rate it is therefore cheaper
 * to sleep for a fixed time and then to read all that has come: at 16 Gb/s in trains this took half the CPU time and
 * lost fewer packets. When a source is slow or has just begun, its first packet wakes the thread immediately. These
 * functions only compute: the stream tells them what it has read, and the stream does the sleeping. One thread uses the
 * struct.
 *
 * In this file a *receive* is a receive of the engine that returned data: one datagram or one train. */
#ifndef SPEADI_COALESCE_H
#define SPEADI_COALESCE_H

#include <stdint.h>

struct speadi_coalesce {
    uint64_t longest_ns;   /* the longest sleep; 0 means that the thread never sleeps */
    uint64_t receives_max; /* at most this many receives may come during one sleep */
    /* Before the next read, the thread sleeps this long. 0 means that it waits for a packet instead. */
    uint64_t sleep_ns;
};

/* longest_ns is the longest sleep; 0 means that the thread never sleeps. buffer_bytes is the effective size of the
 * socket buffer. During one sleep, trains may fill an eighth of this buffer. */
void speadi_coalesce_init(struct speadi_coalesce *coalesce, uint64_t longest_ns,
                          uint32_t buffer_bytes);

/* Decides how long the next sleep is, and stores it in sleep_ns. `receives` is how many receives returned data in the
 * last elapsed_ns nanoseconds (elapsed_ns > 0). */
void speadi_coalesce_observe(struct speadi_coalesce *coalesce, uint64_t receives,
                             uint64_t elapsed_ns);

#endif
