/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the verbs engine recovers from every failure that a device can report. The engine loses no packet that arrived
 * before the failure, and leaves no object behind.
 * Method: the verbs double on the near host fails as a script says. Ordinary sockets on the far host send. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "control.h"
#include "made_sys.h"
#include "rx_verbs.h"
#include "verbs_double.h"
#include "verbs_rx_usual.h"

TestSuite(rx_verbs_faults, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

/* ---- Queues and devices ----------------------------------------------------------------------- */

/* Sends packets until the engine has replaced its queue, then asserts that packets arrive again. */
static void assert_recovers(uint64_t rebuilds)
{
    for (uint32_t i = 0; i < 500 && counters().rebuilds < rebuilds; i++) {
        send_one(0, i);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
        cr_assert_geq(rig.ops->poll(rig.engine, &rig.burst), 0);
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_eq(counters().rebuilds, rebuilds);
    while (rig.ops->poll(rig.engine, &rig.burst) > 0)
        verbs_rx_rig_give_back(&rig);
    send_one(0, 1000);
    for (bool came = false; !came;) {
        cr_assert_gt(verbs_rx_rig_poll(&rig), 0);
        for (unsigned i = 0; i < rig.burst.count; i++)
            came |= rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent);
        verbs_rx_rig_give_back(&rig);
    }
}

Test(rx_verbs_faults, a_failed_completion_makes_a_new_queue)
{
    open_usual();
    vdouble_script("rx.status@3=LOC_PROT_ERR");
    assert_recovers(1);
}

Test(rx_verbs_faults, a_fatal_event_makes_a_new_queue)
{
    open_usual();
    vdouble_script("qp.fatal@2");
    assert_recovers(1);
}

Test(rx_verbs_faults, an_overrun_makes_a_new_queue)
{
    open_usual();
    vdouble_script("cq.overrun@2");
    assert_recovers(1);
}

Test(rx_verbs_faults, what_came_before_a_failure_is_not_lost)
{
    open_usual();
    vdouble_script("rx.status@9=GENERAL_ERR");
    for (uint32_t i = 0; i < 9; i++)
        send_one(0, i);
    for (uint32_t next = 0; next < 8;) {
        int count = verbs_rx_rig_poll(&rig);

        cr_assert_gt(count, 0);
        for (int i = 0; i < count; i++, next++) {
            rx_rig_fill(sent, sizeof sent, next);
            cr_assert(rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent));
        }
        verbs_rx_rig_give_back(&rig);
    }
}

Test(rx_verbs_faults, a_frame_beyond_the_slots_is_counted_and_the_stream_goes_on)
{
    for (int fatal = 0; fatal <= 1; fatal++) {
        vdouble_script(fatal ? "len_err_fatal=1" : "len_err_fatal=0");
        vdouble_script("rx.status@2=LOC_LEN_ERR");
        open_usual();
        assert_comes(0, 1);
        send_one(0, 2);
        cr_assert_eq(take_one()->flags, SPEADI_RX_TRUNCATED);
        verbs_rx_rig_give_back(&rig);
        send_one(0, 3);
        verbs_rx_rig_close(&rig);
    }
}

static unsigned mtu_lines;

static void count_mtu_lines(void *user, enum spead_log_level level, const char *line)
{
    (void)user, (void)level;
    mtu_lines +=
        strstr(line, "the MTU of near0 was 1500 when the stream began, and is 9000 now") != NULL;
}

/* Counts the packets that come until `wanted` whole packets have come. */
static unsigned truncated_among(unsigned wanted)
{
    unsigned truncated = 0, whole = 0;

    while (whole < wanted) {
        cr_assert_gt(verbs_rx_rig_poll(&rig), 0, "only %u whole packets came", whole);
        for (unsigned i = 0; i < rig.burst.count; i++)
            if (rig.burst.packet[i].flags & SPEADI_RX_TRUNCATED)
                truncated++;
            else
                whole++;
        verbs_rx_rig_give_back(&rig);
    }
    return truncated;
}

static void raise_mtu(void)
{
    cr_assert_eq(system("ip link set " TEST_NEAR_INTERFACE " mtu 9000"), 0);
    test_netns_move(rig.hosts.far);
    cr_assert_eq(system("ip link set " TEST_FAR_INTERFACE " mtu 9000"), 0);
    test_netns_move(rig.hosts.near);
}

