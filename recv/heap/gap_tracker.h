/* Heap counters that were skipped: heaps of which no packet ever came.
 *
 * Exact within a window of the newest counters, so that a heap that opens late is taken back out of
 * the count. A sender that restarts (a counter older than the window, far ahead, or opened twice and
 * followed by the next) begins a new epoch: what the old one missed stays counted.
 *
 * What it cannot know: two late heaps, next to each other and both opened before, look like a restart;
 * a restart inside the window whose first heaps are lost or come in another order looks like late heaps,
 * and those of the old epoch's missing counters that it uses again are no longer counted. Stream level,
 * not per substream. */
#ifndef SPEADI_GAP_TRACKER_H
#define SPEADI_GAP_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#define SPEADI_GAP_WINDOW   1024u      /* counters, in steps; a power of two */
#define SPEADI_GAP_JUMP_MAX (1u << 20) /* further ahead is another sender, not a loss */

struct speadi_gap_tracker {
    uint64_t step;           /* 0: unknown, nothing is tracked */
    uint64_t first, newest;  /* counters of this epoch */
    uint64_t position;       /* of newest in the window */
    uint64_t opened;         /* distinct counters of this epoch */
    uint64_t missing_before; /* of earlier epochs */
    bool active;
    bool repeated; /* the counter before this one had been opened already: it was */
    uint64_t repeated_counter;
    uint64_t window[SPEADI_GAP_WINDOW / 64]; /* a bit for each position: opened */
};

void speadi_gap_tracker_init(struct speadi_gap_tracker *tracker, uint64_t step);

/* A heap with this counter opened. */
void speadi_gap_tracker_open(struct speadi_gap_tracker *tracker, uint64_t counter);

/* The sender begins anew: the next counter, whatever it is, begins an epoch. */
void speadi_gap_tracker_restart(struct speadi_gap_tracker *tracker);

uint64_t speadi_gap_tracker_missing(const struct speadi_gap_tracker *tracker);

#endif
