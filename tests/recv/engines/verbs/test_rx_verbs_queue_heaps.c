/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: with two and four queues, whatever a device does to frames and queues, no frame that it has received is lost in the
 * stream, no heap comes twice, and no byte is wrong; afterwards every queue receives again, and payload is placed.
 * Method: random sequences by seed. Senders with ports of their own send heaps in turn, the verbs double fails as a random
 * script says, and the test polls the stream at random times. SPEADLINE_SEEDS=N runs N sequences. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadline/recv.h>
#include <speadline/verbs.h>

#include <speadi/clock.h>

#include "control.h"
#include "netns.h"
#include "offloads.h"
#include "packet_builder.h"
#include "verbs_double.h"

/* Heaps of so many bytes have regions of their own, so they can be placed. */
enum { SENDERS = 6, HEAPS = 6, LATER = 4, PACKETS = 24, BYTES = 1024, HEAP = PACKETS * BYTES };

struct kind {
    uint32_t queues;
    enum spead_receive_path path;
    enum spead_verbs_mprq mprq;
};

struct sequence {
    uint64_t state; /* of the random numbers */
    char script[256];
    unsigned failures; /* at most so many frames complete with a failure */
};

static struct test_netns_pair hosts;
static int socket_of[SENDERS];
static struct sockaddr_in group = {.sin_family = AF_INET};
static struct spead_recv_stream *stream;
static struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
static unsigned sent, whole[SENDERS], taken[SENDERS][HEAPS + LATER];

