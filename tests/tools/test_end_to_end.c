/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-send and spead-recv do what their manual pages say. Method: the built programs run over loopback in a
 * network namespace of the test. They send so little that all of it fits into the buffer of the receiver's socket, so no
 * packet is lost by chance when the receiver does not run for a while. The test reads their JSON objects. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_run.h"

TestSuite(end_to_end, .init = tool_enter, .timeout = 120);

/* ---- Tests --------------------------------------------------------------------------------- */

Test(end_to_end, every_byte_arrives_and_both_ledgers_agree)
{
    struct run run = {0};

    run_both(&run, "127.0.0.1:17300 --verify --strict --json", 0,
             "127.0.0.1:17300 --verify --json --heaps 6 --heap-size 1M --rate 1");
    cr_expect_str_eq(json_string_value(json_object_get(run.received, "schema")), "speadline-2");
    cr_expect_eq(number(run.received, "heaps"), 6);
    cr_expect_eq(number(run.sent, "heaps"), 6);
    expect_end(run.sent, "heaps", "by --heaps 6");
    cr_expect_eq(number(run.received, "payload_bytes"), 6 << 20);
    cr_expect_eq(number(run.sent, "payload_bytes"), 6 << 20);
    cr_expect_eq(number(run.received, "verify_bad_bytes"), 0);
    cr_expect_eq(number(run.received, "packets"), number(run.sent, "packets"));
    cr_expect_eq(number(run.received, "wire_bytes"), number(run.sent, "wire_bytes"));
    cr_expect_eq(number(run.received, "wire_bytes"),
                 number(json_object_get(json_object_get(run.received, "ledger"), "seen"), "bytes") +
                     66 * number(run.received, "packets"));
    cr_expect_gt(json_real_value(json_object_get(run.received, "gbps")), 0);
    cr_expect_lt(json_real_value(json_object_get(run.received, "gbps")), 1.1);
    release(&run);
}

Test(end_to_end, any_size_of_heap_and_packet_can_be_verified)
{
    const char *sends[] = {
        "--heap-size 1 --heaps 5",
        "--heap-size 7 --items 3 --heaps 5 --addr-bits 48",
        "--heap-size 100003 --items 5 --heaps 9 --packet 200 --addr-bits 56 --max-heaps 1",
        "--heap-size 5000 --items 200 --heaps 9 --packet 56 --max-heaps 3",
        "--heap-size 255 --heaps 3 --packet 100 --addr-bits 8 --max-heaps 2",
        "--heap-size 300000 --heaps 9 --packet 65507",
    };

    for (size_t i = 0; i < sizeof sends / sizeof *sends; i++) {
        struct run run = {0};
        char line[256];

        snprintf(line, sizeof line, "[::1]:17301 --json --verify --rate 0.5 %s", sends[i]);
        run_both(&run, "[::1]:17301 --verify --strict --json --packet 65507 --ring-heaps 16", 0,
                 line);
        cr_expect_eq(number(run.received, "heaps"), number(run.sent, "heaps"), "%s", sends[i]);
        cr_expect_eq(number(run.received, "payload_bytes"), number(run.sent, "payload_bytes"));
        cr_expect_eq(number(run.received, "wire_bytes"), number(run.sent, "wire_bytes"));
        release(&run);
    }
}

Test(end_to_end, bytes_that_do_not_follow_the_rule_fail)
{
    struct run run = {0};

    run_both(&run, "127.0.0.1:17302 --verify --json", 1,
             "127.0.0.1:17302 --json --heaps 3 --heap-size 10000 --rate 1");
    cr_expect_eq(number(run.received, "heaps"), 3);
    cr_expect_gt(number(run.received, "verify_bad_bytes"), 10000);
    release(&run);
}

Test(end_to_end, losses_are_counted_and_strict_says_3)
{
    struct run run = {0};

    run_both(&run, "127.0.0.1:17303 --verify --strict --json --fault loss=0.01,seed=4", 3,
             "127.0.0.1:17303 --verify --json --heaps 20 --heap-size 256K --rate 1");
    cr_expect_lt(number(run.received, "heaps"), 20);
    cr_expect_gt(bucket(run.received, "injected"), 0);
    cr_expect_eq(number(run.received, "packets"), number(run.sent, "packets"));
    cr_expect_eq(number(run.received, "verify_bad_bytes"), 0);
    release(&run);
}

