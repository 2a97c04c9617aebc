/* SPDX-License-Identifier: Apache-2.0 */
/* Makes flow rules. A rule is one struct, in which the specifications follow the attributes without a gap, as the verb
 * ibv_create_flow() requires. */
#include "verbs_flow.h"

#include <errno.h>
#include <string.h>

#include <speadi/frame_layout.h>
#include <speadi/frame_template.h>

struct rule_v4 {
    struct ibv_flow_attr attr;
    struct ibv_flow_spec_eth ethernet;
    struct ibv_flow_spec_ipv4 ip;
    struct ibv_flow_spec_tcp_udp udp;
} __attribute__((packed, aligned(4)));

struct rule_v6 {
    struct ibv_flow_attr attr;
    struct ibv_flow_spec_eth ethernet;
    struct ibv_flow_spec_ipv6 ip;
    struct ibv_flow_spec_tcp_udp udp;
} __attribute__((packed, aligned(4)));

/* The values that the rules of one endpoint compare with. */
struct match {
    const struct speadi_verbs_report *report;
    const struct speadi_address *address; /* if it is unspecified, any destination matches */
    in_port_t port;
    const struct speadi_address *sender; /* if it is NULL, any sender matches */
};

static struct ibv_flow_attr attr_of(const struct match *match, size_t bytes)
{
    return (struct ibv_flow_attr){.type = IBV_FLOW_ATTR_NORMAL,
                                  .size = (uint16_t)bytes,
                                  .num_of_specs = 3,
                                  .port = match->report->port};
}

static struct ibv_flow_spec_eth ethernet_of(const struct match *match)
{
    struct ibv_flow_spec_eth spec = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof spec};

    memset(spec.mask.dst_mac, 0xff, sizeof spec.mask.dst_mac);
    if (speadi_address_is_multicast(match->address))
        speadi_frame_group_mac(spec.val.dst_mac, match->address);
    else
        memcpy(spec.val.dst_mac, match->report->interface.mac, sizeof spec.val.dst_mac);
    if (match->report->interface.vlan) {
        spec.val.vlan_tag = htons(match->report->interface.vlan);
        spec.mask.vlan_tag = htons(SPEADI_VLAN_ID_MASK);
    }
    return spec;
}

static struct ibv_flow_spec_tcp_udp udp_of(const struct match *match)
{
    struct ibv_flow_spec_tcp_udp spec = {
        .type = IBV_FLOW_SPEC_UDP,
        .size = sizeof spec,
        .val.dst_port = match->port,
        .mask.dst_port = 0xffff,
    };

    if (match->sender && match->sender->v4.sin_port) {
        spec.val.src_port = match->sender->v4.sin_port;
        spec.mask.src_port = 0xffff;
    }
    return spec;
}

static int add(struct speadi_verbs_flows *flows, struct ibv_qp *qp, void *rule,
               const struct match *match, struct spead_err *err)
{
    struct ibv_flow *flow = ibv_create_flow(qp, rule);

    if (!flow)
        return speadi_verbs_failed(err, "create_flow", match->report->device, errno);
    flows->flow[flows->count++] = flow;
    return 0;
}

static int add_v4(struct speadi_verbs_flows *flows, struct ibv_qp *qp, const struct match *match,
                  struct spead_err *err)
{
    struct rule_v4 rule = {
        .attr = attr_of(match, sizeof rule),
        .ethernet = ethernet_of(match),
        .ip = {.type = IBV_FLOW_SPEC_IPV4, .size = sizeof rule.ip},
        .udp = udp_of(match),
    };

    if (!speadi_address_is_any(match->address)) {
        rule.ip.val.dst_ip = match->address->v4.sin_addr.s_addr;
        rule.ip.mask.dst_ip = UINT32_MAX;
    }
    if (match->sender) {
        rule.ip.val.src_ip = match->sender->v4.sin_addr.s_addr;
        rule.ip.mask.src_ip = UINT32_MAX;
    }
    return add(flows, qp, &rule, match, err);
}

static int add_v6(struct speadi_verbs_flows *flows, struct ibv_qp *qp, const struct match *match,
                  struct spead_err *err)
{
    struct rule_v6 rule = {
        .attr = attr_of(match, sizeof rule),
        .ethernet = ethernet_of(match),
        .ip = {.type = IBV_FLOW_SPEC_IPV6, .size = sizeof rule.ip},
        .udp = udp_of(match),
    };

    if (!speadi_address_is_any(match->address)) {
        memcpy(rule.ip.val.dst_ip, &match->address->v6.sin6_addr, sizeof rule.ip.val.dst_ip);
        memset(rule.ip.mask.dst_ip, 0xff, sizeof rule.ip.mask.dst_ip);
    }
    if (match->sender) {
        memcpy(rule.ip.val.src_ip, &match->sender->v6.sin6_addr, sizeof rule.ip.val.src_ip);
        memset(rule.ip.mask.src_ip, 0xff, sizeof rule.ip.mask.src_ip);
    }
    return add(flows, qp, &rule, match, err);
}

static bool may_send(const struct speadi_address *sender, sa_family_t family)
{
    return !sender || sender->any.sa_family == family;
}

/* Adds the rules of one endpoint. The endpoint "[::]" takes both IP versions. */
static int add_rules(struct speadi_verbs_flows *flows, struct ibv_qp *qp, const struct match *match,
                     struct spead_err *err)
{
    bool v6 = match->address->any.sa_family == AF_INET6;
    int ret = 0;

    if (v6 && may_send(match->sender, AF_INET6))
        ret = add_v6(flows, qp, match, err);
    if (ret == 0 && (!v6 || speadi_address_is_any(match->address)) &&
        may_send(match->sender, AF_INET))
        ret = add_v4(flows, qp, match, err);
    return ret;
}

int speadi_verbs_flows_open(struct speadi_verbs_flows *flows, struct ibv_qp *qp,
                            const struct speadi_verbs_report *report,
                            const struct speadi_rx_config *config, struct spead_err *err)
{
    const struct speadi_interface *interface = config->interface;

    for (uint32_t i = 0; i < config->count; i++) {
        const struct speadi_address *address = &config->addresses[i];
        struct match match = {
            .report = report,
            .address = address,
            .port = address->v4.sin_port, /* sockaddr_in6 has the port at the same offset */
            .sender = config->sender,
        };
        int ret;

        if (speadi_address_is_any(address) && interface && interface->local.length > 0)
            match.address = &interface->local;
        ret = add_rules(flows, qp, &match, err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

void speadi_verbs_flows_close(struct speadi_verbs_flows *flows)
{
    while (flows->count > 0)
        ibv_destroy_flow(flows->flow[--flows->count]);
}
