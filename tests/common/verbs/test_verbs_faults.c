/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: after every failure of a device, a stream either continues or ends with an error. No byte is wrong, the buckets
 * of both ledgers add up, nothing hangs and no object is left.
 * Method: a sender and a receiver use the verbs double, which fails on request. Hardware fails in the same ways, but
 * rarely. Other tests open a stream many times. In each opening, a different call of a verb fails. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadline/verbs.h>

#include "control.h"
#include "loop_check.h"
#include "offloads.h"
#include "verbs_double.h"

static struct test_netns_pair network;

static void set_up(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 9000, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(network.far);
    if (!test_offloads_off(TEST_FAR_INTERFACE))
        cr_skip_test("offloads of a veth cannot be switched off");
}

static void tear_down(void)
{
    struct vdouble_counters left;

    vdouble_counters(&left);
    cr_assert_eq(left.contexts + left.pds + left.mrs + left.channels + left.cqs + left.qps +
                     left.flows + left.wqs + left.ind_tables,
                 0, "objects are alive");
}

TestSuite(verbs_faults, .init = set_up, .fini = tear_down, .timeout = 120);

static struct loop_case both_verbs(enum spead_verbs_mprq mprq, enum spead_receive_path path)
{
    return (struct loop_case){.tx_engine = "verbs",
                              .rx_engine = "verbs",
                              .pair = &network,
                              .host = TEST_NEAR_V4,
                              .mprq = mprq,
                              .path = path,
                              .packet_bytes = 1472,
                              .heap_bytes = 50000,
                              .heaps = 12,
                              .deliver_incomplete = true,
                              .live_heaps = 4};
}

static void read_script(const char *script)
{
    cr_assert_eq(vdouble_script(script), 0, "%s: %s", script, vdouble_last_refusal());
}

/* ---- Settings that cost no packets --------------------------------------------------------------- */

/* A stream must also work with a device that has few capabilities, and with a slow device. */
static const char *const harmless[] = {
    "ip_csum=0",
    "timestamps=0",
    "wallclock=0",
    "flow_tag=0",
    "rss=0 striding=0",
    "mlx5=0",
    "pacing=0 max_tso=0 max_inline=0",
    "max_qp_wr=256 max_cqe=512 max_sge=3",
    "delay_us=300",
    "dma_lines=1",
    "start_poll@%5=EBUSY",
    "post_recv@%7=ENOMEM",
    "real_time=1 clock_page=0",
};

Test(verbs_faults, a_device_that_can_little_or_is_slow_loses_nothing)
{
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        struct loop_case c = both_verbs(SPEAD_MPRQ_AUTO, SPEAD_PATH_AUTO);

        vdouble_reset();
        read_script(harmless[i]);
        cr_expect(loop_conforms(&c, false, harmless[i]));
    }
}

/* ---- Faults that cost packets -------------------------------------------------------------------- */

struct harm {
    const char *script;
    bool duplicates; /* if true, packets arrive twice, and no heap is lost */
    /* If true, the test does not use this fault with a multi-packet queue. Such a queue has no queue pair of its own,
     * and the engine posts its receives by a doorbell. */
    bool of_queue_pair;
};

static const struct harm harms[] = {
    {"rx.drop@%7", false, false},
    {"rx.dup@%7", true, false},
    {"rx.swap@%7", false, false},
    {"rx.corrupt@%9", false, false},
    {"tx.drop@%7", false, false},
    {"tx.dup@%7", true, false},
    {"tx.corrupt@%9", false, false},
    {"rx.status@20=LOC_LEN_ERR", false, false},
    {"rx.status@20=GENERAL_ERR", false, false},
    {"tx.status@20=GENERAL_ERR", false, false},
    {"qp.fatal@20", false, false},
    {"cq.overrun@30", false, false},
    {"post_recv@3=ENOMEM", false, true},
    {"post_send@3=ENOMEM", false, false},
    {"start_poll@20=EIO", false, false},
};

