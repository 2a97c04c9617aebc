/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the double refuses every use that hardware refuses. It also refuses uses that lead to a hang, a crash or wrong
 * data on hardware. It always says why.
 * Method: there is one host with one device. Each test makes one mistake and reads the answer. */
#include "verbs_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct rig rig;

static void begin(struct rig_options options)
{
    rig_open(&rig, 1, options);
}

/* ---- Queue pairs --------------------------------------------------------------------------------- */

Test(verbs_refusals, a_queue_pair_walks_its_states_in_order_only)
{
    begin((struct rig_options){0});
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_RTR), EINVAL);
    cr_assert_eq(
        ibv_modify_qp(rig.near.qp, &(struct ibv_qp_attr){.qp_state = IBV_QPS_INIT}, IBV_QP_STATE),
        EINVAL, "INIT without a port");
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_INIT), 0);
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_RTS), EINVAL);
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_RTR), 0);
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_RTS), 0);
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_RESET), 0);
    rig_close(&rig);
}

Test(verbs_refusals, nothing_is_posted_in_reset_and_nothing_sent_before_rts)
{
    struct ibv_send_wr wr = {.opcode = IBV_WR_SEND}, *bad;

    begin((struct rig_options){0});
    cr_assert_eq(rig_post(&rig.near, 0), EINVAL);
    rig_assert_refused("RESET");
    rig_move_qp(rig.near.qp, IBV_QPS_INIT);
    cr_assert_eq(rig_post(&rig.near, 0), 0);
    rig_move_qp(rig.near.qp, IBV_QPS_RTR);
    cr_assert_eq(ibv_post_send(rig.near.qp, &wr, &bad), EINVAL);
    cr_assert_eq(bad, &wr);
    rig_assert_refused("not ready to send");
    rig_close(&rig);
}

Test(verbs_refusals, limits_of_the_device_hold_for_every_queue)
{
    begin((struct rig_options){0});
    vdouble_script("max_qp_wr=16 max_sge=2 max_cqe=8 max_inline=64");
    cr_assert_null(rig_make_qp(&rig.near, (struct rig_options){.depth = 17, .sge_max = 1}));
    rig_assert_refused("max_qp_wr");
    cr_assert_null(rig_make_qp(&rig.near, (struct rig_options){.depth = 4, .sge_max = 3}));
    rig_assert_refused("max_sge");
    cr_assert_null(
        rig_make_qp(&rig.near, (struct rig_options){.depth = 4, .sge_max = 1, .inline_max = 65}));
    rig_assert_refused("max_inline");
    cr_assert_null(ibv_create_cq(rig.near.context, 9, NULL, NULL, 0));
    cr_assert_eq(errno, EINVAL);
    cr_assert_null(ibv_create_cq(rig.near.context, 1, NULL, NULL, 2));
    rig_assert_refused("completion vector 2");
    rig_close(&rig);
}

/* A request of 17 entries takes 32 + 17 * 16 = 304 bytes, which are 5 blocks of 64 bytes. The device has 32768 blocks,
 * and 6553 requests fit into them. */
Test(verbs_refusals, a_send_queue_takes_blocks_of_64_bytes)
{
    struct ibv_qp *qp;

    begin((struct rig_options){0});
    qp = rig_make_qp(&rig.near, (struct rig_options){.depth = 6553, .sge_max = 17});
    cr_assert(qp, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_destroy_qp(qp), 0);
    cr_assert_null(rig_make_qp(&rig.near, (struct rig_options){.depth = 6554, .sge_max = 17}));
    cr_assert_eq(errno, EINVAL);
    rig_assert_refused("max_qp_wr");
    qp = rig_make_qp(&rig.near, (struct rig_options){.depth = 16384, .sge_max = 4});
    cr_assert(qp, "%s", vdouble_last_refusal());
    cr_assert_eq(ibv_destroy_qp(qp), 0);
    cr_assert_null(rig_make_qp(
        &rig.near, (struct rig_options){.depth = 3641, .sge_max = 30, .tso_header_max = 42}));
    rig_assert_refused("576 bytes");
    rig_close(&rig);
}

