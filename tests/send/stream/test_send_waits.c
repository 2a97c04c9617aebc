/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no wait of a send stream is for ever. A stream on a thread of its own completes all heaps with every fault over
 * every engine of the kernel, and with packets of every size.
 * Method: more packets are in flight than the fault decorator can hold, so the stream waits for room, for free copies
 * and for the time of copies. Nobody reads the packets. If a wake-up is lost, the time limit of a test passes. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadline/send.h>

#include "engine_names.h"
#include "send_rig.h"

enum { HEAP_BYTES = 133087, HEAPS = 12, IN_FLIGHT = 15 };

#define WAIT_NS 60000000000u

struct wait_case {
    char engine[TEST_ENGINE_LENGTH];
    char fault[64];
    uint32_t packet_bytes;
};

static const char *const faults[] = {"loss=0.1",
                                     "dup=0.3",
                                     "delay=1ms",
                                     "dup=0.3,delay=1ms",
                                     "reorder=1000,reorder-chance=0.5",
                                     "reorder=100,delay=500us",
                                     "stall=2ms/5ms",
                                     "stall=1ms/3ms,delay=1ms,reorder=20,dup=0.1,loss=0.1"};

ParameterizedTestParameters(send_waits, a_stream_with_faults_completes_all_heaps)
{
    static struct wait_case cases[TEST_ENGINES_MAX * 16];
    static const uint32_t sizes[] = {624, 8972};
    char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    size_t count = test_engines(TEST_SENDS, TEST_KERNEL, engines), n = 0;

    for (size_t e = 0; e < count; e++)
        for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
            for (size_t s = 0; s < 2; s++) {
                struct wait_case *c = &cases[n++];

                memcpy(c->engine, engines[e], TEST_ENGINE_LENGTH);
                snprintf(c->fault, sizeof c->fault, "%s", faults[f]);
                c->packet_bytes = sizes[s];
            }
    return cr_make_param_array(struct wait_case, cases, n);
}

/* Opens a socket that nobody reads, and writes the address of the socket into `endpoint`. */
static int open_target(char *endpoint, size_t max)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)(void *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)(void *)&address, &bytes), 0);
    snprintf(endpoint, max, "127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

ParameterizedTest(struct wait_case *c, send_waits, a_stream_with_faults_completes_all_heaps,
                  .timeout = 240)
{
    static uint8_t payload[HEAP_BYTES];
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    struct spead_send_stream *stream;
    struct spead_send_runner *runner;
    struct spead_send_heap *heap;
    struct spead_err err;
    char address[32];
    const char *endpoint = address;
    int fd = open_target(address, sizeof address);

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.engine = c->engine;
    config.packet_bytes_max = c->packet_bytes;
    config.heaps_max = IN_FLIGHT;
    config.fault = c->fault;
    if (spead_send_stream_create(&stream, &config, &err) < 0)
        cr_skip_test("engine %s cannot run here: %s", c->engine, err.text);
    cr_assert_eq(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_48), 0);
    cr_assert_eq(spead_send_heap_add_item(heap, 0x1000, payload, sizeof payload, false), 0);
    cr_assert_eq(spead_send_runner_start(&runner, stream, -1, &err), 0);
    for (int i = 0; i < HEAPS; i++)
        cr_assert_eq(
            spead_send_stream_submit_wait(stream, heap, NULL, speadi_clock_mono_ns() + WAIT_NS), 0,
            "%s, --fault '%s', packets of %u: heap %d", c->engine, c->fault, c->packet_bytes, i);
    cr_assert_eq(spead_send_stream_flush(stream, speadi_clock_mono_ns() + WAIT_NS), 0,
                 "%s, --fault '%s', packets of %u: flush", c->engine, c->fault, c->packet_bytes);
    spead_send_stream_stop(stream);
    cr_assert_eq(spead_send_runner_join(runner, NULL), 0);
    spead_send_stream_stats(stream, &stats);
    cr_expect_eq(stats.heaps_pending, 0);
    spead_send_stream_destroy(stream);
    spead_send_heap_destroy(heap);
    close(fd);
}

/* ---- Who the owner is ------------------------------------------------------------------------ */

/* The id of a thread that has ended can belong to another thread later. */
Test(send_waits, a_thread_that_has_run_a_stream_to_its_end_is_not_its_owner)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    send_rig_submit(&rig);
    spead_send_stream_stop(rig.stream);
    cr_assert_eq(spead_send_stream_run(rig.stream, NULL), 0);
    cr_expect_eq(spead_send_stream_flush(rig.stream, 0), 0, "nobody would wait for itself");
    cr_expect_eq(spead_send_stream_submit_wait(rig.stream, rig.heap, NULL, 0), -ESHUTDOWN);
    send_rig_close(&rig);
}