static void expect_clean(const struct loop_result *r, bool ran, const char *script)
{
    /* If the run has failed, there must be an error text. The buckets of the ledgers add up in every case. */
    cr_expect(ran || r->error[0] != '\0', "%s: failed without a word", script);
    cr_expect(loop_ledger_adds_up(&r->received), "%s: seen is not the sum of buckets", script);
    cr_expect(loop_send_ledger_adds_up(&r->sent), "%s: the send ledger does not add up", script);
    cr_expect_eq(r->wrong_bytes, 0, "%s: %llu wrong bytes", script,
                 (unsigned long long)r->wrong_bytes);
    cr_expect_eq(r->dirty_hole_bytes, 0, "%s: holes are not zero", script);
    cr_expect_eq(r->repeated_heaps, 0, "%s: a heap came twice", script);
    cr_expect_eq(r->torn_snapshots, 0, "%s: a snapshot was torn", script);
}

static void endure(const struct harm *harm, enum spead_verbs_mprq mprq,
                   enum spead_receive_path path)
{
    struct loop_case c = both_verbs(mprq, path);
    struct vdouble_counters counters;
    struct loop_result r;
    bool ran;

    c.allow_out_of_order = true;
    c.lossy = !harm->duplicates;
    vdouble_reset();
    read_script(harm->script);
    ran = loop_run(&c, &r);
    vdouble_counters(&counters);
    cr_expect_gt(counters.faults, 0, "%s: nothing was broken", harm->script);
    expect_clean(&r, ran, harm->script);
    if (harm->duplicates)
        cr_expect(r.complete == c.heaps && r.received.total.bucket[SPEAD_RECV_DUPLICATE].packets,
                  "%s: %u heaps, %llu duplicates", harm->script, r.complete,
                  (unsigned long long)r.received.total.bucket[SPEAD_RECV_DUPLICATE].packets);
}

Test(verbs_faults, whatever_happens_on_the_way_is_counted_and_no_byte_is_wrong)
{
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++)
        endure(&harms[i], SPEAD_MPRQ_OFF, SPEAD_PATH_BOUNCE);
}

Test(verbs_faults, the_same_holds_for_payload_that_the_device_places)
{
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++)
        endure(&harms[i], SPEAD_MPRQ_OFF, SPEAD_PATH_PLACED);
}

Test(verbs_faults, the_same_holds_for_the_multi_packet_queue)
{
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++)
        if (!harms[i].of_queue_pair)
            endure(&harms[i], SPEAD_MPRQ_ON, SPEAD_PATH_AUTO);
}

/* After the engine has rebuilt the queue, heaps arrive again. The stream continues, and it counts the rebuild. */
Test(verbs_faults, a_queue_that_fails_is_rebuilt_and_counted)
{
    struct loop_case c = both_verbs(SPEAD_MPRQ_OFF, SPEAD_PATH_BOUNCE);
    struct loop_result r;

    c.lossy = true;
    c.heaps = 30;
    read_script("rx.status@20=GENERAL_ERR");
    cr_assert(loop_run(&c, &r), "%s", r.error);
    cr_assert_geq(r.complete, 20, "only %u heaps", r.complete);
    cr_assert_geq(r.complete + r.incomplete + r.received.counters.missing_heaps, 29);
}

Test(verbs_faults, corrupted_packets_are_not_delivered)
{
    struct loop_case c = both_verbs(SPEAD_MPRQ_OFF, SPEAD_PATH_BOUNCE);
    struct loop_result r;

    c.lossy = true;
    read_script("rx.corrupt@%9");
    cr_assert(loop_run(&c, &r), "%s", r.error);
    cr_assert_eq(r.wrong_bytes, 0);
    cr_assert_gt(r.incomplete + r.received.counters.missing_heaps, 0, "the damage went unseen");
}

/* ---- Set-up -------------------------------------------------------------------------------------- */

static const char *const verbs[] = {"get_device_list",
                                    "open_device",
                                    "query_device",
                                    "query_device_ex",
                                    "query_port",
                                    "query_rt_values",
                                    "alloc_pd",
                                    "reg_mr",
                                    "create_comp_channel",
                                    "create_cq",
                                    "create_cq_ex",
                                    "create_qp",
                                    "create_qp_ex",
                                    "create_wq",
                                    "mlx5dv_create_wq",
                                    "mlx5dv_init_obj",
                                    "mlx5dv_query_device",
                                    "modify_wq",
                                    "create_rwq_ind_table",
                                    "modify_qp",
                                    "post_recv",
                                    "create_flow",
                                    "req_notify_cq"};