Test(verbs_refusals, raw_packets_need_the_capability)
{
    begin((struct rig_options){0});
    vdouble_script("net_raw=0");
    cr_assert_null(rig_make_qp(&rig.near, (struct rig_options){0}));
    cr_assert_eq(errno, EPERM);
    rig_assert_refused("CAP_NET_RAW");
    rig_close(&rig);
}

/* ---- Posting ------------------------------------------------------------------------------------- */

Test(verbs_refusals, a_full_receive_queue_is_enomem_and_names_the_request)
{
    begin((struct rig_options){.depth = 4});
    rig_ready(&rig.near);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(rig_post(&rig.near, i), 0);
    cr_assert_eq(rig_post(&rig.near, 4), ENOMEM);
    rig_assert_refused("all 4 slots");
    rig_close(&rig);
}

static int send_one(unsigned flags, uint32_t length, int entries)
{
    struct ibv_sge sges[8];
    struct ibv_send_wr wr = {
        .sg_list = sges, .num_sge = entries, .opcode = IBV_WR_SEND, .send_flags = flags};
    struct ibv_send_wr *bad;

    rig_frame(rig_slot(&rig.near, RIG_DEPTH), 1, 100);
    for (int i = 0; i < entries; i++)
        sges[i] =
            (struct ibv_sge){(uintptr_t)rig_slot(&rig.near, RIG_DEPTH), length, rig.near.mr->lkey};
    return ibv_post_send(rig.near.qp, &wr, &bad);
}

Test(verbs_refusals, only_a_polled_completion_gives_send_slots_back)
{
    begin((struct rig_options){.depth = 4});
    rig_ready(&rig.near);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(send_one(0, 100, 1), 0);
    cr_assert_eq(send_one(IBV_SEND_SIGNALED, 100, 1), 0);
    cr_assert_eq(send_one(0, 100, 1), ENOMEM);
    rig_assert_refused("wait for completions");
    rig_completion(rig.near.send_cq);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(send_one(0, 100, 1), 0, "one completion frees the unsignalled before it");
    rig_close(&rig);
}

Test(verbs_refusals, a_send_queue_full_of_unsignalled_requests_is_called_stuck)
{
    begin((struct rig_options){.depth = 2});
    rig_ready(&rig.near);
    send_one(0, 100, 1);
    send_one(0, 100, 1);
    cr_assert_eq(send_one(0, 100, 1), ENOMEM);
    rig_assert_refused("nothing will ever free one");
    rig_close(&rig);
}

Test(verbs_refusals, a_send_request_out_of_form_is_not_taken)
{
    begin((struct rig_options){.sge_max = 2, .inline_max = 64});
    rig_ready(&rig.near);
    cr_assert_eq(send_one(0, 100, 3), EINVAL);
    rig_assert_refused("3 entries");
    cr_assert_eq(send_one(IBV_SEND_INLINE, 65, 1), ENOMEM);
    rig_assert_refused("inline");
    cr_assert_eq(send_one(1u << 20, 100, 1), EINVAL);
    rig_assert_refused("flags");
    vdouble_script("ip_csum=0");
    cr_assert_eq(send_one(IBV_SEND_IP_CSUM, 100, 1), EINVAL);
    rig_assert_refused("checksums");
    rig_close(&rig);
}

Test(verbs_refusals, segmentation_needs_a_queue_pair_made_for_it)
{
    uint8_t header[RIG_HEADERS];
    struct ibv_send_wr wr = {.opcode = IBV_WR_TSO, .tso = {header, sizeof header, 100}}, *bad;
    struct ibv_qp *other;

    begin((struct rig_options){0});
    rig_ready(&rig.near);
    cr_assert_eq(ibv_post_send(rig.near.qp, &wr, &bad), EINVAL);
    rig_assert_refused("without a TSO header");
    other = rig.near.qp;
    rig.near.qp = rig_make_qp(&rig.near, (struct rig_options){.tso_header_max = 20});
    rig_ready(&rig.near);
    cr_assert_eq(ibv_post_send(rig.near.qp, &wr, &bad), EINVAL);
    rig_assert_refused("of at most 20");
    cr_assert_eq(ibv_destroy_qp(other), 0);
    rig_close(&rig);
}

