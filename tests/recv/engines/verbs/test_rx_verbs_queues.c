/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the device spreads packets over several queues. All of them arrive, and the packets of one flow arrive in
 * order. If queues fail, the engine replaces all of them, as it replaces a single queue.
 * Method: the verbs double hashes as a NIC does. The test sends flows to several groups; each payload holds a
 * number. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "rx_rig.h"
#include "rx_verbs.h"
#include "verbs_double.h"
#include "verbs_rx_expect.h"

enum { FLOWS = 4, QUEUES = 4 };

static struct verbs_rx_rig rig;
static const struct verbs_rx_options several = {
    .endpoints = {"239.1.2.3:7148", "239.1.2.4:7148", "239.1.2.5:7149", TEST_NEAR_V4 ":7150"},
    .verbs = {.queues = QUEUES}};

static void tear_down(void)
{
    verbs_rx_close(&rig);
}

TestSuite(rx_verbs_queues, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

static void open_several(void)
{
    verbs_rx_open(&rig, &several);
}

/* Gives each sender a fixed port. The hash of the device uses the source port. If the kernel chose the ports, the flows
 * would use other queues in each run. */
static void bind_senders(void)
{
    static const struct sockaddr none = {.sa_family = AF_UNSPEC};

    for (unsigned i = 0; i < FLOWS; i++) {
        const struct sockaddr_in from = {.sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)(20000 + i))};

        cr_assert_eq(connect(rig.sender[i], &none, sizeof none), 0);
        cr_assert_eq(bind(rig.sender[i], (const struct sockaddr *)&from, sizeof from), 0);
        cr_assert_eq(connect(rig.sender[i], &rig.address[i].any, rig.address[i].length), 0);
    }
}

static void send_number(unsigned flow, uint32_t number)
{
    cr_assert(verbs_rx_rig_send(&rig, flow, &number, sizeof number), "%s", strerror(errno));
}

/* Receives `count` numbers of each flow, beginning with the number `first`. Returns a bit mask: bit q is set if a
 * packet arrived through queue q. */
static uint32_t take_numbers(uint32_t first, uint32_t count)
{
    uint32_t next[FLOWS] = {first, first, first, first}, queues = 0, came = 0;

    while (came < FLOWS * count) {
        int got = verbs_rx_rig_poll(&rig);

        cr_assert_gt(got, 0, "%u packets came", came);
        for (int i = 0; i < got; i++, came++) {
            const struct speadi_rx_packet *packet = &rig.burst.packet[i];
            uint32_t *expected = &next[packet->source];

            cr_assert(rx_rig_packet_is(packet, expected, sizeof *expected), "flow %u, number %u",
                      packet->source, *expected);
            ++*expected;
            queues |= 1u << rig.burst.from[packet->from].queue;
        }
        verbs_rx_rig_give_back(&rig);
    }
    return queues;
}

static uint32_t send_and_take(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < FLOWS * count; i++)
        send_number(i % FLOWS, first + i / FLOWS);
    return take_numbers(first, count);
}

/* Sends `number` on every flow, and receives until `number` has arrived on all flows. Packets that were sent earlier
 * can arrive before these packets; the function ignores the earlier packets. */
static void skip_to(uint32_t number)
{
    unsigned left = FLOWS;

    for (unsigned flow = 0; flow < FLOWS; flow++)
        send_number(flow, number);
    while (left > 0) {
        int got = verbs_rx_rig_poll(&rig);

        cr_assert_gt(got, 0, "%u flows have stopped", left);
        for (int i = 0; i < got; i++)
            left -= rx_rig_packet_is(&rig.burst.packet[i], &number, sizeof number);
        verbs_rx_rig_give_back(&rig);
    }
}

static uint64_t rebuilds(void)
{
    struct speadi_rx_counters c;

    rig.ops->counters(rig.engine, &c);
    return c.rebuilds;
}

Test(rx_verbs_queues, flows_are_spread_and_each_keeps_its_order)
{
    uint32_t queues = 0;

    open_several();
    bind_senders();
    cr_assert(strstr(rig.reason, "4 queues that share"), "%s", rig.reason);
    /* The loop is so long that the engine uses each slot several times. */
    for (uint32_t round = 0; round < 40; round++)
        queues |= send_and_take(round * 8, 8);
    cr_assert_gt(__builtin_popcount(queues), 1);
}

