/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a line of the index is JSON for every program, although the library has its own few lines of code for it.
 * Method: jansson reads what the writer has written, and the reader reads what jansson has written. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "recording_rig.h"

TestSuite(recording_line, .init = rig_begin, .fini = rig_end, .timeout = 60);

/* Every character of ASCII but zero, and characters of two, three and four bytes. */
static const char *hard_text(void)
{
    static char text[160];

    for (int c = 1; c < 128; c++)
        text[c - 1] = (char)c;
    strcpy(text + 127, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa1");
    return text;
}

/* Makes a recording of one heap that came at this endpoint. */
static void record_one(const char *endpoint)
{
    struct spead_recording_writer_config config = rig_config(1);
    struct spead_recording_writer *writer;

    config.endpoints = &endpoint;
    writer = rig_open(&config);
    cr_assert_eq(rig_write(writer, 1, 1, 1000), 0);
    rig_finish(writer, 0, NULL);
}

/* Expects that the reader finds one heap, which came at this endpoint. */
static void expect_endpoint(const char *endpoint)
{
    struct spead_recording_heap heap = SPEAD_RECORDING_HEAP_INIT;
    struct spead_recording_reader *reader;
    struct spead_err err = {0};

    cr_assert_eq(spead_recording_reader_open(&reader, rig_path, NULL), 0);
    cr_assert_eq(spead_recording_reader_next(reader, &heap, &err), 1, "%s", err.text);
    cr_expect_str_eq(heap.endpoint, endpoint);
    spead_recording_reader_close(reader);
}

/* Reads the one line of the index with jansson. */
static json_t *load_line(void)
{
    FILE *index = fopen(rig_index, "re");
    json_error_t error;
    json_t *line;

    cr_assert_not_null(index);
    line = json_loadf(index, JSON_REJECT_DUPLICATES, &error);
    fclose(index);
    cr_assert_not_null(line, "%s", error.text);
    return line;
}

/* Replaces the line of the index by what jansson writes with these flags. */
static void dump_line(const json_t *line, size_t flags)
{
    FILE *index = fopen(rig_index, "we");

    cr_assert_not_null(index);
    cr_assert_eq(json_dumpf(line, index, flags), 0);
    fputc('\n', index);
    fclose(index);
}

Test(recording_line, every_character_of_a_text_comes_back)
{
    json_t *line;

    record_one(hard_text());
    expect_endpoint(hard_text());
    line = load_line();
    cr_expect_str_eq(json_string_value(json_object_get(line, "endpoint")), hard_text());
    json_decref(line);
}

Test(recording_line, a_line_that_another_program_has_written_anew_is_read)
{
    json_t *line;

    record_one(hard_text());
    line = load_line();
    dump_line(line, JSON_SORT_KEYS);
    expect_endpoint(hard_text());
    dump_line(line, JSON_COMPACT | JSON_ESCAPE_SLASH);
    expect_endpoint(hard_text());
    json_object_set_new(line, "endpoint", json_string("\xc3\xa9 \xe2\x82\xac"));
    dump_line(line, JSON_ENSURE_ASCII);
    expect_endpoint("\xc3\xa9 \xe2\x82\xac");
    json_decref(line);
}
