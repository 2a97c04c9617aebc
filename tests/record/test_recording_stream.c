/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: heaps go into a pipe, raw or framed, and if the reader closes the pipe, one sentence says so. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "recording_rig.h"
#include "verify_pattern.h"

static int ends[2];

static void begin(void)
{
    rig_begin();
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
}

TestSuite(recording_stream, .init = begin, .fini = rig_end, .timeout = 60);

static struct spead_recording_writer *open_stream(enum spead_recording_format format)
{
    struct spead_recording_writer_config config = rig_config(1);

    config.format = format;
    config.fd = ends[1];
    config.path = "the pipe";
    return rig_open(&config);
}

/* Writes heap 1, heap 2 without some bytes, and heap 3. Then nobody writes to the pipe any more. */
static void write_three(enum spead_recording_format format)
{
    struct speadi_span spans[] = {{100, 200}, {500, 1000}};
    struct spead_recording_writer *writer = open_stream(format);

    cr_assert_eq(rig_write(writer, 1, 1, 1000), 0);
    cr_assert_eq(rig_write_spans(writer, 2, 1000, spans, 2), 0);
    cr_assert_eq(rig_write(writer, 3, 1, 1000), 0);
    cr_expect_eq(rig_stats(writer).heaps, format == SPEAD_RECORDING_RAW ? 2 : 3);
    cr_expect_eq(rig_stats(writer).heaps_skipped, format == SPEAD_RECORDING_RAW ? 1 : 0);
    rig_finish(writer, 0, NULL);
    close(ends[1]);
}

Test(recording_stream, raw_is_the_payload_of_the_complete_heaps)
{
    uint8_t bytes[4000];

    write_three(SPEAD_RECORDING_RAW);
    cr_assert_eq(read(ends[0], bytes, sizeof bytes), 2000);
    cr_expect_eq(verify_pattern_bad_bytes(bytes, 0, 1000, 1), 0);
    cr_expect_eq(verify_pattern_bad_bytes(bytes + 1000, 0, 1000, 3), 0);
}

/* Reads the line and the bytes of a heap. Returns how many bytes have followed. */
static size_t read_frame(FILE *from, json_int_t counter, uint8_t *bytes)
{
    char line[4096];
    json_t *object;
    size_t follows;

    cr_assert_not_null(fgets(line, sizeof line, from));
    object = json_loads(line, 0, NULL);
    cr_assert_not_null(object, "%s", line);
    cr_expect_eq(json_integer_value(json_object_get(object, "counter")), counter);
    follows = (size_t)json_integer_value(json_object_get(object, "follows"));
    cr_assert_eq(fread(bytes, 1, follows, from), follows);
    json_decref(object);
    return follows;
}

Test(recording_stream, framed_has_a_line_before_each_heap_and_only_bytes_that_came)
{
    uint8_t bytes[1000];
    FILE *from;

    write_three(SPEAD_RECORDING_FRAMED);
    from = fdopen(ends[0], "r");
    cr_expect_eq(read_frame(from, 1, bytes), 1000);
    cr_expect_eq(read_frame(from, 2, bytes), 600);
    cr_expect_eq(verify_pattern_bad_bytes(bytes, 100, 100, 2), 0);
    cr_expect_eq(verify_pattern_bad_bytes(bytes + 100, 500, 500, 2), 0);
    cr_expect_eq(read_frame(from, 3, bytes), 1000);
    cr_expect_eq(fgetc(from), EOF);
    fclose(from);
}

Test(recording_stream, a_reader_that_closes_early_is_said_with_what_it_got)
{
    struct spead_recording_writer *writer = open_stream(SPEAD_RECORDING_RAW);
    struct spead_err err;

    cr_assert_eq(rig_write(writer, 1, 2, 1000), 0);
    close(ends[0]);
    cr_expect_eq(rig_write(writer, 3, 1, 1000), -EPIPE);
    cr_expect_eq(spead_recording_writer_error(writer), -EPIPE);
    rig_finish(writer, -EPIPE, &err);
    cr_expect_str_eq(err.text, "cannot write to the pipe: its reader has closed it after 2 heaps");
    close(ends[1]);
}

Test(recording_stream, files_need_a_path_of_their_own)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer = NULL;
    struct spead_err err;

    config.fd = ends[1];
    cr_expect_eq(spead_recording_writer_create(&writer, &config, &err), -EINVAL);
    cr_expect_str_eq(err.field, "fd");
}

Test(recording_stream, names_of_endpoints_that_are_null_are_refused)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer;
    struct spead_err err = {0};

    config.endpoints = NULL;
    config.endpoint_count = 1;
    cr_expect_eq(spead_recording_writer_create(&writer, &config, &err), -EINVAL);
    cr_expect_str_eq(err.field, "endpoints", "%s", err.text);
}