Test(end_to_end, incomplete_heaps_hold_what_arrived_and_zeros)
{
    struct run run = {0};

    run_both(&run,
             "127.0.0.1:17304 --verify --incomplete --out-of-order --json --fault loss=0.01,seed=4",
             0, "127.0.0.1:17304 --verify --json --heaps 20 --heap-size 256K --rate 1");
    cr_expect_gt(number(run.received, "incomplete_heaps"), 0);
    cr_expect_eq(number(run.received, "heaps") + number(run.received, "incomplete_heaps"), 20);
    cr_expect_eq(number(run.received, "verify_bad_bytes"), 0);
    cr_expect_lt(number(run.received, "payload_bytes"), 20 << 18);
    cr_expect_eq(number(json_object_get(run.received, "ledger"), "missing_packets"),
                 bucket(run.received, "injected"));
    release(&run);
}

Test(end_to_end, packets_dropped_by_the_sender_on_purpose_are_in_its_ledger)
{
    struct run run = {0};

    run_both(
        &run, "127.0.0.1:17305 --json", 0,
        "127.0.0.1:17305 --json --heaps 20 --heap-size 256K --rate 1 --fault loss=0.01,seed=4");
    cr_expect_gt(bucket(run.sent, "injected"), 0);
    cr_expect_eq(number(run.received, "packets"), bucket(run.sent, "sent"));
    release(&run);
}

Test(end_to_end, several_endpoints_feed_one_stream_that_shows_each)
{
    struct run run = {0};
    json_t *sources;
    json_int_t seen = 0;

    run_both(&run, "127.0.0.1:17306 [::1]:17307 --substreams 2 --verify --strict --json", 0,
             "127.0.0.1:17306 [::1]:17307 --verify --json --heaps 20 --heap-size 100K --rate 0.5");
    cr_expect_eq(number(run.received, "heaps"), 20);
    cr_expect_eq(number(run.received, "verify_bad_bytes"), 0);
    sources = json_object_get(json_object_get(run.received, "ledger"), "sources");
    cr_assert_eq(json_array_size(sources), 2);
    for (size_t i = 0; i < 2; i++) {
        json_t *source = json_array_get(sources, i);

        expect_sum(source, "seen");
        seen += number(json_object_get(source, "seen"), "packets");
        cr_expect_gt(number(json_object_get(source, "seen"), "packets"), 10 * 70);
    }
    cr_expect_eq(seen, number(run.received, "packets"));
    release(&run);
}

Test(end_to_end, one_of_several_destinations_sees_every_nth_heap)
{
    struct run run = {0};
    struct program other = {0};

    program_start(&other, SPEAD_RECV, "127.0.0.1:17309 --heap-step 2 --strict --verify --json");
    cr_assert(program_says(&other, "listening on"));
    run_both(
        &run, "127.0.0.1:17308 --heap-step 2 --strict --verify --json", 0,
        "127.0.0.1:17308 127.0.0.1:17309 --verify --json --heaps 20 --heap-size 100K --rate 1");
    expect_status(&other, 0);
    cr_expect_eq(number(run.received, "heaps"), 10);
    program_release(&other);
    release(&run);
}

Test(end_to_end, heaps_end_the_receiver_exactly)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17310 --heaps 5 --json --verify");
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17310 --verify --json --heap-size 64K --rate 1");
    expect_status(&run.recv, 0);
    kill(run.send.pid, SIGTERM);
    expect_status(&run.send, 0);
    run.received = object_of(&run.recv);
    run.sent = object_of(&run.send);
    cr_expect_eq(number(run.received, "heaps"), 5);
    cr_expect_eq(number(run.received, "payload_bytes"), 5 << 16);
    expect_sum(json_object_get(run.received, "ledger"), "seen");
    release(&run);
}

Test(end_to_end, seconds_end_the_sender_in_order)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17311 --json --no-stop-item --seconds 3600");
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17311 --json --heap-size 64K --rate 0.05 --seconds 0.5");
    expect_status(&run.send, 0);
    await_all_read();
    kill(run.recv.pid, SIGINT);
    finish(&run, 0, 0);
    expect_end(run.sent, "seconds", "by --seconds 0.5");
    cr_expect_gt(number(run.received, "heaps"), 3);
    cr_expect_eq(number(run.received, "heaps"), number(run.sent, "heaps"));
    cr_expect_eq(bucket(run.received, "control"), 1);
    release(&run);
}