Test(verbs_refusals, a_frame_longer_than_the_link_carries_ends_in_a_length_error)
{
    begin((struct rig_options){0});
    rig_ready(&rig.near);
    cr_assert_eq(send_one(0, RIG_MTU + 19, 1), 0);
    cr_assert_eq(rig_completion(rig.near.send_cq).status, IBV_WC_LOC_LEN_ERR,
                 "errors complete even when unsignalled");
    cr_assert_eq(rig.near.qp->state, IBV_QPS_ERR);
    cr_assert_eq(send_one(0, 100, 1), 0);
    cr_assert_eq(rig_completion(rig.near.send_cq).status, IBV_WC_WR_FLUSH_ERR);
    rig_close(&rig);
}

/* ---- Memory -------------------------------------------------------------------------------------- */

static enum ibv_wc_status send_from(uint64_t address, uint32_t length, uint32_t lkey)
{
    struct ibv_sge sge = {address, length, lkey};
    struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND}, *bad;

    rig_move_qp(rig.near.qp, IBV_QPS_RESET);
    rig_ready(&rig.near);
    cr_assert_eq(ibv_post_send(rig.near.qp, &wr, &bad), 0);
    return rig_completion(rig.near.send_cq).status;
}

Test(verbs_refusals, memory_outside_its_region_is_a_protection_error)
{
    uint64_t end;

    begin((struct rig_options){0});
    end = (uintptr_t)rig.near.memory + rig.near.mr->length;
    cr_assert_eq(send_from(end - 99, 100, rig.near.mr->lkey), IBV_WC_LOC_PROT_ERR);
    rig_assert_refused("outside their region");
    cr_assert_eq(send_from(end + 1, 1, rig.near.mr->lkey), IBV_WC_LOC_PROT_ERR);
    cr_assert_eq(send_from((uintptr_t)rig.near.memory - 1, 100, rig.near.mr->lkey),
                 IBV_WC_LOC_PROT_ERR);
    cr_assert_eq(send_from((uintptr_t)rig.near.memory, 100, rig.near.mr->lkey ^ 1),
                 IBV_WC_LOC_PROT_ERR);
    rig_assert_refused("names no region");
    rig_close(&rig);
}

Test(verbs_refusals, the_key_of_a_region_that_is_gone_stays_wrong)
{
    struct ibv_mr *mr;
    uint32_t old;

    begin((struct rig_options){0});
    mr = ibv_reg_mr(rig.near.pd, rig.near.memory, 4096, 0);
    old = mr->lkey;
    cr_assert_eq(ibv_dereg_mr(mr), 0);
    mr = ibv_reg_mr(rig.near.pd, rig.near.memory, 4096, 0);
    cr_assert_eq(send_from((uintptr_t)rig.near.memory, 100, old), IBV_WC_LOC_PROT_ERR);
    cr_assert_eq(ibv_dereg_mr(mr), 0);
    rig_close(&rig);
}

Test(verbs_refusals, a_key_of_another_protection_domain_is_no_key)
{
    struct ibv_pd *pd;
    struct ibv_mr *mr;

    begin((struct rig_options){0});
    pd = ibv_alloc_pd(rig.near.context);
    mr = ibv_reg_mr(pd, rig.near.memory, 4096, 0);
    cr_assert_eq(send_from((uintptr_t)rig.near.memory, 100, mr->lkey), IBV_WC_LOC_PROT_ERR);
    rig_assert_refused("another protection domain");
    cr_assert_eq(ibv_dealloc_pd(pd), EBUSY);
    cr_assert_eq(ibv_dereg_mr(mr), 0);
    cr_assert_eq(ibv_dealloc_pd(pd), 0);
    rig_close(&rig);
}

Test(verbs_refusals, a_region_is_not_deregistered_under_posted_work)
{
    begin((struct rig_options){0});
    rig_ready(&rig.near);
    rig_post(&rig.near, 0);
    cr_assert_eq(ibv_dereg_mr(rig.near.mr), EBUSY);
    rig_assert_refused("posted work");
    rig_close(&rig);
}

