/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: packets arrive through a multi-packet receive queue as through an ordinary queue. No memory is overwritten
 * during its loan. The engine replaces a queue that fails.
 * Method: the entries of the ring are so small that the engine uses each entry many times. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "rx_rig.h"
#include "rx_verbs.h"
#include "verbs_double.h"
#include "verbs_rx_expect.h"

enum { STRIDE_LOG = 6, ENTRY_LOG = 15, ENTRY = 1 << ENTRY_LOG, ENTRIES = 4, LONGEST = 1472 };

static struct verbs_rx_rig rig;
static uint8_t sent[LONGEST];

static const struct verbs_rx_options striding = {
    .buffer_bytes = ENTRIES * ENTRY,
    .path = SPEAD_PATH_BOUNCE,
    .verbs = {.mprq = SPEAD_MPRQ_ON, .mprq_stride_log = STRIDE_LOG, .mprq_entry_log = ENTRY_LOG}};

static void tear_down(void)
{
    verbs_rx_close(&rig);
}

TestSuite(rx_verbs_mprq, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

/* Returns the size of the packet with this seed. The sizes go from one byte up to the longest packet. */
static size_t size_of(uint32_t seed)
{
    return 1 + seed * 331 % LONGEST;
}

static void send_one(uint32_t seed)
{
    rx_rig_fill(sent, size_of(seed), seed);
    cr_assert(verbs_rx_rig_send(&rig, 0, sent, size_of(seed)), "%s", strerror(errno));
}

static void assert_is(const struct speadi_rx_packet *packet, uint32_t seed)
{
    rx_rig_fill(sent, size_of(seed), seed);
    cr_assert(rx_rig_packet_is(packet, sent, size_of(seed)), "packet %u is not as sent", seed);
}

static void assert_come(uint32_t first, uint32_t count)
{
    for (uint32_t next = first; next < first + count;) {
        int got = verbs_rx_rig_poll(&rig);

        cr_assert_gt(got, 0, "%u packets came", next);
        for (int i = 0; i < got; i++)
            assert_is(&rig.burst.packet[i], next++);
        verbs_rx_rig_give_back(&rig);
    }
}

static uint64_t rebuilds(void)
{
    struct speadi_rx_counters c;

    rig.ops->counters(rig.engine, &c);
    return c.rebuilds;
}

Test(rx_verbs_mprq, packets_of_all_sizes_come_whole_and_in_order_round_the_ring)
{
    verbs_rx_open(&rig, &striding);
    cr_assert(strstr(rig.reason, "4 entries of 32768 bytes, in strides of 64"), "%s", rig.reason);
    for (uint32_t round = 0; round < 60; round++) {
        for (uint32_t i = 0; i < 16; i++)
            send_one(round * 16 + i);
        assert_come(round * 16, 16);
    }
    cr_assert_eq(rebuilds(), 0);
}

Test(rx_verbs_mprq, what_is_lent_stays_while_the_ring_goes_round)
{
    static struct speadi_rx_burst lent;
    struct vdouble_counters before, now;
    int got;

    verbs_rx_open(&rig, &striding);
    send_one(0);
    got = verbs_rx_rig_poll(&rig);
    cr_assert_eq(got, 1);
    lent = rig.burst;
    vdouble_counters(&before);
    /* These are more packets than the entries can hold, so the device drops some of them. */
    for (uint32_t i = 1; i < 400; i++)
        send_one(i);
    do
        vdouble_counters(&now);
    while (now.rx_delivered + now.rx_out_of_buffer < before.rx_delivered + 399 &&
           usleep(1000) == 0);
    cr_assert_gt(now.rx_out_of_buffer, 0);
    assert_is(&lent.packet[0], 0);
    verbs_rx_rig_give_back(&rig);
    assert_come(1, (uint32_t)(now.rx_delivered - before.rx_delivered));
}

Test(rx_verbs_mprq, the_smallest_packets_fill_it_without_an_overrun)
{
    struct vdouble_counters now;
    uint32_t came = 0;

    verbs_rx_open(&rig, &striding);
    for (uint32_t i = 0; i < ENTRIES * ENTRY / 64 + 100; i++)
        cr_assert(verbs_rx_rig_send(&rig, 0, "x", 1));
    do
        vdouble_counters(&now);
    while (now.rx_out_of_buffer == 0 && usleep(1000) == 0);
    while (came < ENTRIES * ENTRY / 64) {
        int got = verbs_rx_rig_poll(&rig);

        cr_assert_gt(got, 0);
        came += (uint32_t)got;
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_eq(rebuilds(), 0);
}

/* Asserts that the packet with this seed arrives. Packets that were sent earlier can still arrive before this
 * packet. */
static void assert_comes_at_last(uint32_t seed)
{
    bool came = false;

    rx_rig_fill(sent, size_of(seed), seed);
    while (!came) {
        int got = verbs_rx_rig_poll(&rig);

        cr_assert_gt(got, 0, "packet %u did not come", seed);
        came = rx_rig_packet_is(&rig.burst.packet[got - 1], sent, size_of(seed));
        verbs_rx_rig_give_back(&rig);
    }
}

static void assert_recovers(void)
{
    for (uint32_t i = 0; i < 5000 && rebuilds() == 0; i++) {
        send_one(i);
        rig.ops->wait(rig.engine, 0);
        cr_assert_geq(rig.ops->poll(rig.engine, &rig.burst), 0);
        verbs_rx_rig_give_back(&rig);
        usleep(1000);
    }
    cr_assert_eq(rebuilds(), 1);
    send_one(1000);
    assert_comes_at_last(1000);
}

Test(rx_verbs_mprq, an_overrun_makes_a_new_queue)
{
    verbs_rx_open(&rig, &striding);
    vdouble_script("cq.overrun@3");
    assert_recovers();
}

Test(rx_verbs_mprq, a_fatal_event_makes_a_new_queue)
{
    const struct speadi_verbs_engine *engine;

    verbs_rx_open(&rig, &striding);
    engine = rig.engine;
    cr_assert_eq(vdouble_qp_fatal(engine->set.qp->qp_num), 0);
    assert_recovers();
}

Test(rx_verbs_mprq, auto_takes_it_where_payload_is_never_placed)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.path = SPEAD_PATH_BOUNCE, .auto_queue = true});
    cr_assert_eq(vdouble_calls("mlx5dv_create_wq"), 1);
    send_one(0);
    assert_come(0, 1);
}

