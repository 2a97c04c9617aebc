/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a raw packet queue pair works with the double as it works with a NIC.
 * Method: the test makes two network namespaces with a veth pair between them. It builds frames. One queue pair, or the
 * kernel, sends them. The test reads them where the other queue pair wrote them. */
#include "offloads.h"
#include "verbs_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <unistd.h>

static void receive_ready(struct rig *rig, unsigned slots)
{
    rig_ready(&rig->near);
    rig_ready(&rig->far);
    for (unsigned i = 0; i < slots; i++)
        cr_assert_eq(rig_post(&rig->near, i), 0);
    rig_steer(&rig->near);
}

Test(verbs_network, frames_arrive_whole_and_in_order_with_right_checksums)
{
    struct rig rig;

    rig_open(&rig, 2, (struct rig_options){0});
    receive_ready(&rig, 20);
    for (uint32_t i = 0; i < 20; i++)
        cr_assert_eq(rig_send(&rig.far, i, 100 + i), IBV_WC_SUCCESS);
    for (uint32_t i = 0; i < 20; i++) {
        struct ibv_wc wc = rig_completion(rig.near.recv_cq);
        uint8_t expected[RIG_SLOT_BYTES];

        cr_assert_eq(wc.status, IBV_WC_SUCCESS);
        cr_assert_eq(wc.byte_len, RIG_HEADERS + 100 + i);
        cr_assert_eq(wc.wr_id, i);
        cr_assert_eq(wc.qp_num, rig.near.qp->qp_num);
        cr_assert(wc.wc_flags & IBV_WC_IP_CSUM_OK, "frame %u", i);
        rig_frame(expected, i, 100 + i);
        cr_assert_arr_eq(rig_slot(&rig.near, i) + RIG_HEADERS, expected + RIG_HEADERS, 100 + i);
    }
    rig_close(&rig);
}

Test(verbs_network, memory_that_is_posted_reads_as_rubbish_until_a_frame_is_there)
{
    struct rig rig;
    uint8_t *slot;

    rig_open(&rig, 2, (struct rig_options){0});
    slot = rig_slot(&rig.near, 0);
    memset(slot, 7, RIG_SLOT_BYTES);
    receive_ready(&rig, 1);
    cr_assert_eq(slot[0], 0xa5);
    cr_assert_eq(slot[RIG_SLOT_BYTES - 1], 0xa5);
    rig_send(&rig.far, 9, 100);
    rig_completion(rig.near.recv_cq);
    cr_assert_eq(rig_number(slot), 9);
    cr_assert_eq(slot[RIG_HEADERS + 100], 0xa5, "bytes behind the frame are not the frame's");
    rig_close(&rig);
}

Test(verbs_network, three_scatter_entries_split_header_payload_and_spill)
{
    struct rig rig;
    uint8_t *memory;
    struct ibv_recv_wr wr = {.wr_id = 5, .num_sge = 3}, *bad;

    rig_open(&rig, 2, (struct rig_options){0});
    memory = rig.near.memory;
    wr.sg_list = (struct ibv_sge[]){{(uintptr_t)memory, RIG_HEADERS, rig.near.mr->lkey},
                                    {(uintptr_t)memory + 4096, 100, rig.near.mr->lkey},
                                    {(uintptr_t)memory + 8192, 1500, rig.near.mr->lkey}};
    receive_ready(&rig, 0);
    cr_assert_eq(ibv_post_recv(rig.near.qp, &wr, &bad), 0);
    rig_send(&rig.far, 3, 150);
    cr_assert_eq(rig_completion(rig.near.recv_cq).byte_len, RIG_HEADERS + 150);
    cr_assert_eq(memory[12], 8);
    cr_assert_eq(memory[4096 + 99], (uint8_t)(3 + 99));
    cr_assert_eq(memory[8192], (uint8_t)(3 + 100));
    rig_close(&rig);
}

