/* Goal: the verbs engine lends what was sent to its endpoints, whole and in order, tells the rest apart by name,
 * and comes back from every failure that a device can report.
 * Method: the verbs double on the near host of a cable, ordinary sockets and hand-made frames on the far one;
 * failures are scripted. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>

#include "control.h"
#include "rx_rig.h"
#include "verbs_double.h"
#include "verbs_rx_expect.h"

enum { PAYLOAD = 1000 };

static struct verbs_rx_rig rig;
static uint8_t sent[PAYLOAD];

static void tear_down(void)
{
    verbs_rx_close(&rig);
}

TestSuite(rx_verbs, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

static void open_usual(void)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){0});
}

static void send_one(unsigned endpoint, uint32_t seed)
{
    rx_rig_fill(sent, sizeof sent, seed);
    cr_assert(verbs_rx_rig_send(&rig, endpoint, sent, sizeof sent), "%s", strerror(errno));
}

static const struct speadi_rx_packet *take_one(void)
{
    int count = verbs_rx_rig_poll(&rig);

    cr_assert_eq(count, 1, "poll says %d", count);
    return &rig.burst.packet[0];
}

/* Sends one packet and demands that it comes as it is. */
static void assert_comes(unsigned endpoint, uint32_t seed)
{
    const struct speadi_rx_packet *packet;

    send_one(endpoint, seed);
    packet = take_one();
    cr_assert(rx_rig_packet_is(packet, sent, sizeof sent), "flags %u bucket %u", packet->flags,
              packet->bucket);
    cr_assert_eq(packet->source, endpoint);
    verbs_rx_rig_give_back(&rig);
}

static struct speadi_rx_counters counters(void)
{
    struct speadi_rx_counters c;

    rig.ops->counters(rig.engine, &c);
    return c;
}

/* ---- What comes ---------------------------------------------------------------------------- */

Test(rx_verbs, datagrams_to_a_group_come_whole_and_in_order_round_the_slots)
{
    uint32_t next = 0;

    verbs_rx_open(&rig,
                  &(struct verbs_rx_options){.buffer_bytes = 1}); /* as few slots as there may be */
    for (uint32_t round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < 32; i++)
            send_one(0, round * 32 + i);
        for (uint32_t end = next + 32; next < end;) {
            int count = verbs_rx_rig_poll(&rig);

            cr_assert_gt(count, 0, "%u packets came", next);
            for (int i = 0; i < count; i++, next++) {
                rx_rig_fill(sent, sizeof sent, next);
                cr_assert(rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent), "%u", next);
            }
            verbs_rx_rig_give_back(&rig);
        }
    }
}

Test(rx_verbs, unicast_comes_and_the_kernel_does_not_answer_it)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.endpoints = {TEST_NEAR_V4 ":7148"}});
    for (uint32_t i = 0; i < 20; i++) /* an answer would fail the send after it */
        assert_comes(0, i);
}

Test(rx_verbs, endpoints_are_told_apart)
{
    verbs_rx_open(
        &rig, &(struct verbs_rx_options){.endpoints = {"239.1.2.3:7148", "239.1.2.4:7148",
                                                       TEST_NEAR_V4 ":7148", "[ff15::5]:7149"}});
    for (uint32_t i = 0; i < 16; i++)
        assert_comes(i * 7 % 4, i);
}

Test(rx_verbs, any_address_means_those_of_the_interface)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.endpoints = {":7148", "[::]:7149"}});
    assert_comes(0, 1);
    assert_comes(1, 2);
}

Test(rx_verbs, ipv6_comes_to_an_address_and_to_a_group)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){
                            .endpoints = {"[" TEST_NEAR_V6 "]:7148", "[ff15::1:2]:7148"}});
    assert_comes(0, 1);
    assert_comes(1, 2);
}

Test(rx_verbs, frames_with_a_vlan_tag_come_too)
{
    static uint8_t frame[PAYLOAD + 64];

    open_usual();
    rx_rig_fill(sent, sizeof sent, 1);
    cr_assert(
        verbs_rx_rig_send_frame(&rig, frame, verbs_rx_rig_frame(frame, 5, 0, sent, sizeof sent)));
    cr_assert(rx_rig_packet_is(take_one(), sent, sizeof sent));
    verbs_rx_rig_give_back(&rig);
    assert_comes(0, 2);
}

Test(rx_verbs, the_longest_packet_of_the_interface_is_known_and_comes)
{
    static uint8_t longest[VERBS_RX_MTU - 28];

    open_usual();
    cr_assert_eq(rig.facts.packet_bytes_max, sizeof longest);
    rx_rig_fill(longest, sizeof longest, 1);
    cr_assert(verbs_rx_rig_send(&rig, 0, longest, sizeof longest));
    cr_assert(rx_rig_packet_is(take_one(), longest, sizeof longest));
    verbs_rx_rig_give_back(&rig);
}