/* Frames of an MTU that was raised after the stream began. With most firmware the first of them ends the queue. */
static void survive_long_frames(const char *script, uint32_t queues, uint64_t rebuilds)
{
    const struct spead_log log = {.fn = count_mtu_lines};
    static uint8_t lengthy[5000];
    enum { ROUNDS = 20 };
    unsigned truncated = 0;

    mtu_lines = 0;
    cr_assert_eq(vdouble_script(script), 0);
    verbs_rx_open(&rig, &(struct verbs_rx_options){
                            .log = &log, .verbs.queues = queues, .verbs.mprq = SPEAD_MPRQ_OFF});
    raise_mtu();
    cr_assert(verbs_rx_rig_send(&rig, 0, lengthy, sizeof lengthy));
    cr_assert_gt(verbs_rx_rig_poll(&rig), 0);
    verbs_rx_rig_give_back(&rig);
    while (counters().rebuilds < rebuilds)
        rig.ops->poll(rig.engine, &rig.burst);
    for (unsigned i = 0; i < ROUNDS; i++) {
        cr_assert(verbs_rx_rig_send(&rig, 0, lengthy, sizeof lengthy));
        send_one(0, i);
        truncated += truncated_among(1);
    }
    cr_expect_eq(truncated, ROUNDS);
    cr_expect_eq(counters().rebuilds, rebuilds, "%llu", (unsigned long long)counters().rebuilds);
    cr_expect_eq(mtu_lines, 1);
    verbs_rx_rig_close(&rig);
}

Test(rx_verbs_faults, frames_of_a_raised_mtu_end_one_queue_at_most_and_are_counted)
{
    survive_long_frames("", 1, 1);
    survive_long_frames("len_err_fatal=0", 1, 0);
    survive_long_frames("len_err_fatal=1", 2, 1);
}

/* Opens an engine on an interface whose MTU is 1500, and sends a packet that is longer. */
static void expect_long_packet_comes(const char *script)
{
    static uint8_t lengthy[5000];
    const struct speadi_rx_packet *packet;

    cr_assert_eq(vdouble_script(script), 0);
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), 0, "%s", rig.err.text);
    raise_mtu();
    rx_rig_fill(lengthy, sizeof lengthy, 1);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(verbs_rx_rig_send(&rig, 0, lengthy, sizeof lengthy));
        packet = take_one();
        cr_expect(rx_rig_packet_is(packet, lengthy, sizeof lengthy), "flags %u", packet->flags);
        verbs_rx_rig_give_back(&rig);
    }
    cr_expect_eq(counters().rebuilds, 0);
    cr_expect_geq(rig.facts.packet_bytes_max, sizeof lengthy);
}

/* The made-up host says that the interface lies on a port with a larger MTU, as a VLAN does. */
Test(rx_verbs_faults, longer_frames_of_the_port_below_a_vlan_come_whole)
{
    verbs_rx_prepare(&rig, &(struct verbs_rx_options){.verbs.mprq = SPEAD_MPRQ_OFF});
    made_sys_begin();
    made_sys_port(TEST_NEAR_INTERFACE, 0, "0", "1");
    made_sys_write("/sys/class/net/" TEST_NEAR_INTERFACE "/lower_wide0/ifindex", "70");
    made_sys_write("/sys/class/net/wide0/mtu", "9000");
    expect_long_packet_comes("");
    made_sys_remove();
}

Test(rx_verbs_faults, a_device_without_a_spill_has_room_for_the_longest_frames)
{
    verbs_rx_prepare(&rig, &(struct verbs_rx_options){.verbs.mprq = SPEAD_MPRQ_OFF});
    expect_long_packet_comes("max_sge=1");
}

Test(rx_verbs_faults, a_port_that_goes_down_is_counted)
{
    open_usual();
    vdouble_script("port_down=1");
    for (int i = 0; i < 500 && counters().link_downs == 0; i++) {
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
    }
    cr_assert_eq(counters().link_downs, 1);
    vdouble_script("port_down=0");
    assert_comes(0, 1);
}

/* Frames bypass the kernel, but the kernel joins the groups, so that switches forward them to this host. */
Test(rx_verbs_faults, the_groups_are_joined_again_when_the_link_comes_back)
{
    open_usual();
    test_netns_move(rig.hosts.far);
    cr_assert_eq(system("PATH=$PATH:/usr/sbin:/sbin; ip link set " TEST_FAR_INTERFACE
                        " down && ip link set " TEST_FAR_INTERFACE " up"),
                 0);
    test_netns_move(rig.hosts.near);
    for (int i = 0; i < 500 && counters().rejoins == 0; i++) {
        rig.ops->refresh(rig.engine);
        cr_assert_geq(rig.ops->poll(rig.engine, &rig.burst), 0);
        verbs_rx_rig_give_back(&rig);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
    }
    cr_assert_eq(counters().rejoins, 1);
}

