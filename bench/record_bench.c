/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a recording takes heaps, with syncs and without, in alternation. The same heap of 1 MiB is written over and
 * over, so nothing but the writer and the file system takes time. The result is one JSON object. In each run the
 * recording is inspected.
 *
 * usage: bench-record FILE ROUNDS MEGABYTES RATE     RATE: MB/s at most, 0: as fast as the file system takes it */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <speadline/record.h>

#include <speadi/clock.h>
#include <speadi/heap_view.h>

#define HEAP_BYTES (1u << 20)

struct made {
    struct spead_heap heap;
    struct speadi_span span;
};

struct result {
    double write_s, finish_s; /* time of all write(), and of finish() */
    struct spead_recording_writer_stats stats;
};

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench-record: %s\n", what);
    exit(1);
}

static struct spead_heap *make_heap(void)
{
    struct speadi_pool_config config = {
        .block_count = 1, .block_bytes = HEAP_BYTES, .meta_bytes = sizeof(struct made)};
    struct speadi_pool *pool;
    struct speadi_block *region;
    struct made *made;

    require(speadi_pool_create(&pool, &config, NULL) == 0, "no pool");
    region = speadi_pool_take(pool);
    require(region && speadi_block_charge(region, HEAP_BYTES) == 0, "no memory");
    memset(region->data, 0x5a, HEAP_BYTES);
    made = region->meta;
    *made = (struct made){.heap = {.references = 1,
                                   .complete = true,
                                   .has_length = true,
                                   .heap_address_bits = 48,
                                   .spans = &made->span,
                                   .span_count = 1,
                                   .region = region,
                                   .length = HEAP_BYTES,
                                   .received = HEAP_BYTES},
                          .span = {0, HEAP_BYTES}};
    return &made->heap;
}

/* Waits until `bytes` bytes are due at this rate (MB/s). */
static void pace(uint64_t start_ns, uint64_t bytes, double rate)
{
    uint64_t due = rate > 0 ? start_ns + (uint64_t)((double)bytes * 1e3 / rate) : 0;
    struct timespec until = speadi_clock_timespec(due);

    if (due > speadi_clock_mono_ns())
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static struct result record(struct spead_heap *heap, const char *path, bool sync, unsigned count,
                            double rate)
{
    struct spead_recording_writer_config config = SPEAD_RECORDING_WRITER_CONFIG_INIT;
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;
    struct result result = {.stats = SPEAD_RECORDING_WRITER_STATS_INIT};
    struct spead_recording_writer *writer;
    char index[4096];
    uint64_t start;
    unsigned written;

    config.path = path;
    config.sync = sync ? SPEAD_RECORDING_SYNC_INTERVAL : SPEAD_RECORDING_SYNC_NEVER;
    require(spead_recording_writer_create(&writer, &config, NULL) == 0, "cannot open the file");
    start = speadi_clock_mono_ns();
    for (unsigned i = 0; i < count; i++) {
        require(spead_recording_writer_write(writer, &heap, 1, &written, NULL) == 0, "not written");
        pace(start, (i + 1) * (uint64_t)HEAP_BYTES, rate);
    }
    result.write_s = (double)(speadi_clock_mono_ns() - start) * 1e-9;
    start = speadi_clock_mono_ns();
    require(spead_recording_writer_finish(writer, NULL) == 0, "not finished");
    result.finish_s = (double)(speadi_clock_mono_ns() - start) * 1e-9;
    spead_recording_writer_stats(writer, &result.stats);
    spead_recording_writer_destroy(writer);
    require(spead_recording_inspect(path, &info, NULL) == 0 && info.whole, "not whole");
    snprintf(index, sizeof index, "%s.jsonl", path);
    unlink(path);
    unlink(index);
    return result;
}

int main(int argc, char **argv)
{
    struct spead_heap *heap = make_heap();
    unsigned rounds, count;

    require(argc == 5, "usage: bench-record FILE ROUNDS MEGABYTES RATE");
    rounds = (unsigned)atoi(argv[2]);
    count = (unsigned)atoi(argv[3]);
    printf("{\"heap_bytes\": %u, \"heaps\": %u, \"rate_mbps\": %s, \"runs\": [", HEAP_BYTES, count,
           argv[4]);
    for (unsigned i = 0; i < 2 * rounds; i++) {
        bool sync_on = i % 2 == 0;
        struct result run = record(heap, argv[1], sync_on, count, atof(argv[4]));

        sync(); /* what this run has left in the page cache is no burden for the next one */
        printf("%s\n  {\"sync\": %s, \"mb_per_s\": %.1f, \"write_s\": %.3f, \"finish_s\": %.3f, "
               "\"syncs\": %" PRIu64 ", \"sync_s_max\": %.3f}",
               i > 0 ? "," : "", sync_on ? "\"1s\"" : "\"never\"",
               (double)count * HEAP_BYTES * 1e-6 / run.write_s, run.write_s, run.finish_s,
               run.stats.syncs, (double)run.stats.sync_ns_max * 1e-9);
        fflush(stdout);
    }
    puts("]}");
    spead_heap_unref(heap);
    return 0;
}