/* The sender needs 40 ms, so that the wall clocks of both programs step while packets move. */
Test(end_to_end, a_step_of_the_wall_clock_changes_no_duration_and_no_rate)
{
    struct run run = {.recv = {.preload = STEPPED_CLOCK}, .send = {.preload = STEPPED_CLOCK}};
    const json_t *objects[2];

    run_both(&run, "127.0.0.1:17323 --strict --json --ring-heaps 64", 0,
             "127.0.0.1:17323 --json --heaps 50 --heap-size 10000 --rate 0.1");
    objects[0] = run.received;
    objects[1] = run.sent;
    for (int i = 0; i < 2; i++) {
        cr_expect_gt(json_real_value(json_object_get(objects[i], "seconds")), 0);
        cr_expect_lt(json_real_value(json_object_get(objects[i], "seconds")), 1800);
        cr_expect_gt(json_real_value(json_object_get(objects[i], "gbps")), 1e-5);
    }
    release(&run);
}

Test(end_to_end, an_interrupted_sender_finishes_its_heaps)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17312 --json --strict --verify");
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17312 --json --verify --heap-size 64K --rate 0.2");
    await_udp("OutDatagrams");
    kill(run.send.pid, SIGINT);
    finish(&run, 0, 0);
    cr_expect_gt(number(run.sent, "heaps"), 0);
    expect_end(run.sent, "signal", "by SIGINT");
    cr_expect_eq(number(run.received, "heaps"), number(run.sent, "heaps"));
    release(&run);
}

/* The sender could not send a stop heap, so receivers can wait for ever. The exit status and a line must say so. */
Test(end_to_end, an_interrupted_sender_that_cannot_finish_says_so)
{
    struct run run = {0};

    /* Nothing leaves for almost an hour. */
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17330 --json --heap-size 32M --rate 1 --fault stall=3599s/3600s");
    await_run(&run.send);
    kill(run.send.pid, SIGINT);
    cr_expect_eq(program_wait(&run.send), 1);
    char *err = program_err(&run.send);
    cr_expect(strstr(err, "no packet has left for 10 s") != NULL, "%s", err);
    free(err);
    program_release(&run.send);
}

/* The four heaps in flight take 12 s at this rate. */
Test(end_to_end, an_interrupted_sender_waits_for_heaps_that_leave_slowly)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17331 --json --strict");
    program_start(&run.send, SPEAD_SEND, "127.0.0.1:17331 --json --heap-size 300K --rate 0.0008");
    cr_assert(run.send.pid > 0);
    await_udp("InDatagrams");
    kill(run.send.pid, SIGINT);
    finish(&run, 0, 0);
    cr_expect_eq(number(run.sent, "heaps"), 4);
    cr_expect_eq(number(run.received, "heaps"), 4);
    char *err = program_err(&run.send);
    cr_expect_not_null(strstr(err, "interrupt it again to end at once"), "%s", err);
    free(err);
    release(&run);
}

static void unreachable(bool is)
{
    const char *command = is ? "ip route add unreachable 127.9.9.9/32 table local metric 0"
                             : "ip route del unreachable 127.9.9.9/32 table local";
    char line[160];

    snprintf(line, sizeof line, "PATH=$PATH:/usr/sbin:/sbin %s", command);
    cr_assert_eq(system(line), 0, "%s", line);
}

static const char *const to_nowhere =
    "127.9.9.9:17332 --json --heap-size 4K --rate 0.004 --heaps 300";

/* The route is away for a part of the run. */
Test(end_to_end, a_sender_goes_on_after_errors_that_pass)
{
    struct run run = {0};
    char *err;

    start_receiver(&run, "127.9.9.9:17332 --json --out-of-order --incomplete");
    program_start(&run.send, SPEAD_SEND, to_nowhere);
    await_udp("InDatagrams");
    unreachable(true);
    cr_assert(program_says(&run.send, "packets could not be sent (unreachable): No route to host"));
    unreachable(false);
    finish(&run, 0, 1);
    cr_expect_gt(bucket(run.sent, "unreachable"), 0);
    cr_expect_eq(bucket(run.sent, "failed"), 0);
    cr_expect_gt(number(run.sent, "heaps"), 100);
    cr_expect_gt(
        number(json_object_get(json_object_get(run.sent, "ledger"), "heaps"), "unreachable"), 0);
    err = program_err(&run.send);
    cr_expect_not_null(strstr(err, "packets could not be sent (unreachable): No route to host"),
                       "%s", err);
    cr_expect_null(strstr(strstr(err, "could not be sent") + 1, "could not be sent"),
                   "said more than once: %s", err);
    cr_expect_not_null(strstr(err, "of 300 heaps were not sent whole: No route to host"), "%s",
                       err);
    free(err);
    release(&run);
}

