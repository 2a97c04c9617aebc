/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-recv --items shows what is in heaps, in little space, whatever the heaps hold; and spead-send --descriptors
 * describes what it sends. Method: the built programs run over loopback in a network namespace of the test. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refusal.h"
#include "tool_run.h"

TestSuite(items, .init = tool_enter, .timeout = 120);

/* Runs both programs. Returns the standard output of the receiver; the caller frees it. */
static char *printed(const char *recv_line, const char *send_line)
{
    struct run run = {0};
    char *text;

    start_receiver(&run, recv_line);
    program_start(&run.send, SPEAD_SEND, send_line);
    expect_status(&run.send, 0);
    expect_status(&run.recv, 0);
    text = program_out(&run.recv);
    program_release(&run.send);
    program_release(&run.recv);
    return text;
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        count++;
    return count;
}

Test(items, the_receiver_prints_what_the_sender_describes)
{
    char *text = printed("127.0.0.1:17600 --items --verify",
                         "127.0.0.1:17600 --verify --heaps 2 --heap-size 2000 --items 2 "
                         "--descriptors first --dtype >i2 --rate 0.1");

    cr_expect_not_null(strstr(text, "heap 1 at 127.0.0.1:17600: "), "%s", text);
    cr_expect_not_null(strstr(text, "    descriptor 0x1000 item0 >i2 [500]: "), "%s", text);
    /* the first words of the pattern of heap 1 */
    cr_expect_not_null(strstr(text, "\n    0x1000 item0 >i2 [500] = [-25033 31161 -7811 1452 "),
                       "%s", text);
    cr_expect_eq(count_of(text, "descriptor "), 2, "%s", text);
    cr_expect_eq(count_of(text, " item1 >i2 [500] = ["), 2, "%s", text);
    cr_expect_eq(count_of(text, "\n"), 8, "%s", text);
    free(text);
}

Test(items, an_item_without_descriptor_is_its_length_and_its_first_bytes)
{
    char *text =
        printed("127.0.0.1:17601 --items", "127.0.0.1:17601 --verify --heaps 1 --heap-size 600");

    cr_expect_not_null(strstr(text, "\n    0x1000 without descriptor: 600 bytes, 9e3779b9e17d05"),
                       "%s", text);
    free(text);
}

Test(items, descriptors_come_when_the_option_says)
{
    const struct {
        const char *when;
        unsigned described;
    } rows[] = {{"never", 0}, {"first", 1}, {"1", 7}, {"3", 3}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run run = {0};
        char line[200], *text;

        snprintf(line, sizeof line,
                 "127.0.0.1:17602 --verify --heaps 7 --heap-size 256 --descriptors %s",
                 rows[i].when);
        text = printed("127.0.0.1:17602 --items --verify --strict", line);
        /* a descriptor that the receiver knows is not printed again: its heap is longer */
        cr_expect_eq(count_of(text, ": 256 bytes\n"), 7 - rows[i].described, "%s\n%s", line, text);
        cr_expect_eq(count_of(text, "descriptor 0x1000"), rows[i].described > 0, "%s", text);
        free(text);
        (void)run;
    }
}

Test(items, both_programs_count_the_same_payload_with_descriptors)
{
    struct run run = {0};

    run_both(
        &run, "127.0.0.1:17603 --verify --strict --json", 0,
        "127.0.0.1:17603 --verify --json --heaps 9 --heap-size 4000 --items 5 --descriptors 4");
    cr_expect_eq(number(run.received, "payload_bytes"), number(run.sent, "payload_bytes"));
    cr_expect_gt(number(run.sent, "payload_bytes"), 9 * 4000);
    cr_expect_eq(number(run.received, "verify_bad_bytes"), 0);
    release(&run);
}

Test(items, with_json_each_heap_is_a_line_and_the_report_is_the_last_line)
{
    char *text =
        printed("127.0.0.1:17604 --items --json",
                "127.0.0.1:17604 --heaps 3 --heap-size 64 --descriptors first --dtype <u8");
    char *rest = NULL, *line = strtok_r(text, "\n", &rest);
    json_t *object;

    for (unsigned i = 0; i < 3; i++, line = strtok_r(NULL, "\n", &rest)) {
        json_t *item;

        cr_assert_not_null(line);
        object = json_loads(line, 0, NULL);
        cr_assert_not_null(object, "%s", line);
        cr_expect_eq(digits(object, "counter"), i + 1);
        cr_expect_eq(json_array_size(json_object_get(object, "descriptors")), i == 0);
        item = json_array_get(json_object_get(object, "items"), 0);
        cr_expect_str_eq(json_string_value(json_object_get(item, "name")), "item0", "%s", line);
        cr_expect_str_eq(json_string_value(json_object_get(item, "dtype")), "<u8", "%s", line);
        /* 64 bits: digits */
        cr_expect(json_is_string(json_array_get(json_object_get(item, "value"), 0)), "%s", line);
        json_decref(object);
    }
    cr_assert_not_null(line);
    object = json_loads(line, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(object, "tool")), "spead-recv");
    cr_expect_null(strtok_r(NULL, "\n", &rest));
    json_decref(object);
    free(text);
}

