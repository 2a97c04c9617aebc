/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the thread that writes a recording, its sync thread and threads that read its counts share nothing unguarded. A
 * sanitizer watches. Method: heaps of a few bytes, a sync for every heap, and a reader of the counts. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadline/record.h>

#include <speadi/heap_view.h>

#include "must.h"

#define HEAPS 3000u

struct made {
    struct spead_heap heap;
    struct speadi_span span;
};

static struct spead_recording_writer *writer;
static atomic_bool done;

static void *read_counts(void *arg)
{
    struct spead_recording_writer_stats stats = SPEAD_RECORDING_WRITER_STATS_INIT;
    uint64_t synced = 0;

    while (!atomic_load(&done)) {
        spead_recording_writer_stats(writer, &stats);
        MUST(stats.heaps_synced >= synced, "fewer heaps are acknowledged than before");
        MUST(stats.heaps_synced <= stats.heaps, "a heap is acknowledged and not written");
        MUST(spead_recording_writer_error(writer) == 0, "the writing has failed");
        synced = stats.heaps_synced;
    }
    return arg;
}

static struct spead_heap *make_heap(struct speadi_pool *pool, uint64_t counter)
{
    struct speadi_block *region = speadi_pool_take(pool);
    struct made *made;

    MUST(region && speadi_block_charge(region, 8) == 0, "no region");
    made = region->meta;
    *made = (struct made){
        .heap = {.references = 1,
                 .complete = true,
                 .has_length = true,
                 .heap_address_bits = 48,
                 .span_count = 1,
                 .spans = &made->span,
                 .region = region,
                 .counter = counter,
                 .length = 8,
                 .received = 8},
        .span = {0, 8},
    };
    memcpy(region->data, "payload", 8);
    return &made->heap;
}

static void write_heaps(const char *path)
{
    struct speadi_pool_config pool_config = {
        .block_count = 4, .block_bytes = 4096, .meta_bytes = sizeof(struct made)};
    struct spead_recording_writer_config config = SPEAD_RECORDING_WRITER_CONFIG_INIT;
    struct speadi_pool *pool;
    pthread_t reader;
    unsigned written;

    config.path = path;
    config.sync_heaps = 1;
    MUST(speadi_pool_create(&pool, &pool_config, NULL) == 0, "no pool");
    MUST(spead_recording_writer_create(&writer, &config, NULL) == 0, "no writer");
    MUST(pthread_create(&reader, NULL, read_counts, NULL) == 0, "no thread");
    for (uint64_t i = 0; i < HEAPS; i++) {
        struct spead_heap *heap = make_heap(pool, i);

        MUST(spead_recording_writer_write(writer, &heap, 1, &written, NULL) == 0, "not written");
        spead_heap_unref(heap);
    }
    MUST(spead_recording_writer_finish(writer, NULL) == 0, "not finished");
    atomic_store(&done, true);
    pthread_join(reader, NULL);
    spead_recording_writer_destroy(writer);
    speadi_pool_unref(pool);
}

int main(void)
{
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;
    char path[] = "/tmp/speadline-race-XXXXXX", index[64];

    close(mkstemp(path));
    unlink(path);
    snprintf(index, sizeof index, "%s.jsonl", path);
    write_heaps(path);
    MUST(spead_recording_inspect(path, &info, NULL) == 0, "not readable");
    MUST(info.whole && info.heaps == HEAPS, "not whole");
    unlink(path);
    unlink(index);
    return 0;
}