Test(rx_verbs_faults, endpoints_on_several_interfaces_are_refused)
{
    struct speadi_interface several[2] = {{.index = 1}, {.index = 2}};
    struct verbs_rx_options options = {.endpoints = {"239.1.2.3:7148", "239.1.2.4:7148"}};

    if (!verbs_rx_rig_prepare(&rig, &options))
        cr_skip_test("%s", rig.reason);
    rig.config.interfaces = several;
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), -ENOTSUP, "%s", rig.err.text);
    cr_expect_not_null(strstr(rig.err.text, "use a stream for each"), "%s", rig.err.text);
}

Test(rx_verbs_faults, a_device_that_is_gone_ends_the_stream)
{
    int ret = 0;

    open_usual();
    vdouble_script("device_fatal=1");
    for (int i = 0; i < 500 && ret == 0; i++) {
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
        ret = rig.ops->poll(rig.engine, &rig.burst);
    }
    cr_assert_eq(ret, -ENODEV);
}

Test(rx_verbs_faults, a_queue_that_cannot_be_made_anew_ends_the_stream)
{
    int ret = 0;

    open_usual();
    vdouble_script("qp.fatal@1 create_qp@1=EIO");
    send_one(0, 1);
    for (int i = 0; i < 500 && ret == 0; i++) {
        ret = rig.ops->poll(rig.engine, &rig.burst);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
    }
    cr_assert_eq(ret, -EIO);
}

static void await(uint64_t completions, uint64_t events)
{
    struct vdouble_counters c = {0};
    uint64_t deadline = speadi_clock_mono_ns() + 5000000000u;

    while ((c.completions < completions || c.async_events < events) &&
           speadi_clock_mono_ns() < deadline)
        vdouble_counters(&c);
    cr_assert_geq(c.completions, completions);
    cr_assert_geq(c.async_events, events);
}

/* Polls and waits until the engine has an error, or has replaced its queue. Returns the result of the last poll. */
static int poll_until_replaced(void)
{
    uint64_t deadline = speadi_clock_mono_ns() + 20000000000u;
    int ret = 0;

    while (ret >= 0 && counters().rebuilds == 0 && speadi_clock_mono_ns() < deadline) {
        ret = rig.ops->poll(rig.engine, &rig.burst);
        verbs_rx_rig_give_back(&rig);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
    }
    return ret;
}

static unsigned retry_lines;

static void count_retry_lines(void *user, enum spead_log_level level, const char *line)
{
    (void)user, (void)level;
    retry_lines += strstr(line, "cannot be made anew yet; the engine tries again for 10 s") != NULL;
}

/* Each call that opens a queue fails for a moment, three times. */
static void survive_shortage(const char *script, enum spead_verbs_mprq mprq, uint32_t queues)
{
    const struct spead_log log = {.fn = count_retry_lines};

    retry_lines = 0;
    verbs_rx_open(&rig, &(struct verbs_rx_options){.log = &log,
                                                   .path = SPEAD_PATH_BOUNCE,
                                                   .verbs.queues = queues,
                                                   .verbs.mprq = mprq});
    assert_comes(0, 1);
    cr_assert_eq(vdouble_script("qp.fatal@1"), 0);
    cr_assert_eq(vdouble_script(script), 0, "%s: %s", script, vdouble_last_refusal());
    send_one(0, 2);
    cr_assert_geq(poll_until_replaced(), 0, "%s ended the stream", script);
    cr_expect_eq(counters().rebuilds, 1u, "%s", script);
    cr_expect_eq(counters().rebuild_failures, 3u, "%s: %llu failures", script,
                 (unsigned long long)counters().rebuild_failures);
    cr_expect_eq(retry_lines, 1, "%s: %u lines", script, retry_lines);
    assert_comes(0, 3);
    verbs_rx_rig_close(&rig);
    vdouble_reset();
}

Test(rx_verbs_faults, a_queue_that_cannot_be_made_anew_for_a_moment_is_tried_again)
{
    survive_shortage("create_qp@1=ENOMEM create_qp@2=EAGAIN create_qp@3=EINTR", SPEAD_MPRQ_OFF, 1);
    survive_shortage("create_cq_ex@1=EBUSY create_cq_ex@2=EBUSY create_cq_ex@3=EBUSY",
                     SPEAD_MPRQ_OFF, 1);
    survive_shortage("create_flow@1=ENOMEM create_flow@2=ENOMEM create_flow@3=ENOMEM",
                     SPEAD_MPRQ_OFF, 1);
    survive_shortage("modify_qp@2=ENOMEM modify_qp@4=EAGAIN modify_qp@6=EBUSY", SPEAD_MPRQ_OFF, 1);
    survive_shortage("create_wq@1=ENOMEM create_wq@3=ENOMEM create_wq@4=ENOMEM", SPEAD_MPRQ_OFF, 4);
    survive_shortage("mlx5dv_create_wq@1=ENOMEM mlx5dv_create_wq@2=ENOMEM mlx5dv_create_wq@3=EINTR",
                     SPEAD_MPRQ_ON, 1);
}

