/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: each fault that a script can name happens once, where and when the script says. The program under test sees the
 * fault as it would see it with hardware.
 * Method: there are two hosts. Frames carry a number. So a test can see whether a frame was lost, copied, damaged, or
 * came in another order. */
#include "verbs_rig.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

static struct rig rig;

static void begin(struct rig_options options, unsigned slots)
{
    rig_open(&rig, 2, options);
    rig_ready(&rig.near);
    rig_ready(&rig.far);
    for (unsigned i = 0; i < slots; i++)
        cr_assert_eq(rig_post(&rig.near, i), 0);
    rig_steer(&rig.near);
}

static void send_numbers(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(rig_send(&rig.far, i, 64), IBV_WC_SUCCESS);
}

/* Asserts that exactly the frames with these numbers have arrived, in this order. */
static void assert_numbers(const uint32_t *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct ibv_wc wc = rig_completion(rig.near.recv_cq);

        cr_assert_eq(wc.status, IBV_WC_SUCCESS);
        cr_assert_eq(rig_number(rig_slot(&rig.near, (unsigned)wc.wr_id)), numbers[i], "frame %u",
                     i);
    }
    cr_assert(rig_nothing(rig.near.recv_cq));
}

#define NUMBERS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4

/* ---- Frames -------------------------------------------------------------------------------------- */

Test(verbs_faults, the_nth_frame_is_dropped_on_its_way_in)
{
    begin((struct rig_options){0}, 8);
    vdouble_script("rx.drop@2");
    send_numbers(4);
    assert_numbers(NUMBERS(0, 2, 3));
    cr_assert_eq(rig_counters().rx_faulted, 1);
    cr_assert_eq(rig_counters().faults, 1);
    rig_close(&rig);
}

Test(verbs_faults, every_nth_frame_is_dropped_on_its_way_out)
{
    begin((struct rig_options){0}, 8);
    vdouble_script("tx.drop@%3");
    send_numbers(7);
    assert_numbers(NUMBERS(0, 1, 3, 4, 6));
    cr_assert_eq(rig_counters().tx_faulted, 2);
    rig_close(&rig);
}

Test(verbs_faults, frames_are_duplicated_at_either_end)
{
    begin((struct rig_options){0}, 8);
    vdouble_script("rx.dup@1; tx.dup@3");
    send_numbers(3);
    assert_numbers(NUMBERS(0, 0, 1, 2, 2));
    rig_close(&rig);
}

Test(verbs_faults, frames_change_places_at_either_end)
{
    begin((struct rig_options){0}, 8);
    vdouble_script("rx.swap@1\ntx.swap@3");
    send_numbers(4);
    assert_numbers(NUMBERS(1, 0, 3, 2));
    rig_close(&rig);
}

Test(verbs_faults, a_corrupt_frame_arrives_with_one_bit_wrong_and_no_checksum_result)
{
    struct ibv_wc wc;

    begin((struct rig_options){0}, 2);
    vdouble_script("rx.corrupt@1=50");
    send_numbers(2);
    wc = rig_completion(rig.near.recv_cq);
    cr_assert_eq(rig_slot(&rig.near, 0)[50], 8 ^ 1);
    cr_assert_not(wc.wc_flags & IBV_WC_IP_CSUM_OK);
    wc = rig_completion(rig.near.recv_cq);
    cr_assert(wc.wc_flags & IBV_WC_IP_CSUM_OK);
    rig_close(&rig);
}

Test(verbs_faults, with_nothing_posted_frames_are_lost_and_counted)
{
    begin((struct rig_options){0}, 1);
    send_numbers(3);
    rig_wait_frames(3);
    cr_assert_eq(rig_counters().rx_out_of_buffer, 2);
    assert_numbers(NUMBERS(0));
    rig_close(&rig);
}

/* ---- Completions and queue pairs ----------------------------------------------------------------- */

