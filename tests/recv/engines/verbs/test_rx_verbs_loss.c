/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a lost packet costs that packet. The device keeps its queue, whatever the stream does with the heap: only a
 * failure makes a queue anew.
 * Method: the test is the owner thread of a stream that places payload, and steps its clock. A socket on the far host
 * sends packets, and the double drops some. The double counts each call of a verb. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadline/recv.h>
#include <speadline/verbs.h>

#include <speadi/clock.h>

#include "control.h"
#include "netns.h"
#include "offloads.h"
#include "packet_builder.h"
#include "recv_rig.h"
#include "recv_stream.h"
#include "verbs_double.h"

enum { PACKET = 8000, PACKETS = 40, HEAP = PACKETS * PACKET };

#define MS 1000000ull

static struct test_netns_pair hosts;
static struct spead_recv_stream *stream;
static struct spead_recv_stats stats;
static int sender;
static struct sockaddr_in group = {.sin_family = AF_INET};
static uint64_t sent, time_ns = 1000 * MS;

static uint64_t stepped_clock(void)
{
    return time_ns;
}

static void set_up(void)
{
    struct in_addr from;
    const char *missing;

    test_use_verbs_double();
    if (!test_netns_pair(&hosts, 9000, &missing))
        cr_skip_test("%s", missing);
    group.sin_port = htons(7148);
    inet_pton(AF_INET, "239.1.2.3", &group.sin_addr);
    inet_pton(AF_INET, TEST_FAR_V4, &from);
    test_netns_move(hosts.far);
    cr_assert(test_offloads_off(TEST_FAR_INTERFACE));
    sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from), 0);
    test_netns_move(hosts.near);
}

static void tear_down(void)
{
    spead_recv_stream_destroy(stream);
    close(sender);
}

TestSuite(rx_verbs_loss, .init = set_up, .fini = tear_down, .timeout = 60);

static void open_stream(bool out_of_order)
{
    static const char *const endpoint = "239.1.2.3:7148";
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_err err = {0};

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.engine = "verbs";
    config.interface = TEST_NEAR_INTERFACE;
    config.receive_path = SPEAD_PATH_PLACED;
    config.placed_window = 16;
    config.placed_loss_max = 1;
    config.heap_bytes_max = HEAP;
    config.heap_timeout_ns = 1000 * MS;
    config.allow_out_of_order = out_of_order;
    config.deliver_incomplete = true;
    config.hand_over_heaps = 64;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), 0, "%s", err.text);
    stream->clock = stepped_clock;
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
}

/* The clock of the stream stands still, so wait() alone does not sleep. */
static void pause_a_moment(void)
{
    spead_recv_stream_wait(stream, speadi_clock_mono_ns() + MS);
    usleep(1000);
}

static void look(void)
{
    stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(stream, &stats);
}

/* Polls until the stream has seen each packet that was sent, but those that the script has dropped. */
static void read_all(void)
{
    struct vdouble_counters device;
    int count = 1;

    for (unsigned i = 0; i < 5000; i++) {
        vdouble_counters(&device);
        look();
        if (count == 0 && stats.total.seen.packets + device.rx_faulted == sent)
            return;
        count = spead_recv_stream_poll(stream);
        if (count == 0)
            pause_a_moment();
    }
    cr_assert_fail("%lu packets came of %lu", stats.total.seen.packets, sent);
}

static void send_packet(uint64_t counter, unsigned number)
{
    static struct test_packet packet;

    test_packet_data(&packet, 40, counter, HEAP, (uint64_t)number * PACKET, NULL, PACKET);
    cr_assert_eq(sendto(sender, packet.bytes, packet.length, 0, (const struct sockaddr *)&group,
                        sizeof group),
                 (ssize_t)packet.length);
    sent++;
}

static void send_packets(uint64_t counter, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        send_packet(counter, i);
        if (i % 4 == 3 || i + 1 == first + count)
            read_all();
    }
}

/* Returns how many times a verb was called that makes, changes or ends an object of the device. */
static uint64_t changes(void)
{
    static const char *const verbs[] = {"create_qp",   "create_qp_ex", "create_cq_ex",
                                        "create_flow", "modify_qp",    "destroy_flow",
                                        "destroy_qp",  "destroy_cq",   "create_comp_channel"};
    uint64_t sum = 0;

    for (unsigned i = 0; i < sizeof verbs / sizeof *verbs; i++)
        sum += vdouble_calls(verbs[i]);
    return sum;
}

