/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an incomplete heap takes no more of the disk than what came of it. Method: heaps of which few bytes have come
 * are written, and the test looks at what the files take. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "recording_rig.h"
#include "verify_pattern.h"

#define MIB (1u << 20)

TestSuite(recording_holes, .init = rig_begin, .fini = rig_end, .timeout = 60);

static uint64_t disk_bytes(const char *name)
{
    struct stat st;

    cr_assert_eq(stat(name, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

/* Each range that came may take two blocks of the file system, and 1 KiB of the index. */
Test(recording_holes, what_is_written_is_bounded_by_what_came)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer = rig_open(&config);
    struct stat st;

    for (uint64_t i = 0; i < 100; i++) {
        struct speadi_span span = {i * 5000, i * 5000 + 8};

        cr_assert_eq(rig_write_spans(writer, i, MIB, &span, 1), 0);
    }
    rig_finish(writer, 0, NULL);
    cr_assert_eq(stat(rig_path, &st), 0);
    cr_expect_eq(st.st_size, 100 * MIB);
    cr_expect_leq(disk_bytes(rig_path), 100 * 2 * (uint64_t)st.st_blksize);
    cr_expect_leq(rig_bytes(rig_index), 100 * 1024);
}

Test(recording_holes, a_heap_of_which_no_byte_came_is_not_written)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer = rig_open(&config);

    cr_assert_eq(rig_write(writer, 1, 1, 1000), 0);
    cr_assert_eq(rig_write_spans(writer, 7, MIB, NULL, 0), 0);
    cr_assert_eq(rig_write(writer, 2, 1, 1000), 0);
    cr_assert_eq(spead_recording_writer_finish(writer, NULL), 0);
    cr_expect_eq(rig_stats(writer).heaps, 2);
    cr_expect_eq(rig_stats(writer).heaps_skipped, 1);
    rig_finish(writer, 0, NULL);
    cr_expect_eq(rig_check(1), 2);
}

Test(recording_holes, holes_read_as_zero_and_the_rest_as_it_came)
{
    struct speadi_span spans[] = {{1000, 9000}, {20000, 20001}, {70000, 80000}};
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer = rig_open(&config);
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    static uint8_t payload[100000];
    uint64_t end = 0;

    cr_assert_eq(rig_write(writer, 3, 1, 1000), 0);
    cr_assert_eq(rig_write_spans(writer, 4, sizeof payload, spans, 3), 0);
    cr_assert_eq(rig_write(writer, 5, 1, 1000), 0);
    rig_finish(writer, 0, NULL);
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    cr_assert_eq(spead_recording_reader_next(reader, &heap, NULL), 1);
    cr_assert_eq(spead_recording_reader_next(reader, &heap, NULL), 1);
    cr_assert_not(heap.complete);
    cr_assert_eq(heap.gap_count, 4);
    cr_assert_eq(spead_recording_reader_payload(reader, &heap, 0, payload, sizeof payload, NULL),
                 0);
    for (size_t i = 0; i < heap.gap_count; i++) {
        const struct spead_gap *gap = &heap.gaps[i];

        cr_expect_eq(verify_pattern_bad_bytes(payload + end, end, gap->offset - end, 4), 0);
        for (uint64_t at = gap->offset; at < gap->offset + gap->bytes; at++)
            cr_assert_eq(payload[at], 0, "byte %llu", (unsigned long long)at);
        end = gap->offset + gap->bytes;
    }
    cr_expect_eq(end, sizeof payload);
    cr_assert_eq(spead_recording_reader_next(reader, &heap, NULL), 1);
    cr_expect_eq(heap.offset, 1000 + sizeof payload);
    spead_recording_reader_close(reader);
}

/* The last heap of the file ends in a hole: the file must reach to its end nevertheless. */
Test(recording_holes, a_recording_that_ends_in_a_hole_is_whole)
{
    struct speadi_span span = {0, 10};
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer = rig_open(&config);
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;

    cr_assert_eq(rig_write_spans(writer, 1, MIB, &span, 1), 0);
    rig_finish(writer, 0, NULL);
    cr_assert_eq(spead_recording_inspect(rig_path, &info, NULL), 0);
    cr_expect(info.whole);
    cr_expect_eq(info.data_bytes, MIB);
    cr_expect_eq(info.missing_bytes, MIB - 10);
    cr_expect_eq(info.incomplete_heaps, 1);
    writer = rig_open(&config);
    rig_finish(writer, 0, NULL);
    cr_expect_str_empty(rig_log);
}