Test(verbs_faults, a_failed_receive_flushes_the_rest_and_the_queue_pair_can_be_rebuilt)
{
    begin((struct rig_options){0}, 3);
    vdouble_script("rx.status@1=LOC_LEN_ERR");
    rig_send(&rig.far, 0, 64);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_LOC_LEN_ERR);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_WR_FLUSH_ERR);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_WR_FLUSH_ERR);
    cr_assert_eq(rig.near.qp->state, IBV_QPS_ERR);
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_RESET), 0);
    rig_ready(&rig.near);
    rig_post(&rig.near, 0);
    rig_send(&rig.far, 7, 64);
    assert_numbers(NUMBERS(7));
    rig_close(&rig);
}

Test(verbs_faults, a_frame_longer_than_its_buffers_is_fatal_or_not_as_set)
{
    struct ibv_sge sge;
    struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;

    begin((struct rig_options){0}, 0);
    sge = (struct ibv_sge){(uintptr_t)rig.near.memory, 80, rig.near.mr->lkey};
    vdouble_script("len_err_fatal=0");
    ibv_post_recv(rig.near.qp, &wr, &bad);
    rig_send(&rig.far, 0, 64);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_LOC_LEN_ERR);
    vdouble_script("len_err_fatal=1");
    ibv_post_recv(rig.near.qp, &wr, &bad);
    rig_post(&rig.near, 1);
    rig_send(&rig.far, 0, 64);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_LOC_LEN_ERR);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_WR_FLUSH_ERR);
    rig_close(&rig);
}

Test(verbs_faults, a_failed_send_completes_though_unsignalled)
{
    begin((struct rig_options){0}, 0);
    vdouble_script("tx.status@2=GENERAL_ERR");
    cr_assert_eq(rig_send(&rig.far, 0, 64), IBV_WC_SUCCESS);
    cr_assert_eq(rig_send(&rig.far, 1, 64), IBV_WC_GENERAL_ERR);
    cr_assert_eq(rig_send(&rig.far, 2, 64), IBV_WC_WR_FLUSH_ERR);
    rig_close(&rig);
}

static enum ibv_event_type next_event(void)
{
    struct pollfd events = {rig.near.context->async_fd, POLLIN, 0};
    struct ibv_async_event event;

    cr_assert_eq(poll(&events, 1, 5000), 1, "no event came");
    cr_assert_eq(ibv_get_async_event(rig.near.context, &event), 0);
    ibv_ack_async_event(&event);
    return event.event_type;
}

Test(verbs_faults, a_queue_pair_dies_with_an_event_by_script_or_by_call)
{
    begin((struct rig_options){0}, 2);
    vdouble_script("qp.fatal@2");
    send_numbers(2);
    cr_assert_eq(next_event(), IBV_EVENT_QP_FATAL);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_WR_FLUSH_ERR);
    rig_move_qp(rig.near.qp, IBV_QPS_RESET);
    rig_ready(&rig.near);
    cr_assert_eq(vdouble_qp_fatal(rig.near.qp->qp_num), 0);
    cr_assert_eq(next_event(), IBV_EVENT_QP_FATAL);
    cr_assert_eq(vdouble_qp_fatal(1), -ENOENT);
    rig_close(&rig);
}

Test(verbs_faults, a_queue_that_overruns_is_dead_and_says_so)
{
    struct ibv_wc wc;

    begin((struct rig_options){.cqe = 2}, 8);
    send_numbers(3);
    cr_assert_eq(next_event(), IBV_EVENT_CQ_ERR);
    cr_assert_eq(ibv_poll_cq(rig.near.recv_cq, 1, &wc), -1);
    rig_close(&rig);
}

Test(verbs_faults, an_overrun_can_be_scripted)
{
    struct ibv_wc wc;

    begin((struct rig_options){0}, 8);
    vdouble_script("cq.overrun@1");
    /* In the state ERR the double flushes the posted receives, and each gives a completion. */
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_ERR), 0);
    cr_assert_eq(next_event(), IBV_EVENT_CQ_ERR);
    cr_assert_eq(ibv_poll_cq(rig.near.recv_cq, 1, &wc), -1);
    rig_close(&rig);
}

static void send_without_waiting(uint32_t number)
{
    uint8_t *frame = rig_slot(&rig.far, RIG_DEPTH);
    struct ibv_sge sge = {(uintptr_t)frame, (uint32_t)rig_frame(frame, number, 64),
                          rig.far.mr->lkey};
    struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND}, *bad;

    cr_assert_eq(ibv_post_send(rig.far.qp, &wr, &bad), 0);
}