static void recover_from(const char *script)
{
    open_several();
    vdouble_script(script);
    for (unsigned i = 0; i < 5000 && rebuilds() == 0; i++) {
        send_number(i % FLOWS, i);
        rig.ops->wait(rig.engine, 0);
        cr_assert_geq(rig.ops->poll(rig.engine, &rig.burst), 0);
        verbs_rx_rig_give_back(&rig);
        usleep(1000);
    }
    cr_assert_eq(rebuilds(), 1);
    skip_to(1000);
    send_and_take(1001, 4);
}

Test(rx_verbs_queues, one_that_fails_makes_all_anew)
{
    recover_from("rx.status@5=LOC_PROT_ERR");
}

Test(rx_verbs_queues, one_that_dies_with_an_event_makes_all_anew)
{
    recover_from("qp.fatal@5");
}

Test(rx_verbs_queues, whichever_verb_fails_opening_leaves_nothing)
{
    static const char *const verbs[] = {"create_wq", "create_rwq_ind_table", "modify_wq",
                                        "create_qp_ex", "create_flow"};
    char script[64];

    verbs_rx_prepare(&rig, &several);
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        for (unsigned nth = 1; nth <= QUEUES; nth++) {
            int ret;

            vdouble_reset();
            snprintf(script, sizeof script, "%s@%u=ENOMEM", verbs[i], nth);
            cr_assert_eq(vdouble_script(script), 0);
            ret = verbs_rx_rig_open_engine(&rig);
            cr_assert(ret == 0 || strstr(rig.err.text, verbs[i]), "%s: %s", script, rig.err.text);
            cr_assert(ret < 0 || nth > 1, "%s", script);
            if (ret == 0) {
                rig.ops->close(rig.engine);
                free(rig.engine);
                rig.engine = NULL;
            }
            assert_nothing_left();
        }
}

static void assert_refused(const struct verbs_rx_options *options, int code, const char *text)
{
    verbs_rx_prepare(&rig, options);
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), code, "%s", rig.err.text);
    cr_assert(strstr(rig.err.text, text), "%s", rig.err.text);
}

Test(rx_verbs_queues, what_cannot_be_spread_is_refused_by_name)
{
    assert_refused(&(struct verbs_rx_options){.verbs = {.queues = 3}}, -EINVAL,
                   "verbs.queues 3: must be a power of two up to 16");
    verbs_rx_rig_close(&rig);
    assert_refused(
        &(struct verbs_rx_options){.endpoints = {"[ff15::2]:7148"}, .verbs = {.queues = 2}},
        -ENOTSUP, "IPv4");
    verbs_rx_rig_close(&rig);
    assert_refused(&(struct verbs_rx_options){.verbs = {.queues = 17}}, -EINVAL, "1 to 16");
    verbs_rx_rig_close(&rig);
    assert_refused(&(struct verbs_rx_options){.verbs = {.mprq_entry_log = 27}}, -EINVAL, "0 to 26");
    verbs_rx_rig_close(&rig);
    vdouble_script("rss=0");
    assert_refused(&several, -ENOTSUP, "hashes over 0 queues");
    cr_assert_str_eq(rig.err.field, "verbs.queues");
}

/* Packets of two endpoints can come through the same queue. */
Test(rx_verbs_queues, payload_of_several_endpoints_is_not_placed)
{
    static uint8_t memory[4096];
    const struct spead_region_info info = {.fd = -1, .data = memory, .bytes = sizeof memory};

    open_several();
    cr_assert_eq(rig.ops->attach(rig.engine, &info, &rig.err), -ENOTSUP);
    send_and_take(0, 4);
}

/* The other queues do not help a flow whose own queue is full. */
Test(rx_verbs_queues, the_source_is_as_full_as_the_fullest_queue)
{
    uint32_t share, count;

    open_several();
    bind_senders();
    share = ((const struct speadi_verbs_engine *)rig.engine)->depth;
    count = share * 3 / 4;
    for (uint32_t i = 0; i < count; i++)
        send_number(0, i);
    while (rig.ops->fill(rig.engine) < 0.7)
        usleep(1000);
    cr_expect_lt(rig.ops->fill(rig.engine), 0.8);
}