Test(end_to_end, with_fail_fast_a_sender_ends_at_the_first_such_error)
{
    struct program send = {0};
    json_t *object;
    char line[160], *err;

    snprintf(line, sizeof line, "%s --fail-fast", to_nowhere);
    program_start(&send, SPEAD_SEND, line);
    await_udp("OutDatagrams");
    unreachable(true);
    expect_status(&send, 1);
    object = object_of(&send);
    cr_expect_gt(bucket(object, "unreachable"), 0);
    cr_expect_lt(number(object, "heaps"), 300);
    err = program_err(&send);
    cr_expect_not_null(strstr(err, "could not be sent: No route to host"), "%s", err);
    free(err);
    json_decref(object);
    program_release(&send);
}

Test(end_to_end, a_sender_that_could_send_nothing_at_all_has_failed)
{
    struct program send = {0};
    char *err;

    program_start(&send, SPEAD_SEND, "127.9.9.9:17332 --heap-size 4K --rate 0.0001 --seconds 1");
    unreachable(true);
    expect_status(&send, 1);
    err = program_err(&send);
    cr_expect_not_null(strstr(err, "spead-send: "), "%s", err);
    free(err);
    program_release(&send);
}

Test(end_to_end, a_second_interrupt_ends_the_sender_at_once)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17313 --json --no-stop-item");
    program_start(&run.send, SPEAD_SEND, "127.0.0.1:17313 --json --heap-size 32M --rate 0.001");
    cr_assert(run.send.pid > 0);
    await_udp("InDatagrams");
    interrupt(&run.send);
    interrupt(&run.send);
    expect_status(&run.send, 0);
    kill(run.recv.pid, SIGINT);
    finish(&run, 0, 0);
    cr_expect_eq(number(run.sent, "heaps"), 0);
    cr_expect_gt(bucket(run.sent, "abandoned"), 0);
    cr_expect_eq(number(run.received, "heaps"), 0);
    cr_expect_gt(bucket(run.received, "flushed"), 0);
    release(&run);
}

/* Sends two heaps with a program whose standard streams are closed or broken. No text of the program may go into the
 * network instead: the receiver would end with status 3. Returns the exit status of the sender. */
static int send_without_streams(enum program_streams streams, const char *recv_line,
                                const char *send_line)
{
    struct run run = {.send.streams = streams};
    int status;

    start_receiver(&run, recv_line);
    program_start(&run.send, SPEAD_SEND, send_line);
    status = program_wait(&run.send);
    expect_status(&run.recv, 0);
    run.received = object_of(&run.recv);
    cr_expect_eq(number(run.received, "heaps"), 2);
    cr_expect_eq(number(run.received, "packets"), 3, "two of heaps and a stop");
    release(&run);
    return status;
}

Test(end_to_end, closed_standard_streams_do_not_put_output_on_the_network)
{
    cr_expect_eq(send_without_streams(PROGRAM_STREAMS_CLOSED, "127.0.0.1:17330 --json --strict",
                                      "127.0.0.1:17330 --heaps 2 --heap-size 100 --json"),
                 1, "the object could not be printed");
}

Test(end_to_end, whoever_reads_the_output_may_leave)
{
    cr_expect_eq(send_without_streams(PROGRAM_STREAMS_BROKEN, "127.0.0.1:17331 --json --strict",
                                      "127.0.0.1:17331 --heaps 2 --heap-size 100"),
                 0);
    cr_expect_eq(send_without_streams(PROGRAM_STREAMS_BROKEN, "127.0.0.1:17332 --json --strict",
                                      "127.0.0.1:17332 --heaps 2 --heap-size 100 --json"),
                 1, "the object could not be printed");
}

