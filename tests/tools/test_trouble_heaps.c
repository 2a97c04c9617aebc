/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what docs/troubleshooting.md says about heaps that are incomplete or missing is true. Method: as in
 * test_trouble_senders.c. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symptom.h"

TestSuite(trouble_heaps, .init = tool_enter, .timeout = 120);

static json_int_t heaps(void)
{
    return number(symptom_object(), "heaps");
}

static json_int_t missing(const char *what)
{
    return number(json_object_get(symptom_object(), "ledger"), what);
}

/* ---- Order and loss ------------------------------------------------------------------------- */

/* Sends the four packets of a heap. `order` has the numbers of the packets; for a number above 3 no packet is sent. */
static void send_in_order(int fd, uint64_t counter, const unsigned order[4])
{
    for (unsigned i = 0; i < 4; i++)
        if (order[i] < 4)
            symptom_piece(fd, counter, 64, 16 * order[i], 16);
}

Test(trouble_heaps, packets_out_of_order)
{
    static const unsigned swapped[] = {0, 2, 1, 3};
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict");
    send_in_order(fd, 1, swapped);
    symptom_end_after(4, 3);
    cr_expect_eq(heaps(), 0);
    cr_expect_gt(bucket(symptom_object(), "out-of-order"), 0);
    symptom_page_has("out-of-order");
    symptom_begin("--strict --out-of-order");
    send_in_order(fd, 1, swapped);
    symptom_end_after(8, 0);
    cr_expect_eq(heaps(), 1);
}

Test(trouble_heaps, packets_behind_a_lost_one)
{
    static const unsigned lossy[] = {0, 9, 2, 3};
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict");
    send_in_order(fd, 1, lossy);
    symptom_end_after(3, 3);
    cr_expect_eq(bucket(symptom_object(), "out-of-order"), 2);
    cr_expect_eq(missing("missing_packets"), 1);
    symptom_shows("came behind a packet of their heap that is missing");
    symptom_begin("--out-of-order --incomplete");
    send_in_order(fd, 1, lossy);
    symptom_end_after(6, 0);
    cr_expect_eq(number(symptom_object(), "incomplete_heaps"), 1);
    cr_expect_eq(missing("missing_packets"), 1);
}

/* ---- Heaps that end too early ---------------------------------------------------------------- */

/* Begins six heaps before the first of them is whole. */
static void interleave(int fd)
{
    for (unsigned i = 0; i < 2; i++)
        for (uint64_t counter = 1; counter <= 6; counter++)
            symptom_piece(fd, counter, 32, 16 * i, 16);
}

Test(trouble_heaps, more_heaps_at_a_time_than_the_window)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict");
    interleave(fd);
    symptom_end_after(12, 3);
    cr_expect_eq(heaps(), 4);
    cr_expect_eq(bucket(symptom_object(), "evicted"), 2);
    cr_expect_eq(bucket(symptom_object(), "late"), 2);
    symptom_shows("in heaps pushed out incomplete by newer ones");
    symptom_shows("for heaps already given up: raise --concurrent-heaps or --heap-timeout");
    symptom_begin("--strict --concurrent-heaps 8");
    interleave(fd);
    symptom_end_after(24, 0);
    cr_expect_eq(heaps(), 6);
}

Test(trouble_heaps, heaps_that_take_longer_than_the_age_limit)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict --heap-timeout 50");
    symptom_piece(fd, 1, 64, 0, 32);
    symptom_await(1);
    tool_sleep_ms(500);
    symptom_piece(fd, 1, 64, 32, 32);
    symptom_end_after(2, 3);
    cr_expect_eq(bucket(symptom_object(), "timed-out"), 1);
    cr_expect_eq(bucket(symptom_object(), "late"), 1);
    symptom_shows("in heaps older than --heap-timeout");
    symptom_begin("--strict");
    symptom_piece(fd, 1, 64, 0, 32);
    symptom_await(3);
    symptom_piece(fd, 1, 64, 32, 32);
    symptom_end_after(4, 0);
    cr_expect_eq(heaps(), 1);
}

