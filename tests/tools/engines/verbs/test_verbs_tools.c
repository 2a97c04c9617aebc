/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: with engine verbs, the tools work as with sockets: for root, and through spead-net-raw for other users. The
 * tools log which engine they use.
 * Method: the test runs the built programs on two hosts that it makes, with the verbs double as their device. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capable_program.h"
#include "netns.h"
#include "offloads.h"
#include "tool_run.h"
#include "verbs_double.h"

static struct test_netns_pair network;

static void set_up(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 9000, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(network.far);
    if (!test_offloads_off(TEST_FAR_INTERFACE))
        cr_skip_test("offloads of a veth cannot be switched off");
}

TestSuite(verbs_tools, .init = set_up, .timeout = 120);

/* Starts the receiver, then the sender. The thread of the double slows some system calls down, so the consumer of the
 * receiver starts slowly. The sender does not wait for the consumer. So the queue of the double must have space for all
 * packets that are sent. It has enough space if packets are small and not placed. */
static void run_between_hosts(struct run *run, const char *recv_line, const char *send_line)
{
    test_netns_move(network.near);
    start_receiver(run, recv_line);
    test_netns_move(network.far);
    program_start(&run->send, SPEAD_SEND, send_line);
    finish(run, 0, 0);
}

static const char *word(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void expect_whole(const struct run *run, json_int_t heaps)
{
    cr_expect_eq(number(run->received, "heaps"), heaps);
    cr_expect_eq(number(run->received, "verify_bad_bytes"), 0);
    cr_expect_eq(number(run->received, "packets"), number(run->sent, "packets"));
}

Test(verbs_tools, every_byte_arrives_past_both_kernels)
{
    struct run run = {0};

    run_between_hosts(&run,
                      TEST_NEAR_V4 ":7148 --engine verbs --bind " TEST_NEAR_INTERFACE
                                   " --verify --strict --json --buffer 32M --receive-path bounce",
                      TEST_NEAR_V4 ":7148 --engine verbs --verify --json --heaps 20 --heap-size 1M "
                                   "--packet 8972 --rate 1");
    cr_expect_str_eq(word(run.received, "engine"), "verbs");
    cr_expect_str_eq(word(run.sent, "engine"), "verbs");
    cr_expect_leq(number(run.sent, "copied_bytes"), 8, "all but padding is sent in place");
    expect_whole(&run, 20);
    release(&run);
}

static char *printed_by(struct program *program, const char *path, const char *line)
{
    *program = (struct program){0};
    program_start(program, path, line);
    expect_status(program, 0);
    return program_out(program);
}

/* Returns the plan of spead-recv with these options. The caller frees it. */
static json_t *plan_of(const char *options, const char *says)
{
    struct program program;
    char line[300], *printed;
    json_t *plan;

    snprintf(line, sizeof line,
             TEST_NEAR_V4 ":7148 --engine verbs --bind " TEST_NEAR_INTERFACE " --plan %s", options);
    printed = printed_by(&program, SPEAD_RECV, line);
    cr_expect_not_null(strstr(printed, says), "%s", printed);
    cr_expect_null(strstr(printed, "for each socket"), "%s", printed);
    free(printed);
    program_release(&program);
    strcat(line, " --json");
    free(printed_by(&program, SPEAD_RECV, line));
    plan = object_of(&program);
    program_release(&program);
    cr_expect_eq(number(plan, "socket_buffer_bytes"), 0);
    return plan;
}

Test(verbs_tools, the_plan_says_what_is_posted_to_the_device_and_no_socket_buffer)
{
    json_t *plan;

    test_netns_move(network.near);
    plan = plan_of("--receive-path bounce --mprq off --buffer 32M", " posted to the device, ");
    cr_expect_gt(number(plan, "posted_receives"), 1024);
    cr_expect_gt(number(plan, "posted_bytes"), 9000 * number(plan, "posted_receives"));
    cr_expect_leq(number(plan, "posted_bytes"), 32 << 20);
    json_decref(plan);
    plan = plan_of("--receive-path bounce --mprq on",
                   "  receives posted to the device in a multi-packet queue of 8 MiB\n");
    cr_expect_eq(number(plan, "posted_receives"), 0);
    cr_expect_eq(number(plan, "posted_bytes"), 8 << 20);
    json_decref(plan);
}

Test(verbs_tools, the_plan_of_a_sender_says_how_many_packets_its_queue_holds)
{
    struct program send;
    char *printed;
    json_t *plan;

    test_netns_move(network.far);
    printed = printed_by(&send, SPEAD_SEND, TEST_NEAR_V4 ":7148 --engine verbs --plan");
    cr_expect_not_null(strstr(printed, "  queue    "), "%s", printed);
    cr_expect_null(strstr(printed, "for each socket"), "%s", printed);
    free(printed);
    program_release(&send);
    free(printed_by(&send, SPEAD_SEND, TEST_NEAR_V4 ":7148 --engine verbs --plan --json"));
    plan = object_of(&send);
    cr_expect_geq(number(plan, "queue_packets"), 128);
    cr_expect_gt(number(plan, "queue_bytes"), 1000 * number(plan, "queue_packets"));
    cr_expect_eq(number(plan, "socket_buffer_bytes"), 0);
    json_decref(plan);
    program_release(&send);
}

Test(verbs_tools, the_options_of_verbs_are_obeyed)
{
    struct run run = {0};

    run_between_hosts(
        &run,
        "[ff15::7148]:7148 --engine verbs --bind " TEST_NEAR_INTERFACE
        " --verify --strict --json --buffer 32M --receive-path bounce --comp-vector poll --mprq off",
        "[ff15::7148]:7148 --engine verbs --bind " TEST_FAR_INTERFACE
        " --verbs-device vd_" TEST_FAR_INTERFACE " --comp-vector 1 --max-poll 0"
        " --verify --json --heaps 10 --heap-size 200K --rate 0.5");
    expect_whole(&run, 10);
    release(&run);
}

/* Runs the receiver with these options. The text that it prints about the engine must contain the string `says`. */
static void expect_shape(const char *options, const char *says)
{
    struct run run = {0};
    char line[400];

    snprintf(line, sizeof line,
             "239.255.7.1:7148 --engine verbs --bind " TEST_NEAR_INTERFACE
             " --verify --strict --json --buffer 32M --receive-path bounce %s",
             options);
    run_between_hosts(&run, line,
                      "239.255.7.1:7148 --bind " TEST_FAR_INTERFACE
                      " --verify --json --heaps 10 --heap-size 200K --rate 0.5");
    cr_expect(strstr(word(run.received, "engine_reason"), says), "%s",
              word(run.received, "engine_reason"));
    expect_whole(&run, 10);
    release(&run);
}

Test(verbs_tools, wishes_for_the_queue_are_obeyed_and_what_came_of_them_is_said)
{
    expect_shape("--verbs-queues 4", "; 4 multi-packet queues, each of ");
    expect_shape("--verbs-queues 4 --mprq off", "; 4 queues that share ");
    expect_shape("--mprq on --mprq-stride 128 --mprq-entry 64K",
                 " entries of 65536 bytes, in strides of 128");
}

Test(verbs_tools, one_source_is_heard_and_no_other)
{
    struct run run = {0};

    run_between_hosts(&run,
                      "239.255.7.1:7148 --engine verbs --bind " TEST_NEAR_INTERFACE
                      " --source " TEST_FAR_V4
                      " --verify --strict --json --buffer 32M --receive-path bounce",
                      "239.255.7.1:7148 --bind " TEST_FAR_INTERFACE
                      " --verify --json --heaps 10 --heap-size 200K --rate 0.5");
    expect_whole(&run, 10);
    release(&run);
    test_netns_move(network.near);
    start_receiver(&run, "239.255.7.1:7148 --engine verbs --bind " TEST_NEAR_INTERFACE
                         " --source " TEST_NEAR_V4 " --seconds 2 --json --receive-path bounce");
    test_netns_move(network.far);
    program_start(&run.send, SPEAD_SEND,
                  "239.255.7.1:7148 --bind " TEST_FAR_INTERFACE
                  " --json --heaps 1 --heap-size 20K");
    finish(&run, 0, 0);
    cr_expect_eq(number(run.received, "packets"), 0);
    release(&run);
}

Test(verbs_tools, auto_takes_it_and_says_that_packets_bypass_sockets)
{
    struct run run = {0};

    run_between_hosts(&run,
                      "239.255.7.1:7148 --bind " TEST_NEAR_INTERFACE
                      " --verify --strict --json --buffer 32M --receive-path bounce",
                      "239.255.7.1:7148 --bind " TEST_FAR_INTERFACE
                      " --verify --json --heaps 10 --heap-size 200K --rate 0.5");
    cr_expect_str_eq(word(run.received, "engine"), "verbs");
    cr_expect(strstr(word(run.received, "engine_reason"), "bypass sockets"), "%s",
              word(run.received, "engine_reason"));
    cr_expect(strstr(word(run.sent, "engine_reason"), "bypass sockets"), "%s",
              word(run.sent, "engine_reason"));
    expect_whole(&run, 10);
    release(&run);
}

/* Sends with these options, and expects that all arrives and that the sender's line about the engine says `says`. */
static void expect_long_buffer(const char *options, const char *says)
{
    struct run run = {0};
    char line[400];

    snprintf(line, sizeof line,
             TEST_NEAR_V4 ":7148 --engine verbs --bind " TEST_FAR_INTERFACE
                          " --verify --json --heaps 10 --heap-size 200K --rate 0.5 %s",
             options);
    run_between_hosts(&run,
                      TEST_NEAR_V4 ":7148 --engine verbs --bind " TEST_NEAR_INTERFACE
                                   " --verify --strict --json --buffer 32M --receive-path bounce",
                      line);
    expect_whole(&run, 10);
    cr_expect(strstr(word(run.sent, "engine_reason"), says), "%s", word(run.sent, "engine_reason"));
    release(&run);
}

Test(verbs_tools, a_large_buffer_of_small_packets_is_sent_from)
{
    expect_long_buffer("--buffer 16M --packet 1472", "");
    expect_long_buffer("--buffer 8M --packet 512", "");
    expect_long_buffer("--buffer 16M --packet 1472 --verbs-tso", "holds 2048 packets");
}

static void expect_failure(const char *tool, const char *line, int status, const char *says)
{
    struct program program = {0};
    char *said;

    program_start(&program, tool, line);
    expect_status(&program, status);
    said = program_err(&program);
    cr_expect(strstr(said, says), "\"%s\" does not say \"%s\"", said, says);
    free(said);
    program_release(&program);
}

#define MANY_HEAPS                                                  \
    TEST_NEAR_V4 ":7148 --engine verbs --bind " TEST_NEAR_INTERFACE \
                 " --receive-path placed --mprq off --json --max-heap-size 1M --ring-heaps "

static void expect_plan(const char *line)
{
    struct program recv = {0};
    struct rusage usage;
    json_t *plan;

    program_start(&recv, SPEAD_RECV, line);
    expect_status(&recv, 0);
    plan = object_of(&recv);
    cr_expect_str_eq(word(plan, "engine"), "verbs");
    cr_expect_gt(number(plan, "memory_bytes_max"), 64 << 20);
    cr_assert_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
    cr_expect_lt(usage.ru_maxrss, 256l << 10, "%ld KiB", usage.ru_maxrss);
    json_decref(plan);
    program_release(&recv);
}

/* The double lets programs pin only 16 MiB. So a run is refused, and a plan that pins would be. */
Test(verbs_tools, a_plan_pins_nothing_however_many_heaps_it_has)
{
    setenv("VDOUBLE", "max_pinned=16777216", 1);
    test_netns_move(network.near);
    expect_plan("--plan " MANY_HEAPS "64");
    expect_plan("--plan " MANY_HEAPS "512");
    expect_failure(SPEAD_RECV, "--quiet " MANY_HEAPS "64", 1, "reg_mr");
}

Test(verbs_tools, what_was_asked_for_and_cannot_be_is_one_line_with_its_remedy)
{
    setenv("VDOUBLE", "net_raw=0", 1);
    expect_failure(SPEAD_RECV, "--quiet " TEST_FAR_V4 ":7148 --engine verbs", 1, "spead-net-raw");
    expect_failure(SPEAD_SEND, TEST_NEAR_V4 ":7148 --engine verbs", 1, "spead-net-raw");
    setenv("VDOUBLE", "", 1);
    expect_failure(SPEAD_RECV, "--quiet " TEST_FAR_V4 ":7148 --engine verbs --verbs-device mlx5_9",
                   1, "\"mlx5_9\"");
    expect_failure(SPEAD_RECV, "--quiet " TEST_FAR_V4 ":7148 --engine verbs --comp-vector 900", 2,
                   "--comp-vector 900: ");
    expect_failure(SPEAD_SEND, TEST_NEAR_V4 ":7148 --engine verbs --comp-vector 900", 2,
                   "--comp-vector 900: ");
}

/* ---- Without root -------------------------------------------------------------------------------- */

Test(verbs_tools, an_ordinary_user_receives_by_spead_net_raw)
{
    char net_raw[TEST_CAPABLE_PATH_MAX];
    struct run run = {0};
    const char *reason;

    if (!test_capable_folder(&reason) || !test_capable_copy(net_raw, SPEAD_NET_RAW, "spead-net-raw",
                                                            TEST_CAPABLE_PERMITTED, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(network.near);
    test_become_nobody();
    if (access(SPEAD_RECV, X_OK) < 0 || access(VERBS_DOUBLE, R_OK) < 0)
        cr_skip_test("others cannot read the build folder");
    /* The leak detector of the address sanitizer traces its own process. The kernel forbids this for a program with
     * capabilities. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    expect_failure(SPEAD_RECV, "--quiet " TEST_NEAR_V4 ":7148 --engine verbs", 1, "spead-net-raw");
    /* An ordinary user cannot enlarge the socket of the double. So the test sends few packets, which all fit into this
     * socket, and few heaps, which all fit into the channel. */
    program_start(
        &run.recv, net_raw,
        SPEAD_RECV
        " " TEST_NEAR_V4
        ":7148 --engine verbs --verify --strict --json --buffer 32M --receive-path bounce "
        "--ring-heaps 8");
    cr_expect(program_says(&run.recv, "listening on"), "spead-recv did not start");
    test_become_root();
    test_netns_move(network.far);
    program_start(&run.send, SPEAD_SEND,
                  TEST_NEAR_V4 ":7148 --verify --json --heaps 5 --heap-size 10K --rate 0.5");
    finish(&run, 0, 0);
    cr_expect_str_eq(word(run.received, "engine"), "verbs");
    expect_whole(&run, 5);
    release(&run);
}
