/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream sends again after the interface that it sends by was deleted and made anew. Receivers know it as the
 * same sender, because its source port stays. This holds with each engine that sends by sockets.
 * Method: the far host receives a packet before and after the cable was made anew. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <speadi/clock.h>
#include <speadi/udp.h>
#include <speadline/send.h>

#include "each_engine.h"
#include "must.h"
#include "netns.h"

static struct test_netns_pair hosts;
static struct spead_send_stream *stream;
static struct spead_send_heap *heap;
static uint8_t payload[1000];
static struct spead_err err;
static char lines[4000];

static void keep_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg, (void)level;
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s\n", line);
}

/* One case: the interface of the stream, its endpoint, and where the far host listens. */
static const struct again {
    const char *interface, *endpoint, *listen;
} cases[] = {
    {TEST_NEAR_INTERFACE, "239.77.1.1:17150", "239.77.1.1:17150"},
    {TEST_NEAR_V4, "239.77.1.1:17150", "239.77.1.1:17150"},
    {NULL, "239.77.1.1:17150", "239.77.1.1:17150"},
    {NULL, "239.77.1.1:17150%" TEST_NEAR_INTERFACE, "239.77.1.1:17150"},
    {TEST_NEAR_INTERFACE, "[ff15::77]:17150", "[ff15::77]:17150"},
    {NULL, "[ff02::77%" TEST_NEAR_INTERFACE "]:17150", "[ff02::77]:17150"},
    {TEST_NEAR_INTERFACE, TEST_FAR_V4 ":17150", TEST_FAR_V4 ":17150"},
    {TEST_NEAR_INTERFACE, "[" TEST_FAR_V6 "]:17150", "[" TEST_FAR_V6 "]:17150"},
    {NULL, "[" TEST_FAR_LINK "%" TEST_NEAR_INTERFACE "]:17150", "[" TEST_FAR_LINK "]:17150"},
};

static struct speadi_udp_socket listen_far(const char *text)
{
    struct speadi_udp_receive_options options = {.buffer_bytes = 100000};
    struct speadi_interface on;
    struct speadi_address address;
    struct speadi_udp_socket in;

    test_netns_move(hosts.far);
    cr_assert_eq(speadi_interface_find(&on, TEST_FAR_INTERFACE, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_address_parse(&address, text, SPEADI_ADDRESS_RECEIVE, &err), 0);
    options.interface = &on;
    cr_assert_eq(speadi_udp_open_receive(&in, &address, &options, &err), 0, "%s", err.text);
    test_netns_move(hosts.near);
    return in;
}

/* Sends heaps until the log has this text (NULL for none) and a packet has arrived. Returns the port that it came from,
 * in network order. */
static in_port_t send_until_heard(const struct speadi_udp_socket *in, const char *said)
{
    uint64_t deadline = speadi_clock_mono_ns() + 10000000000u;
    struct speadi_address from = {.length = sizeof from.v6};
    char byte;

    while (speadi_clock_mono_ns() < deadline) {
        int ret = spead_send_stream_submit(stream, heap, NULL);

        cr_assert(ret == 0 || ret == -EAGAIN, "%d", ret);
        cr_assert_geq(spead_send_stream_poll(stream), 0);
        spead_send_stream_wait(stream, speadi_clock_mono_ns() + 10000000u);
        if (said && !strstr(lines, said))
            continue;
        if (recvfrom(in->fd, &byte, 1, 0, &from.any, &from.length) >= 0)
            return from.v4.sin_port; /* IPv6 has it at the same offset */
    }
    cr_assert_fail("nothing arrives: %s", lines);
    return 0;
}

static void open_stream(const char *engine, const struct again *again)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    lines[0] = '\0';
    config.endpoints = &again->endpoint;
    config.endpoint_count = 1;
    config.engine = engine;
    config.interface = again->interface;
    config.log = (struct spead_log){.fn = keep_line};
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0, "%s", err.text);
}

static void expect_again(const char *engine, const struct again *again)
{
    struct speadi_udp_socket in = listen_far(again->listen);
    const char *reason;
    in_port_t before, after;

    open_stream(engine, again);
    before = send_until_heard(&in, NULL);
    speadi_udp_close(&in);
    cr_assert(test_netns_new_cable(&hosts, 1500, &reason), "%s", reason);
    in = listen_far(again->listen);
    after = send_until_heard(&in, "interface near0 is back: 1 endpoints use it again");
    cr_expect_eq(before, after, "%s: another port", again->endpoint);
    speadi_udp_close(&in);
    spead_send_stream_destroy(stream);
}

ParameterizedTestParameters(send_again, an_interface_that_was_made_anew_is_sent_by_again)
{
    return test_each_engine(TEST_SENDS, TEST_KERNEL);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], send_again,
                  an_interface_that_was_made_anew_is_sent_by_again, .timeout = 120)
{
    const char *reason;

    if (!test_netns_pair(&hosts, 1500, &reason))
        cr_skip_test("%s", reason);
    MUST(spead_send_heap_create(&heap, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "no heap");
    MUST(spead_send_heap_add_item(heap, 0x1000, payload, sizeof payload, false) >= 0, "no item");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_again(*engine, &cases[i]);
    spead_send_heap_destroy(heap);
}
