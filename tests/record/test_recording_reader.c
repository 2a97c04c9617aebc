/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a reader gives back what a writer was given, and says what of a recording is not whole. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording_rig.h"

#define OVERLAPPING "[{\"offset\":5,\"bytes\":1},{\"offset\":5,\"bytes\":1}]"

TestSuite(recording_reader, .init = rig_begin, .fini = rig_end, .timeout = 60);

static struct spead_recording_info inspect(void)
{
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;
    struct spead_err err = {0};

    cr_assert_eq(spead_recording_inspect(rig_path, &info, &err), 0, "%s", err.text);
    return info;
}

Test(recording_reader, reads_strings_of_digits_exactly)
{
    static const char line[] =
        "{\"counter\":\"72057594037927935\",\"offset\":0,\"bytes\":4,"
        "\"first_ns\":\"1790000000000000001\",\"last_ns\":\"18446744073709551615\","
        "\"items\":[{\"id\":\"0x7f\",\"value\":\"9007199254740993\"}]}\n";
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err = {0};

    rig_append(rig_index, line, sizeof line - 1);
    rig_append(rig_path, "abcd", 4);
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    cr_assert_eq(spead_recording_reader_next(reader, &heap, &err), 1, "%s", err.text);
    cr_expect_eq(heap.counter, 72057594037927935u);
    cr_expect_eq(heap.first_ns, 1790000000000000001u);
    cr_expect_eq(heap.last_ns, UINT64_MAX);
    cr_assert_eq(heap.item_count, 1);
    cr_expect(heap.items[0].is_immediate);
    cr_expect_eq(heap.items[0].value, 9007199254740993u);
    spead_recording_reader_close(reader);
}

Test(recording_reader, an_error_of_times_that_no_line_states_is_unknown)
{
    static const char *const errors[] = {"", "\"clock_error_ns\":null,"};
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err = {0};
    char line[128];

    for (unsigned i = 0; i < 2; i++) {
        int length = snprintf(line, sizeof line, "{\"counter\":7,\"offset\":%u,%s\"bytes\":4}\n",
                              4 * i, errors[i]);

        rig_append(rig_index, line, (size_t)length);
        rig_append(rig_path, "abcd", 4);
    }
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(spead_recording_reader_next(reader, &heap, &err), 1, "%s", err.text);
        cr_expect_eq(heap.clock_error_ns, SPEAD_CLOCK_ERROR_UNKNOWN);
        cr_expect_eq(heap.clock, SPEAD_CLOCK_UTC);
    }
    spead_recording_reader_close(reader);
}

Test(recording_reader, refuses_strings_that_are_no_digits)
{
    static const char *const counters[] = {
        "\"\"",   "\" 7\"",  "\"7 \"",  "\"7",
        "\"-7\"", "\"0x7\"", "\"7.0\"", "\"18446744073709551616\"",
        "null"};

    rig_append(rig_path, "", 0);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
        struct spead_recording_reader *reader;
        char line[128];
        int length =
            snprintf(line, sizeof line, "{\"counter\":%s,\"offset\":0,\"bytes\":0}\n", counters[i]);

        (void)remove(rig_index);
        rig_append(rig_index, line, (size_t)length);
        cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
        cr_expect_eq(spead_recording_reader_next(reader, &heap, NULL), -EBADMSG, "%s", counters[i]);
        spead_recording_reader_close(reader);
    }
}