Test(rx_verbs, a_datagram_of_no_bytes_is_lent_as_that)
{
    open_usual();
    cr_assert(verbs_rx_rig_send(&rig, 0, "", 0));
    cr_assert_eq(take_one()->datagram_bytes, 0);
    cr_assert_eq(rig.burst.packet[0].flags, 0);
    verbs_rx_rig_give_back(&rig);
}

/* ---- What is refused ----------------------------------------------------------------------- */

static void assert_refused(const uint8_t *frame, size_t bytes, int bucket)
{
    const struct speadi_rx_packet *packet;

    cr_assert(verbs_rx_rig_send_frame(&rig, frame, bytes));
    packet = take_one();
    cr_assert_eq(packet->flags, SPEADI_RX_REFUSED);
    cr_assert_eq(packet->bucket, bucket, "bucket %u", packet->bucket);
    verbs_rx_rig_give_back(&rig);
    assert_comes(0, 99);
}

Test(rx_verbs, a_wrong_checksum_is_refused_whether_the_device_looks_or_not)
{
    static uint8_t frame[PAYLOAD + 64];
    size_t bytes;

    for (int offload = 0; offload <= 1; offload++) {
        vdouble_script(offload ? "ip_csum=1" : "ip_csum=0");
        open_usual();
        bytes = verbs_rx_rig_frame(frame, 0, 0, sent, sizeof sent);
        frame[bytes - 3] ^= 4;
        assert_refused(frame, bytes, SPEAD_RECV_MALFORMED_CHECKSUM);
        verbs_rx_rig_close(&rig);
    }
}

Test(rx_verbs, contradicting_lengths_are_refused_by_name)
{
    static uint8_t frame[PAYLOAD + 64];
    size_t bytes;

    open_usual();
    bytes = verbs_rx_rig_frame(frame, 0, 0, sent, sizeof sent);
    frame[38] = 0xff; /* UDP's length */
    assert_refused(frame, bytes, SPEAD_RECV_MALFORMED_FRAME);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

Test(rx_verbs, wake_ends_a_wait_without_limit)
{
    open_usual();
    rig.ops->wake(rig.engine);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    for (uint64_t sleeps = counters().sleeps; counters().sleeps == sleeps;) {
        rig.ops->wait(rig.engine, UINT64_MAX);
        rig.ops->poll(rig.engine, &rig.burst);
    }
}

Test(rx_verbs, after_max_poll_polls_it_sleeps_until_a_packet_comes)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.max_poll = 5});
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(counters().sleeps, 0);
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 1000000);
    }
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 1000000);
    cr_assert_eq(counters().sleeps, 1);
    for (uint32_t i = 0; i < 50; i++)
        assert_comes(0, i);
}

Test(rx_verbs, without_completion_events_it_never_sleeps)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.comp_vector = -1});
    for (uint32_t i = 0; i < 10; i++)
        assert_comes(0, i);
    cr_expect_eq(counters().sleeps, 0);
    cr_expect(rig.facts.busy);
    cr_expect_eq(vdouble_calls("create_comp_channel"), 0);
}

/* ---- Time ---------------------------------------------------------------------------------- */

static void assert_time_is_now(enum spead_clock clock)
{
    uint64_t before = speadi_clock_utc_ns(), time;

    cr_assert_eq(rig.facts.clock, clock);
    send_one(0, 1);
    time = take_one()->time_ns;
    cr_assert_geq(time, before - 1000000);
    cr_assert_leq(time, speadi_clock_utc_ns() + 1000000);
    verbs_rx_rig_give_back(&rig);
}

Test(rx_verbs, packets_have_the_device_s_time_where_it_gives_one)
{
    open_usual();
    assert_time_is_now(SPEAD_CLOCK_HARDWARE);
}

Test(rx_verbs, ticks_are_converted_to_utc)
{
    vdouble_script("wallclock=0");
    open_usual();
    assert_time_is_now(SPEAD_CLOCK_UTC);
    cr_expect_gt(vdouble_calls("query_rt_values"), 0);
}

Test(rx_verbs, a_device_without_time_stamps_takes_the_host_s)
{
    vdouble_script("wallclock=0 timestamps=0");
    open_usual();
    assert_time_is_now(SPEAD_CLOCK_UTC);
}

/* ---- Failures ------------------------------------------------------------------------------ */

/* Sends until the queue has been made anew, then demands that packets come again. */
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

Test(rx_verbs, a_failed_completion_makes_a_new_queue)
{
    open_usual();
    vdouble_script("rx.status@3=LOC_PROT_ERR");
    assert_recovers(1);
}

Test(rx_verbs, a_fatal_event_makes_a_new_queue)
{
    open_usual();
    vdouble_script("qp.fatal@2");
    assert_recovers(1);
}

Test(rx_verbs, an_overrun_makes_a_new_queue)
{
    open_usual();
    vdouble_script("cq.overrun@2");
    assert_recovers(1);
}

Test(rx_verbs, what_came_before_a_failure_is_not_lost)
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

Test(rx_verbs, a_frame_beyond_the_slots_is_counted_and_the_stream_goes_on)
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

Test(rx_verbs, a_port_that_goes_down_is_counted)
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

