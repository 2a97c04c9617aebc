/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the double behaves like mlx5 and its kernel where other programs rely on it, or where a network has an effect
 * that is seldom wanted: empty addresses, rules with more fields, objects that outlive their device, multicast that
 * comes back, an MTU that changes.
 * Method: two hosts. Each test uses one of these things as another program does. */
#include "verbs_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct rig rig;

Test(verbs_lenient, an_empty_entry_of_the_address_table_is_zero)
{
    static const union ibv_gid zero;
    struct ibv_gid_entry entry;
    struct ibv_port_attr port;
    union ibv_gid gid;

    rig_open(&rig, 1, (struct rig_options){0});
    cr_assert_eq(ibv_query_port(rig.near.context, 1, &port), 0);
    memset(&gid, 7, sizeof gid);
    cr_assert_eq(ibv_query_gid(rig.near.context, 1, port.gid_tbl_len - 1, &gid), 0);
    cr_assert_arr_eq(&gid, &zero, sizeof gid);
    cr_assert_eq(ibv_query_gid_ex(rig.near.context, 1, (uint32_t)port.gid_tbl_len - 1, &entry, 0),
                 ENODATA);
    cr_assert_neq(ibv_query_gid(rig.near.context, 1, port.gid_tbl_len, &gid), 0);
    rig_close(&rig);
}

/* A rule as perftest makes it: with the protocol in the specification of IPv4. */
static struct ibv_flow *steer_protocol(uint8_t protocol, uint8_t ttl_mask)
{
    struct {
        struct ibv_flow_attr attr;
        struct ibv_flow_spec_eth eth;
        struct ibv_flow_spec_ipv4_ext ip;
    } rule = {
        .attr = {.type = IBV_FLOW_ATTR_NORMAL, .size = sizeof rule, .num_of_specs = 2, .port = 1},
        .eth = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof rule.eth},
        .ip = {.type = IBV_FLOW_SPEC_IPV4_EXT,
               .size = sizeof rule.ip,
               .val = {.proto = protocol},
               .mask = {.proto = 0xff, .ttl = ttl_mask}},
    };

    return ibv_create_flow(rig.near.qp, (void *)&rule);
}

Test(verbs_lenient, a_rule_compares_the_protocol_too)
{
    rig_open(&rig, 2, (struct rig_options){0});
    rig_ready(&rig.near);
    rig_ready(&rig.far);
    cr_assert_eq(rig_post(&rig.near, 0), 0);
    cr_assert_null(steer_protocol(IPPROTO_UDP, 0xff), "mlx5 does not compare the TTL");
    rig.near.flow = steer_protocol(IPPROTO_TCP, 0);
    cr_assert(rig.near.flow, "%s", vdouble_last_refusal());
    rig_send(&rig.far, 1, 64);
    for (int i = 0; i < 1000 && rig_counters().rx_unmatched == 0; i++)
        usleep(1000);
    cr_assert(rig_nothing(rig.near.recv_cq));
    cr_assert_eq(ibv_destroy_flow(rig.near.flow), 0);
    rig.near.flow = steer_protocol(IPPROTO_UDP, 0);
    rig_send(&rig.far, 2, 64);
    rig_completion(rig.near.recv_cq);
    cr_assert_eq(rig_number(rig_slot(&rig.near, 0)), 2);
    rig_close(&rig);
}

/* The kernel lets a program deregister memory that posted work names. The device then reports the mistake. */
Test(verbs_lenient, memory_can_go_while_work_names_it_and_the_work_fails)
{
    uint8_t *memory = aligned_alloc(4096, 4096);
    struct ibv_recv_wr wr = {.wr_id = 9, .num_sge = 1}, *bad;
    struct ibv_mr *mr;

    rig_open(&rig, 2, (struct rig_options){0});
    mr = ibv_reg_mr(rig.near.pd, memory, 4096, IBV_ACCESS_LOCAL_WRITE);
    wr.sg_list = &(struct ibv_sge){(uintptr_t)memory, 4096, mr->lkey};
    rig_ready(&rig.near);
    rig_ready(&rig.far);
    rig_steer(&rig.near);
    cr_assert_eq(ibv_post_recv(rig.near.qp, &wr, &bad), 0);
    cr_assert_eq(ibv_dereg_mr(mr), EBUSY);
    vdouble_script("lenient=1");
    cr_assert_eq(ibv_dereg_mr(mr), 0);
    free(memory);
    rig_send(&rig.far, 1, 64);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_LOC_PROT_ERR);
    rig_close(&rig);
}

