/* SPDX-License-Identifier: Apache-2.0 */
/* Flow rules. This file checks their specifications strictly, and finds the queue pairs whose rules match a frame. */
#include "double.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct spec_header {
    enum ibv_flow_spec_type type;
    uint16_t size;
};

/* ---- Reading specifications ---------------------------------------------------------------------- */

static bool all(const uint8_t *bytes, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* Copies one field of a rule and its mask. Returns false in two cases. The first case is a mask that is neither all
 * ones nor all zeros, because most hardware accepts no other mask. The second case is a value with bits outside the
 * mask. On hardware such a rule matches nothing or everything, depending on the vendor. */
static bool field(void *to_value, void *to_mask, const void *value, const void *mask, size_t bytes)
{
    const uint8_t *v = value, *m = mask;
    static const uint8_t vlan_id[2] = {0x0f, 0xff};
    bool whole = all(m, bytes, 0xff), none = all(m, bytes, 0);

    if (!whole && !none && (bytes != 2 || memcmp(m, vlan_id, 2) != 0))
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (v[i] & (uint8_t)~m[i])
            return false;
    memcpy(to_value, value, bytes);
    memcpy(to_mask, mask, bytes);
    return true;
}

#define FIELD(to, from) \
    field(&flow->value.to, &flow->mask.to, &spec.val.from, &spec.mask.from, sizeof spec.val.from)

static void exactly(uint8_t *value, uint8_t *mask, uint8_t wanted)
{
    *value = wanted;
    *mask = 0xff;
}

static bool read_ethernet(struct vd_flow *flow, const void *at)
{
    struct ibv_flow_spec_eth spec;

    memcpy(&spec, at, sizeof spec);
    return FIELD(dst_mac, dst_mac) && FIELD(src_mac, src_mac) && FIELD(ether_type, ether_type) &&
           FIELD(vlan, vlan_tag);
}

static bool read_v4(struct vd_flow *flow, const void *at)
{
    struct ibv_flow_spec_ipv4 spec;

    memcpy(&spec, at, sizeof spec);
    exactly(&flow->value.ip_version, &flow->mask.ip_version, 4);
    return FIELD(src_ip, src_ip) && FIELD(dst_ip, dst_ip);
}

/* mlx5 compares no other field of the header. */
static bool read_v4_ext(struct vd_flow *flow, const void *at)
{
    struct ibv_flow_spec_ipv4_ext spec;

    memcpy(&spec, at, sizeof spec);
    exactly(&flow->value.ip_version, &flow->mask.ip_version, 4);
    return FIELD(src_ip, src_ip) && FIELD(dst_ip, dst_ip) && FIELD(protocol, proto) &&
           FIELD(tos, tos) && !spec.mask.ttl && !spec.mask.flags;
}

static bool read_v6(struct vd_flow *flow, const void *at)
{
    struct ibv_flow_spec_ipv6 spec;

    memcpy(&spec, at, sizeof spec);
    exactly(&flow->value.ip_version, &flow->mask.ip_version, 6);
    return FIELD(src_ip, src_ip) && FIELD(dst_ip, dst_ip) && !spec.mask.flow_label &&
           !spec.mask.next_hdr && !spec.mask.traffic_class && !spec.mask.hop_limit;
}

static bool read_ports(struct vd_flow *flow, const void *at)
{
    struct ibv_flow_spec_tcp_udp spec;

    memcpy(&spec, at, sizeof spec);
    exactly(&flow->value.protocol, &flow->mask.protocol,
            spec.type == IBV_FLOW_SPEC_UDP ? PROTOCOL_UDP : PROTOCOL_TCP);
    return FIELD(src_port, src_port) && FIELD(dst_port, dst_port);
}

static bool read_tag(struct vd_flow *flow, const void *at)
{
    struct ibv_flow_spec_action_tag spec;

    memcpy(&spec, at, sizeof spec);
    flow->tag = spec.tag_id;
    return VD_SETTING(flow_tag);
}

static const struct spec_kind {
    enum ibv_flow_spec_type type;
    size_t size;
    /* the layer that the specification describes; in a rule, the lowest layer comes first */
    int layer;
    bool (*read)(struct vd_flow *flow, const void *at);
} kinds[] = {
    {IBV_FLOW_SPEC_ETH, sizeof(struct ibv_flow_spec_eth), 2, read_ethernet},
    {IBV_FLOW_SPEC_IPV4, sizeof(struct ibv_flow_spec_ipv4), 3, read_v4},
    {IBV_FLOW_SPEC_IPV4_EXT, sizeof(struct ibv_flow_spec_ipv4_ext), 3, read_v4_ext},
    {IBV_FLOW_SPEC_IPV6, sizeof(struct ibv_flow_spec_ipv6), 3, read_v6},
    {IBV_FLOW_SPEC_TCP, sizeof(struct ibv_flow_spec_tcp_udp), 4, read_ports},
    {IBV_FLOW_SPEC_UDP, sizeof(struct ibv_flow_spec_tcp_udp), 4, read_ports},
    {IBV_FLOW_SPEC_ACTION_TAG, sizeof(struct ibv_flow_spec_action_tag), 5, read_tag},
};

static const struct spec_kind *kind_of(enum ibv_flow_spec_type type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

static int read_specs(struct vd_flow *flow, const struct ibv_flow_attr *attr)
{
    const uint8_t *at = (const uint8_t *)(attr + 1), *end = (const uint8_t *)attr + attr->size;
    int layer = 1;

    for (unsigned i = 0; i < attr->num_of_specs; i++) {
        const struct spec_kind *kind;
        struct spec_header header;

        if ((size_t)(end - at) < sizeof header)
            return vd_refuse(EINVAL, "create_flow: size %u ends before specification %u",
                             attr->size, i);
        memcpy(&header, at, sizeof header);
        kind = kind_of(header.type);
        if (!kind)
            return vd_refuse(EOPNOTSUPP, "create_flow: specification type %#x", header.type);
        if (header.size != kind->size || (size_t)(end - at) < header.size)
            return vd_refuse(EINVAL, "create_flow: specification %u has size %u, not %zu", i,
                             header.size, kind->size);
        if (kind->layer <= layer || (kind->layer <= 4 && kind->layer != layer + 1))
            return vd_refuse(EINVAL,
                             "create_flow: specification %u: layers come in order, none "
                             "twice, none skipped",
                             i);
        if (!kind->read(flow, at))
            return vd_refuse(EINVAL,
                             "create_flow: specification %u: a mask that is neither all "
                             "ones nor zero, a value outside it, or no support",
                             i);
        layer = kind->layer;
        at += header.size;
    }
    if (at != end)
        return vd_refuse(EINVAL, "create_flow: size %u, but the specifications end elsewhere",
                         attr->size);
    return 0;
}

static int check(const struct ibv_flow_attr *attr)
{
    if (!VD_SETTING(net_raw))
        return vd_refuse(EPERM, "create_flow: raw packets need CAP_NET_RAW");
    if (!VD_SETTING(flow_steering))
        return vd_refuse(EOPNOTSUPP, "create_flow: the device does not steer");
    if (attr->comp_mask || attr->flags)
        return vd_refuse(EOPNOTSUPP, "create_flow: comp_mask %#x, flags %#x", attr->comp_mask,
                         attr->flags);
    if (attr->port != 1)
        return vd_refuse(EINVAL, "create_flow: port %u: the device has port 1", attr->port);
    if (attr->size < sizeof *attr || attr->type > IBV_FLOW_ATTR_SNIFFER)
        return vd_refuse(EINVAL, "create_flow: size %u, type %d", attr->size, attr->type);
    if ((attr->type == IBV_FLOW_ATTR_NORMAL) != (attr->num_of_specs > 0))
        return vd_refuse(EINVAL, "create_flow: %u specifications with type %d", attr->num_of_specs,
                         attr->type);
    return 0;
}

struct ibv_flow *vd_create_flow(struct ibv_qp *ibv, struct ibv_flow_attr *attr)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_flow *flow;
    int err = vd_call("create_flow");

    if (!err)
        err = check(attr);
    if (err)
        return vd_null(err);
    flow = calloc(1, sizeof *flow);
    if (!flow)
        return vd_null(ENOMEM);
    flow->flow.context = ibv->context;
    flow->qp = (struct vd_qp *)ibv;
    flow->type = attr->type;
    err = read_specs(flow, attr);
    pthread_mutex_lock(&context->lock);
    if (!err && ibv->state == IBV_QPS_RESET)
        err = vd_refuse(EINVAL, "create_flow: the queue pair is in RESET");
    if (!err && context->flow_count >= VD_SETTING(max_flows))
        err = vd_refuse(ENOMEM, "create_flow: the device has no more than max_flows");
    if (!err) {
        context->flow_count++;
        flow->next = context->flows;
        context->flows = flow;
    }
    pthread_mutex_unlock(&context->lock);
    if (err) {
        free(flow);
        return vd_null(err);
    }
    VD_COUNT(flows, 1);
    return &flow->flow;
}

int vd_destroy_flow(struct ibv_flow *ibv)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_flow *flow = (struct vd_flow *)ibv;
    int err = vd_call("destroy_flow");

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    for (struct vd_flow **at = &context->flows; *at; at = &(*at)->next)
        if (*at == flow) {
            *at = flow->next;
            break;
        }
    context->flow_count--;
    pthread_mutex_unlock(&context->lock);
    free(flow);
    VD_COUNT(flows, -1);
    return 0;
}