/* The packets that the failed queue had received are lent while no other queue can be opened, and their times are still
 * said to be from the clock of that queue. */
Test(rx_verbs_faults, what_came_before_a_shortage_is_not_lost)
{
    unsigned count = 0;

    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.clock = SPEAD_VERBS_CLOCK_NIC});
    vdouble_script("create_comp_channel@%1=ENOMEM");
    for (uint32_t i = 0; i < 100; i++)
        send_one(0, i);
    await(100, 0);
    ((struct speadi_verbs_engine *)rig.engine)->failed = true;
    for (unsigned i = 0; i < 500 && count < 100; i++) {
        int ret = rig.ops->poll(rig.engine, &rig.burst);

        cr_assert_geq(ret, 0);
        count += (unsigned)ret;
        cr_expect(ret == 0 || rig.burst.clock == SPEAD_CLOCK_HARDWARE, "packet %u", count);
        verbs_rx_rig_give_back(&rig);
    }
    cr_expect_eq(count, 100, "%u packets", count);
    cr_expect_geq(counters().rebuild_failures, 1u);
}

Test(rx_verbs_faults, a_shortage_that_lasts_ends_the_stream)
{
    open_usual();
    ((struct speadi_verbs_engine *)rig.engine)->outage.limit_ns = 20000000;
    vdouble_script("qp.fatal@1 create_qp@%1=ENOMEM");
    send_one(0, 1);
    cr_expect_eq(poll_until_replaced(), -ENOMEM);
    cr_expect_geq(counters().rebuild_failures, 1u);
}

/* Eight packets have arrived, and then the device or the queue has failed. The engine reads the event about this
 * failure before it polls. It must still lend the eight packets, and only then return `error`. */
static void assert_lends_before_it_ends(int error)
{
    int ret;

    /* wait() reads the events of the device. */
    for (unsigned i = 0; i < 2; i++)
        rig.ops->wait(rig.engine, 0);
    for (uint32_t next = 0; next < 8;) {
        ret = rig.ops->poll(rig.engine, &rig.burst);
        cr_assert_gt(ret, 0, "packet %u: %d", next, ret);
        for (int i = 0; i < ret; i++, next++) {
            rx_rig_fill(sent, sizeof sent, next);
            cr_assert(rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent));
        }
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), error);
}

Test(rx_verbs_faults, what_came_before_a_device_went_is_not_lost)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.comp_vector = -1});
    for (uint32_t i = 0; i < 8; i++)
        send_one(0, i);
    await(8, 0);
    vdouble_script("device_fatal=1");
    await(8, 1);
    assert_lends_before_it_ends(-ENODEV);
}

Test(rx_verbs_faults, what_came_before_a_queue_that_cannot_be_made_anew_is_not_lost)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.comp_vector = -1});
    vdouble_script("qp.fatal@9 create_qp@1=EIO");
    for (uint32_t i = 0; i < 9; i++)
        send_one(0, i);
    await(8, 1);
    assert_lends_before_it_ends(-EIO);
}

/* Sends and polls. Returns true when a packet that was sent after the failure arrives. Returns false when the stream
 * ends. */
static bool goes_on(uint64_t calls, const char *verb)
{
    for (uint32_t i = 0; i < 2000; i++) {
        bool over = vdouble_calls(verb) > calls;
        int ret;

        send_one(0, i);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 1000000);
        ret = rig.ops->poll(rig.engine, &rig.burst);
        if (ret < 0)
            return false;
        for (int k = 0; k < ret; k++)
            if (over && rx_rig_packet_is(&rig.burst.packet[k], sent, sizeof sent))
                return true;
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_fail("neither goes on nor ends after %s", verb);
    return false;
}

