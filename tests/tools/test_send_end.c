/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-send says with its status and one line whether its heaps were sent whole, and a second signal ends it at
 * any time. Method: the built program sends on the loopback interface, through a queue of `tc` that drops packets. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_run.h"

TestSuite(send_end, .init = tool_enter, .timeout = 60);

/* Sends through a queue that drops what it has no room for. Returns what the program says, for free(). */
static char *send_through(const char *queue, const char *line, int status)
{
    struct program send = {0};
    char command[160], *said;

    snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin tc qdisc replace dev lo root %s",
             queue);
    if (system(command) != 0)
        cr_skip_test("no queue \"%s\": tc (iproute2) or its module is missing", queue);
    program_start(&send, SPEAD_SEND, line);
    expect_status(&send, status);
    said = program_err(&send);
    program_release(&send);
    return said;
}

static void expect_said(const char *said, const char *text)
{
    cr_expect(strstr(said, text), "\"%s\" is not in: %s", text, said);
}

/* Most packets leave, but each heap loses some. */
Test(send_end, heaps_of_which_packets_were_dropped_were_not_sent_whole)
{
    char *said = send_through("tbf rate 80mbit burst 40k limit 60k",
                              "127.0.0.1:17361 --heaps 2 --heap-size 4M --max-heaps 1", 1);

    expect_said(said, "2 of 2 heaps were not sent whole: ");
    expect_said(said, " sent + ");
    free(said);
}

/* The bucket of the queue is full at the start, so the first small heap is sent whole. */
Test(send_end, one_heap_that_was_not_sent_whole_is_enough_for_the_status)
{
    char *said = send_through("tbf rate 80mbit burst 200k limit 60k",
                              "127.0.0.1:17361 --heaps 40 --heap-size 64K --max-heaps 1", 1);

    expect_said(said, " of 40 heaps were not sent whole: ");
    cr_expect_null(strstr(said, ": 40 of 40"), "%s", said);
    free(said);
}

/* While it fills the memory of its heaps, the program has no stream that a signal could end. At this rate the heaps
 * would leave for hours. */
Test(send_end, two_signals_during_the_set_up_end_the_program)
{
    struct program send = {0};
    int status;

    program_start(&send, SPEAD_SEND,
                  "127.0.0.1:17361 --heap-size 100M --max-heaps 2 --rate 0.0001");
    await_handler(&send, SIGINT);
    interrupt(&send);
    interrupt(&send);
    status = program_wait(&send);
    cr_expect(status == 128 + SIGINT || status == 0, "status %d", status);
    program_release(&send);
}