Test(verbs_network, a_sleeper_wakes_by_the_channel_once_it_has_armed)
{
    struct rig rig;
    struct pollfd channel;
    struct ibv_cq *cq;
    void *context;

    rig_open(&rig, 2, (struct rig_options){0});
    receive_ready(&rig, 3);
    channel = (struct pollfd){rig.near.channel->fd, POLLIN, 0};
    rig_send(&rig.far, 0, 64);
    rig_wait_frames(1);
    cr_assert_eq(ibv_req_notify_cq(rig.near.recv_cq, 0), 0);
    cr_assert_eq(poll(&channel, 1, 0), 0, "what was there before arming wakes nobody");
    rig_send(&rig.far, 1, 64);
    cr_assert_eq(poll(&channel, 1, 5000), 1);
    cr_assert_eq(ibv_get_cq_event(rig.near.channel, &cq, &context), 0);
    cr_assert_eq(cq, rig.near.recv_cq);
    cr_assert_eq(context, &rig.near);
    ibv_ack_cq_events(cq, 1);
    rig_send(&rig.far, 2, 64);
    rig_wait_frames(3);
    cr_assert_eq(poll(&channel, 1, 0), 0, "one event an arming");
    rig_close(&rig);
}

/* When the program destroys a completion queue, the double must remove the unread events of this queue. The kernel does
 * this too. An event that stayed would point to freed memory. */
Test(verbs_network, an_unread_event_goes_with_its_queue)
{
    struct rig rig;
    struct pollfd channel;

    rig_open(&rig, 2, (struct rig_options){0});
    receive_ready(&rig, 1);
    channel = (struct pollfd){rig.near.channel->fd, POLLIN, 0};
    ibv_req_notify_cq(rig.near.recv_cq, 0);
    rig_send(&rig.far, 0, 64);
    cr_assert_eq(poll(&channel, 1, 5000), 1);
    cr_assert_eq(ibv_destroy_flow(rig.near.flow), 0);
    cr_assert_eq(ibv_destroy_qp(rig.near.qp), 0);
    cr_assert_eq(ibv_destroy_cq(rig.near.recv_cq), 0);
    cr_assert_eq(poll(&channel, 1, 0), 0);
    rig.near.recv_cq = ibv_create_cq(rig.near.context, 4, NULL, rig.near.channel, 0);
    rig.near.flow = NULL;
    rig.near.qp = NULL;
    rig_close(&rig);
}

Test(verbs_network, wallclock_stamps_are_utc_and_raw_ones_count_from_another_time)
{
    struct rig_options options = {.extended = true,
                                  .wc_flags = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP |
                                              IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK};
    struct ibv_poll_cq_attr none = {0};
    struct ibv_device_attr_ex attr;
    struct rig rig;
    uint64_t utc;

    rig_open(&rig, 2, options);
    cr_assert_eq(ibv_query_device_ex(rig.near.context, NULL, &attr), 0);
    receive_ready(&rig, 1);
    rig_send(&rig.far, 0, 64);
    rig_wait_frames(1);
    cr_assert_eq(ibv_start_poll(rig.near.recv_ex, &none), 0);
    utc = ibv_wc_read_completion_wallclock_ns(rig.near.recv_ex);
    cr_assert_lt(utc / 1000000000 - (uint64_t)time(NULL) + 60, 120);
    /* The counter of the double was 0 at this time; see clock.c. */
    cr_assert_eq(ibv_wc_read_completion_ts(rig.near.recv_ex),
                 (utc - UINT64_C(1700000000000000000)) & attr.completion_timestamp_mask);
    ibv_end_poll(rig.near.recv_ex);
    rig_close(&rig);
}

Test(verbs_network, two_queue_pairs_with_the_same_rule_both_get_the_frame)
{
    struct rig rig;
    struct rig_host second;

    rig_open(&rig, 2, (struct rig_options){0});
    receive_ready(&rig, 1);
    second = rig.near;
    second.flow = NULL;
    second.qp = rig_make_qp(&rig.near, (struct rig_options){0});
    rig_ready(&second);
    cr_assert_eq(rig_post(&second, 1), 0);
    rig_steer(&second);
    rig_send(&rig.far, 77, 64);
    cr_assert_neq(rig_completion(rig.near.recv_cq).qp_num, rig_completion(rig.near.recv_cq).qp_num);
    cr_assert_eq(rig_number(rig_slot(&rig.near, 0)), 77);
    cr_assert_eq(rig_number(rig_slot(&rig.near, 1)), 77);
    cr_assert_eq(ibv_destroy_flow(second.flow), 0);
    cr_assert_eq(ibv_destroy_qp(second.qp), 0);
    rig_close(&rig);
}