/* ---- Matching ------------------------------------------------------------------------------------ */

static bool matches(const struct vd_flow *flow, const struct vd_key *key)
{
    const uint8_t *value = (const uint8_t *)&flow->value, *mask = (const uint8_t *)&flow->mask;
    const uint8_t *bytes = (const uint8_t *)key;

    for (size_t i = 0; i < sizeof *key; i++)
        if ((bytes[i] ^ value[i]) & mask[i])
            return false;
    return true;
}

static bool steered(struct vd_context *context, const struct vd_key *key)
{
    for (struct vd_flow *flow = context->flows; flow; flow = flow->next)
        if (flow->type == IBV_FLOW_ATTR_NORMAL && matches(flow, key))
            return true;
    return false;
}

static const struct vd_flow *rule_for(struct vd_context *context, const struct vd_qp *qp,
                                      const struct vd_key *key, bool is_steered)
{
    bool multicast = key->dst_mac[0] & 1;

    for (struct vd_flow *flow = context->flows; flow; flow = flow->next) {
        if (flow->qp != qp)
            continue;
        if (flow->type == IBV_FLOW_ATTR_SNIFFER ||
            (flow->type == IBV_FLOW_ATTR_NORMAL && matches(flow, key)) ||
            (flow->type == IBV_FLOW_ATTR_ALL_DEFAULT && !is_steered) ||
            (flow->type == IBV_FLOW_ATTR_MC_DEFAULT && !is_steered && multicast))
            return flow;
    }
    return NULL;
}

bool vd_flows_want(struct vd_context *context, const struct vd_key *key)
{
    bool is_steered = steered(context, key);

    for (struct vd_qp *qp = context->qps; qp; qp = qp->next)
        if (rule_for(context, qp, key, is_steered))
            return true;
    return false;
}

void vd_flows_deliver(struct vd_context *context, struct vd_arrival *arrival)
{
    bool is_steered = steered(context, &arrival->key), delivered = false;

    for (struct vd_qp *qp = context->qps; qp; qp = qp->next) {
        const struct vd_flow *rule = rule_for(context, qp, &arrival->key, is_steered);

        if (!rule)
            continue;
        arrival->flow_tag = rule->tag;
        delivered |= vd_qp_receive(qp, arrival);
    }
    if (delivered)
        VD_COUNT(rx_delivered, 1);
    else
        VD_COUNT(rx_out_of_buffer, 1);
}
