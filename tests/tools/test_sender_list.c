/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the summary names the senders that lost something, those first that lost most, and never more lines than fit a
 * screen. Method: the test writes the list itself. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sender_list.h"

#define MANY 100u

static const char *const endpoints[] = {"127.0.0.1:7148"};
static struct spead_recv_sender sender[MANY];
static struct sender_list list = {.sender = sender, .room = MANY};
static char *said;

/* Returns the number of lines that are printed. */
static unsigned print(void)
{
    size_t bytes;
    unsigned lines = 0;
    FILE *to = open_memstream(&said, &bytes);

    sender_list_print(to, &list, endpoints);
    fclose(to);
    for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return lines;
}

/* Sender i has lost `i` packets. */
static void make(uint32_t count)
{
    list.count = count;
    for (unsigned i = 0; i < count; i++)
        sender[i] = (struct spead_recv_sender){
            .address = {.address = {[10] = 0xff, 0xff, 192, 0, 2, (uint8_t)i},
                        .port = 7,
                        .known = true},
            .senders = 1,
            .heaps_complete = 10,
            .missing_packets = i};
}

static void release(void)
{
    free(said);
}

TestSuite(sender_list, .fini = release);

Test(sender_list, one_sender_has_no_line_because_the_totals_are_its_own)
{
    make(1);
    sender[0].missing_packets = 5;
    cr_expect_eq(print(), 0u);
}

Test(sender_list, senders_that_lost_nothing_have_no_line)
{
    make(3);
    cr_expect_eq(print(), 2u);
    cr_expect_str_eq(said,
                     "  sender   192.0.2.2:7 at 127.0.0.1:7148: 10 heaps complete, 0 incomplete; 2 "
                     "packets inside heaps and 0 whole heaps are missing\n"
                     "  sender   192.0.2.1:7 at 127.0.0.1:7148: 10 heaps complete, 0 incomplete; 1 "
                     "packets inside heaps and 0 whole heaps are missing\n");
}

Test(sender_list, of_many_senders_the_sixteen_that_lost_most_are_named_and_the_others_counted)
{
    make(MANY);
    cr_expect_eq(print(), SENDER_LIST_LINES + 1);
    cr_expect_eq(strncmp(said, "  sender   192.0.2.99:7 ", 24), 0);
    cr_expect_not_null(
        strstr(said, "  sender   83 more senders lost something (--json lists all)\n"));
}

Test(sender_list, what_forgotten_senders_lost_is_told_in_one_line)
{
    make(1);
    list.forgotten =
        (struct spead_recv_sender){.senders = 7, .heaps_complete = 9, .missing_heaps = 4};
    cr_expect_eq(print(), 1u);
    cr_expect_str_eq(said, "  sender   7 senders that lost their place: 9 heaps complete, 0 "
                           "incomplete; 0 packets inside heaps and 4 whole heaps are missing\n");
}