Test(rx_verbs_faults, whichever_verb_fails_later_the_stream_goes_on_or_ends)
{
    /* The first scripts let a verb of the data path fail. In the other scripts a queue fails first, and then a verb
     * fails that the engine uses to make another queue. */
    static const char *const scripts[] = {
        "start_poll@5=EIO",
        "req_notify_cq@1=EIO",
        "post_recv@2=EIO",
        "get_cq_event@1=EIO",
        "qp.fatal@3 modify_qp@1=EIO", /* this call of modify_qp stops the old queue */
        "qp.fatal@3 modify_qp@2=EIO",
        "qp.fatal@3 modify_qp@3=EIO",
        "qp.fatal@3 create_cq_ex@1=ENOMEM",
        "qp.fatal@3 create_comp_channel@1=EMFILE",
        "qp.fatal@3 create_qp@1=ENOMEM",
        "qp.fatal@3 create_flow@1=ENOMEM",
        "qp.fatal@3 post_recv@2=ENOMEM",
        "cq.overrun@3 create_cq_ex@1=ENOMEM",
        "rx.status@3=GENERAL_ERR start_poll@9=EIO",
    };

    verbs_rx_prepare(&rig, &(struct verbs_rx_options){0});
    for (unsigned i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        char verb[32];
        const char *last = strrchr(scripts[i], ' ');

        last = last ? last + 1 : scripts[i];
        snprintf(verb, sizeof verb, "%.*s", (int)strcspn(last, "@"), last);
        vdouble_reset();
        cr_assert_eq(verbs_rx_rig_open_engine(&rig), 0, "%s", rig.err.text);
        cr_assert_eq(vdouble_script(scripts[i]), 0, "%s", vdouble_last_refusal());
        (void)goes_on(vdouble_calls(verb), verb);
        rig.ops->close(rig.engine);
        free(rig.engine);
        rig.engine = NULL;
        assert_nothing_left();
    }
}

/* ---- Opening ------------------------------------------------------------------------------- */

Test(rx_verbs_faults, whichever_verb_fails_opening_leaves_nothing)
{
    static const char *const verbs[] = {"alloc_pd",  "reg_mr",     "create_comp_channel",
                                        "create_qp", "modify_qp",  "create_cq_ex",
                                        "post_recv", "create_flow"};
    char script[64];

    verbs_rx_prepare(
        &rig, &(struct verbs_rx_options){.endpoints = {"239.1.2.3:7148", TEST_NEAR_V4 ":7149"}});
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        for (unsigned nth = 1; nth <= 4; nth++) {
            int ret;

            vdouble_reset();
            snprintf(script, sizeof script, "%s@%u=ENOMEM", verbs[i], nth);
            cr_assert_eq(vdouble_script(script), 0);
            ret = verbs_rx_rig_open_engine(&rig);
            cr_assert(ret == 0 || (ret < 0 && strstr(rig.err.text, verbs[i]) &&
                                   strstr(rig.err.text, "vd_near0")),
                      "%s: %d %s", script, ret, rig.err.text);
            if (ret == 0) {
                rig.ops->close(rig.engine);
                free(rig.engine);
                rig.engine = NULL;
            }
            assert_nothing_left();
        }
}

Test(rx_verbs_faults, without_the_capability_the_sentence_names_it)
{
    verbs_rx_prepare(&rig, &(struct verbs_rx_options){0});
    vdouble_script("net_raw=0");
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), -EPERM);
    cr_assert(strstr(rig.err.text, "spead-net-raw"), "%s", rig.err.text);
}

/* ---- What is no failure -------------------------------------------------------------------- */

/* The completions say that the queue has failed, before the event is read. */
Test(rx_verbs_faults, the_event_of_a_queue_that_was_replaced_does_not_fail_the_next_one)
{
    vdouble_script("stale_events=1 qp.fatal@3");
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.comp_vector = -1});
    for (uint32_t i = 0; i < 3; i++)
        send_one(0, i);
    for (int i = 0; i < 5000 && counters().rebuilds == 0; i++) {
        if (rig.ops->poll(rig.engine, &rig.burst) > 0)
            verbs_rx_rig_give_back(&rig);
        usleep(1000);
    }
    cr_assert_eq(counters().rebuilds, 1);
    for (uint32_t i = 0; i < 20; i++) {
        assert_comes(0, i);
        usleep(2000); /* the engine reads events every 10 ms */
        rig.ops->wait(rig.engine, UINT64_MAX);
    }
    cr_expect_eq(counters().rebuilds, 1);
}

Test(rx_verbs_faults, a_queue_that_is_full_at_the_moment_is_not_replaced)
{
    vdouble_script("post_recv@%3=ENOMEM");
    open_usual();
    for (uint32_t i = 0; i < 300; i++)
        assert_comes(0, i);
    cr_expect_eq(counters().rebuilds, 0);
}
