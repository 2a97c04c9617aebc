/* SPDX-License-Identifier: Apache-2.0 */
/* See recording_rig.h. */
#include "recording_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify_pattern.h"

#define HEAP_BYTES_MAX (1u << 20)

char rig_path[64], rig_index[80], rig_log[2048];
static char folder[] = "/tmp/speadline-record-XXXXXX";
static struct speadi_pool *pool;

void rig_begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(rig_path, sizeof rig_path, "%s/night", folder);
    snprintf(rig_index, sizeof rig_index, "%s.jsonl", rig_path);
    pool = made_heap_pool(64, HEAP_BYTES_MAX);
}

void rig_end(void)
{
    speadi_pool_unref(pool);
    unlink(rig_path);
    unlink(rig_index);
    cr_expect_eq(rmdir(folder), 0, "a file is left");
}

static void add_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    snprintf(rig_log + strlen(rig_log), sizeof rig_log - strlen(rig_log), "%s\n", line);
}

struct spead_recording_writer_config rig_config(uint64_t sync_heaps)
{
    static const char *const endpoints[] = {"127.0.0.1:7148"};
    struct spead_recording_writer_config config = SPEAD_RECORDING_WRITER_CONFIG_INIT;

    config.path = rig_path;
    config.endpoints = endpoints;
    config.endpoint_count = 1;
    config.sync_ns = 0;
    config.sync_heaps = sync_heaps;
    config.log.fn = add_line;
    return config;
}

struct spead_recording_writer *rig_open(const struct spead_recording_writer_config *config)
{
    struct spead_recording_writer *writer = NULL;
    struct spead_err err = {0};

    cr_assert_eq(spead_recording_writer_create(&writer, config, &err), 0, "%s", err.text);
    return writer;
}

static int write_one(struct spead_recording_writer *writer, struct spead_heap *heap)
{
    struct spead_err err;
    unsigned written;
    int ret = spead_recording_writer_write(writer, &heap, 1, &written, &err);

    cr_expect(ret < 0 || written == 1);
    spead_heap_unref(heap);
    return ret;
}

int rig_write(struct spead_recording_writer *writer, uint64_t first, unsigned count, size_t bytes)
{
    int ret = 0;

    for (unsigned i = 0; i < count && ret == 0; i++)
        ret = write_one(writer, made_heap(pool, first + i, bytes, NULL, 0));
    return ret;
}

int rig_write_spans(struct spead_recording_writer *writer, uint64_t counter, size_t bytes,
                    const struct speadi_span *spans, uint32_t count)
{
    const struct speadi_span none = {0, 0};
    struct spead_heap *heap =
        made_heap(pool, counter, bytes, count > 0 ? spans : &none, count > 0 ? count : 1);

    heap->span_count = count;
    return write_one(writer, heap);
}

struct spead_recording_writer_stats rig_stats(struct spead_recording_writer *writer)
{
    struct spead_recording_writer_stats stats = SPEAD_RECORDING_WRITER_STATS_INIT;

    spead_recording_writer_stats(writer, &stats);
    return stats;
}

void rig_finish(struct spead_recording_writer *writer, int expected, struct spead_err *err)
{
    struct spead_err own = {0};

    cr_expect_eq(spead_recording_writer_finish(writer, &own), expected, "%s", own.text);
    spead_recording_writer_destroy(writer);
    if (err)
        *err = own;
}

void rig_make(unsigned count, size_t bytes)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer = rig_open(&config);

    cr_assert_eq(rig_write(writer, 1, count, bytes), 0);
    rig_finish(writer, 0, NULL);
}

unsigned rig_check(uint64_t first)
{
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err = {0};
    uint8_t *payload = malloc(HEAP_BYTES_MAX);
    uint64_t end = 0;
    unsigned count = 0;

    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, &err), 0, "%s", err.text);
    while (spead_recording_reader_next(reader, &heap, &err) == 1) {
        cr_expect_eq(heap.counter, first + count);
        cr_expect_eq(heap.offset, end);
        cr_expect(heap.complete);
        cr_assert_eq(spead_recording_reader_payload(reader, &heap, 0, payload, heap.bytes, &err), 0,
                     "%s", err.text);
        cr_expect_eq(verify_pattern_bad_bytes(payload, 0, heap.bytes, heap.counter), 0, "heap %llu",
                     (unsigned long long)heap.counter);
        end += heap.bytes;
        count++;
    }
    cr_expect_eq((uint64_t)rig_bytes(rig_path), end, "bytes that no line describes");
    spead_recording_reader_close(reader);
    cr_assert_eq(spead_recording_inspect(rig_path, &info, &err), 0, "%s", err.text);
    cr_expect(info.whole);
    cr_expect_eq(info.heaps, count);
    free(payload);
    return count;
}

off_t rig_bytes(const char *name)
{
    struct stat st;

    cr_assert_eq(stat(name, &st), 0, "%s", name);
    return st.st_size;
}

void rig_append(const char *name, const char *text, size_t bytes)
{
    FILE *file = fopen(name, "ae");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, bytes, file), bytes);
    cr_assert_eq(fclose(file), 0);
}