static unsigned take_all(unsigned *incomplete)
{
    struct spead_heap *heap;
    unsigned count = 0;

    while (spead_recv_stream_try_take(stream, &heap) == 0) {
        cr_expect(recv_rig_heap_is_right(heap), "heap %lu", spead_heap_counter(heap));
        *incomplete += !spead_heap_is_complete(heap);
        spead_heap_unref(heap);
        count++;
    }
    return count;
}

static void stop(void)
{
    spead_recv_stream_stop(stream);
    for (unsigned i = 0; i < 5000 && spead_recv_stream_poll(stream) >= 0; i++)
        pause_a_moment();
    look();
}

static void assert_keeps_its_queue(bool out_of_order)
{
    enum { HEAPS = 12 };
    unsigned incomplete = 0;
    uint64_t before;

    open_stream(out_of_order);
    cr_expect_eq(vdouble_calls("create_qp"), 1u, "the queue is opened once");
    before = changes();
    vdouble_script("rx.drop@%33");
    for (unsigned i = 1; i <= HEAPS; i++)
        send_packets(i, 0, PACKETS);
    stop();
    cr_expect_eq(changes(), before);
    cr_expect_eq(take_all(&incomplete), HEAPS);
    cr_expect_gt(incomplete, HEAPS / 2);
    cr_expect_gt(stats.counters.placed, 0u);
    cr_expect_eq(stats.counters.engine_rebuilds, 0u);
    cr_expect_eq(stats.counters.engine_rebuild_ns, 0u);
}

Test(rx_verbs_loss, losses_make_no_queue_anew_where_packets_may_come_out_of_order)
{
    assert_keeps_its_queue(true);
}

Test(rx_verbs_loss, losses_make_no_queue_anew_where_packets_come_in_order)
{
    assert_keeps_its_queue(false);
}

/* Nothing comes after the loss, so the receives that are posted into the heap stay there. */
Test(rx_verbs_loss, in_silence_after_a_loss_the_heap_leaves_when_it_is_due)
{
    unsigned incomplete = 0;
    uint64_t before;

    open_stream(true);
    send_packets(1, 0, 30);
    vdouble_script("rx.drop@1");
    send_packets(1, 30, 4);
    before = changes();
    for (unsigned i = 0; i < 9; i++) {
        time_ns += 100 * MS;
        spead_recv_stream_poll(stream);
    }
    cr_expect_eq(take_all(&incomplete), 0u, "the heap is not old enough");
    for (unsigned i = 0; i < 91; i++) {
        time_ns += 100 * MS;
        spead_recv_stream_poll(stream);
    }
    cr_expect_eq(take_all(&incomplete), 1u);
    cr_expect_eq(incomplete, 1u);
    cr_expect_eq(changes(), before);
    look();
    cr_expect_eq(stats.counters.heaps_moved, 1u);
    cr_expect_eq(stats.counters.heaps_leaving, 0u);
}

Test(rx_verbs_loss, stop_delivers_a_heap_at_once_although_receives_are_posted_into_it)
{
    unsigned incomplete = 0;
    uint64_t before;

    open_stream(true);
    send_packets(1, 0, 20);
    before = changes();
    stop();
    cr_expect_eq(take_all(&incomplete), 1u);
    cr_expect_eq(incomplete, 1u);
    cr_expect_eq(changes(), before);
    cr_expect_eq(stats.counters.heaps_moved, 1u);
}

/* A rebuild removes a rule and makes one, changes the state of the old queue and of the new one, and makes and destroys a
 * queue pair and a completion queue: at least eight verbs. */
Test(rx_verbs_loss, a_rebuild_is_counted_and_timed)
{
    open_stream(true);
    send_packets(1, 0, 8);
    vdouble_script("verb_us=2000 flush_us=1000 qp.fatal@1");
    send_packet(1, 8);
    for (unsigned i = 0; i < 5000 && stats.counters.engine_rebuilds == 0; i++) {
        time_ns += 2 * MS;
        if (spead_recv_stream_poll(stream) == 0)
            pause_a_moment();
        look();
    }
    cr_expect_eq(stats.counters.engine_rebuilds, 1u);
    cr_expect_geq(stats.counters.engine_rebuild_ns, 17 * MS);
}