static void open_sender(unsigned i)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(7000 + 7 * i))};

    inet_pton(AF_INET, TEST_FAR_V4, &from.sin_addr);
    socket_of[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(socket_of[i], 0);
    cr_assert_eq(bind(socket_of[i], (const struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(
        setsockopt(socket_of[i], IPPROTO_IP, IP_MULTICAST_IF, &from.sin_addr, sizeof from.sin_addr),
        0);
}

static void set_up(void)
{
    const char *missing;

    test_use_verbs_double();
    if (!test_netns_pair(&hosts, 9000, &missing))
        cr_skip_test("%s", missing);
    inet_pton(AF_INET, "239.1.2.3", &group.sin_addr);
    group.sin_port = htons(7148);
    test_netns_move(hosts.far);
    cr_assert(test_offloads_off(TEST_FAR_INTERFACE));
    for (unsigned i = 0; i < SENDERS; i++)
        open_sender(i);
    test_netns_move(hosts.near);
}

TestSuite(rx_verbs_queue_heaps, .init = set_up, .timeout = 280);

/* ---- Random numbers --------------------------------------------------------------------------- */

static uint64_t roll(struct sequence *s)
{
    uint64_t z = (s->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned between(struct sequence *s, unsigned least, unsigned most)
{
    return least + (unsigned)(roll(s) % (most - least + 1));
}

static void add(struct sequence *s, const char *format, unsigned number, unsigned value)
{
    size_t used = strlen(s->script);

    snprintf(s->script + used, sizeof s->script - used, format, number, value);
}

/* Damaged frames, lost frames, failed completions, queues that die. */
static void choose_script(struct sequence *s)
{
    static const char *const status[] = {"GENERAL_ERR", "LOC_PROT_ERR", "LOC_QP_OP_ERR"};
    unsigned deaths = between(s, 0, 2);

    s->failures = between(s, 0, 2);
    if (roll(s) & 1)
        add(s, "rx.corrupt@%%%u=%u ", between(s, 20, 60), between(s, 50, 1000));
    if (roll(s) & 1)
        add(s, "rx.drop@%%%u ", between(s, 30, 200), 0);
    for (unsigned i = 0; i < s->failures; i++) {
        add(s, "rx.status@%u=", between(s, 1, 500), 0);
        strcat(s->script, status[roll(s) % 3]);
        strcat(s->script, " ");
    }
    for (unsigned i = 0; i < deaths; i++)
        add(s, "qp.fatal@%u ", between(s, 1, 500), 0);
    if (roll(s) & 1)
        add(s, "flush_us=%u ", between(s, 1, 3000), 0);
}

/* ---- The stream ------------------------------------------------------------------------------- */

static void open_stream(const struct kind *kind)
{
    static const char *const endpoint = "239.1.2.3:7148";
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;
    struct spead_err err = {0};

    verbs.mprq = kind->mprq;
    verbs.queues = kind->queues;
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.engine = "verbs";
    config.engine_options = &verbs.options;
    config.interface = TEST_NEAR_INTERFACE;
    config.receive_path = kind->path;
    config.heap_bytes_max = 64u << 10;
    config.live_heaps_max = SENDERS * (HEAPS + LATER);
    config.hand_over_heaps = SENDERS * (HEAPS + LATER);
    config.allow_out_of_order = true;
    config.deliver_incomplete = true;
    config.heap_timeout_ns = 0;
    config.placed_window = 64;
    config.placed_loss_max = 1; /* placing never stops */
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
}

static void take(struct spead_heap *heap)
{
    const uint64_t counter = spead_heap_counter(heap);
    const uint8_t *payload = spead_heap_payload(heap);
    unsigned sender = (unsigned)(counter / 1000), number = (unsigned)(counter % 1000);
    struct spead_gap gaps[PACKETS];
    size_t count = spead_heap_gaps(heap, gaps, PACKETS), gap = 0;

    cr_assert(sender < SENDERS && number < HEAPS + LATER && count <= PACKETS);
    cr_assert_eq(taken[sender][number]++, 0, "heap %u of sender %u came twice", number, sender);
    whole[sender] += spead_heap_is_complete(heap) && number >= HEAPS;
    for (uint64_t i = 0; i < spead_heap_length(heap); i++) {
        while (gap < count && i >= gaps[gap].offset + gaps[gap].bytes)
            gap++;
        if (gap == count || i < gaps[gap].offset)
            cr_assert_eq(payload[i], test_packet_byte(counter, i), "sender %u heap %u byte %llu",
                         sender, number, (unsigned long long)i);
    }
    spead_heap_unref(heap);
}

static void poll_once(void)
{
    struct spead_heap *heap;

    cr_assert_geq(spead_recv_stream_poll(stream), 0);
    while (spead_recv_stream_take(stream, &heap, speadi_clock_mono_ns()) == 0)
        take(heap);
    stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(stream, &stats);
}

/* Lets the engine notice queues that have died, and make all anew. It reads the events of the device while it waits. */
static void settle(void)
{
    for (unsigned i = 0; i < 60; i++) {
        spead_recv_stream_wait(stream, speadi_clock_mono_ns() + 500000);
        poll_once();
    }
}

static void send_packet(unsigned sender, unsigned number, unsigned packet)
{
    static struct test_packet bytes;

    test_packet_data(&bytes, 40, 1000 * sender + number, HEAP, (uint64_t)packet * BYTES, NULL,
                     BYTES);
    cr_assert_eq(sendto(socket_of[sender], bytes.bytes, bytes.length, 0,
                        (const struct sockaddr *)&group, sizeof group),
                 (ssize_t)bytes.length);
    sent++;
}

static struct vdouble_counters device(void)
{
    struct vdouble_counters c;

    vdouble_counters(&c);
    return c;
}

/* Reads until each frame has come to the device, and each frame that the device has received has come to the stream,
 * except those that were to fail. */
static void read_all(unsigned failures, const char *script)
{
    const uint64_t deadline = speadi_clock_mono_ns() + 20000000000u;
    struct vdouble_counters c = device();

    do {
        poll_once();
        c = device();
    } while ((c.rx_delivered + c.rx_unmatched + c.rx_out_of_buffer + c.rx_faulted < sent ||
              stats.total.seen.packets + failures < c.rx_delivered) &&
             speadi_clock_mono_ns() < deadline);
    cr_assert_geq(stats.total.seen.packets + failures, c.rx_delivered, "\"%s\"", script);
    cr_assert_leq(stats.total.seen.packets, c.rx_delivered, "\"%s\"", script);
    cr_assert_eq(c.rx_oversized, 0u);
}

/* Polls until the stream has seen so many packets, but for at most 20 s, and once more, because only then receives are
 * posted in the place of those that were used up. */
static void await_packets(uint64_t seen)
{
    const uint64_t deadline = speadi_clock_mono_ns() + 20000000000u;

    while (stats.total.seen.packets < seen && speadi_clock_mono_ns() < deadline)
        poll_once();
    poll_once();
}

/* Sends the packets of heaps first to end - 1 of all senders. Each sender sends in order, and they take turns. With `slowly`
 * no packet is sent before the stream has seen those that were sent before, so a queue always has a receive. */
static void send_heaps(struct sequence *s, unsigned first, unsigned end, bool slowly)
{
    const unsigned most = (end - first) * PACKETS;
    const uint64_t before = stats.total.seen.packets;
    unsigned next[SENDERS] = {0};

    for (unsigned left = SENDERS * most; left > 0;) {
        unsigned sender = between(s, 0, SENDERS - 1), count = between(s, 1, 12);

        for (; count > 0 && next[sender] < most; count--, left--, next[sender]++)
            send_packet(sender, first + next[sender] / PACKETS, next[sender] % PACKETS);
        for (unsigned polls = between(s, 0, 3); polls > 0; polls--)
            poll_once();
        if (slowly)
            await_packets(before + SENDERS * most - left);
    }
}

static void expect_each_packet_has_a_bucket(const char *script)
{
    const struct spead_count *bucket = stats.total.bucket;
    uint64_t sum = 0;

    for (unsigned i = 0; i < stats.bucket_count; i++)
        sum += bucket[i].packets;
    cr_expect_eq(sum, stats.total.seen.packets, "\"%s\"", script);
    cr_expect_eq(bucket[SPEAD_RECV_DELIVERED].packets +
                     bucket[SPEAD_RECV_MALFORMED_CHECKSUM].packets,
                 sum, "\"%s\": packets were refused", script);
}

/* The last heaps of each sender come through whatever queues there are now, and none is lost. */
static void expect_all_queues_work(struct sequence *s, const struct kind *kind)
{
    const uint64_t seen = stats.total.seen.packets;
    unsigned queues = 0;

    vdouble_reset();
    send_heaps(s, HEAPS, HEAPS + LATER, true);
    cr_assert_eq(stats.total.seen.packets, seen + SENDERS * LATER * PACKETS, "\"%s\"", s->script);
    for (unsigned i = 0; i < SENDERS; i++)
        cr_expect_eq(whole[i], LATER, "\"%s\": %u heaps of sender %u", s->script, whole[i], i);
    for (unsigned i = 0; i < kind->queues; i++)
        queues += stats.counters.packets_by_queue[i] > 0;
    cr_expect_gt(queues, 1u);
}

static void end_stream(const struct sequence *s)
{
    struct spead_heap *heap;
    int ret = 0;

    spead_recv_stream_stop(stream);
    while (ret >= 0) {
        ret = spead_recv_stream_poll(stream);
        while (spead_recv_stream_take(stream, &heap, speadi_clock_mono_ns()) == 0)
            take(heap);
    }
    stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(stream, &stats);
    expect_each_packet_has_a_bucket(s->script);
    spead_recv_stream_destroy(stream);
    cr_expect_eq(device().cqs + device().wqs + device().qps + device().mrs, 0u);
}

static void run(const struct kind *kind, uint64_t seed)
{
    struct sequence s = {.state = seed};

    choose_script(&s);
    sent = 0;
    stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    memset(whole, 0, sizeof whole);
    memset(taken, 0, sizeof taken);
    vdouble_reset();
    open_stream(kind);
    cr_assert_eq(vdouble_script(s.script), 0, "%s", vdouble_last_refusal());
    send_heaps(&s, 0, HEAPS, false);
    read_all(s.failures, s.script);
    vdouble_script("flush_us=0");
    settle();
    expect_all_queues_work(&s, kind);
    end_stream(&s);
}

/* Returns the queue through which the packets of this sender come. */
static unsigned queue_of(unsigned sender, unsigned queues)
{
    struct spead_recv_counters before = stats.counters;

    send_packet(sender, HEAPS, 0);
    await_packets(stats.total.seen.packets + 1);
    usleep(2000); /* the stream reads these counters once a millisecond */
    poll_once();
    for (unsigned i = 0; i < queues; i++)
        if (stats.counters.packets_by_queue[i] > before.packets_by_queue[i])
            return i;
    cr_assert_fail("a packet has come through no queue");
    return 0;
}

/* One sender for each queue. The packets of all come interleaved, so that no two packets of a heap follow one another. */
static void run_one_sender_a_queue(uint32_t queues)
{
    unsigned sender_of[16], known = 0;

    vdouble_reset();
    memset(taken, 0, sizeof taken);
    open_stream(&(struct kind){queues, SPEAD_PATH_PLACED, SPEAD_MPRQ_OFF});
    for (unsigned i = 0; i < SENDERS; i++) {
        unsigned queue = queue_of(i, queues);

        known |= 1u << queue;
        sender_of[queue] = i;
    }
    cr_assert_eq(known, (1u << queues) - 1, "choose other ports: the hash leaves a queue empty");
    for (unsigned packet = 0; packet < HEAPS * PACKETS; packet++)
        for (unsigned queue = 0; queue < queues; queue++) {
            send_packet(sender_of[queue], packet / PACKETS, packet % PACKETS);
            await_packets(stats.total.seen.packets + 1);
        }
    cr_expect_gt(2 * stats.counters.placed, stats.total.seen.packets, "%llu of %llu placed",
                 (unsigned long long)stats.counters.placed,
                 (unsigned long long)stats.total.seen.packets);
    for (unsigned queue = 0; queue < queues; queue++)
        for (unsigned number = 0; number < HEAPS; number++)
            cr_expect_eq(taken[sender_of[queue]][number], 1);
    end_stream(&(struct sequence){0});
}

Test(rx_verbs_queue_heaps, payload_of_each_of_two_queues_is_placed)
{
    run_one_sender_a_queue(2);
}

Test(rx_verbs_queue_heaps, payload_of_each_of_four_queues_is_placed)
{
    run_one_sender_a_queue(4);
}

static void run_all(struct kind kind)
{
    const char *more = getenv("SPEADLINE_SEEDS");
    uint64_t seeds = more ? strtoull(more, NULL, 10) : 5;

    for (uint64_t seed = 1; seed <= seeds; seed++)
        run(&kind, 1000 * kind.queues + seed);
}

Test(rx_verbs_queue_heaps, lose_no_packet_of_two_queues_that_place)
{
    run_all((struct kind){2, SPEAD_PATH_PLACED, SPEAD_MPRQ_OFF});
}

Test(rx_verbs_queue_heaps, lose_no_packet_of_four_queues_that_place)
{
    run_all((struct kind){4, SPEAD_PATH_PLACED, SPEAD_MPRQ_OFF});
}

Test(rx_verbs_queue_heaps, lose_no_packet_of_two_queues_that_bounce)
{
    run_all((struct kind){2, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_OFF});
}

Test(rx_verbs_queue_heaps, lose_no_packet_of_four_queues_that_bounce)
{
    run_all((struct kind){4, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_OFF});
}

Test(rx_verbs_queue_heaps, lose_no_packet_of_two_multi_packet_queues)
{
    run_all((struct kind){2, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_ON});
}

Test(rx_verbs_queue_heaps, lose_no_packet_of_four_multi_packet_queues)
{
    run_all((struct kind){4, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_ON});
}
