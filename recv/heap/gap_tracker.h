/* Counts the heap counters that were skipped, that is, the heaps of which no packet ever came.
 *
 * The count is exact within a window of the newest counters: when a skipped counter opens late, it no longer counts as
 * missing. When the sender restarts, a new epoch begins; the missing heaps of the old epoch stay in the count. The
 * tracker assumes a restart in three cases. First: a counter is older than the window. Second: a counter is much larger
 * than the newest one. Third: a counter opens a second time, and the next heap has the counter after it.
 *
 * The tracker cannot tell some cases apart. If two late heaps have adjacent counters and both had opened before, the
 * tracker assumes a restart by mistake. If the sender restarts with counters inside the window, and its first heaps are
 * lost or come in another order, the tracker assumes by mistake that they are late heaps. In that case the sender uses
 * some missing counters of the old epoch again, and these no longer count as missing.
 *
 * A stream has one tracker for all its substreams. Only the owner thread calls these functions. */
#ifndef SPEADI_GAP_TRACKER_H
#define SPEADI_GAP_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

/* Width of the window in steps; a power of two. */
#define SPEADI_GAP_WINDOW 1024u
/* If a counter is more than this many steps larger than the newest counter, the tracker assumes a restart, not a
 * loss. */
#define SPEADI_GAP_JUMP_MAX (1u << 20)

struct speadi_gap_tracker {
    /* The difference between successive heap counters. 0 means that it is unknown; then the tracker counts nothing. */
    uint64_t step;
    uint64_t first, newest; /* lowest and highest counter of this epoch */
    /* The position of the counter `newest`, in steps. The remainder of position / SPEADI_GAP_WINDOW is the number of
     * its bit in `window`. */
    uint64_t position;
    uint64_t opened;         /* number of different counters that opened in this epoch */
    uint64_t missing_before; /* missing heaps of earlier epochs */
    bool active;             /* an epoch has begun */
    /* True if the counter that opened last had opened before. repeated_counter is then this counter. */
    bool repeated;
    uint64_t repeated_counter;
    /* a set bit means that the counter at this position has opened */
    uint64_t window[SPEADI_GAP_WINDOW / 64];
};

void speadi_gap_tracker_init(struct speadi_gap_tracker *tracker, uint64_t step);

/* Says that a heap with this counter has opened. */
void speadi_gap_tracker_open(struct speadi_gap_tracker *tracker, uint64_t counter);

/* Says that the sender restarts. The next counter begins a new epoch. */
void speadi_gap_tracker_restart(struct speadi_gap_tracker *tracker);

/* Returns the number of missing heaps of all epochs. */
uint64_t speadi_gap_tracker_missing(const struct speadi_gap_tracker *tracker);

#endif
