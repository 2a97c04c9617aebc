/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the multi-packet receive queue of the double behaves like that of mlx5. The program writes the ring and the
 * doorbell. The device writes frames into strides and their lengths into completions. If a frame does not fit into the
 * free strides of an entry, the device leaves these strides unused and reports them as a filler.
 * Method: the tests use the smallest queue, with 512 strides of 64 bytes in an entry, and frames of known length. */
#include "verbs_rig.h"

#include <endian.h>
#include <errno.h>
#include <infiniband/mlx5dv.h>
#include <stdlib.h>

enum { STRIDE_BYTES = 64, STRIDES = 512, ENTRY_BYTES = STRIDE_BYTES * STRIDES, ENTRIES = 2 };
enum { FRAME_STRIDES = 23, FRAME_PAYLOAD = FRAME_STRIDES * STRIDE_BYTES - (int)RIG_HEADERS };
/* The number of frames that fit into an entry: 22. In each entry 6 strides stay unused. */
enum { FRAMES_PER_ENTRY = STRIDES / FRAME_STRIDES };

static struct rig rig;
static struct mprq {
    struct ibv_wq *wq;
    struct ibv_rwq_ind_table *table;
    struct rig_host host; /* the queue pair of this host has an indirection table */
    struct mlx5dv_rwq ring;
    struct ibv_mr *mr;
    uint8_t *memory;
    uint32_t posted;
} queue;

static struct ibv_wq *make_wq(uint32_t stride_log, uint32_t strides_log)
{
    struct ibv_wq_init_attr attr = {.wq_type = IBV_WQT_RQ,
                                    .max_wr = ENTRIES,
                                    .max_sge = 1,
                                    .pd = rig.near.pd,
                                    .cq = rig.near.recv_cq};
    struct mlx5dv_wq_init_attr extra = {.comp_mask = MLX5DV_WQ_INIT_ATTR_MASK_STRIDING_RQ,
                                        .striding_rq_attrs = {stride_log, strides_log, 0}};

    return mlx5dv_create_wq(rig.near.context, &attr, &extra);
}

static struct ibv_qp *make_hashed_qp(void)
{
    static uint8_t key[40];
    struct ibv_qp_init_attr_ex attr = {
        .qp_type = IBV_QPT_RAW_PACKET,
        .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH,
        .pd = rig.near.pd,
        .rwq_ind_tbl = queue.table,
        .rx_hash_conf = {IBV_RX_HASH_FUNC_TOEPLITZ, sizeof key, key, 0}};

    return ibv_create_qp_ex(rig.near.context, &attr);
}

static void begin(void)
{
    struct ibv_rwq_ind_table_init_attr table = {.ind_tbl = &queue.wq};
    struct ibv_wq_attr ready = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = IBV_WQS_RDY};
    struct mlx5dv_obj object = {0};

    rig_open(&rig, 2, (struct rig_options){0});
    rig_ready(&rig.far);
    queue.wq = make_wq(6, 9);
    cr_assert(queue.wq, "%s", vdouble_last_refusal());
    object.rwq.in = queue.wq;
    object.rwq.out = &queue.ring;
    cr_assert_eq(mlx5dv_init_obj(&object, MLX5DV_OBJ_RWQ), 0);
    cr_assert_eq(queue.ring.stride, sizeof(struct mlx5_mprq_wqe));
    cr_assert_eq(queue.ring.wqe_cnt, ENTRIES);
    queue.table = ibv_create_rwq_ind_table(rig.near.context, &table);
    cr_assert_eq(ibv_modify_wq(queue.wq, &ready), 0);
    queue.host = rig.near;
    queue.host.qp = make_hashed_qp();
    cr_assert(queue.host.qp, "%s", vdouble_last_refusal());
    rig_steer(&queue.host);
    queue.memory = aligned_alloc(4096, ENTRIES * ENTRY_BYTES);
    queue.mr = ibv_reg_mr(rig.near.pd, queue.memory, ENTRIES * ENTRY_BYTES, IBV_ACCESS_LOCAL_WRITE);
}

