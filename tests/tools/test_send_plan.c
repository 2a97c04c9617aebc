/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-send --plan says what a run would do, and does none of it. Method: the built program runs in a network
 * namespace of its own. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tool_run.h"

TestSuite(send_plan, .init = tool_enter, .timeout = 60);

static struct program start(const char *line, int status)
{
    struct program send = {0};

    program_start(&send, SPEAD_SEND, line);
    expect_status(&send, status);
    return send;
}

Test(send_plan, engine_amount_rates_and_memory_are_printed)
{
    struct program send = start("127.0.0.1:17470 127.0.0.1:17471 --plan --rate 8 --packet 1000 "
                                "--heap-size 1M --heaps 20 --engine socket",
                                0);
    char *printed = program_out(&send);

    cr_expect_not_null(
        strstr(printed, "would send to 127.0.0.1:17470 127.0.0.1:17471\n  engine   "), "%s",
        printed);
    cr_expect_not_null(strstr(printed, "heaps    of 1 MiB in packets of at most 1000 bytes, 4 in "
                                       "flight; 20 heaps\n"),
                       "%s", printed);
    /* UDP, IP and Ethernet add 66 bytes to each packet. */
    cr_expect_not_null(strstr(printed, "rate     8 Gb/s of SPEAD bytes, 8.528 Gb/s on the wire"),
                       "%s", printed);
    cr_expect_not_null(strstr(printed, "memory   4 MiB for heaps, "), "%s", printed);
    free(printed);
    program_release(&send);
}

/* Each packet has 40 bytes of header. */
Test(send_plan, payload_that_fills_cache_lines_in_part_is_said_with_the_size_that_fits)
{
    struct program send = start("127.0.0.1:17470 --plan --packet 8192 --heap-size 1M", 0);
    char *printed = program_out(&send);

    cr_expect_not_null(strstr(printed, "payload  8152 bytes a packet, no multiple of 64"), "%s",
                       printed);
    cr_expect_not_null(strstr(printed, "--packet 8168\n"), "%s", printed);
    free(printed);
    program_release(&send);
    send = start("127.0.0.1:17470 --plan --packet 8168 --heap-size 1M", 0);
    printed = program_out(&send);
    cr_expect_null(strstr(printed, "payload "), "%s", printed);
    free(printed);
    program_release(&send);
}

Test(send_plan, a_program_can_read_it)
{
    struct program send = start("127.0.0.1:17470 --plan --json --rate 10.66 --rate-of wire "
                                "--packet 1000 --heap-size 100",
                                0);
    json_t *plan = object_of(&send);

    cr_expect_float_eq(json_real_value(json_object_get(plan, "spead_gbps")), 10, 1e-6);
    cr_expect_float_eq(json_real_value(json_object_get(plan, "wire_gbps")), 10.66, 1e-6);
    cr_expect_eq(number(plan, "heap_memory_bytes"), 4 * (48 + 100),
                 "a header and its payload each");
    cr_expect_gt(number(plan, "memory_bytes"), 0);
    cr_expect_eq(number(plan, "packet_bytes_max"), 1000);
    cr_expect_eq(number(plan, "packet_payload_bytes"), 960);
    json_decref(plan);
    program_release(&send);
}

Test(send_plan, nothing_is_sent_and_no_heap_takes_memory)
{
    struct run run = {0};
    struct rusage usage;

    run.send = start("127.0.0.1:17472 --plan --quiet --heap-size 256M --max-heaps 4", 0);
    program_release(&run.send);
    cr_assert_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
    cr_expect_lt(usage.ru_maxrss, 512l << 10, "%ld KiB", usage.ru_maxrss);
    start_receiver(&run, "127.0.0.1:17472 --json");
    run.send = start("127.0.0.1:17472 --plan --heaps 1", 0);
    interrupt(&run.recv);
    expect_status(&run.recv, 0);
    run.received = object_of(&run.recv);
    cr_expect_eq(number(run.received, "packets"), 0);
    release(&run);
}

Test(send_plan, it_says_a_fixed_payload)
{
    struct program send = start("127.0.0.1:17473 --plan --packet-payload 1000", 0);
    char *printed = program_out(&send);

    cr_expect_not_null(strstr(printed, "in packets of 1000 bytes of payload, 4 in flight"), "%s",
                       printed);
    cr_expect_not_null(strstr(printed, "is faster with --packet-payload 960\n"), "%s", printed);
    free(printed);
    program_release(&send);
}