Test(items, a_flavour_with_narrow_descriptors_has_identifiers_that_fit)
{
    char *text = printed("127.0.0.1:17613 --items",
                         "127.0.0.1:17613 --heaps 2 --heap-size 20 --addr-bits 8 --rate 0.1 "
                         "--descriptors first --dtype >i2");

    cr_expect_not_null(strstr(text, "    descriptor 0x20 item0 >i2 [10]"), "%s", text);
    cr_expect_eq(count_of(text, "    0x20 item0 >i2 [10] = ["), 2, "%s", text);
    free(text);
}

Test(items, descriptors_that_do_not_go_into_a_heap_are_refused_with_a_remedy)
{
    const struct refusal refusals[] = {
        {SPEAD_SEND, "127.0.0.1:7148 --heap-size 200 --addr-bits 8 --descriptors first", 1,
         "--addr-bits 8; more bits have room"},
        {SPEAD_SEND, "127.0.0.1:7148 --heap-size 60 --items 2 --addr-bits 8 --descriptors first", 1,
         "--items 2: the heap and its descriptors have more bytes"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(items, descriptors_that_are_not_printed_are_counted)
{
    char *text = printed("127.0.0.1:17612 --items",
                         "127.0.0.1:17612 --heaps 1 --heap-size 3000 --items 300 --rate 0.1 "
                         "--descriptors first");

    cr_expect_eq(count_of(text, "    descriptor 0x"), 256);
    cr_expect_not_null(strstr(text, "    and 44 more descriptors\n"), "%s", text);
    free(text);
}

Test(items, a_heap_of_many_items_is_printed_in_part)
{
    char *text = printed("127.0.0.1:17605 --items",
                         "127.0.0.1:17605 --heaps 1 --heap-size 3000 --items 300 --rate 0.1");

    cr_expect_eq(count_of(text, "without descriptor"), 256);
    cr_expect_not_null(strstr(text, "    and 44 more items\n"), "%s", text);
    free(text);
}

/* Waits until a UDP port is bound: the output of the program cannot say so. */
static void await_port(unsigned port)
{
    char wanted[16], line[256];

    snprintf(wanted, sizeof wanted, ":%04X ", port);
    for (unsigned tries = 0; tries < 2000; tries++) {
        FILE *file = fopen("/proc/net/udp", "re");
        bool found = false;

        while (fgets(line, sizeof line, file) != NULL)
            found |= strstr(line, wanted) != NULL;
        fclose(file);
        if (found)
            return;
        tool_sleep_ms(10);
    }
    cr_assert_fail("port %u is not bound", port);
}

/* A program that reads only slowly, or not at all, must not keep the receiver from its end. */
Test(items, a_reader_that_sleeps_does_not_keep_the_program)
{
    struct run run = {.recv = {.streams = PROGRAM_STREAMS_TERMINAL}};
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    run.recv.terminal = ends[1];
    program_start(&run.recv, SPEAD_RECV, "127.0.0.1:17607 --items --json");
    await_port(17607);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17607 --heaps 100 --heap-size 16K --items 200 --rate 0.1");
    expect_status(&run.send, 0);
    interrupt(&run.recv);
    kill(run.recv.pid, SIGINT);
    expect_status(&run.recv, 1);
    program_release(&run.send);
    program_release(&run.recv);
    close(ends[0]);
    close(ends[1]);
}

Test(items, items_that_cannot_be_printed_end_the_program)
{
    struct run run = {.recv = {.streams = PROGRAM_STREAMS_BROKEN}};
    struct program plain = {0};

    program_start(&run.recv, SPEAD_RECV, "127.0.0.1:17606 --items --quiet");
    await_port(17606);
    program_start(&plain, SPEAD_SEND, "127.0.0.1:17606 --heaps 3 --heap-size 64");
    cr_expect_eq(program_wait(&plain), 0);
    cr_expect_eq(program_wait(&run.recv), 1);
    program_release(&plain);
    program_release(&run.recv);
}

Test(items, what_has_no_effect_or_no_sense_is_refused)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, ":7148 --items --output -", 2, "--items has no effect with --output -"},
        {SPEAD_RECV, ":7148 --items --progress -", 2, "--items has no effect with --progress -"},
        {SPEAD_SEND, ":7148 --dtype <i2", 2, "--dtype <i2 has no effect without --descriptors"},
        {SPEAD_SEND, ":7148 --descriptors 0", 2,
         "--descriptors 0: must be 1 to 4294967295 heaps; or first, or never"},
        {SPEAD_SEND, ":7148 --descriptors first --dtype O", 2, "--dtype"},
        {SPEAD_SEND, ":7148 --descriptors first --dtype <c8 --heap-size 100", 2,
         "--dtype <c8: --heap-size 100 must be a multiple of 8"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}
