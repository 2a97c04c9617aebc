/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every receive engine keeps the contract of rx_engine.h. Method: the same cases run over all engines, each on
 * its placed path and on its bounce path. Ordinary sockets (or memory links) send packets of known bytes, and the test
 * compares them with what the engine lends. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <engine_names.h>
#include <rx_mem.h>
#include <rx_rig.h>
#include <speadi/clock.h>

#define MS 1000000u

static struct rx_rig rig;
static uint8_t data[1u << 20];

static void open_rig(const char *engine, enum spead_receive_path path, unsigned sources,
                     const char *addresses)
{
    const struct rx_rig_options options = {
        .engine = engine, .path = path, .sources = sources, .addresses = addresses};

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
}

struct engine_case {
    char engine[TEST_ENGINE_LENGTH];
    enum spead_receive_path path;
};

/* Returns one case for each engine and each of its paths. An engine has only one path if it uses memory links or cannot
 * place payload. */
static struct criterion_test_params cases_of(unsigned kinds)
{
    static struct engine_case cases[2 * TEST_ENGINES_MAX];
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned engines = test_engines(TEST_RECEIVES, kinds, names), count = 0;

    for (unsigned i = 0; i < engines; i++) {
        bool places = speadi_rx_engine_find(names[i])->caps & SPEADI_RX_CAP_PLACED;
        bool is_link = test_engine_kind(names[i]) == TEST_MEM;

        for (unsigned placed = 0; placed <= (places && !is_link); placed++) {
            struct engine_case *c = &cases[count++];

            memcpy(c->engine, names[i], TEST_ENGINE_LENGTH);
            c->path = is_link ? SPEAD_PATH_AUTO : placed ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
        }
    }
    return cr_make_param_array(struct engine_case, cases, count);
}

/* EVERY_ENGINE(name) { ... } defines a test that runs once for each engine and each path of the engine. */
#define ENGINES_OF(kinds, suite, name)                                  \
    static void name(const char *engine, enum spead_receive_path path); \
    ParameterizedTestParameters(suite, name)                            \
    {                                                                   \
        return cases_of(kinds);                                         \
    }                                                                   \
    ParameterizedTest(struct engine_case *c, suite, name)               \
    {                                                                   \
        name(c->engine, c->path);                                       \
        rx_rig_close(&rig);                                             \
    }                                                                   \
    static void name(const char *engine, enum spead_receive_path path)

#define EVERY_ENGINE(name)         ENGINES_OF(TEST_MEM | TEST_KERNEL, rx_engines, name)
#define EVERY_NETWORK_ENGINE(name) ENGINES_OF(TEST_KERNEL, rx_engines, name)

/* Receives packets from `source` until `bytes` bytes have come. The expected packets lie one behind another in `data`.
 * Each packet has `segment` bytes; the last packet can be shorter. */
static void expect_packets(unsigned source, size_t bytes, size_t segment)
{
    size_t at = 0;

    while (at < bytes) {
        int count = rx_rig_poll(&rig);

        cr_assert_gt(count, 0, "%zu of %zu bytes came", at, bytes);
        for (int i = 0; i < count; i++) {
            size_t part = bytes - at < segment ? bytes - at : segment;

            cr_assert(rx_rig_packet_is(&rig.burst.packet[i], data + at, part),
                      "packet of %zu bytes at %zu", part, at);
            cr_assert_eq(rig.burst.packet[i].source, source);
            cr_assert_eq(rig.burst.packet[i].segments, 1);
            at += part;
        }
        rx_rig_give_back(&rig);
    }
}

