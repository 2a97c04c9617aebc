/* How long messages coalesce in the sockets before they are read.
 *
 * Being woken costs about as much as reading a train of 64 KiB, so at a steady rate it is cheaper to
 * sleep for a fixed time and read all that came: measured at 16 Gb/s in trains, half the CPU time, and
 * fewer losses. A source that is slow, or has just begun, wakes the reader at once. Pure: the stream
 * tells what it saw and does the sleeping. One thread. */
#ifndef SPEADI_COALESCE_H
#define SPEADI_COALESCE_H

#include <stdint.h>

struct speadi_coalesce {
    uint64_t longest_ns;   /* 0: never */
    uint64_t messages_max; /* that may come during one sleep */
    uint64_t sleep_ns;     /* to take before the next read; 0: wait for a message */
};

/* buffer_bytes: effective socket buffer, of which a sleep may fill an eighth with trains. */
void speadi_coalesce_init(struct speadi_coalesce *coalesce, uint64_t longest_ns,
                          uint32_t buffer_bytes);

/* So many messages were read in the last elapsed_ns (> 0): sets sleep_ns. */
void speadi_coalesce_observe(struct speadi_coalesce *coalesce, uint64_t messages,
                             uint64_t elapsed_ns);

#endif
