/* Decides how long packets coalesce in the sockets before the owner thread reads them.
 *
 * Waking the thread costs about as much CPU time as reading a train of 64 KiB. At a steady rate it is therefore
 * cheaper to sleep for a fixed time and then to read all that has come: at 16 Gb/s in trains this took half the CPU
 * time and lost fewer packets. When a source is slow or has just begun, its first packet wakes the thread
 * immediately. These functions only compute: the stream tells them what it has read, and the stream does the
 * sleeping. One thread uses the struct.
 *
 * In this file only those *receives* of the engine count that returned data: a datagram or a train. */
#ifndef SPEADI_COALESCE_H
#define SPEADI_COALESCE_H

#include <stdint.h>

struct speadi_coalesce {
    uint64_t longest_ns;   /* the longest sleep; 0: never sleep */
    uint64_t receives_max; /* receives that the sockets have room for during one sleep */
    uint64_t sleep_ns;     /* sleep this long before the next read; 0: wait for a packet instead */
};

/* longest_ns: the longest sleep; 0: never sleep. buffer_bytes: the effective size of the socket buffer. During one
 * sleep, trains may fill an eighth of the buffer. */
void speadi_coalesce_init(struct speadi_coalesce *coalesce, uint64_t longest_ns,
                          uint32_t buffer_bytes);

/* Decides about the next sleep: sets sleep_ns. `receives` is how many receives returned data in the last elapsed_ns
 * nanoseconds (elapsed_ns > 0). */
void speadi_coalesce_observe(struct speadi_coalesce *coalesce, uint64_t receives,
                             uint64_t elapsed_ns);

#endif