Test(verbs_refusals, registering_checks_flags_mapping_and_the_memlock_limit)
{
    void *hidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    begin((struct rig_options){0});
    cr_assert_null(ibv_reg_mr(rig.near.pd, rig.near.memory, 4096, IBV_ACCESS_REMOTE_WRITE));
    rig_assert_refused("remote write needs local write");
    cr_assert_null(ibv_reg_mr(rig.near.pd, rig.near.memory, 4096, IBV_ACCESS_ON_DEMAND));
    cr_assert_null(ibv_reg_mr(rig.near.pd, hidden, 4096, IBV_ACCESS_LOCAL_WRITE));
    cr_assert_eq(errno, EFAULT);
    vdouble_script("max_pinned=200000");
    cr_assert_null(ibv_reg_mr(rig.near.pd, rig.near.memory, 100000, 0));
    cr_assert_eq(errno, ENOMEM);
    rig_assert_refused("RLIMIT_MEMLOCK");
    rig_close(&rig);
    munmap(hidden, 4096);
}

/* ---- Completions --------------------------------------------------------------------------------- */

Test(verbs_refusals, completion_fields_that_are_unknown_or_switched_off_are_not_promised)
{
    struct ibv_cq_init_attr_ex attr = {.cqe = 4, .wc_flags = IBV_WC_EX_WITH_CVLAN};

    begin((struct rig_options){0});
    cr_assert_null(ibv_create_cq_ex(rig.near.context, &attr));
    cr_assert_eq(errno, EOPNOTSUPP);
    vdouble_script("wallclock=0");
    attr.wc_flags = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK;
    cr_assert_null(ibv_create_cq_ex(rig.near.context, &attr));
    attr.wc_flags = 0;
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS;
    attr.flags = IBV_CREATE_CQ_ATTR_IGNORE_OVERRUN;
    cr_assert_null(ibv_create_cq_ex(rig.near.context, &attr));
    rig_close(&rig);
}

static void one_send_completion_on_an_extended_queue(void)
{
    rig_open(&rig, 1, (struct rig_options){.extended = true});
    rig_ready(&rig.near);
    rig_move_qp(rig.near.qp, IBV_QPS_ERR);
    /* The queue pair is in the state ERR. So the request is flushed, and its completion comes although no frame is
     * sent. */
    cr_assert_eq(rig_post(&rig.near, 0), 0);
}

Test(verbs_refusals, reading_a_field_not_asked_for_aborts, .signal = SIGABRT)
{
    struct ibv_poll_cq_attr none = {0};

    one_send_completion_on_an_extended_queue();
    if (ibv_start_poll(rig.near.recv_ex, &none) == 0)
        ibv_wc_read_byte_len(rig.near.recv_ex);
}

Test(verbs_refusals, a_batch_that_was_not_ended_aborts_the_next, .signal = SIGABRT)
{
    struct ibv_poll_cq_attr none = {0};

    one_send_completion_on_an_extended_queue();
    if (ibv_start_poll(rig.near.recv_ex, &none) == 0)
        ibv_start_poll(rig.near.recv_ex, &none);
}

Test(verbs_refusals, ending_a_batch_that_never_began_aborts, .signal = SIGABRT)
{
    struct ibv_poll_cq_attr none = {0};

    rig_open(&rig, 1, (struct rig_options){.extended = true});
    if (ibv_start_poll(rig.near.recv_ex, &none) == ENOENT)
        ibv_end_poll(rig.near.recv_ex);
}

Test(verbs_refusals, an_event_that_nobody_acknowledged_ends_destroy_with_a_reason,
     .signal = SIGABRT)
{
    struct ibv_cq *cq;
    void *context;

    rig_open(&rig, 1, (struct rig_options){0});
    rig_ready(&rig.near);
    ibv_req_notify_cq(rig.near.recv_cq, 0);
    rig_move_qp(rig.near.qp, IBV_QPS_ERR);
    rig_post(&rig.near, 0);
    if (ibv_get_cq_event(rig.near.channel, &cq, &context) == 0) {
        vdouble_script("ack_wait_ms=10");
        ibv_destroy_qp(rig.near.qp);
        ibv_destroy_cq(rig.near.recv_cq);
    }
}

Test(verbs_refusals, arming_without_a_channel_is_refused)
{
    begin((struct rig_options){0});
    cr_assert_eq(ibv_req_notify_cq(rig.near.send_cq, 0), EINVAL);
    rig_close(&rig);
}