/* Older programs wrote heap counters, values and times as numbers. */
Test(recording_reader, reads_every_field_of_an_older_line)
{
    static const char line[] =
        "{\"counter\":7,\"offset\":2,\"bytes\":4,\"endpoint\":\"a\\\"b\\u00e9\","
        "\"sender\":\"192.0.2.1:7000\",\"flavour\":\"SPEAD-64-48\",\"first_ns\":5,\"last_ns\":9,"
        "\"clock\":\"hardware\",\"clock_error_ns\":13,\"complete\":false,\"sample_crc32\":null,\"later\":[{\"a\":-1.5e3}],"
        "\"gaps\":[{\"offset\":1,\"bytes\":2,\"cause\":\"checksum\"}],"
        "\"items\":[{\"id\":\"0x1600\",\"value\":18446744073709551615,\"value_hex\":\"0xf\"},"
        "{\"id\":\"0x4300\",\"offset\":0,\"bytes\":4}]}\n";
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err = {0};
    char bytes[4];

    rig_append(rig_index, line, sizeof line - 1);
    rig_append(rig_path, "xxabcd", 6);
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    cr_assert_eq(spead_recording_reader_next(reader, &heap, &err), 1, "%s", err.text);
    cr_expect_eq(heap.counter, 7);
    cr_expect_str_eq(heap.endpoint, "a\"b\xc3\xa9");
    cr_expect_str_eq(heap.sender, "192.0.2.1:7000");
    cr_expect_eq(heap.heap_address_bits, 48);
    cr_expect_eq(heap.first_ns, 5);
    cr_expect_eq(heap.last_ns, 9);
    cr_expect_eq(heap.clock, SPEAD_CLOCK_HARDWARE);
    cr_expect_eq(heap.clock_error_ns, 13);
    cr_expect_not(heap.complete);
    cr_expect_not(heap.has_sample);
    cr_assert_eq(heap.gap_count, 1);
    cr_expect_eq(heap.gaps[0].bytes, 2);
    cr_expect_eq(heap.gaps[0].cause, SPEAD_GAP_CHECKSUM);
    cr_assert_eq(heap.item_count, 2);
    cr_expect_eq(heap.items[0].id, 0x1600);
    cr_expect(heap.items[0].is_immediate);
    cr_expect_eq(heap.items[0].value, UINT64_MAX);
    cr_expect_not(heap.items[1].is_immediate);
    cr_expect_eq(heap.items[1].bytes, 4);
    cr_expect_eq(spead_recording_reader_payload(reader, &heap, 1, bytes, 3, NULL), 0);
    cr_expect_eq(memcmp(bytes, "bcd", 3), 0);
    cr_expect_eq(spead_recording_reader_payload(reader, &heap, 1, bytes, 4, NULL), -ERANGE);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, NULL), 0);
    spead_recording_reader_close(reader);
}

/* A program may read while another one records. */
Test(recording_reader, sees_lines_that_come_later)
{
    static const char line[] = "{\"counter\":1,\"offset\":0,\"bytes\":0}\n";
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;

    rig_append(rig_path, "", 0);
    rig_append(rig_index, line, 10);
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, NULL), 0, "half a line is no line");
    rig_append(rig_index, line + 10, sizeof line - 1 - 10);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, NULL), 1);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, NULL), 0);
    rig_append(rig_index, line, sizeof line - 1);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, NULL), 1);
    spead_recording_reader_close(reader);
}

/* A line that never ends takes no memory: the hole behind the whole line has 1 TiB. */
Test(recording_reader, a_hole_behind_the_last_line_is_no_line)
{
    static const char line[] = "{\"counter\":7,\"offset\":0,\"bytes\":0}\n";
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err = {0};

    rig_append(rig_index, line, sizeof line - 1);
    rig_append(rig_path, "x", 1);
    cr_assert_eq(truncate(rig_index, 1ll << 40), 0);
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, &err), 1, "%s", err.text);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, &err), 0);
    spead_recording_reader_close(reader);
}

Test(recording_reader, a_line_that_describes_no_heap_is_named_and_passed)
{
    static const char *const wrong[] = {
        "{\"counter\":1,\"offset\":0}\n",
        "{\"counter\":-1,\"offset\":0,\"bytes\":0}\n",
        "{\"counter\":1.5,\"offset\":0,\"bytes\":0}\n",
        "{\"counter\":18446744073709551616,\"offset\":0,\"bytes\":0}\n",
        "{\"counter\":1,\"offset\":18446744073709551615,\"bytes\":1}\n",
        "{\"counter\":1,\"offset\":9223372036854775807,\"bytes\":1}\n",
        "{\"counter\":1,\"offset\":0,\"bytes\":9,\"gaps\":[{\"offset\":9,\"bytes\":1}]}\n",
        "{\"counter\":1,\"offset\":0,\"bytes\":9,\"gaps\":" OVERLAPPING "}\n",
        "{\"counter\":1,\"offset\":0,\"bytes\":0} x\n",
        "{\"counter\":1,\"offset\":0,\"bytes\":0,\"gaps\":[{]}\n",
        "{\"counter\":1,\"offset\":0,\"bytes\":0,\"x\":\"\\\n",
        "[1]\n",
        "\n",
    };
    unsigned count = sizeof wrong / sizeof *wrong;
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err;

    rig_append(rig_path, "", 0);
    for (unsigned i = 0; i < count; i++)
        rig_append(rig_index, wrong[i], strlen(wrong[i]));
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    for (unsigned i = 0; i < count; i++)
        cr_expect_eq(spead_recording_reader_next(reader, &heap, &err), -EBADMSG, "%s", wrong[i]);
    cr_expect_not_null(strstr(err.text, "line 13 of "), "%s", err.text);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, &err), 0);
    spead_recording_reader_close(reader);
    cr_expect_eq(inspect().bad_line, 1);
}

