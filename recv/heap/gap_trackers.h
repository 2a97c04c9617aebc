/* SPDX-License-Identifier: Apache-2.0 */
/* All gap trackers of a stream: one for each sender and substream that has sent a heap, up to a fixed number.
 *
 * The set allocates everything in init(). It keeps the sums of all trackers up to date, so that reading them is O(1). A
 * `sender` is an index below senders_max. Senders of different endpoints have different indexes. The caller must not
 * give control heaps to the set: their counters need not belong to the sequence of the sender. Only the owner thread of
 * a stream calls these functions. gap_tracker.h says what the sums mean. */
#ifndef SPEADI_GAP_TRACKERS_H
#define SPEADI_GAP_TRACKERS_H

#include "counter_map.h"
#include "gap_tracker.h"
#include "sender_rows.h"

#define SPEADI_GAP_TRACKERS_MAX 4096u

struct speadi_gap_trackers_entry {
    struct speadi_gap_tracker tracker;
    struct speadi_gap_sums sums; /* the part of this tracker in the sums of the set */
    uint64_t key;                /* sender and substream */
    uint32_t epoch;              /* the value of epoch[sender] when the tracker was last used */
    uint32_t next;               /* the next tracker of this sender, or the next free one */
};

struct speadi_gap_trackers {
    uint64_t step;
    uint32_t trackers_max, senders_max, substream_count;
    uint32_t free;                           /* the first free entry, or SPEADI_COUNTER_NONE */
    uint32_t last;                           /* the entry that was used last */
    uint32_t count;                          /* number of entries in use */
    struct speadi_gap_trackers_entry *entry; /* array [trackers_max] */
    /* array [senders_max]: the first tracker of the sender, or SPEADI_COUNTER_NONE */
    uint32_t *of_sender;
    uint32_t *epoch;               /* array [senders_max]: how often the sender has restarted */
    struct speadi_counter_map map; /* maps sender and substream to an entry */
    /* The sums of all trackers, also of those whose sender was forgotten. */
    struct speadi_gap_sums sums;
    /* Number of heaps that found no free tracker. They are part of sums.not_understood. */
    uint64_t trackers_refused;
    /* The rows of the senders, in which the set counts the missing heaps of each sender; NULL: it does not */
    struct speadi_sender_rows *rows;
};

/* Makes room for the trackers. `step` is the step of every sender's counters, or 0 if it shall be learned.
 * `trackers_max` may be 1 to SPEADI_GAP_TRACKERS_MAX, `senders_max` 1 to 65535, and `substream_count` must be at least
 * 1. Returns 0 or -ENOMEM. */
int speadi_gap_trackers_init(struct speadi_gap_trackers *set, uint32_t trackers_max,
                             uint32_t senders_max, uint32_t substream_count, uint64_t step);
void speadi_gap_trackers_release(struct speadi_gap_trackers *set);

/* The long way of speadi_gap_trackers_open(). */
void speadi_gap_trackers_open_slow(struct speadi_gap_trackers *set, uint32_t sender,
                                   uint32_t substream, uint64_t counter, unsigned bits);

/* Says that a heap of this sender has opened. `bits` is the number of bits in a heap counter of its flavour. */
static inline void speadi_gap_trackers_open(struct speadi_gap_trackers *set, uint32_t sender,
                                            uint32_t substream, uint64_t counter, unsigned bits)
{
    /* Without substreams a sender has one tracker. With substreams most heaps need another tracker than the heap before
     * them, and the long way finds it. */
    uint32_t index = set->substream_count == 1 ? set->of_sender[sender] : set->last;
    struct speadi_gap_trackers_entry *entry;

    if (index == SPEADI_COUNTER_NONE) {
        speadi_gap_trackers_open_slow(set, sender, substream, counter, bits);
        return;
    }
    entry = &set->entry[index];
    if (entry->key == ((uint64_t)sender << 32 | substream) && entry->tracker.expected == counter &&
        entry->tracker.bits == bits && entry->epoch == set->epoch[sender])
        speadi_gap_tracker_next(&entry->tracker, counter);
    else
        speadi_gap_trackers_open_slow(set, sender, substream, counter, bits);
}

/* Says that the sender restarts: its next counter in each substream begins a new epoch. What it has missed stays
 * counted. */
static inline void speadi_gap_trackers_restart(struct speadi_gap_trackers *set, uint32_t sender)
{
    set->epoch[sender]++;
}

/* Says that the index `sender` will belong to another sender. The trackers of the old sender become free. What these
 * trackers have counted stays in the sums. */
void speadi_gap_trackers_forget(struct speadi_gap_trackers *set, uint32_t sender);

/* Returns the step that the sender's counters in this substream have, or 0 if none is proven. */
uint64_t speadi_gap_trackers_step(const struct speadi_gap_trackers *set, uint32_t sender,
                                  uint32_t substream);

static inline uint64_t speadi_gap_trackers_bytes(const struct speadi_gap_trackers *set)
{
    return (uint64_t)set->trackers_max * sizeof *set->entry +
           (uint64_t)set->senders_max * (sizeof *set->of_sender + sizeof *set->epoch) +
           speadi_counter_map_bytes(&set->map);
}

#endif