Test(verbs_faults, a_late_completion_is_not_seen_before_its_time)
{
    begin((struct rig_options){0}, 1);
    ibv_req_notify_cq(rig.near.recv_cq, 0);
    vdouble_script("delay_us=3600000000");
    send_without_waiting(3);
    rig_wait_frames(1);
    cr_assert_eq(rig_number(rig_slot(&rig.near, 0)), 3, "the frame is there");
    cr_assert(rig_nothing(rig.near.recv_cq), "the completion is not");
    cr_assert_eq(rig_counters().channel_events, 0);
    rig_close(&rig);
}

Test(verbs_faults, a_late_completion_wakes_the_sleeper_when_it_comes)
{
    struct pollfd channel;
    struct ibv_cq *cq;
    void *context;

    begin((struct rig_options){0}, 1);
    channel = (struct pollfd){rig.near.channel->fd, POLLIN, 0};
    ibv_req_notify_cq(rig.near.recv_cq, 0);
    vdouble_script("delay_us=20000");
    send_without_waiting(3);
    cr_assert_eq(poll(&channel, 1, 5000), 1);
    cr_assert_eq(ibv_get_cq_event(rig.near.channel, &cq, &context), 0);
    ibv_ack_cq_events(cq, 1);
    assert_numbers(NUMBERS(3));
    rig_close(&rig);
}

/* ---- Port and device ----------------------------------------------------------------------------- */

Test(verbs_faults, a_port_goes_down_and_comes_back_with_events)
{
    struct ibv_port_attr port;

    begin((struct rig_options){0}, 2);
    vdouble_script("port_down=1");
    cr_assert_eq(next_event(), IBV_EVENT_PORT_ERR);
    ibv_query_port(rig.near.context, 1, &port);
    cr_assert_eq(port.state, IBV_PORT_DOWN);
    cr_assert_eq(rig_send(&rig.far, 0, 64), IBV_WC_SUCCESS);
    cr_assert_eq(rig_counters().tx_faulted, 1);
    vdouble_script("port_down=0");
    cr_assert_eq(next_event(), IBV_EVENT_PORT_ACTIVE);
    rig_send(&rig.far, 1, 64);
    assert_numbers(NUMBERS(1));
    rig_close(&rig);
}

Test(verbs_faults, a_device_that_is_gone_flushes_everything)
{
    begin((struct rig_options){0}, 2);
    vdouble_script("device_fatal=1");
    cr_assert_eq(next_event(), IBV_EVENT_DEVICE_FATAL);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_WR_FLUSH_ERR);
    cr_assert_null(ibv_open_device(rig.near.context->device));
    rig_close(&rig);
}

Test(verbs_faults, another_link_layer_and_missing_capabilities_are_reported)
{
    struct ibv_device_attr_ex attr;
    struct ibv_port_attr port;

    begin((struct rig_options){0}, 0);
    vdouble_script("infiniband=1 ip_csum=0 pacing=0 max_tso=0 timestamps=0 rss=0 flow_steering=0");
    ibv_query_port(rig.near.context, 1, &port);
    cr_assert_eq(port.link_layer, IBV_LINK_LAYER_INFINIBAND);
    ibv_query_device_ex(rig.near.context, NULL, &attr);
    cr_assert_eq(attr.raw_packet_caps, 0);
    cr_assert_eq(attr.packet_pacing_caps.qp_rate_limit_max, 0);
    cr_assert_eq(attr.tso_caps.max_tso, 0);
    cr_assert_eq(attr.completion_timestamp_mask, 0);
    cr_assert_eq(attr.rss_caps.supported_qpts, 0);
    cr_assert_not(attr.orig_attr.device_cap_flags & IBV_DEVICE_MANAGED_FLOW_STEERING);
    rig_close(&rig);
}