/* ---- Teardown out of order ----------------------------------------------------------------------- */

Test(verbs_refusals, what_is_in_use_cannot_be_destroyed)
{
    begin((struct rig_options){0});
    rig_ready(&rig.near);
    rig_steer(&rig.near);
    cr_assert_eq(ibv_destroy_qp(rig.near.qp), EBUSY);
    rig_assert_refused("flow rule");
    cr_assert_eq(ibv_destroy_cq(rig.near.recv_cq), EBUSY);
    cr_assert_eq(ibv_destroy_comp_channel(rig.near.channel), EBUSY);
    cr_assert_eq(ibv_dealloc_pd(rig.near.pd), EBUSY);
    cr_assert_eq(ibv_close_device(rig.near.context), EBUSY);
    rig_close(&rig);
}

/* ---- Flow rules ---------------------------------------------------------------------------------- */

struct rule {
    struct ibv_flow_attr attr;
    struct ibv_flow_spec_eth eth;
    struct ibv_flow_spec_ipv4 ip;
    struct ibv_flow_spec_tcp_udp udp;
} __attribute__((packed, aligned(4)));

static struct rule good_rule(void)
{
    return (struct rule){
        .attr = {.size = sizeof(struct rule), .num_of_specs = 3, .port = 1},
        .eth = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof(struct ibv_flow_spec_eth)},
        .ip = {.type = IBV_FLOW_SPEC_IPV4, .size = sizeof(struct ibv_flow_spec_ipv4)},
        .udp = {.type = IBV_FLOW_SPEC_UDP, .size = sizeof(struct ibv_flow_spec_tcp_udp)},
    };
}

static void assert_bad_rule(struct rule rule, int err, const char *why)
{
    struct ibv_flow *flow = ibv_create_flow(rig.near.qp, (void *)&rule);

    cr_assert_null(flow);
    cr_assert_eq(errno, err);
    rig_assert_refused(why);
}

Test(verbs_refusals, a_rule_is_read_to_the_letter)
{
    struct rule rule;

    begin((struct rig_options){0});
    assert_bad_rule(good_rule(), EINVAL, "RESET");
    rig_ready(&rig.near);
    rule = good_rule();
    rule.attr.size++;
    assert_bad_rule(rule, EINVAL, "the specifications end elsewhere");
    rule = good_rule();
    rule.attr.num_of_specs = 4;
    assert_bad_rule(rule, EINVAL, "ends before specification 3");
    rule = good_rule();
    rule.attr.port = 0;
    assert_bad_rule(rule, EINVAL, "port 1");
    rule = good_rule();
    rule.ip.size--;
    assert_bad_rule(rule, EINVAL, "specification 1 has size");
    rule = good_rule();
    rule.ip.type = IBV_FLOW_SPEC_GRE;
    assert_bad_rule(rule, EOPNOTSUPP, "type 0x51");
    rule = good_rule();
    rule.udp.mask.dst_port = htons(0xff00);
    assert_bad_rule(rule, EINVAL, "neither all ones nor zero");
    rule = good_rule();
    rule.ip.val.dst_ip = 1;
    assert_bad_rule(rule, EINVAL, "a value outside it");
    rule = good_rule();
    rule.attr.flags = IBV_FLOW_ATTR_FLAGS_DONT_TRAP;
    assert_bad_rule(rule, EOPNOTSUPP, "flags");
    rig_close(&rig);
}

/* ---- Scripts ------------------------------------------------------------------------------------- */

Test(verbs_refusals, a_script_with_a_mistake_changes_nothing)
{
    struct ibv_device_attr attr;

    begin((struct rig_options){0});
    cr_assert_eq(vdouble_script("max_qp_wr=16 max_qp_wrr=3"), -EINVAL);
    rig_assert_refused("max_qp_wrr");
    cr_assert_eq(vdouble_script("create_qp@0=EPERM"), -EINVAL);
    cr_assert_eq(vdouble_script("create_qp@1=ENOSUCHERROR"), -EINVAL);
    ibv_query_device(rig.near.context, &attr);
    cr_assert_eq(attr.max_qp_wr, 32768);
    rig_close(&rig);
}
