/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the log says once that a sender fell silent and once that it came back, and no flood of senders floods the log.
 * Method: the test writes the list of senders itself, so that time passes without waiting. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sender_watch.h"

#define SECOND 1000000000ull
#define START  (1000 * SECOND)
#define MANY   20u

static const char *const endpoints[] = {"239.1.2.3:7148"};
static struct sender_watch watch;
static struct spead_recv_sender sender[MANY];
static struct sender_list list = {.sender = sender, .count = 1, .room = MANY};
static char said[4096];
static unsigned lines;

static void keep(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    cr_expect_eq(level, SPEAD_LOG_WARNING);
    strcat(strcat(said, line), "\n");
    lines++;
}

/* Each sender has sent `heaps` heaps, the last one at last_ns after START. */
static void heard(uint64_t heaps, uint64_t last_ns)
{
    for (unsigned i = 0; i < MANY; i++) {
        sender[i].address = (struct spead_sender_address){
            .address = {[10] = 0xff, 0xff, 192, 0, 2, (uint8_t)(1 + i)},
            .port = 7148,
            .known = true};
        sender[i].heaps_complete = heaps;
        sender[i].first_packet_mono_ns = START;
        sender[i].last_packet_mono_ns = START + last_ns;
    }
}

/* Looks at the list at this time after START. Returns what the log says. */
static const char *look(uint64_t now_ns)
{
    const struct spead_log log = {.fn = keep};

    said[0] = '\0';
    lines = 0;
    for (unsigned i = 0; i < MANY; i++)
        sender[i].silent_ns = START + now_ns - sender[i].last_packet_mono_ns;
    sender_watch_look(&watch, &list, endpoints, START + now_ns, &log);
    return said;
}

static void release(void)
{
    sender_watch_release(&watch);
}

TestSuite(sender_watch, .fini = release);

Test(sender_watch, a_sender_that_falls_silent_is_named_once_and_once_more_when_it_comes_back)
{
    heard(1001, 10 * SECOND);
    cr_expect_str_eq(look(11 * SECOND), "");
    cr_expect_str_eq(look(11 * SECOND + SECOND / 2),
                     "sender 192.0.2.1:7148 at 239.1.2.3:7148 stopped 1.5 s ago, after 1001 heaps: "
                     "look at the sender and at its link\n");
    cr_expect_str_eq(look(14 * SECOND), "");
    heard(1002, 15 * SECOND);
    cr_expect_str_eq(
        look(15 * SECOND),
        "sender 192.0.2.1:7148 at 239.1.2.3:7148 is back: nothing had come from it for 5.0 s\n");
    cr_expect_str_eq(look(15 * SECOND), "");
}

Test(sender_watch, a_slow_sender_has_ten_intervals_of_its_heaps)
{
    heard(5, 10 * SECOND); /* a heap in two seconds */
    cr_expect_str_eq(look(29 * SECOND), "");
    cr_expect_str_neq(look(31 * SECOND), "");
}

Test(sender_watch, a_sender_that_pauses_again_and_again_is_named_for_its_longest_pause_only)
{
    heard(1001, SECOND);
    cr_expect_str_neq(look(3 * SECOND), "");
    heard(2001, 5 * SECOND);
    cr_expect_str_neq(look(5 * SECOND), "");
    cr_expect_str_eq(look(12 * SECOND), "", "7 s are less than twice the 4 s before");
    cr_expect_str_neq(look(14 * SECOND), "");
}

Test(sender_watch, a_sender_with_a_stop_heap_or_with_few_heaps_is_not_named)
{
    heard(2, SECOND);
    cr_expect_str_eq(look(100 * SECOND), "");
    heard(1000, SECOND);
    sender[0].stopped = true;
    cr_expect_str_eq(look(100 * SECOND), "");
}

Test(sender_watch, when_all_senders_stop_a_few_are_named_and_the_others_are_counted)
{
    list.count = MANY;
    heard(1001, SECOND);
    look(10 * SECOND);
    cr_expect_eq(lines, SENDER_WATCH_LINES + 1);
    cr_expect_not_null(strstr(said, "\n16 more senders stopped at that time\n"));
    heard(1002, 11 * SECOND);
    look(11 * SECOND);
    cr_expect_eq(lines, SENDER_WATCH_LINES + 1);
    cr_expect_not_null(strstr(said, "\n16 more senders are back\n"));
}

Test(sender_watch, a_new_sender_in_the_place_of_a_silent_one_is_not_taken_for_it)
{
    heard(1001, SECOND);
    cr_expect_str_neq(look(10 * SECOND), "");
    heard(1, 11 * SECOND);
    sender[0].first_packet_mono_ns = START + 11 * SECOND;
    cr_expect_str_eq(look(11 * SECOND), "");
}