static void end(void)
{
    cr_assert_eq(ibv_destroy_flow(queue.host.flow), 0);
    cr_assert_eq(ibv_destroy_qp(queue.host.qp), 0);
    cr_assert_eq(ibv_destroy_rwq_ind_table(queue.table), 0);
    cr_assert_eq(ibv_destroy_wq(queue.wq), 0);
    cr_assert_eq(ibv_dereg_mr(queue.mr), 0);
    free(queue.memory);
    rig_close(&rig);
}

static void announce(uint32_t entries)
{
    queue.posted += entries;
    __atomic_store_n(queue.ring.dbrec, htobe32(queue.posted & 0xffff), __ATOMIC_RELEASE);
}

static void post(unsigned index, uint32_t bytes)
{
    struct mlx5_mprq_wqe *entry = (struct mlx5_mprq_wqe *)queue.ring.buf + queue.posted % ENTRIES;

    entry->dseg.byte_count = htobe32(bytes);
    entry->dseg.lkey = htobe32(queue.mr->lkey);
    entry->dseg.addr = htobe64((uintptr_t)queue.memory + index * ENTRY_BYTES);
    announce(1);
}

Test(verbs_mprq, frames_are_packed_into_strides_and_a_filler_closes_an_entry)
{
    unsigned used = 0;

    begin();
    post(0, ENTRY_BYTES);
    post(1, ENTRY_BYTES);
    for (uint32_t i = 0; i <= FRAMES_PER_ENTRY; i++)
        cr_assert_eq(rig_send(&rig.far, i, FRAME_PAYLOAD), IBV_WC_SUCCESS);
    for (uint32_t i = 0; i < FRAMES_PER_ENTRY; i++, used += FRAME_STRIDES) {
        struct ibv_wc wc = rig_completion(rig.near.recv_cq);

        cr_assert_eq(wc.byte_len, (uint32_t)FRAME_STRIDES << 16 | (RIG_HEADERS + FRAME_PAYLOAD));
        cr_assert_eq(rig_number(queue.memory + used * STRIDE_BYTES), i);
    }
    cr_assert_eq(rig_completion(rig.near.recv_cq).byte_len,
                 UINT32_C(0x80000000) | (STRIDES - FRAMES_PER_ENTRY * FRAME_STRIDES) << 16);
    rig_completion(rig.near.recv_cq);
    cr_assert_eq(rig_number(queue.memory + ENTRY_BYTES), FRAMES_PER_ENTRY);
    end();
}

Test(verbs_mprq, without_an_announced_entry_frames_are_lost_and_counted)
{
    begin();
    rig_send(&rig.far, 0, FRAME_PAYLOAD);
    rig_wait_frames(1);
    cr_assert_eq(rig_counters().rx_out_of_buffer, 1);
    post(0, ENTRY_BYTES);
    rig_send(&rig.far, 1, FRAME_PAYLOAD);
    rig_completion(rig.near.recv_cq);
    cr_assert_eq(rig_number(queue.memory), 1);
    end();
}

static void assert_dead(enum ibv_wc_status status, const char *why)
{
    struct ibv_async_event event;

    rig_send(&rig.far, 0, FRAME_PAYLOAD);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, status);
    rig_assert_refused(why);
    cr_assert_eq(ibv_get_async_event(rig.near.context, &event), 0);
    cr_assert_eq(event.event_type, IBV_EVENT_WQ_FATAL);
    cr_assert_eq(event.element.wq, queue.wq);
    ibv_ack_async_event(&event);
    end();
}

Test(verbs_mprq, an_entry_of_another_length_than_its_strides_ends_the_queue)
{
    begin();
    post(0, ENTRY_BYTES - 1);
    assert_dead(IBV_WC_LOC_LEN_ERR, "not that of its strides");
}

Test(verbs_mprq, an_entry_that_leaves_its_region_ends_the_queue)
{
    begin();
    post(1, ENTRY_BYTES);
    ((struct mlx5_mprq_wqe *)queue.ring.buf)->dseg.addr =
        htobe64((uintptr_t)queue.memory + ENTRY_BYTES + 1);
    assert_dead(IBV_WC_LOC_PROT_ERR, "not registered for writing");
}