/* The kernel ends what a program has left when the program closes the device. */
Test(verbs_lenient, a_device_can_be_closed_before_its_objects)
{
    struct ibv_device **list;
    struct ibv_context *context;
    struct ibv_pd *pd;

    rig_open(&rig, 1, (struct rig_options){0});
    list = ibv_get_device_list(NULL);
    context = ibv_open_device(list[0]);
    ibv_free_device_list(list);
    pd = ibv_alloc_pd(context);
    cr_assert_eq(ibv_close_device(context), EBUSY);
    vdouble_script("lenient=1");
    cr_assert_eq(ibv_close_device(context), 0);
    free(pd); /* the program has lost it */
    vdouble_script("lenient=0");
    cr_assert_eq(rig_counters().contexts, 1);
    rig_close(&rig);
}

/* A second context on the near host sends one multicast frame, and then the far host sends another one. Asserts which
 * frame arrives first at the first context, and that the sender gets only that of the far host. */
static void send_beside(const char *script, uint32_t first)
{
    struct rig_host sender = {0};

    cr_assert_eq(vdouble_script(script), 0);
    rig_open(&rig, 2, (struct rig_options){0});
    rig_open_host(&sender, rig.pair.near, TEST_NEAR_INTERFACE, (struct rig_options){0});
    rig_ready(&rig.near);
    rig_ready(&rig.far);
    rig_ready(&sender);
    rig_steer(&rig.near);
    rig_steer(&sender);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(rig_post(&rig.near, i), 0);
        cr_assert_eq(rig_post(&sender, i), 0);
    }
    rig_send(&sender, 5, 64);
    rig_send(&rig.far, 6, 64);
    rig_completion(rig.near.recv_cq);
    cr_assert_eq(rig_number(rig_slot(&rig.near, 0)), first);
    rig_completion(sender.recv_cq);
    cr_assert_eq(rig_number(rig_slot(&sender, 0)), 6);
    rig_close_host(&sender);
    rig_close(&rig);
}

Test(verbs_lenient, multicast_comes_back_to_other_contexts_of_the_port_where_it_is_set)
{
    send_beside("loopback=1", 5);
}

Test(verbs_lenient, multicast_does_not_come_back_where_it_is_not_set)
{
    send_beside("loopback=0", 6);
}

/* The kernel of the far host sends one datagram to the group. */
static void send_from_kernel(size_t bytes)
{
    static uint8_t data[8000];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(RIG_PORT)};
    int fd;

    test_netns_move(rig.pair.far);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, "239.1.2.3", &to.sin_addr);
    cr_assert_eq(sendto(fd, data, bytes, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)bytes);
    close(fd);
    test_netns_move(rig.pair.near);
}

/* After `ip link set mtu` the network carries longer frames, but the receives that are posted are not longer. */
Test(verbs_lenient, a_frame_that_a_later_mtu_permits_can_be_too_long_for_its_receive)
{
    rig_open(&rig, 2, (struct rig_options){0});
    rig_ready(&rig.near);
    rig_steer(&rig.near);
    cr_assert_eq(rig_post(&rig.near, 0), 0);
    cr_assert_eq(system("ip link set " TEST_NEAR_INTERFACE " mtu 9000"), 0);
    test_netns_move(rig.pair.far);
    cr_assert_eq(system("ip link set " TEST_FAR_INTERFACE " mtu 9000"), 0);
    test_netns_move(rig.pair.near);
    send_from_kernel(4000);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_LOC_LEN_ERR);
    cr_assert_eq(rig_counters().rx_oversized, 0);
    rig_close(&rig);
}