Test(verbs_network, a_tagged_frame_keeps_its_vlan_tag)
{
    struct rig rig;
    uint8_t *frame;
    struct ibv_sge sge;
    struct ibv_send_wr wr = {.num_sge = 1, .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED},
                       *bad;

    rig_open(&rig, 2, (struct rig_options){0});
    receive_ready(&rig, 1);
    frame = rig_slot(&rig.far, RIG_DEPTH);
    sge =
        (struct ibv_sge){(uintptr_t)frame, (uint32_t)rig_frame(frame, 1, 64) + 4, rig.far.mr->lkey};
    memmove(frame + 16, frame + 12, sge.length - 16);
    memcpy(frame + 12, "\x81\0\0\x2a", 4);
    wr.sg_list = &sge;
    cr_assert_eq(ibv_post_send(rig.far.qp, &wr, &bad), 0);
    cr_assert_eq(rig_completion(rig.near.recv_cq).byte_len, sge.length);
    cr_assert_arr_eq(rig_slot(&rig.near, 0), frame, sge.length);
    rig_close(&rig);
}

Test(verbs_network, segmentation_makes_frames_of_equal_size)
{
    struct rig rig;
    uint8_t header[RIG_HEADERS], *payload;
    struct ibv_sge sge;
    struct ibv_send_wr wr = {.num_sge = 1, .opcode = IBV_WR_TSO, .send_flags = IBV_SEND_SIGNALED},
                       *bad;

    rig_open(&rig, 2, (struct rig_options){.tso_header_max = 64});
    receive_ready(&rig, 3);
    payload = rig_slot(&rig.far, RIG_DEPTH);
    for (unsigned i = 0; i < 300; i++)
        payload[i] = (uint8_t)i;
    /* The test uses only the headers of this frame. The UDP length in them is the length of one segment. */
    rig_frame(payload + 1024, 0, 100);
    memcpy(header, payload + 1024, sizeof header);
    sge = (struct ibv_sge){(uintptr_t)payload, 300, rig.far.mr->lkey};
    wr.sg_list = &sge;
    wr.tso.hdr = header;
    wr.tso.hdr_sz = sizeof header;
    wr.tso.mss = 100;
    cr_assert_eq(ibv_post_send(rig.far.qp, &wr, &bad), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(rig_completion(rig.far.send_cq).opcode, IBV_WC_TSO);
    for (unsigned i = 0; i < 3; i++) {
        struct ibv_wc wc = rig_completion(rig.near.recv_cq);

        cr_assert_eq(wc.byte_len, RIG_HEADERS + 100);
        cr_assert(wc.wc_flags & IBV_WC_IP_CSUM_OK);
        cr_assert_arr_eq(rig_slot(&rig.near, i) + RIG_HEADERS, payload + 100 * i, 100);
    }
    rig_close(&rig);
}

/* Makes the kernel of the far host send `bytes` bytes in one call, in datagrams of 1000 bytes. */
static void kernel_sends(struct rig *rig, size_t bytes)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(RIG_PORT)};
    static uint8_t data[4000];
    int segment = 1000, fd;

    test_netns_move(rig->pair.far);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, "239.1.2.3", &to.sin_addr);
    cr_assert_eq(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
    cr_assert_eq(sendto(fd, data, bytes, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)bytes);
    close(fd);
    test_netns_move(rig->pair.near);
}

Test(verbs_network, what_the_kernel_sends_arrives_as_on_a_cable_when_offloads_are_off)
{
    struct rig rig;

    rig_open(&rig, 1, (struct rig_options){0});
    test_netns_move(rig.pair.far);
    if (!test_offloads_off(TEST_FAR_INTERFACE))
        cr_skip_test("cannot turn offloads off: %s", strerror(errno));
    test_netns_move(rig.pair.near);
    rig_ready(&rig.near);
    for (unsigned i = 0; i < 4; i++)
        rig_post(&rig.near, i);
    rig_steer(&rig.near);
    kernel_sends(&rig, 4000);
    for (unsigned i = 0; i < 4; i++) {
        struct ibv_wc wc = rig_completion(rig.near.recv_cq);

        cr_assert_eq(wc.byte_len, RIG_HEADERS + 1000);
        cr_assert(wc.wc_flags & IBV_WC_IP_CSUM_OK);
    }
    rig_close(&rig);
}

Test(verbs_network, a_super_frame_that_no_cable_carries_is_dropped_and_counted)
{
    struct rig rig;

    rig_open(&rig, 1, (struct rig_options){0});
    rig_ready(&rig.near);
    rig_post(&rig.near, 0);
    rig_steer(&rig.near);
    kernel_sends(&rig, 4000);
    rig_wait_frames(1);
    cr_assert_eq(rig_counters().rx_oversized, 1);
    rig_assert_refused("tx-udp-segmentation");
    cr_assert(rig_nothing(rig.near.recv_cq));
    rig_close(&rig);
}

