/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the tracker of a sender and substream, and keeps the sums of all trackers. */
#include "gap_trackers.h"

#include <errno.h>
#include <stdlib.h>

#define NONE   SPEADI_COUNTER_NONE
#define NO_KEY UINT64_MAX

int speadi_gap_trackers_init(struct speadi_gap_trackers *set, uint32_t trackers_max,
                             uint32_t senders_max, uint32_t substream_count, uint64_t step)
{
    *set = (struct speadi_gap_trackers){.step = step,
                                        .trackers_max = trackers_max,
                                        .senders_max = senders_max,
                                        .substream_count = substream_count};
    set->entry = calloc(trackers_max, sizeof *set->entry);
    set->of_sender = calloc(senders_max, sizeof *set->of_sender);
    set->epoch = calloc(senders_max, sizeof *set->epoch);
    if (!set->entry || !set->of_sender || !set->epoch ||
        speadi_counter_map_init(&set->map, trackers_max) < 0) {
        speadi_gap_trackers_release(set);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < senders_max; i++)
        set->of_sender[i] = NONE;
    for (uint32_t i = 0; i < trackers_max; i++) {
        set->entry[i].key = NO_KEY;
        set->entry[i].next = i + 1 < trackers_max ? i + 1 : NONE;
    }
    return 0;
}

void speadi_gap_trackers_release(struct speadi_gap_trackers *set)
{
    free(set->entry);
    free(set->of_sender);
    free(set->epoch);
    speadi_counter_map_release(&set->map);
    *set = (struct speadi_gap_trackers){0};
}

static uint32_t find(const struct speadi_gap_trackers *set, uint64_t key)
{
    if (set->entry[set->last].key == key)
        return set->last;
    return speadi_counter_map_find(&set->map, (uint32_t)(key >> 32), (uint32_t)key);
}

static uint32_t take(struct speadi_gap_trackers *set, uint32_t sender, uint64_t key)
{
    uint32_t i = set->free;
    struct speadi_gap_trackers_entry *entry;

    if (i == NONE)
        return NONE;
    entry = &set->entry[i];
    set->free = entry->next;
    set->count++;
    speadi_gap_tracker_init(&entry->tracker, set->step, set->substream_count);
    entry->sums = (struct speadi_gap_sums){0};
    entry->key = key;
    entry->epoch = set->epoch[sender];
    entry->next = set->of_sender[sender];
    set->of_sender[sender] = i;
    speadi_counter_map_insert(&set->map, sender, (uint32_t)key, i);
    return i;
}

/* Puts what the tracker says now into the sums of the set, in place of what it said before. */
static void update_sums(struct speadi_gap_trackers *set, struct speadi_gap_trackers_entry *entry)
{
    struct speadi_gap_sums now = speadi_gap_tracker_sums(&entry->tracker);

    if (set->rows && now.missing != entry->sums.missing)
        speadi_sender_row_add(&set->rows->row[entry->key >> 32], SPEADI_SENDER_MISSING_HEAPS,
                              now.missing - entry->sums.missing);
    set->sums.missing += now.missing - entry->sums.missing;
    set->sums.provisional += now.provisional - entry->sums.provisional;
    set->sums.absent += now.absent - entry->sums.absent;
    set->sums.not_understood += now.not_understood - entry->sums.not_understood;
    entry->sums = now;
}

void speadi_gap_trackers_open_slow(struct speadi_gap_trackers *set, uint32_t sender,
                                   uint32_t substream, uint64_t counter, unsigned bits)
{
    uint64_t key = (uint64_t)sender << 32 | substream;
    uint32_t i = find(set, key);
    struct speadi_gap_trackers_entry *entry;

    if (i == NONE)
        i = take(set, sender, key);
    if (i == NONE) {
        set->trackers_refused++;
        set->sums.not_understood++;
        return;
    }
    entry = &set->entry[i];
    set->last = i;
    if (entry->epoch != set->epoch[sender]) {
        entry->epoch = set->epoch[sender];
        speadi_gap_tracker_restart(&entry->tracker);
    }
    if (speadi_gap_tracker_open(&entry->tracker, counter, bits))
        update_sums(set, entry);
}

void speadi_gap_trackers_forget(struct speadi_gap_trackers *set, uint32_t sender)
{
    uint32_t i = set->of_sender[sender];

    while (i != NONE) {
        struct speadi_gap_trackers_entry *entry = &set->entry[i];
        uint32_t next = entry->next;

        speadi_counter_map_remove(&set->map, i);
        entry->key = NO_KEY;
        entry->next = set->free;
        set->free = i;
        set->count--;
        i = next;
    }
    set->of_sender[sender] = NONE;
}

uint64_t speadi_gap_trackers_step(const struct speadi_gap_trackers *set, uint32_t sender,
                                  uint32_t substream)
{
    uint32_t i = find(set, (uint64_t)sender << 32 | substream);

    return i == NONE ? 0 : speadi_gap_tracker_step(&set->entry[i].tracker);
}