/* Each element of three bytes takes memory of 48 bytes. */
Test(recording_reader, a_line_has_no_more_gaps_than_a_heap_can_have)
{
    static const char start[] = "{\"counter\":1,\"offset\":0,\"bytes\":0,\"gaps\":[{}";
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    static char more[3 << 16];

    for (size_t i = 0; i < sizeof more; i += 3)
        memcpy(more + i, ",{}", 3);
    rig_append(rig_path, "", 0);
    rig_append(rig_index, start, sizeof start - 1);
    for (unsigned i = 0; i < 64; i++)
        rig_append(rig_index, more, sizeof more);
    rig_append(rig_index, "]}\n", 3);
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, NULL), -EBADMSG);
    spead_recording_reader_close(reader);
}

Test(recording_reader, a_fifo_in_the_place_of_a_file_is_refused_without_a_wait)
{
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;
    struct spead_err err;

    rig_append(rig_path, "x", 1);
    cr_assert_eq(mkfifo(rig_index, 0600), 0);
    cr_expect_eq(spead_recording_inspect(rig_path, &info, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, rig_index), "%s", err.text);
}

Test(recording_reader, an_inspection_says_what_there_is)
{
    struct spead_recording_info info;

    rig_make(3, 1000);
    info = inspect();
    cr_expect(info.whole);
    cr_expect_not(info.being_written);
    cr_expect_eq(info.heaps, 3);
    cr_expect_eq(info.payload_bytes, 3000);
    cr_expect_eq(info.data_bytes, 3000);
    cr_expect_eq(info.first_ns, 1000000007);
    cr_expect_eq(info.last_ns, 1000000009);
}

Test(recording_reader, an_inspection_sees_what_is_not_whole)
{
    struct spead_recording_info info;

    rig_make(3, 1000);
    rig_append(rig_index, "{\"coun", 6);
    info = inspect();
    cr_expect_not(info.whole);
    cr_expect_eq(info.torn_bytes, 6);
    rig_append(rig_path, "xyz", 3);
    cr_expect_eq(inspect().unindexed_bytes, 3);
    cr_assert_eq(truncate(rig_path, 2500), 0);
    info = inspect();
    cr_expect_eq(info.bad_heaps, 1);
    cr_expect_eq(info.first_bad_counter, 3);
    cr_assert_eq(truncate(rig_path, 0), 0);
    cr_assert_eq(truncate(rig_path, 3000), 0);
    info = inspect();
    cr_expect_not(info.whole);
    cr_expect_eq(info.bad_heaps, 3, "the data file has the right length and nothing but zeros");
}

Test(recording_reader, a_recording_that_is_being_written_is_no_torn_one)
{
    struct spead_recording_writer_config config = rig_config(1000);
    struct spead_recording_writer *writer = rig_open(&config);
    struct spead_recording_info info;

    cr_assert_eq(rig_write(writer, 1, 3, 1000), 0);
    info = inspect();
    cr_expect(info.being_written);
    cr_expect(info.whole);
    cr_expect_eq(info.unindexed_bytes, 3000);
    rig_finish(writer, 0, NULL);
}

Test(recording_reader, what_is_not_there_is_an_error)
{
    struct spead_recording_info info = SPEAD_RECORDING_INFO_INIT;
    struct spead_err err;

    cr_expect_eq(spead_recording_inspect(rig_path, &info, &err), -ENOENT);
    cr_expect_not_null(strstr(err.text, rig_path), "%s", err.text);
    rig_append(rig_path, "x", 1);
    cr_expect_eq(spead_recording_inspect(rig_path, &info, &err), -ENOENT);
    cr_expect_not_null(strstr(err.text, rig_index), "%s", err.text);
}

/* A struct without its _INIT would be left as it is, and its caller would take zeros for a heap. */
Test(recording_reader, a_struct_without_its_size_is_refused_with_a_sentence)
{
    struct spead_recording_info info = {0};
    struct spead_recording_heap unset = {0}, heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err = {0};

    rig_make(1, 1000);
    cr_expect_eq(spead_recording_inspect(rig_path, &info, &err), -EINVAL);
    cr_expect_str_eq(err.field ? err.field : "", "struct_size");
    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    memset(&err, 0, sizeof err);
    cr_expect_eq(spead_recording_reader_next(reader, &unset, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "SPEAD_RECORDING_HEAP_INIT"), "%s", err.text);
    cr_expect_eq(spead_recording_reader_next(reader, &heap, &err), 1,
                 "the line was not passed over");
    spead_recording_reader_close(reader);
}