static unsigned times(const char *text, const char *word)
{
    unsigned count = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

Test(end_to_end, each_program_says_once_why_it_took_its_engine)
{
    struct run run = {0};
    char *said;

    run_both(&run, "127.0.0.1:17334 127.0.0.1:17336 --json", 0,
             "127.0.0.1:17334 127.0.0.1:17336 --json --heaps 4 --heap-size 1000");
    said = program_err(&run.recv);
    cr_expect_eq(times(said, "the cheapest usable one"), 1, "%s", said);
    cr_expect_eq(times(said, "  engine   "), 2, "%s", said);
    free(said);
    said = program_err(&run.send);
    cr_expect_eq(times(said, "the cheapest usable one"), 1, "%s", said);
    free(said);
    release(&run);
}

Test(end_to_end, the_receiver_says_what_ended_it)
{
    const char *const send = "127.0.0.1:17335 --json --heaps 5 --heap-size 10000 --rate 0.01";
    struct run run = {0};
    struct program recv = {0};
    json_t *object;
    char *said;

    run_both(&run, "127.0.0.1:17335 --json", 0, send);
    expect_end(run.received, "stop-heap", "by a stop heap of 127.0.0.1:");
    said = program_err(&run.recv);
    cr_expect_not_null(strstr(said, "\n  ended    by a stop heap"), "%s", said);
    free(said);
    release(&run);
    run = (struct run){0};
    run_both(&run, "127.0.0.1:17335 --json --heaps 2", 0, send);
    expect_end(run.received, "heaps", "by --heaps 2");
    release(&run);
    program_start(&recv, SPEAD_RECV, "127.0.0.1:17335 --json --seconds 0.01");
    expect_status(&recv, 0);
    object = object_of(&recv);
    expect_end(object, "seconds", "by --seconds 0.01");
    json_decref(object);
    program_release(&recv);
}

/* Each of two senders has an endpoint, and a third endpoint gets nothing. The second sender is killed, so that it sends
 * no stop heap. The first one ends after the time of --stop-silence. */
Test(end_to_end, endpoints_without_packets_and_senders_that_died_are_named)
{
    struct run run = {0};
    struct program dies = {0};
    json_t *silent;
    char *said;

    start_receiver(&run, "127.0.0.1:17337 127.0.0.1:17338 127.0.0.1:17339 --json --ring-heaps 64 "
                         "--stop-silence 200ms");
    program_start(&dies, SPEAD_SEND, "127.0.0.1:17338 --quiet --heap-size 1000 --rate 0.001");
    await_udp("InDatagrams");
    kill(dies.pid, SIGKILL);
    cr_expect_eq(program_wait(&dies), 128 + SIGKILL);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17337 --json --heaps 50 --heap-size 1000 --rate 0.001");
    finish(&run, 0, 0);
    said = program_err(&run.recv);
    cr_expect_not_null(strstr(said, "  silent   127.0.0.1:17339: no packet came there"), "%s",
                       said);
    cr_expect_eq(number(run.received, "senders_silent"), 1, "%s", said);
    silent = json_array_get(json_object_get(run.received, "silent_senders"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(silent, "endpoint")), "127.0.0.1:17338");
    expect_end(run.received, "stop-heap", "by a stop heap of 127.0.0.1:");
    free(said);
    program_release(&dies);
    release(&run);
}

Test(end_to_end, an_interrupted_receiver_still_accounts)
{
    struct program recv = {0};
    json_t *object;
    char *said;

    program_start(&recv, SPEAD_RECV, "127.0.0.1:17314 --json");
    cr_assert(program_says(&recv, "listening on"));
    kill(recv.pid, SIGTERM);
    expect_status(&recv, 0);
    object = object_of(&recv);
    said = program_err(&recv);
    cr_expect_eq(number(object, "heaps"), 0);
    cr_expect_not_null(strstr(said, "0 heaps complete"), "%s", said);
    cr_expect_not_null(strstr(said, "0 seen"), "%s", said);
    expect_end(object, "signal", "by SIGTERM");
    free(said);
    json_decref(object);
    program_release(&recv);
}

/* Expects that the program has said one line with this beginning, or nothing if the beginning is "". */
static void expect_line(const struct program *program, const char *beginning)
{
    char *said = program_err(program);

    cr_expect_eq(strncmp(said, beginning, strlen(beginning)), 0, "%s", said);
    if (beginning[0] == '\0')
        cr_expect_str_empty(said, "%s", said);
    else
        cr_expect_eq(strchr(said, '\n') + 1, said + strlen(said), "%s", said);
    free(said);
}

/* Runs both programs with --quiet until the receiver has a heap. */
static void run_quietly(const char *option, const char *received, const char *sent)
{
    struct program recv = {0}, send = {0};
    char line[128];

    snprintf(line, sizeof line, "127.0.0.1:17315 --quiet --heaps 1 --buffer 100K%s", option);
    program_start(&recv, SPEAD_RECV, line);
    snprintf(line, sizeof line, "127.0.0.1:17315 --quiet --rate 0.05 --heap-size 1000%s", option);
    program_start(&send, SPEAD_SEND, line);
    expect_status(&recv, 0);
    kill(send.pid, SIGINT);
    expect_status(&send, 0);
    if (option[0] != '\0') {
        json_decref(object_of(&recv));
        json_decref(object_of(&send));
    }
    expect_line(&recv, received);
    expect_line(&send, sent);
    program_release(&recv);
    program_release(&send);
}

Test(end_to_end, quiet_prints_the_totals_alone)
{
    run_quietly("", "spead-recv: 1 heaps complete, 1.0 kB of payload in ", "spead-send: ");
}

Test(end_to_end, quiet_prints_nothing_but_the_object)
{
    run_quietly(" --json", "", "");
}

Test(end_to_end, quiet_still_says_that_bytes_are_wrong)
{
    struct program recv = {0}, send = {0};
    char *said;

    program_start(&recv, SPEAD_RECV, "127.0.0.1:17329 --quiet --verify --heaps 1 --buffer 100K");
    program_start(&send, SPEAD_SEND, "127.0.0.1:17329 --quiet --rate 0.05 --heap-size 1000");
    expect_status(&recv, 1);
    kill(send.pid, SIGINT);
    expect_status(&send, 0);
    said = program_err(&recv);
    cr_expect_not_null(strstr(said, "bytes are wrong"), "%s", said);
    free(said);
    program_release(&recv);
    program_release(&send);
}

Test(end_to_end, losses_come_with_their_place_and_a_remedy)
{
    struct run run = {0};
    char *said;

    run_both(&run, "127.0.0.1:17316 --json --packet 1000", 0,
             "127.0.0.1:17316 --json --heaps 5 --heap-size 64K --rate 1");
    said = program_err(&run.recv);
    cr_expect_eq(number(run.received, "heaps"), 0);
    cr_expect_not_null(strstr(said, "longer than --packet"), "%s", said);
    free(said);
    release(&run);
}

/* The sender is much slower than the receiver. Before the first heap and between the heaps the stream waits. The channels
 * have room for all heaps: else a thread that does not run for a while would limit the run. */
Test(end_to_end, nothing_limits_a_run_that_the_sender_paces)
{
    struct run run = {0};
    const json_t *flow, *waited;
    char *said;

    run_both(&run, "127.0.0.1:17356 --json --verbose --ring-heaps 64", 0,
             "127.0.0.1:17356 --json --heap-size 64K --heaps 20 --rate 0.02");
    flow = json_object_get(run.received, "flow");
    waited = json_object_get(flow, "waited");
    cr_expect_null(json_object_get(flow, "limit"));
    cr_expect_str_eq(json_string_value(json_object_get(waited, "node")), "stream");
    cr_expect_str_eq(json_string_value(json_object_get(waited, "for")), "packets");
    said = program_err(&run.recv);
    cr_expect_not_null(strstr(said, "flow     nothing limited this run: node stream waited"), "%s",
                       said);
    cr_expect_not_null(strstr(said, "The senders sent no faster than 0.0"), "%s", said);
    free(said);
    release(&run);
}

Test(end_to_end, a_heap_may_have_as_many_item_pointers_as_was_said)
{
    struct run run = {0};
    char *said;

    run_both(&run, "127.0.0.1:17317 --json --verify --pointers 8", 0,
             "127.0.0.1:17317 --json --verify --heaps 5 --heap-size 64K --items 8 --rate 1");
    cr_expect_eq(number(run.received, "heaps"), 5);
    release(&run);
    run = (struct run){0};
    run_both(&run, "127.0.0.1:17317 --json --pointers 7", 0,
             "127.0.0.1:17317 --json --heaps 5 --heap-size 64K --items 8 --rate 1");
    said = program_err(&run.recv);
    cr_expect_eq(number(run.received, "heaps"), 0);
    cr_expect_eq(bucket(run.received, "over-cap-pointers"), 5, "the first packet of each heap");
    cr_expect_not_null(strstr(said, "5 packets with more item pointers in a heap than --pointers"),
                       "%s", said);
    free(said);
    release(&run);
}