enum end { RECEIVE, RECEIVE_MPRQ, SEND, ENDS };

/* Creates and destroys a receive stream or a send stream. Returns 0 or the error. */
static int open_and_close(enum end end, struct spead_err *err)
{
    struct spead_recv_stream_config recv = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_send_stream_config send = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_recv_verbs_config verbs_config = SPEAD_RECV_VERBS_CONFIG_INIT;
    struct spead_recv_stream *in = NULL;
    struct spead_send_stream *out = NULL;
    const char *endpoint = "239.255.7.1:7148";
    int ret;

    *err = (struct spead_err){0};
    recv.engine = send.engine = "verbs";
    recv.endpoints = send.endpoints = &endpoint;
    recv.endpoint_count = send.endpoint_count = 1;
    recv.interface = send.interface = TEST_FAR_INTERFACE;
    verbs_config.mprq = end == RECEIVE_MPRQ ? SPEAD_MPRQ_ON : SPEAD_MPRQ_OFF;
    recv.engine_options = &verbs_config.options;
    if (end == SEND) {
        ret = spead_send_stream_create(&out, &send, err);
        spead_send_stream_destroy(out);
        return ret;
    }
    ret = spead_recv_stream_create(&in, &recv, err);
    spead_recv_stream_destroy(in);
    return ret;
}

/* Makes the nth call of the verb fail. Returns false if the verb was called fewer than n times. */
static bool fail_nth(enum end end, const char *verb, unsigned n)
{
    struct vdouble_counters counters;
    struct spead_err err;
    char script[64];
    int ret;

    vdouble_reset();
    snprintf(script, sizeof script, "%s@%u=EIO", verb, n);
    read_script(script);
    ret = open_and_close(end, &err);
    vdouble_counters(&counters);
    cr_expect(ret == 0 || err.text[0] != '\0', "%s at end %d: failed without a word", script, end);
    cr_expect_eq(counters.contexts + counters.pds + counters.mrs + counters.channels +
                     counters.cqs + counters.qps + counters.flows + counters.wqs +
                     counters.ind_tables,
                 0, "%s at end %d: something is left", script, end);
    return counters.faults > 0;
}

Test(verbs_faults, each_verb_of_a_set_up_may_fail_and_nothing_is_left)
{
    unsigned failures = 0;

    for (enum end end = RECEIVE; end < ENDS; end++)
        for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
            for (unsigned n = 1; n < 20 && fail_nth(end, verbs[i], n); n++)
                failures++;
    cr_assert_gt(failures, 30, "only %u verbs failed: names in the list are wrong", failures);
}

/* ---- Failures that the user must remedy -------------------------------------------------------- */

Test(verbs_faults, what_stands_in_the_way_is_named_with_its_remedy)
{
    static const struct {
        const char *script, *says;
        int code;
    } cases[] = {
        {"net_raw=0", "spead-net-raw", -EPERM},
        {"infiniband=1", "LINK_TYPE_P1=2", -EPROTONOSUPPORT},
        {"port_down=1", "ip link set", -ENETDOWN},
        {"max_pinned=4096", "reg_mr", -ENOMEM},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (enum end end = RECEIVE; end < ENDS; end++) {
            struct spead_err err;

            vdouble_reset();
            read_script(cases[i].script);
            cr_expect_eq(open_and_close(end, &err), cases[i].code, "%s at end %d: %s",
                         cases[i].script, end, err.text);
            cr_expect(strstr(err.text, cases[i].says), "%s at end %d: %s", cases[i].script, end,
                      err.text);
        }
}

Test(verbs_faults, a_multi_packet_queue_that_is_not_there_is_an_error_when_asked_for)
{
    struct spead_err err;

    read_script("striding=0");
    cr_assert_lt(open_and_close(RECEIVE_MPRQ, &err), 0);
    cr_assert(strstr(err.text, "mprq") || strstr(err.text, "multi-packet"), "%s", err.text);
}