Test(verbs_faults, pacing_is_taken_only_where_the_device_has_it)
{
    struct ibv_qp_rate_limit_attr rate = {.rate_limit = 1000000};

    begin((struct rig_options){0}, 0);
    cr_assert_eq(ibv_modify_qp_rate_limit(rig.near.qp, &rate), 0);
    rate.max_burst_sz = 9000;
    rate.typical_pkt_sz = 1514;
    cr_assert_eq(ibv_modify_qp_rate_limit(rig.near.qp, &rate), 0);
    cr_assert_eq(vdouble_rate().burst_bytes, 9000);
    rate.typical_pkt_sz = 9000;
    cr_assert_eq(ibv_modify_qp_rate_limit(rig.near.qp, &rate), EINVAL, "longer than the MTU");
    rate.typical_pkt_sz = 1514;
    rate.max_burst_sz = 1500;
    cr_assert_eq(ibv_modify_qp_rate_limit(rig.near.qp, &rate), EINVAL, "not even one packet");
    vdouble_script("pacing_burst=0");
    cr_assert_eq(ibv_modify_qp_rate_limit(rig.near.qp, &rate), EINVAL);
    vdouble_script("pacing=0");
    cr_assert_eq(ibv_modify_qp_rate_limit(rig.near.qp, &rate), EOPNOTSUPP);
    rig_close(&rig);
}

/* ---- Verbs --------------------------------------------------------------------------------------- */

Test(verbs_faults, the_nth_call_of_a_verb_fails_once_with_the_errno_given)
{
    struct ibv_pd *pd;

    begin((struct rig_options){0}, 0);
    vdouble_script("alloc_pd@2=ENOSPC");
    pd = ibv_alloc_pd(rig.near.context);
    cr_assert(pd);
    cr_assert_null(ibv_alloc_pd(rig.near.context));
    cr_assert_eq(errno, ENOSPC);
    cr_assert_eq(ibv_dealloc_pd(pd), 0);
    pd = ibv_alloc_pd(rig.near.context);
    cr_assert(pd);
    cr_assert_eq(ibv_dealloc_pd(pd), 0);
    cr_assert_eq(vdouble_calls("alloc_pd"), 5, "two hosts and three of this test");
    rig_close(&rig);
}

struct set_up {
    struct rig_host host;
    struct ibv_wq *wq;
    struct ibv_rwq_ind_table *table;
};

/* Both macros do one step of a sequence and store its errno in `err`. If an earlier step has failed, they do not do the
 * step. */
#define STEP(call)     (errno = 0, err = err ? err : (call) ? 0 : errno)
#define STEP_INT(call) (err = err ? err : (call))

static int open_first_device(struct set_up *made)
{
    struct ibv_device **list = ibv_get_device_list(NULL);
    int err = 0;

    if (!list)
        return errno;
    STEP(made->host.context = ibv_open_device(list[0]));
    ibv_free_device_list(list);
    return err;
}

static int make_queues(struct set_up *made)
{
    static uint8_t memory[4096];
    struct rig_host *host = &made->host;
    struct ibv_cq_init_attr_ex cq_attr = {.cqe = 4};
    int err = 0;

    STEP(host->pd = ibv_alloc_pd(host->context));
    STEP(host->mr = ibv_reg_mr(host->pd, memory, sizeof memory, IBV_ACCESS_LOCAL_WRITE));
    STEP(cq_attr.channel = host->channel = ibv_create_comp_channel(host->context));
    STEP(host->send_cq = ibv_create_cq(host->context, 4, NULL, NULL, 0));
    STEP(host->recv_ex = ibv_create_cq_ex(host->context, &cq_attr));
    host->recv_cq = host->recv_ex ? ibv_cq_ex_to_cq(host->recv_ex) : NULL;
    STEP_INT(ibv_req_notify_cq(host->recv_cq, 0));
    STEP(host->qp = rig_make_qp(host, (struct rig_options){.depth = 4, .sge_max = 1}));
    return err;
}