EVERY_ENGINE(packets_of_every_size_arrive_whole)
{
    static const size_t sizes[] = {0,   1,    7,    8,    63,   64,    65,    511,  512,
                                   513, 1471, 1472, 1473, 8972, 16384, 65506, 65507};

    open_rig(engine, path, 1, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        rx_rig_fill(data, sizes[i], (uint32_t)i);
        cr_assert(rx_rig_send(&rig, 0, data, sizes[i]), "%zu bytes", sizes[i]);
        cr_assert_eq(rx_rig_poll(&rig), 1, "%zu bytes", sizes[i]);
        cr_expect(rx_rig_packet_is(&rig.burst.packet[0], data, sizes[i]), "%zu bytes", sizes[i]);
        cr_expect_eq(rig.burst.packet[0].place, SPEADI_RX_UNPLACED);
        rx_rig_give_back(&rig);
    }
}

EVERY_ENGINE(a_train_arrives_as_the_packets_it_is_made_of)
{
    open_rig(engine, path, 1, NULL);
    rx_rig_fill(data, 60300, 1);
    cr_assert(rx_rig_send_train(&rig, 0, data, 60300, 1472));
    expect_packets(0, 60300, 1472);
}

EVERY_ENGINE(hundreds_of_single_packets_arrive_in_order)
{
    open_rig(engine, path, 1, NULL);
    rx_rig_fill(data, 1000 * 200, 2);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert(rx_rig_send(&rig, 0, data + i * 200, 200));
    expect_packets(0, 1000 * 200, 200);
}

EVERY_ENGINE(sizes_may_change_at_any_time)
{
    size_t at = 0, sizes[600];

    open_rig(engine, path, 1, NULL);
    rx_rig_fill(data, sizeof data, 3);
    for (unsigned i = 0; i < 600; i++) {
        sizes[i] = 1 + (i * i * 31) % 1500;
        if (i % 50 == 49)
            sizes[i] = 9000;
        cr_assert(rx_rig_send(&rig, 0, data + at, sizes[i]));
        at += sizes[i];
    }
    at = 0;
    for (unsigned seen = 0; seen < 600;) {
        int count = rx_rig_poll(&rig);

        cr_assert_gt(count, 0, "%u of 600 came", seen);
        for (int i = 0; i < count; i++, seen++) {
            cr_assert(rx_rig_packet_is(&rig.burst.packet[i], data + at, sizes[seen]), "%u", seen);
            at += sizes[seen];
        }
        rx_rig_give_back(&rig);
    }
}

EVERY_ENGINE(every_source_is_read_and_named)
{
    unsigned seen[RX_RIG_SOURCES] = {0}, total = 0;

    open_rig(engine, path, RX_RIG_SOURCES, NULL);
    for (unsigned i = 0; i < 50 * RX_RIG_SOURCES; i++) {
        data[0] = (uint8_t)(i % RX_RIG_SOURCES);
        data[1] = (uint8_t)(i / RX_RIG_SOURCES);
        cr_assert(rx_rig_send(&rig, i % RX_RIG_SOURCES, data, 100));
    }
    while (total < 50 * RX_RIG_SOURCES) {
        int count = rx_rig_poll(&rig);

        cr_assert_gt(count, 0, "%u came", total);
        for (int i = 0; i < count; i++, total++) {
            const struct speadi_rx_packet *p = &rig.burst.packet[i];

            cr_assert_eq(p->head[0], p->source);
            cr_assert_eq(p->head[1], seen[p->source]++, "source %u keeps its order", p->source);
        }
        rx_rig_give_back(&rig);
    }
}

/* One source sends all the time. The engine must still read the other sources. */
EVERY_ENGINE(a_quiet_source_is_read_beside_a_busy_one)
{
    bool quiet_seen = false;
    unsigned before = 0;

    open_rig(engine, path, 2, NULL);
    for (unsigned i = 0; i < 1500; i++)
        cr_assert(rx_rig_send(&rig, 0, data, 1000));
    cr_assert(rx_rig_send(&rig, 1, data, 8));
    while (!quiet_seen) {
        int count = rx_rig_poll(&rig);

        cr_assert_gt(count, 0);
        for (int i = 0; i < count; i++)
            quiet_seen |= rig.burst.packet[i].source == 1;
        before += (unsigned)count;
        rx_rig_give_back(&rig);
    }
    cr_expect_lt(before, 1400, "the busy source went first %u times", before);
}

