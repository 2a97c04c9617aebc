/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the user says by --start-at from where on heaps are taken, and sees whether and when that point came.
 *
 * Method: the test reads the option as the command line does, and runs the built spead-recv with packets of its own. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "recv_start.h"
#include "symptom.h"

static void enter(void)
{
    tool_enter();
}

TestSuite(start_at, .timeout = 120);
TestSuite(start_at_run, .init = enter, .timeout = 120);

static struct spead_recv_start_point point;
static struct spead_err err;

static int parse(const char *text)
{
    point = (struct spead_recv_start_point)SPEAD_RECV_START_POINT_INIT;
    err = (struct spead_err){0};
    return tool_start_at.parse(NULL, text, &point, &err);
}

static void expect_point(const char *text, enum spead_start_point_kind kind, uint64_t item,
                         uint64_t least, uint64_t step)
{
    cr_expect_eq(parse(text), 0, "%s: %s", text, err.text);
    cr_expect_eq(point.kind, kind, "%s", text);
    cr_expect_eq(point.item, item, "%s", text);
    cr_expect_eq(point.least, least, "%s", text);
    cr_expect_eq(point.step, step, "%s", text);
}

Test(start_at, a_point_is_a_counter_an_item_or_a_time)
{
    expect_point("heap:1000", SPEAD_START_POINT_HEAP, 0, 1000, 0);
    expect_point("heap:1000%64", SPEAD_START_POINT_HEAP, 0, 1000, 64);
    expect_point("item:0x1600=5", SPEAD_START_POINT_ITEM, 0x1600, 5, 0);
    expect_point("item:0x1600>=5", SPEAD_START_POINT_ITEM, 0x1600, 5, 0);
    expect_point("item:5632=0x10%8", SPEAD_START_POINT_ITEM, 0x1600, 16, 8);
    expect_point("item:0x1600%8", SPEAD_START_POINT_ITEM, 0x1600, 0, 8);
    expect_point("time:2025-12-01T12:00:00Z", SPEAD_START_POINT_TIME, 0, 1764590400000000000ull, 0);
    expect_point("time:1764590400.25", SPEAD_START_POINT_TIME, 0, 1764590400250000000ull, 0);
}

Test(start_at, what_is_no_point_is_refused_with_what_is_right)
{
    static const char *const texts[] = {"",
                                        "heap",
                                        "heap:",
                                        "heap:x",
                                        "heap:-1",
                                        "heap:1%",
                                        "heap:1%0",
                                        "heap:1x",
                                        "item:",
                                        "item:0x1600",
                                        "item:0x1600=",
                                        "item:=5",
                                        "time:",
                                        "time:noon",
                                        "1000",
                                        "heap:18446744073709551616",
                                        "time:2025-12-01T12:00:00"};

    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_eq(parse(texts[i]), -EINVAL, "\"%s\"", texts[i]);
        cr_expect_not_null(strstr(err.text, "heap:N, item:ID=VALUE"), "%s", err.text);
        cr_expect_eq(point.kind, SPEAD_START_POINT_NONE, "nothing was stored");
    }
    cr_expect_eq(parse("item:1=5"), -EINVAL);
    cr_expect_not_null(strstr(err.text, "item 0x1 is one of the protocol"), "%s", err.text);
}

Test(start_at, while_it_waits_the_line_says_for_what_and_how_much_was_discarded)
{
    struct spead_recv_counters counters = {.awaits_start = 1, .heaps_before_start = 12};
    char text[RECV_START_TEXT_MAX];

    cr_assert_eq(parse("heap:1000"), 0);
    cr_expect_str_eq(recv_start_waiting(&point, &counters, text),
                     "waiting for heap 1000: 12 heaps discarded");
    cr_assert_eq(parse("item:0x1600=5%4"), 0);
    cr_expect_str_eq(recv_start_waiting(&point, &counters, text),
                     "waiting for item 0x1600 from 5 on, a multiple of 4: 12 heaps discarded");
    counters.awaits_start = 0;
    cr_expect_null(recv_start_waiting(&point, &counters, text));
}

/* Sends `count` heaps of one packet with an item, whose value is ten times the counter. */
static void send_heaps(int from, uint64_t first, uint64_t count)
{
    for (uint64_t counter = first; counter < first + count; counter++)
        symptom_stamped(from, counter, 10 * counter);
}

Test(start_at_run,
     heaps_before_the_point_are_discarded_and_the_program_says_since_when_it_is_in_sync)
{
    int board = symptom_from("127.0.0.1", 7000);
    const json_t *start;

    symptom_begin("--strict --start-at item:0x1600=50");
    send_heaps(board, 1, 8);
    symptom_end_after(8, 0);
    symptom_says("spead-recv: in sync since heap 5, time 2");
    symptom_says("start at item 0x1600 from 50 on; heaps before it are discarded");
    symptom_says("; 1 sender; 4 heaps");
    symptom_says("in sync since heap 5, time 2");
    symptom_says("4 heaps before item 0x1600 from 50 on were discarded");
    cr_expect_eq(number(symptom_object(), "heaps"), 4);
    cr_expect_eq(bucket(symptom_object(), "before-start"), 4);
    start = json_object_get(symptom_object(), "start");
    cr_expect(json_is_true(json_object_get(start, "in_sync")));
    cr_expect_str_eq(json_string_value(json_object_get(start, "at")), "item:0x1600=50");
    cr_expect_eq(digits(start, "heap"), 5u);
    cr_expect_eq(number(start, "senders"), 1);
    cr_expect_eq(number(start, "heaps_before"), 4);
    cr_expect_eq(number(start, "packets_before"), 4);
}

Test(start_at_run, a_point_that_never_comes_is_in_the_summary_and_the_status_is_3)
{
    int board = symptom_from("127.0.0.1", 7000);

    symptom_begin("--start-at heap:1000");
    send_heaps(board, 1, 3);
    symptom_end_after(3, 3);
    symptom_says("in sync never: heap 1000 did not come; 3 heaps before it were discarded");
    symptom_shows("heaps before it were discarded");
    cr_expect(
        json_is_false(json_object_get(json_object_get(symptom_object(), "start"), "in_sync")));
    cr_expect(json_is_null(json_object_get(json_object_get(symptom_object(), "start"), "heap")));
}

Test(start_at_run, a_heap_without_the_item_is_named_once)
{
    int board = symptom_from("127.0.0.1", 7000);

    symptom_begin("--start-at item:0x1700=1");
    send_heaps(board, 1, 2);
    symptom_end_after(2, 3);
    symptom_says(
        "the first packet of heap 1 of sender 127.0.0.1:7000 has no immediate item 0x1700");
    symptom_hides("the first packet of heap 2");
}

Test(start_at_run, every_statistic_is_in_the_object_by_its_name)
{
    int board = symptom_from("127.0.0.1", 7000);
    const json_t *all;

    symptom_begin("");
    send_heaps(board, 1, 3);
    symptom_end_after(3, 0);
    all = json_object_get(symptom_object(), "statistics");
    cr_expect_eq(number(all, "seen.packets"), 3);
    cr_expect_eq(number(all, "delivered.packets"), 3);
    cr_expect_eq(number(all, "heaps_complete"), 3);
    cr_expect_eq(number(all, "heaps_single_packet"), 3);
    cr_expect(json_is_null(json_object_get(symptom_object(), "start")));
}