Test(trouble_heaps, heaps_that_were_not_whole_at_the_end)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict");
    symptom_piece(fd, 1, 64, 0, 32);
    symptom_end_after(1, 3);
    symptom_shows("in heaps that were incomplete at the end");
    symptom_begin("--incomplete");
    symptom_piece(fd, 1, 64, 0, 32);
    symptom_end_after(2, 0);
    cr_expect_eq(number(symptom_object(), "incomplete_heaps"), 1);
}

Test(trouble_heaps, packets_that_overlap)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict");
    symptom_piece(fd, 1, 64, 0, 32);
    symptom_piece(fd, 1, 64, 16, 32);
    symptom_end_after(2, 3);
    cr_expect_eq(bucket(symptom_object(), "overlap"), 1);
    symptom_shows("whose heap had a part of their bytes already");
}

/* ---- Heaps that are missing ------------------------------------------------------------------ */

static void send_every_second(int fd)
{
    for (uint64_t counter = 1; counter <= 21; counter += 2)
        symptom_stamped(fd, counter, counter);
}

Test(trouble_heaps, missing_heaps_because_of_the_step)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict --heap-step 1");
    send_every_second(fd);
    symptom_end_after(11, 3);
    cr_expect_eq(heaps(), 11);
    cr_expect_gt(missing("missing_heaps"), 0);
    symptom_shows("whole heaps");
    symptom_begin("--strict --heap-step 2");
    send_every_second(fd);
    symptom_end_after(22, 0);
    cr_expect_eq(missing("missing_heaps"), 0);
}

/* ---- Heaps that found no room ---------------------------------------------------------------- */

/* Sends `count` heaps of 8 KiB with the counters from `first` on, and waits until the receiver has read all.
 * `datagrams` is the number of datagrams that the test has sent before. */
static void send_many(int fd, unsigned datagrams, uint64_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        symptom_piece(fd, first + i, 8192, 0, 8192);
        symptom_await(datagrams + i + 1);
    }
}

static char folder[] = "/tmp/speadline-trouble-XXXXXX";
static char path[64], index_path[80];

/* The disk hangs after the first heaps, so nothing takes the others. With drop-oldest the receiver reads all packets
 * nevertheless: it never pauses. */
Test(trouble_heaps, heaps_that_nobody_takes_in_time)
{
    char options[200];
    int fd = symptom_from("127.0.0.1", 0);
    unsigned sent;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/capture", folder);
    snprintf(index_path, sizeof index_path, "%s/capture.jsonl", folder);
    snprintf(options, sizeof options, "--ring-heaps 4 --on-full drop-oldest --output %s", path);
    symptom_preload(HANGING_DISK);
    symptom_begin(options);
    for (sent = 0; !strstr(symptom_said(), "the disk hangs"); sent++)
        send_many(fd, sent, sent + 1, 1);
    send_many(fd, sent, sent + 1, 64);
    sent += 64;
    symptom_interrupt_twice(1);
    cr_expect_gt(bucket(symptom_object(), "shed"), 0);
    symptom_shows("in heaps that waited when it was told to end at once, or that found the channel "
                  "full before");
    unlink(path);
    unlink(index_path);
    snprintf(options, sizeof options, "--strict --ring-heaps 256 --output %s", path);
    symptom_preload(NULL);
    symptom_begin(options);
    send_many(fd, sent, 1, 64);
    symptom_interrupt(0);
    cr_expect_eq(number(symptom_object(), "written_heaps"), 64);
    unlink(path);
    unlink(index_path);
    rmdir(folder);
}

/* Sends two heaps of 48 KiB. Both heaps wait for their last packets at the same time. */
static void send_two_large(int fd)
{
    for (unsigned i = 0; i < 6; i++)
        for (uint64_t counter = 1; counter <= 2; counter++)
            symptom_piece(fd, counter, 49152, 8192 * i, 8192);
}

Test(trouble_heaps, heaps_that_found_no_memory)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict --max-heap-size 64K --memory 64K");
    send_two_large(fd);
    symptom_end_after(12, 3);
    cr_expect_eq(heaps(), 1);
    symptom_shows("in heaps pushed out incomplete, because newer ones found no heap memory: raise "
                  "--memory, or lower --max-heap-size");
    symptom_begin("--strict --max-heap-size 64K --memory 1M");
    send_two_large(fd);
    symptom_end_after(24, 0);
    cr_expect_eq(heaps(), 2);
}