EVERY_ENGINE(what_is_lent_stays_until_it_is_given_back)
{
    open_rig(engine, path, 1, NULL);
    rx_rig_fill(data, 3000, 4);
    cr_assert(rx_rig_send(&rig, 0, data, 1500));
    cr_assert_eq(rx_rig_poll(&rig), 1);
    for (unsigned i = 0; i < 200; i++)
        cr_assert(rx_rig_send(&rig, 0, data + 1500, 1500));
    cr_expect(rx_rig_packet_is(&rig.burst.packet[0], data, 1500));
    rx_rig_give_back(&rig);
    cr_assert_gt(rx_rig_poll(&rig), 0);
    cr_expect(rx_rig_packet_is(&rig.burst.packet[0], data + 1500, 1500));
    rx_rig_give_back(&rig);
}

EVERY_ENGINE(packets_carry_the_time_of_day)
{
    uint64_t before;

    open_rig(engine, path, 1, NULL);
    before = speadi_clock_utc_ns();
    cr_assert(rx_rig_send(&rig, 0, data, 100));
    cr_assert_eq(rx_rig_poll(&rig), 1);
    cr_expect_geq(rig.burst.packet[0].time_ns, before);
    cr_expect_leq(rig.burst.packet[0].time_ns, speadi_clock_utc_ns());
    rx_rig_give_back(&rig);
}

EVERY_ENGINE(an_empty_source_lends_nothing)
{
    open_rig(engine, path, 2, NULL);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    cr_expect_eq(rig.burst.count, 0);
    cr_expect_eq(rig.burst.reservations_ended[0], 0);
}

EVERY_ENGINE(a_wake_before_the_wait_is_not_lost)
{
    open_rig(engine, path, 1, NULL);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    rig.ops->wake(rig.engine);
    rig.ops->wait(rig.engine, UINT64_MAX); /* If wait() does not return, the test times out. */
}

/* If the owner thread polls after a wake(), the wake() must not be lost: the next wait() must still return. */
EVERY_ENGINE(a_wake_before_a_poll_is_kept_for_the_wait)
{
    open_rig(engine, path, 2, NULL);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    rig.ops->wake(rig.engine);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    rig.ops->wait(rig.engine, UINT64_MAX); /* If wait() does not return, the test times out. */
}

static void *wake_soon(void *arg)
{
    usleep(20000);
    rig.ops->wake(rig.engine);
    return arg;
}

EVERY_ENGINE(a_wake_from_another_thread_ends_the_wait)
{
    pthread_t thread;

    open_rig(engine, path, 1, NULL);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        pthread_create(&thread, NULL, wake_soon, NULL);
        rig.ops->wait(rig.engine, UINT64_MAX);
        pthread_join(thread, NULL);
    }
}

EVERY_ENGINE(a_wait_ends_at_its_deadline)
{
    uint64_t deadline;

    open_rig(engine, path, 1, NULL);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    deadline = speadi_clock_mono_ns() + 20 * MS;
    while (speadi_clock_mono_ns() < deadline)
        rig.ops->wait(rig.engine, deadline);
    /* The deadline has passed, so wait() returns immediately. */
    rig.ops->wait(rig.engine, deadline);
}

EVERY_ENGINE(data_end_the_wait)
{
    open_rig(engine, path, 2, NULL);
    for (unsigned i = 0; i < 6; i++) {
        cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        cr_assert(rx_rig_send(&rig, i % 2, data, 10));
        rig.ops->wait(rig.engine, UINT64_MAX);
        cr_assert_eq(rx_rig_poll(&rig), 1);
        cr_expect_eq(rig.burst.packet[0].source, i % 2);
        rx_rig_give_back(&rig);
    }
}