static int steer_and_spread(struct set_up *made)
{
    struct rig_host *host = &made->host;
    struct ibv_flow_attr sniffer = {
        .type = IBV_FLOW_ATTR_SNIFFER, .size = sizeof sniffer, .port = 1};
    struct ibv_wq_init_attr wq_attr = {
        .wq_type = IBV_WQT_RQ, .max_wr = 4, .max_sge = 1, .pd = host->pd, .cq = host->recv_cq};
    struct ibv_wq_attr ready = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = IBV_WQS_RDY};
    struct ibv_rwq_ind_table_init_attr table_attr = {.ind_tbl = &made->wq};
    int err = rig_move_qp(host->qp, IBV_QPS_INIT);

    STEP(host->flow = ibv_create_flow(host->qp, &sniffer));
    STEP(made->wq = ibv_create_wq(host->context, &wq_attr));
    STEP_INT(ibv_modify_wq(made->wq, &ready));
    STEP(made->table = ibv_create_rwq_ind_table(host->context, &table_attr));
    return err;
}

static void tear_down(struct set_up *made)
{
    struct rig_host *host = &made->host;

    cr_assert(!made->table || !ibv_destroy_rwq_ind_table(made->table));
    cr_assert(!made->wq || !ibv_destroy_wq(made->wq));
    cr_assert(!host->flow || !ibv_destroy_flow(host->flow));
    cr_assert(!host->qp || !ibv_destroy_qp(host->qp));
    cr_assert(!host->recv_cq || !ibv_destroy_cq(host->recv_cq));
    cr_assert(!host->send_cq || !ibv_destroy_cq(host->send_cq));
    cr_assert(!host->channel || !ibv_destroy_comp_channel(host->channel));
    cr_assert(!host->mr || !ibv_dereg_mr(host->mr));
    cr_assert(!host->pd || !ibv_dealloc_pd(host->pd));
    cr_assert(!host->context || !ibv_close_device(host->context));
}

/* Makes one object of every kind that a program makes, in order, and destroys the objects again. Returns 0 or the first
 * errno. */
static int set_up_and_tear_down(void)
{
    struct ibv_device_attr_ex attr;
    struct ibv_port_attr port;
    struct set_up made = {0};
    int err = open_first_device(&made);

    STEP_INT(ibv_query_device_ex(made.host.context, NULL, &attr));
    STEP_INT(ibv_query_port(made.host.context, 1, &port));
    STEP_INT(make_queues(&made));
    STEP_INT(steer_and_spread(&made));
    tear_down(&made);
    return err;
}

Test(verbs_faults, every_verb_of_a_set_up_can_be_made_to_fail_and_nothing_is_left)
{
    static const char *const verbs[] = {
        "get_device_list", "open_device",   "query_device_ex",     "query_port",
        "alloc_pd",        "reg_mr",        "create_comp_channel", "create_cq",
        "create_cq_ex",    "req_notify_cq", "create_qp",           "modify_qp",
        "create_flow",     "create_wq",     "modify_wq",           "create_rwq_ind_table"};
    const char *reason;
    struct test_netns_pair pair;
    char script[64];

    if (!test_netns_pair(&pair, RIG_MTU, &reason))
        cr_skip_test("%s", reason);
    cr_assert_eq(set_up_and_tear_down(), 0, "%s", vdouble_last_refusal());
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct vdouble_counters left;

        snprintf(script, sizeof script, "%s@1=EXDEV", verbs[i]);
        vdouble_script(script);
        cr_assert_eq(set_up_and_tear_down(), EXDEV, "%s", verbs[i]);
        left = rig_counters();
        cr_assert_eq(left.faults, i + 1, "%s", verbs[i]);
        cr_assert_eq(left.contexts + left.pds + left.mrs + left.channels + left.cqs + left.qps +
                         left.flows + left.wqs + left.ind_tables,
                     0, "%s", verbs[i]);
    }
}

Test(verbs_faults, a_reset_forgets_scripts_and_counters_but_not_what_is_alive)
{
    begin((struct rig_options){0}, 2);
    vdouble_script("rx.drop@%1 max_qp=1");
    rig_send(&rig.far, 0, 64);
    rig_wait_frames(1);
    vdouble_reset();
    cr_assert_eq(rig_counters().rx_faulted, 0);
    cr_assert_eq(rig_counters().qps, 2);
    rig_send(&rig.far, 1, 64);
    assert_numbers(NUMBERS(1));
    rig_close(&rig);
}
