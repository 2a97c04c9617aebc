/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream with the option `source` accepts the packets of that sender and of no other sender. This holds with
 * each engine, over multicast and unicast, over both IP versions, by host and by port. If a configuration cannot work,
 * the refusal names the field.
 * Method: two senders are on the far host. The other sender sends first. So a stream without the option would read the
 * packets of the other sender first, and the test need not wait to see that none comes. Engine verbs runs on the verbs
 * double, bounced and placed. This engine makes its flow rules a second time after create() has returned. At that time
 * the caller can already have freed the text of the option. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadline/recv.h>
#include <speadline/verbs.h>

#include <speadi/clock.h>
#include <speadi/udp.h>

#include "engine_names.h"
#include "netns.h"
#include "offloads.h"
#include "packet_builder.h"
#include "verbs_double.h"

#define CHOSEN_V4 TEST_FAR_V4
#define CHOSEN_V6 TEST_FAR_V6
#define OTHER_V4  "10.77.0.3"
#define OTHER_V6  "fd77::3"

enum { FROM_CHOSEN = 100, FROM_OTHER = 7, PAYLOAD = 256 };

struct reader {
    char engine[TEST_ENGINE_LENGTH];
    enum spead_receive_path path;
};

static struct criterion_test_params all_readers(void)
{
    static struct reader readers[2 * TEST_ENGINES_MAX];
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned engines = test_engines(TEST_RECEIVES, TEST_KERNEL | TEST_BYPASS, names), count = 0;

    for (unsigned i = 0; i < engines; i++)
        for (unsigned placed = 0; placed < 2; placed++) {
            struct reader *reader = &readers[count++];

            memcpy(reader->engine, names[i], sizeof names[i]);
            reader->path = placed ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
        }
    return cr_make_param_array(struct reader, readers, count);
}

/* One case: the address of the chosen sender and of the other sender, and the address to which each of them sends. `to`
 * and `other_to` are NULL if the sender sends to the endpoint. */
static const struct source_case {
    const char *endpoint, *source, *chosen, *other, *to, *other_to;
    /* The number of packets of the other sender that the filter of the socket discards. */
    unsigned filtered;
} cases[] = {
    {"239.1.2.3:7148", CHOSEN_V4, CHOSEN_V4 ":5000", OTHER_V4 ":5000", NULL, NULL, 0},
    {"239.1.2.3:7148", CHOSEN_V4 ":5000", CHOSEN_V4 ":5000", CHOSEN_V4 ":5001", NULL, NULL, 1},
    {TEST_NEAR_V4 ":7148", CHOSEN_V4, CHOSEN_V4 ":5000", OTHER_V4 ":5000", NULL, NULL, 1},
    {TEST_NEAR_V4 ":7148", CHOSEN_V4 ":5000", CHOSEN_V4 ":5000", CHOSEN_V4 ":5001", NULL, NULL, 1},
    {":7148", CHOSEN_V4, CHOSEN_V4 ":5000", OTHER_V4 ":5000", TEST_NEAR_V4 ":7148",
     TEST_NEAR_V4 ":7148", 1},
    {"[ff15::2]:7148", "[" CHOSEN_V6 "]", "[" CHOSEN_V6 "]:5000", "[" OTHER_V6 "]:5000", NULL, NULL,
     0},
    {"[ff15::2]:7148", "[" CHOSEN_V6 "]:5000", "[" CHOSEN_V6 "]:5000", "[" CHOSEN_V6 "]:5001", NULL,
     NULL, 1},
    {"[" TEST_NEAR_V6 "]:7148", "[" CHOSEN_V6 "]", "[" CHOSEN_V6 "]:5000", "[" OTHER_V6 "]:5000",
     NULL, NULL, 1},
    {"[::]:7148", CHOSEN_V4, CHOSEN_V4 ":5000", "[" CHOSEN_V6 "]:5000", TEST_NEAR_V4 ":7148",
     "[" TEST_NEAR_V6 "]:7148", 1},
    {"[::]:7148", "[" CHOSEN_V6 "]", "[" CHOSEN_V6 "]:5000", CHOSEN_V4 ":5000",
     "[" TEST_NEAR_V6 "]:7148", TEST_NEAR_V4 ":7148", 1},
};

static struct test_netns_pair hosts;
static struct spead_err err;

static void make_hosts(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&hosts, 1500, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(hosts.far);
    cr_assert(test_offloads_off(TEST_FAR_INTERFACE));
    cr_assert_eq(system("export PATH=$PATH:/usr/sbin:/sbin && ip addr add " OTHER_V4
                        "/24 dev " TEST_FAR_INTERFACE " && ip addr add " OTHER_V6
                        "/64 nodad dev " TEST_FAR_INTERFACE),
                 0);
    test_netns_move(hosts.near);
}