EVERY_ENGINE(receives_and_sleeps_are_counted)
{
    struct speadi_rx_counters counters;

    open_rig(engine, path, 1, NULL);
    rig.ops->wait(rig.engine, speadi_clock_mono_ns() + MS);
    cr_assert(rx_rig_send(&rig, 0, data, 10));
    cr_assert_eq(rx_rig_poll(&rig), 1);
    rx_rig_give_back(&rig);
    rig.ops->counters(rig.engine, &counters);
    cr_expect_eq(counters.messages, 1);
    cr_expect_geq(counters.sleeps, 1);
    cr_expect_eq(counters.kernel_drops, 0);
}

EVERY_NETWORK_ENGINE(ipv6_works_as_ipv4)
{
    open_rig(engine, path, 1, "[::1]:%u");
    rx_rig_fill(data, 60000, 5);
    cr_assert(rx_rig_send_train(&rig, 0, data, 60000, 1452));
    expect_packets(0, 60000, 1452);
}

EVERY_NETWORK_ENGINE(a_multicast_group_is_joined_and_read)
{
    open_rig(engine, path, 1, "239.102.1.2:%u");
    rx_rig_fill(data, 60000, 6);
    cr_assert(rx_rig_send_train(&rig, 0, data, 60000, 1472));
    expect_packets(0, 60000, 1472);
}

EVERY_NETWORK_ENGINE(drops_of_the_kernel_are_counted)
{
    struct speadi_rx_counters counters;
    unsigned came = 0;
    int count;

    open_rig(engine, path, 1, NULL);
    /* The test sends 60 MB, but the socket has a buffer of 8 MB. */
    for (unsigned i = 0; i < 1000; i++)
        rx_rig_send(&rig, 0, data, 60000);
    while ((count = rig.ops->poll(rig.engine, &rig.burst)) > 0) {
        came += (unsigned)count;
        rx_rig_give_back(&rig);
    }
    rig.ops->counters(rig.engine, &counters);
    cr_expect_lt(came, 1000);
    cr_expect_eq(came + counters.kernel_drops, 1000);
}

/* An io_uring can keep its registered files open, even after the engine has called close(). */
EVERY_NETWORK_ENGINE(a_port_is_free_as_soon_as_the_engine_is_closed)
{
    const struct rx_rig_options again = {.engine = engine, .path = path, .same_network = true};

    open_rig(engine, path, 1, NULL);
    for (unsigned i = 0; i < 5; i++) {
        cr_assert(rx_rig_send(&rig, 0, data, 100));
        cr_assert_eq(rx_rig_poll(&rig), 1);
        rx_rig_give_back(&rig);
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        rx_rig_close(&rig);
        cr_assert(rx_rig_open(&rig, &again), "%s", rig.reason);
    }
}

/* ---- Memory links only --------------------------------------------------------------------- */

Test(rx_mem, a_closed_link_is_read_to_its_end_and_then_has_ended)
{
    open_rig("mem", SPEAD_PATH_AUTO, 2, NULL);
    rx_rig_fill(data, 500, 7);
    cr_assert(rx_rig_send_train(&rig, 0, data, 500, 100));
    spead_mem_link_close(rig.link[0]);
    expect_packets(0, 500, 100);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 0, "the other link is open");
    spead_mem_link_close(rig.link[1]);
    cr_expect_eq(rx_rig_poll(&rig), -ESHUTDOWN);
    rx_rig_close(&rig);
}

Test(rx_mem, a_test_can_bound_the_burst)
{
    open_rig("mem", SPEAD_PATH_AUTO, 1, NULL);
    speadi_rx_mem_set_poll_max(rig.engine, 3);
    cr_assert(rx_rig_send_train(&rig, 0, data, 700, 100));
    cr_expect_eq(rx_rig_poll(&rig), 3);
    rx_rig_give_back(&rig);
    cr_expect_eq(rx_rig_poll(&rig), 3);
    rx_rig_give_back(&rig);
    cr_expect_eq(rx_rig_poll(&rig), 1);
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}