Test(verbs_mprq, a_doorbell_past_the_ring_ends_the_queue)
{
    begin();
    announce(ENTRIES + 1);
    assert_dead(IBV_WC_LOC_QP_OP_ERR, "more entries than the ring has");
}

/* The device reads the entries when it reads the doorbell record, and not when it uses them. */
Test(verbs_mprq, an_entry_that_is_written_after_its_doorbell_is_not_seen)
{
    begin();
    post(0, ENTRY_BYTES);
    announce(1);
    rig_send(&rig.far, 0, FRAME_PAYLOAD);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS);
    queue.posted--;
    post(1, ENTRY_BYTES);
    for (uint32_t i = 1; i < FRAMES_PER_ENTRY; i++) {
        rig_send(&rig.far, i, FRAME_PAYLOAD);
        cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS);
    }
    rig_send(&rig.far, FRAMES_PER_ENTRY, FRAME_PAYLOAD);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS, "the filler");
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_LOC_LEN_ERR);
    end();
}

/* A driver sets the doorbell record to zero when the queue becomes ready. */
Test(verbs_mprq, what_was_announced_before_the_queue_was_ready_is_forgotten)
{
    struct ibv_wq_attr state = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = IBV_WQS_RESET};

    begin();
    cr_assert_eq(ibv_modify_wq(queue.wq, &state), 0);
    post(0, ENTRY_BYTES);
    state.wq_state = IBV_WQS_RDY;
    cr_assert_eq(ibv_modify_wq(queue.wq, &state), 0);
    rig_send(&rig.far, 0, FRAME_PAYLOAD);
    rig_wait_frames(1);
    cr_assert_eq(rig_counters().rx_out_of_buffer, 1);
    end();
}

static void assert_fatal(void)
{
    struct ibv_async_event event;

    cr_assert_eq(ibv_get_async_event(rig.near.context, &event), 0);
    cr_assert_eq(event.event_type, IBV_EVENT_WQ_FATAL);
    cr_assert_eq(event.element.wq, queue.wq);
    ibv_ack_async_event(&event);
}

Test(verbs_mprq, a_completion_fails_as_the_script_says)
{
    begin();
    post(0, ENTRY_BYTES);
    vdouble_script("rx.status@2=LOC_ACCESS_ERR");
    for (uint32_t i = 0; i < 2; i++)
        rig_send(&rig.far, i, FRAME_PAYLOAD);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_LOC_ACCESS_ERR);
    assert_fatal();
    end();
}

Test(verbs_mprq, a_queue_dies_with_an_event_by_script)
{
    begin();
    post(0, ENTRY_BYTES);
    vdouble_script("qp.fatal@2");
    for (uint32_t i = 0; i < 3; i++)
        rig_send(&rig.far, i, FRAME_PAYLOAD);
    rig_wait_frames(3);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS);
    cr_assert(rig_nothing(rig.near.recv_cq));
    assert_fatal();
    end();
}

Test(verbs_mprq, limits_and_absence_are_reported_and_enforced)
{
    struct mlx5dv_context caps = {.comp_mask = MLX5DV_CONTEXT_MASK_STRIDING_RQ};

    rig_open(&rig, 1, (struct rig_options){0});
    cr_assert(mlx5dv_is_supported(rig.near.context->device));
    cr_assert_eq(mlx5dv_query_device(rig.near.context, &caps), 0);
    cr_assert_eq(caps.striding_rq_caps.min_single_wqe_log_num_of_strides, 9);
    cr_assert_null(make_wq(5, 9));
    cr_assert_eq(errno, EINVAL);
    cr_assert_null(make_wq(6, 8));
    vdouble_script("striding=0");
    caps.comp_mask = MLX5DV_CONTEXT_MASK_STRIDING_RQ;
    cr_assert_eq(mlx5dv_query_device(rig.near.context, &caps), 0);
    cr_assert_eq(caps.comp_mask, 0);
    cr_assert_null(make_wq(6, 9));
    cr_assert_eq(errno, EOPNOTSUPP);
    vdouble_script("mlx5=0");
    cr_assert_not(mlx5dv_is_supported(rig.near.context->device));
    rig_close(&rig);
}