/* Opens an engine on a port of this speed and MTU, whose path is auto. Returns whether it has such a queue. */
static bool auto_takes_it(const char *speed, unsigned mtu)
{
    const struct verbs_rx_options options = {
        .mtu = mtu, .path = SPEAD_PATH_AUTO, .auto_queue = true};

    cr_assert_eq(vdouble_script(speed), 0);
    verbs_rx_open(&rig, &options);
    return ((const struct speadi_verbs_engine *)rig.engine)->is_striding;
}

Test(rx_verbs_mprq, auto_takes_it_where_packets_are_short_and_the_port_is_fast)
{
    cr_expect(auto_takes_it("port_speed=32", 1500));
    cr_expect_not_null(strstr(rig.reason, "too short to be placed"), "%s", rig.reason);
}

Test(rx_verbs_mprq, auto_does_without_it_where_packets_can_be_placed)
{
    cr_expect_not(auto_takes_it("port_speed=32", 9000));
    cr_expect_not_null(strstr(rig.reason, "payload of 4096 bytes or more is placed"), "%s",
                       rig.reason);
    cr_expect_not_null(strstr(rig.reason, "at 100 Gb/s"), "%s", rig.reason);
}

Test(rx_verbs_mprq, auto_does_without_it_on_a_small_device)
{
    cr_expect_not(auto_takes_it("max_cqe=512", 1500));
    send_one(0);
    assert_come(0, 1);
}

Test(rx_verbs_mprq, auto_does_without_it_on_a_slow_port)
{
    cr_expect_not(auto_takes_it("port_speed=1", 1500));
    cr_expect_not_null(strstr(rig.reason, "at 10 Gb/s"), "%s", rig.reason);
}

Test(rx_verbs_mprq, where_there_is_none_auto_does_without_and_on_is_refused)
{
    vdouble_script("striding=0");
    verbs_rx_open(&rig, &(struct verbs_rx_options){.path = SPEAD_PATH_BOUNCE, .auto_queue = true});
    send_one(0);
    assert_come(0, 1);
    verbs_rx_rig_close(&rig);
    verbs_rx_prepare(&rig, &striding);
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), -ENOTSUP);
    cr_assert(strstr(rig.err.text, "ConnectX-5 and later); use off"), "%s", rig.err.text);
    cr_assert_str_eq(rig.err.field, "verbs.mprq");
}

Test(rx_verbs_mprq, placing_through_it_is_refused)
{
    struct verbs_rx_options options = striding;

    options.path = SPEAD_PATH_PLACED;
    verbs_rx_prepare(&rig, &options);
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), -EINVAL);
    cr_assert(strstr(rig.err.text, "placed"), "%s", rig.err.text);
    cr_assert_str_eq(rig.err.field, "verbs.mprq");
}

Test(rx_verbs_mprq, a_device_with_few_completions_is_refused_by_number)
{
    vdouble_script("max_cqe=512");
    verbs_rx_prepare(&rig, &striding);
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), -ENOTSUP);
    cr_assert(strstr(rig.err.text, "max_cqe 512"), "%s", rig.err.text);
    cr_assert_str_eq(rig.err.field, "verbs.mprq");
}

Test(rx_verbs_mprq, whichever_verb_fails_opening_leaves_nothing)
{
    static const char *const verbs[] = {
        "mlx5dv_create_wq", "create_rwq_ind_table", "modify_wq",    "mlx5dv_init_obj",
        "create_qp_ex",     "create_flow",          "create_cq_ex", "reg_mr"};
    char script[64];

    verbs_rx_prepare(&rig, &striding);
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        vdouble_reset();
        snprintf(script, sizeof script, "%s@%%1=EIO", verbs[i]);
        cr_assert_eq(vdouble_script(script), 0);
        cr_assert_lt(verbs_rx_rig_open_engine(&rig), 0, "%s", script);
        cr_assert(strstr(rig.err.text, verbs[i]), "%s: %s", script, rig.err.text);
        assert_nothing_left();
    }
}