Test(verbs_network, addresses_of_the_interface_are_in_the_gid_table)
{
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 10, 77, 0, 1};
    struct ibv_gid_entry entries[32];
    bool found = false;
    struct rig rig;
    ssize_t count;

    rig_open(&rig, 1, (struct rig_options){0});
    count = ibv_query_gid_table(rig.near.context, entries, 32, 0);
    cr_assert_geq(count, 2);
    for (ssize_t i = 0; i < count; i++)
        found |= !memcmp(entries[i].gid.raw, mapped, sizeof mapped);
    cr_assert(found);
    rig_close(&rig);
}

Test(verbs_network, hashing_spreads_ports_over_work_queues)
{
    struct rig rig;
    struct ibv_wq *wqs[2];
    struct ibv_rwq_ind_table_init_attr table_attr = {.log_ind_tbl_size = 1, .ind_tbl = wqs};
    struct ibv_wq_attr ready = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = IBV_WQS_RDY};
    struct ibv_rwq_ind_table *table;
    struct ibv_qp_init_attr_ex attr = {0};
    struct rig_host hashed;
    unsigned got[2] = {0};
    uint8_t key[40];

    rig_open(&rig, 2, (struct rig_options){0});
    rig_ready(&rig.far);
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 37 + 11);
    for (unsigned w = 0; w < 2; w++) {
        struct ibv_wq_init_attr init = {.wq_type = IBV_WQT_RQ,
                                        .max_wr = 16,
                                        .max_sge = 1,
                                        .pd = rig.near.pd,
                                        .cq = rig.near.recv_cq};

        wqs[w] = ibv_create_wq(rig.near.context, &init);
        cr_assert(wqs[w], "%s", vdouble_last_refusal());
        cr_assert_eq(ibv_modify_wq(wqs[w], &ready), 0);
        for (unsigned i = 0; i < 16; i++) {
            struct ibv_sge sge = {(uintptr_t)rig_slot(&rig.near, w * 16 + i), RIG_SLOT_BYTES,
                                  rig.near.mr->lkey};
            struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;

            cr_assert_eq(ibv_post_wq_recv(wqs[w], &wr, &bad), 0);
        }
    }
    table = ibv_create_rwq_ind_table(rig.near.context, &table_attr);
    attr.qp_type = IBV_QPT_RAW_PACKET;
    attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH;
    attr.pd = rig.near.pd;
    attr.rwq_ind_tbl = table;
    attr.rx_hash_conf = (struct ibv_rx_hash_conf){IBV_RX_HASH_FUNC_TOEPLITZ, sizeof key, key,
                                                  IBV_RX_HASH_SRC_PORT_UDP};
    hashed = rig.near;
    hashed.qp = ibv_create_qp_ex(rig.near.context, &attr);
    cr_assert(hashed.qp, "%s", vdouble_last_refusal());
    rig_steer(&hashed);
    for (uint16_t port = 1; port <= 16; port++) {
        uint8_t *frame = rig_slot(&rig.far, RIG_DEPTH);
        struct ibv_sge sge = {(uintptr_t)frame, (uint32_t)rig_frame(frame, port, 64),
                              rig.far.mr->lkey};
        struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND}, *bad;

        frame[35] = (uint8_t)port;
        cr_assert_eq(ibv_post_send(rig.far.qp, &wr, &bad), 0);
    }
    for (unsigned i = 0; i < 16; i++)
        got[rig_completion(rig.near.recv_cq).qp_num == wqs[1]->wq_num]++;
    cr_assert(got[0] > 0 && got[1] > 0, "%u and %u", got[0], got[1]);
    cr_assert_eq(ibv_destroy_wq(wqs[0]), EBUSY);
    cr_assert_eq(ibv_destroy_rwq_ind_table(table), EBUSY);
    cr_assert_eq(ibv_destroy_flow(hashed.flow), 0);
    cr_assert_eq(ibv_destroy_qp(hashed.qp), 0);
    cr_assert_eq(ibv_destroy_rwq_ind_table(table), 0);
    cr_assert_eq(ibv_destroy_wq(wqs[0]), 0);
    cr_assert_eq(ibv_destroy_wq(wqs[1]), 0);
    rig_close(&rig);
}