/* Sends one heap of one packet from the far host. */
static void send_heap(uint64_t counter, const char *from, const char *to)
{
    static struct test_packet packet;
    struct speadi_address local, remote;
    int fd;

    cr_assert_eq(speadi_address_parse(&local, from, SPEADI_ADDRESS_SENDER, &err), 0, "%s",
                 err.text);
    cr_assert_eq(speadi_address_parse(&remote, to, SPEADI_ADDRESS_SEND, &err), 0, "%s", err.text);
    test_packet_data(&packet, 40, counter, PAYLOAD, 0, NULL, PAYLOAD);
    test_netns_move(hosts.far);
    fd = socket(local.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, &local.any, local.length), 0, "%s: %s", from, strerror(errno));
    cr_assert_eq(sendto(fd, packet.bytes, packet.length, 0, &remote.any, remote.length),
                 (ssize_t)packet.length, "%s: %s", to, strerror(errno));
    close(fd);
    test_netns_move(hosts.near);
}

static struct spead_recv_stream_config config_of(const struct reader *reader,
                                                 const struct source_case *source_case)
{
    static struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    config.endpoints = &source_case->endpoint;
    config.endpoint_count = 1;
    config.engine = reader->engine;
    config.receive_path = reader->path;
    verbs.mprq = SPEAD_MPRQ_OFF;
    config.engine_options = &verbs.options;
    config.interface = TEST_NEAR_INTERFACE;
    config.socket_buffer_bytes = 256u << 10;
    config.heap_bytes_max = 64u << 10;
    config.heap_counter_step = 0;
    return config;
}

/* Polls until a heap has come. Returns its heap counter. */
static uint64_t next_heap(struct spead_recv_stream *stream)
{
    uint64_t deadline = speadi_clock_mono_ns() + 10000000000u, counter;
    struct spead_heap *heap;
    int ret;

    while ((ret = spead_recv_stream_try_take(stream, &heap)) == -EAGAIN) {
        cr_assert_lt(speadi_clock_mono_ns(), deadline, "nothing was heard");
        cr_assert_geq(spead_recv_stream_poll(stream), 0);
        spead_recv_stream_wait(stream, speadi_clock_mono_ns() + 10000000u);
    }
    cr_assert_eq(ret, 0);
    counter = spead_heap_counter(heap);
    spead_heap_unref(heap);
    return counter;
}

/* Ends the stream before the caller destroys it. If the stream had not ended, a posted receive would keep the port for
 * a while. */
static void end(struct spead_recv_stream *stream)
{
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        ;
}

static void check_source(const struct reader *reader, const struct source_case *source_case)
{
    struct spead_recv_stream_config config = config_of(reader, source_case);
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    bool filters = test_engine_kind(reader->engine) == TEST_KERNEL;
    char source[64];
    struct spead_recv_stream *stream;
    int ret;

    strcpy(source, source_case->source);
    config.sender = source;
    ret = spead_recv_stream_create(&stream, &config, &err);
    cr_assert_eq(ret, 0, "%s, %s: %s", reader->engine, source_case->endpoint, err.text);
    memset(source, '!', sizeof source - 1);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
    send_heap(FROM_OTHER, source_case->other,
              source_case->other_to ? source_case->other_to : source_case->endpoint);
    send_heap(FROM_CHOSEN, source_case->chosen,
              source_case->to ? source_case->to : source_case->endpoint);
    cr_expect_eq(next_heap(stream), FROM_CHOSEN, "%s, %s: the other sender was heard",
                 reader->engine, source_case->endpoint);
    end(stream);
    spead_recv_stream_stats(stream, &stats);
    cr_expect_eq(stats.total.seen.packets, 1, "%s, %s, %s: %lu packets seen", reader->engine,
                 source_case->endpoint, source_case->source, stats.total.seen.packets);
    cr_expect_eq(stats.counters.kernel_drops, filters ? source_case->filtered : 0,
                 "%s, %s, %s: %lu", reader->engine, source_case->endpoint, source_case->source,
                 stats.counters.kernel_drops);
    cr_expect_eq(stats.counters.filtered_drops, stats.counters.kernel_drops, "%s, %s, %s: %lu",
                 reader->engine, source_case->endpoint, source_case->source,
                 stats.counters.filtered_drops);
    spead_recv_stream_destroy(stream);
}

