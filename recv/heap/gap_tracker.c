/* Counts skipped heap counters. */
#include "gap_tracker.h"

#include <string.h>

static void set_bit(struct speadi_gap_tracker *tracker, uint64_t position)
{
    position %= SPEADI_GAP_WINDOW;
    tracker->window[position / 64] |= 1ull << position % 64;
}

static void clear_bit(struct speadi_gap_tracker *tracker, uint64_t position)
{
    position %= SPEADI_GAP_WINDOW;
    tracker->window[position / 64] &= ~(1ull << position % 64);
}

static bool bit_is_set(const struct speadi_gap_tracker *tracker, uint64_t position)
{
    position %= SPEADI_GAP_WINDOW;
    return tracker->window[position / 64] >> position % 64 & 1;
}

void speadi_gap_tracker_init(struct speadi_gap_tracker *tracker, uint64_t step)
{
    *tracker = (struct speadi_gap_tracker){.step = step};
}

uint64_t speadi_gap_tracker_missing(const struct speadi_gap_tracker *tracker)
{
    if (!tracker->active)
        return tracker->missing_before;
    return tracker->missing_before + (tracker->newest - tracker->first) / tracker->step + 1 -
           tracker->opened;
}

static void begin_epoch(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    tracker->missing_before = speadi_gap_tracker_missing(tracker);
    tracker->active = true;
    tracker->repeated = false;
    tracker->first = tracker->newest = counter;
    tracker->position = SPEADI_GAP_WINDOW; /* so that no older position is below zero */
    tracker->opened = 1;
    memset(tracker->window, 0, sizeof tracker->window);
    set_bit(tracker, tracker->position);
}

static void move_ahead(struct speadi_gap_tracker *tracker, uint64_t counter, uint64_t steps)
{
    if (steps >= SPEADI_GAP_WINDOW)
        memset(tracker->window, 0, sizeof tracker->window);
    else
        for (uint64_t i = 1; i <= steps; i++)
            clear_bit(tracker, tracker->position + i);
    tracker->position += steps;
    tracker->newest = counter;
    tracker->opened++;
    set_bit(tracker, tracker->position);
}

void speadi_gap_tracker_restart(struct speadi_gap_tracker *tracker)
{
    tracker->missing_before = speadi_gap_tracker_missing(tracker);
    tracker->active = false;
    tracker->repeated = false;
}

/* Notes that a heap has opened whose counter had opened before. Either this heap is late, or it is the first heap after
 * a restart of the sender. The next counter shows which of the two is true. */
static void note_repeat(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    tracker->repeated = true;
    tracker->repeated_counter = counter;
}

void speadi_gap_tracker_open(struct speadi_gap_tracker *tracker, uint64_t counter)
{
    bool ahead = counter > tracker->newest;
    uint64_t distance = ahead ? counter - tracker->newest : tracker->newest - counter;

    if (tracker->step == 0)
        return;
    if (!tracker->active) {
        begin_epoch(tracker, counter);
        return;
    }
    if (tracker->repeated && counter == tracker->repeated_counter + tracker->step &&
        tracker->repeated_counter != tracker->newest) {
        begin_epoch(tracker, tracker->repeated_counter);
        ahead = true;
        distance = tracker->step;
    }
    tracker->repeated = false;
    if (distance % tracker->step != 0)
        return; /* the counter does not belong to this sequence */
    distance /= tracker->step;

    if (ahead && distance <= SPEADI_GAP_JUMP_MAX) {
        move_ahead(tracker, counter, distance);
    } else if (ahead || distance >= SPEADI_GAP_WINDOW) {
        begin_epoch(tracker, counter);
    } else if (bit_is_set(tracker, tracker->position - distance)) {
        note_repeat(tracker, counter);
    } else {
        set_bit(tracker, tracker->position - distance);
        tracker->opened++;
        if (counter < tracker->first)
            tracker->first = counter;
    }
}