Test(rx_verbs, a_device_that_is_gone_ends_the_stream)
{
    int rc = 0;

    open_usual();
    vdouble_script("device_fatal=1");
    for (int i = 0; i < 500 && rc == 0; i++) {
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
        rc = rig.ops->poll(rig.engine, &rig.burst);
    }
    cr_assert_eq(rc, -ENODEV);
}

Test(rx_verbs, a_queue_that_cannot_be_made_anew_ends_the_stream)
{
    int rc = 0;

    open_usual();
    vdouble_script("qp.fatal@1 create_qp@1=EIO");
    send_one(0, 1);
    for (int i = 0; i < 500 && rc == 0; i++) {
        rc = rig.ops->poll(rig.engine, &rig.burst);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
    }
    cr_assert_eq(rc, -EIO);
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

/* The engine hears of the end before it reads what came: eight packets, then `error`. */
static void assert_lends_before_it_ends(int error)
{
    int rc;

    for (unsigned i = 0; i < 2; i++) /* events are heard only when nothing was found */
        rig.ops->wait(rig.engine, 0);
    for (uint32_t next = 0; next < 8;) {
        rc = rig.ops->poll(rig.engine, &rig.burst);
        cr_assert_gt(rc, 0, "packet %u: %d", next, rc);
        for (int i = 0; i < rc; i++, next++) {
            rx_rig_fill(sent, sizeof sent, next);
            cr_assert(rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent));
        }
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), error);
}

Test(rx_verbs, what_came_before_a_device_went_is_not_lost)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.comp_vector = -1});
    for (uint32_t i = 0; i < 8; i++)
        send_one(0, i);
    await(8, 0);
    vdouble_script("device_fatal=1");
    await(8, 1);
    assert_lends_before_it_ends(-ENODEV);
}

Test(rx_verbs, what_came_before_a_queue_that_cannot_be_made_anew_is_not_lost)
{
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.comp_vector = -1});
    vdouble_script("qp.fatal@9 create_qp@1=EIO");
    for (uint32_t i = 0; i < 9; i++)
        send_one(0, i);
    await(8, 1);
    assert_lends_before_it_ends(-EIO);
}

/* Sends and polls until a packet sent after the failure comes (true) or the stream ends (false). */
static bool goes_on(uint64_t calls, const char *verb)
{
    for (uint32_t i = 0; i < 2000; i++) {
        bool over = vdouble_calls(verb) > calls;
        int rc;

        send_one(0, i);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 1000000);
        rc = rig.ops->poll(rig.engine, &rig.burst);
        if (rc < 0)
            return false;
        for (int k = 0; k < rc; k++)
            if (over && rx_rig_packet_is(&rig.burst.packet[k], sent, sizeof sent))
                return true;
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_fail("neither goes on nor ends after %s", verb);
    return false;
}

Test(rx_verbs, whichever_verb_fails_later_the_stream_goes_on_or_ends)
{
    /* Those of the data path, and with a queue that fails those that make another. */
    static const char *const scripts[] = {
        "start_poll@5=EIO",
        "req_notify_cq@1=EIO",
        "post_recv@2=EIO",
        "get_cq_event@1=EIO",
        "qp.fatal@3 modify_qp@1=EIO", /* the old one is stopped by it */
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

Test(rx_verbs, a_small_device_still_carries_packets)
{
    vdouble_script("max_qp_wr=4 max_cqe=4 max_sge=1");
    open_usual();
    for (uint32_t i = 0; i < 20; i++)
        assert_comes(0, i);
}

Test(rx_verbs, whichever_verb_fails_opening_leaves_nothing)
{
    static const char *const verbs[] = {"alloc_pd",  "reg_mr",     "create_comp_channel",
                                        "create_qp", "modify_qp",  "create_cq_ex",
                                        "post_recv", "create_flow"};
    char script[64];

    verbs_rx_prepare(
        &rig, &(struct verbs_rx_options){.endpoints = {"239.1.2.3:7148", TEST_NEAR_V4 ":7149"}});
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        for (unsigned nth = 1; nth <= 4; nth++) {
            int rc;

            vdouble_reset();
            snprintf(script, sizeof script, "%s@%u=ENOMEM", verbs[i], nth);
            cr_assert_eq(vdouble_script(script), 0);
            rc = verbs_rx_rig_open_engine(&rig);
            cr_assert(rc == 0 || (rc < 0 && strstr(rig.err.text, verbs[i]) &&
                                  strstr(rig.err.text, "vd_near0")),
                      "%s: %d %s", script, rc, rig.err.text);
            if (rc == 0) {
                rig.ops->close(rig.engine);
                free(rig.engine);
                rig.engine = NULL;
            }
            assert_nothing_left();
        }
}

Test(rx_verbs, without_the_capability_the_sentence_names_it)
{
    verbs_rx_prepare(&rig, &(struct verbs_rx_options){0});
    vdouble_script("net_raw=0");
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), -EPERM);
    cr_assert(strstr(rig.err.text, "cap_net_raw"), "%s", rig.err.text);
}