ParameterizedTestParameters(source, one_sender_is_heard_and_no_other)
{
    return all_readers();
}

ParameterizedTest(struct reader *reader, source, one_sender_is_heard_and_no_other, .timeout = 120)
{
    make_hosts();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_source(reader, &cases[i]);
}

/* Without the option `source`, the stream must hear both senders. */
ParameterizedTestParameters(source, without_a_source_both_are_heard)
{
    return all_readers();
}

ParameterizedTest(struct reader *reader, source, without_a_source_both_are_heard, .timeout = 120)
{
    make_hosts();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct source_case *source_case = &cases[i];
        struct spead_recv_stream_config config = config_of(reader, source_case);
        struct spead_recv_stream *stream;
        uint64_t sum;

        cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s", err.text);
        cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
        send_heap(FROM_OTHER, source_case->other,
                  source_case->other_to ? source_case->other_to : source_case->endpoint);
        send_heap(FROM_CHOSEN, source_case->chosen,
                  source_case->to ? source_case->to : source_case->endpoint);
        sum = next_heap(stream);
        sum += next_heap(stream);
        cr_expect_eq(sum, FROM_OTHER + FROM_CHOSEN, "%s, %s", reader->engine,
                     source_case->endpoint);
        end(stream);
        spead_recv_stream_destroy(stream);
    }
}

/* Returns true if the kernel has joined the group for this source only. This matters: if a host has joined the whole
 * group, a switch sends the packets of all senders to the host. */
static bool kernel_asks_for(const char *group, const char *source)
{
    FILE *file = fopen("/proc/thread-self/net/mcfilter", "re");
    bool found = false;
    char line[200];

    cr_assert_not_null(file, "%s", strerror(errno));
    while (fgets(line, sizeof line, file) != NULL)
        found = found || (strstr(line, group) && strstr(line, source));
    fclose(file);
    return found;
}

ParameterizedTestParameters(source, groups_are_joined_for_it_alone)
{
    return all_readers();
}

ParameterizedTest(struct reader *reader, source, groups_are_joined_for_it_alone, .timeout = 60)
{
    struct spead_recv_stream_config config = config_of(reader, &cases[0]);
    struct spead_recv_stream *stream;

    make_hosts();
    config.sender = cases[0].source;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_expect(kernel_asks_for("0xef010203", "0x0a4d0002"), "%s", reader->engine);
    spead_recv_stream_destroy(stream);
    cr_expect_not(kernel_asks_for("0xef010203", "0x0a4d0002"), "%s", reader->engine);
}

/* ---- Refusals ------------------------------------------------------------------------------ */

static void expect_refusal(const char *endpoint, const char *source, int code, const char *says)
{
    const struct source_case source_case = {.endpoint = endpoint};
    struct spead_recv_stream_config config =
        config_of(&(struct reader){"auto", SPEAD_PATH_AUTO}, &source_case);
    struct spead_recv_stream *stream = NULL;

    config.interface = NULL;
    config.sender = source;
    cr_expect_eq(spead_recv_stream_create(&stream, &config, &err), code, "%s", source);
    cr_expect_not_null(strstr(err.text, says), "%s: \"%s\"", source, err.text);
    cr_expect_null(stream);
}

Test(source, of_the_other_ip_version_is_refused)
{
    expect_refusal("239.1.2.3:7148", "[::1]", -EINVAL, "different IP versions");
    expect_refusal(":7148", "[::1]:5000", -EINVAL, "different IP versions");
    expect_refusal("[ff15::2]:7148", "192.0.2.1", -EINVAL, "different IP versions");
    expect_refusal("[::1]:7148", "192.0.2.1", -EINVAL, "sender 192.0.2.1:0 cannot send to [::1]");
}

Test(source, that_is_no_host_is_quoted)
{
    expect_refusal(":7148", "", -EINVAL, "HOST or HOST:PORT");
    expect_refusal(":7148", "192.0.2.1:0", -EINVAL, "192.0.2.1:0");
    expect_refusal(":7148", "239.1.2.3", -EINVAL, "one host");
    expect_refusal(":7148", "no such host", -ENOENT, "no such host");
}

Test(source, of_memory_links_is_refused)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stream *stream = NULL;
    struct spead_mem_link *link;

    cr_assert_eq(spead_mem_link_create(&link, 4, 1472, NULL), 0);
    config.links = &link;
    config.link_count = 1;
    config.sender = "192.0.2.1";
    cr_expect_eq(spead_recv_stream_create(&stream, &config, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "memory links"), "%s", err.text);
    spead_mem_link_unref(link);
}
