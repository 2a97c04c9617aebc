/* SPDX-License-Identifier: Apache-2.0 */
/* The properties that a device reports: limits, capabilities, port, addresses. This file also has the names of events
 * and of statuses. */
#include "double.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CLOCK_KHZ = 1000000, RATE_MAX_KBPS = 400000000, INDIRECTION_MAX = 128 };

/* Numbers that the InfiniBand specification gives to the width and the speed of a link. */
enum { WIDTH_4X = 2 };

/* Copies a struct to the caller. The struct of the caller can be shorter or longer than the struct of the double. The
 * function copies the bytes that both structs have, and sets the other bytes of the caller's struct to zero. */
static void hand_out(void *to, size_t room, const void *from, size_t bytes)
{
    memset(to, 0, room);
    memcpy(to, from, room < bytes ? room : bytes);
}

static struct ibv_device_attr attributes(struct ibv_context *ibv)
{
    struct ibv_device_attr attr = {.fw_ver = "double",
                                   .node_guid = ibv_get_device_guid(ibv->device),
                                   .sys_image_guid = ibv_get_device_guid(ibv->device),
                                   .max_mr_size = VD_SETTING(max_mr_size),
                                   .page_size_cap = 0xfffff000,
                                   .vendor_id = 0xd0b1e,
                                   .max_qp = (int)VD_SETTING(max_qp),
                                   .max_qp_wr = (int)VD_SETTING(max_qp_wr),
                                   .max_sge = (int)VD_SETTING(max_sge),
                                   .max_cq = (int)VD_SETTING(max_cq),
                                   .max_cqe = (int)VD_SETTING(max_cqe),
                                   .max_mr = (int)VD_SETTING(max_mr),
                                   .max_pd = (int)VD_SETTING(max_pd),
                                   .max_pkeys = 1,
                                   .phys_port_cnt = 1};

    if (VD_SETTING(ip_csum))
        attr.device_cap_flags |= IBV_DEVICE_RAW_IP_CSUM;
    if (VD_SETTING(flow_steering))
        attr.device_cap_flags |= IBV_DEVICE_MANAGED_FLOW_STEERING;
    return attr;
}

VD_EXPORT int ibv_query_device(struct ibv_context *ibv, struct ibv_device_attr *attr)
{
    int err = vd_call("query_device");

    if (!err)
        *attr = attributes(ibv);
    return err;
}

static struct ibv_rss_caps rss_caps(void)
{
    return (struct ibv_rss_caps){.supported_qpts = 1 << IBV_QPT_RAW_PACKET,
                                 .max_rwq_indirection_tables = (uint32_t)VD_SETTING(max_qp),
                                 .max_rwq_indirection_table_size = INDIRECTION_MAX,
                                 .rx_hash_fields_mask =
                                     IBV_RX_HASH_SRC_IPV4 | IBV_RX_HASH_DST_IPV4 |
                                     IBV_RX_HASH_SRC_IPV6 | IBV_RX_HASH_DST_IPV6 |
                                     IBV_RX_HASH_SRC_PORT_UDP | IBV_RX_HASH_DST_PORT_UDP |
                                     IBV_RX_HASH_SRC_PORT_TCP | IBV_RX_HASH_DST_PORT_TCP,
                                 .rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ};
}

int vd_query_device_ex(struct ibv_context *ibv, const struct ibv_query_device_ex_input *input,
                       struct ibv_device_attr_ex *attr, size_t bytes)
{
    struct ibv_device_attr_ex all = {.orig_attr = attributes(ibv), .phys_port_cnt_ex = 1};
    int err = vd_call("query_device_ex");

    if (err)
        return err;
    if (input && input->comp_mask)
        return vd_refuse(EINVAL, "query_device_ex: comp_mask has to be 0");
    all.device_cap_flags_ex = all.orig_attr.device_cap_flags;
    if (VD_SETTING(timestamps)) {
        all.completion_timestamp_mask = VD_CLOCK_MASK;
        all.hca_core_clock = CLOCK_KHZ;
    }
    if (VD_SETTING(max_tso))
        all.tso_caps =
            (struct ibv_tso_caps){(uint32_t)VD_SETTING(max_tso), 1 << IBV_QPT_RAW_PACKET};
    if (VD_SETTING(rss)) {
        all.rss_caps = rss_caps();
        all.max_wq_type_rq = (uint32_t)VD_SETTING(max_qp);
    }
    if (VD_SETTING(pacing))
        all.packet_pacing_caps =
            (struct ibv_packet_pacing_caps){1, RATE_MAX_KBPS, 1 << IBV_QPT_RAW_PACKET};
    if (VD_SETTING(ip_csum))
        all.raw_packet_caps = IBV_RAW_PACKET_CAP_IP_CSUM;
    hand_out(attr, bytes, &all, sizeof all);
    return 0;
}

int vd_query_rt_values(struct ibv_context *ibv, struct ibv_values_ex *values)
{
    uint64_t ticks = vd_counter(vd_now_ns(CLOCK_REALTIME));
    int err = vd_call("query_rt_values");

    (void)ibv;
    if (err)
        return err;
    if (!VD_SETTING(timestamps) || (values->comp_mask & ~(uint32_t)IBV_VALUES_MASK_RAW_CLOCK))
        return vd_refuse(EOPNOTSUPP, "query_rt_values: comp_mask %#x", values->comp_mask);
    values->raw_clock.tv_sec = 0; /* as with mlx5, tv_nsec holds all ticks of the counter */
    values->raw_clock.tv_nsec = (long)ticks;
    return 0;
}

/* ---- The port ------------------------------------------------------------------------------------ */

static enum ibv_mtu mtu_class(unsigned mtu)
{
    enum ibv_mtu class = IBV_MTU_256;

    while (class < IBV_MTU_4096 && mtu >= 256u << class)
        class ++;
    return class;
}

int vd_query_port(struct ibv_context *ibv, uint8_t port, struct ibv_port_attr *attr, size_t bytes)
{
    struct vd_context *context = vd_context(ibv);
    int err = vd_call("query_port");
    bool up;
    struct ibv_port_attr all;

    if (err)
        return err;
    if (port != 1)
        return vd_refuse(EINVAL, "query_port: port %u: the device has port 1", port);
    up = !VD_SETTING(port_down) && !VD_SETTING(device_fatal) && vd_network_link_up(context);
    all = (struct ibv_port_attr){.state = up ? IBV_PORT_ACTIVE : IBV_PORT_DOWN,
                                 .max_mtu = IBV_MTU_4096,
                                 .active_mtu = mtu_class(context->mtu),
                                 .gid_tbl_len = VD_GID_COUNT_MAX,
                                 .max_msg_sz = 1 << 30,
                                 .pkey_tbl_len = 1,
                                 .phys_state = up ? 5 : 3,
                                 .active_width = WIDTH_4X,
                                 .active_speed = (uint8_t)VD_SETTING(port_speed),
                                 .max_vl_num = 1,
                                 .link_layer = VD_SETTING(infiniband) ? IBV_LINK_LAYER_INFINIBAND
                                                                      : IBV_LINK_LAYER_ETHERNET};
    hand_out(attr, bytes, &all, sizeof all);
    return 0;
}

/* A program calls this function if it was compiled when the field port_cap_flags2 did not exist yet. */
VD_EXPORT int ibv_query_port(struct ibv_context *ibv, uint8_t port,
                             struct _compat_ibv_port_attr *attr)
{
    return vd_query_port(ibv, port, (struct ibv_port_attr *)attr,
                         offsetof(struct ibv_port_attr, port_cap_flags2));
}

static int check_gid(struct ibv_context *ibv, uint32_t port, int index)
{
    int err = vd_call("query_gid");

    if (err)
        return err;
    if (port != 1 || index < 0 || index >= VD_GID_COUNT_MAX)
        return vd_refuse(EINVAL, "query_gid: port %u has no address %d", port, index);
    return index < vd_context(ibv)->device->gid_count ? 0 : ENODATA;
}

/* An empty entry of the table is zero. */
VD_EXPORT int ibv_query_gid(struct ibv_context *ibv, uint8_t port, int index, union ibv_gid *gid)
{
    int err = check_gid(ibv, port, index);

    if (err && err != ENODATA) {
        errno = err;
        return -1;
    }
    *gid = vd_context(ibv)->device->gids[index];
    return 0;
}

static struct ibv_gid_entry gid_entry(const struct vd_device *device, uint32_t index)
{
    return (struct ibv_gid_entry){.gid = device->gids[index],
                                  .gid_index = index,
                                  .port_num = 1,
                                  .gid_type = IBV_GID_TYPE_ROCE_V2,
                                  .ndev_ifindex = (uint32_t)device->interface_index};
}

VD_EXPORT int _ibv_query_gid_ex(struct ibv_context *ibv, uint32_t port, uint32_t index,
                                struct ibv_gid_entry *entry, uint32_t flags, size_t bytes)
{
    int err = flags ? EOPNOTSUPP : check_gid(ibv, port, (int)index);
    struct ibv_gid_entry all;

    if (err)
        return err;
    all = gid_entry(vd_context(ibv)->device, index);
    hand_out(entry, bytes, &all, sizeof all);
    return 0;
}

VD_EXPORT ssize_t _ibv_query_gid_table(struct ibv_context *ibv, struct ibv_gid_entry *entries,
                                       size_t count_max, uint32_t flags, size_t bytes)
{
    const struct vd_device *device = vd_context(ibv)->device;
    size_t count = (size_t)device->gid_count;

    if (flags || count > count_max)
        return flags ? -EOPNOTSUPP : -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        struct ibv_gid_entry all = gid_entry(device, i);

        hand_out((char *)entries + i * bytes, bytes, &all, sizeof all);
    }
    return (ssize_t)count;
}

/* libibverbs has this function for its own tools. The kernel numbers the types in sysfs. */
int ibv_query_gid_type(struct ibv_context *ibv, uint8_t port, unsigned index, int *type);
VD_EXPORT int ibv_query_gid_type(struct ibv_context *ibv, uint8_t port, unsigned index, int *type)
{
    enum { IB_OR_ROCE_V1, ROCE_V2 };
    int err = check_gid(ibv, port, (int)index);

    if (err && err != ENODATA)
        return -1;
    *type = err ? IB_OR_ROCE_V1 : ROCE_V2;
    return 0;
}

/* A port of Ethernet has one key, which all ports have. */
VD_EXPORT int ibv_query_pkey(struct ibv_context *ibv, uint8_t port, int index, __be16 *key)
{
    (void)ibv;
    if (port != 1 || index != 0) {
        errno = vd_refuse(EINVAL, "query_pkey: port %u has no key %d", port, index);
        return -1;
    }
    *key = UINT16_MAX;
    return 0;
}

/* There is no sysfs tree of the double. */
int ibv_read_sysfs_file(const char *folder, const char *file, char *buffer, size_t size);
VD_EXPORT int ibv_read_sysfs_file(const char *folder, const char *file, char *buffer, size_t size)
{
    (void)folder, (void)file, (void)buffer, (void)size;
    return -1;
}

const char *ibv_get_sysfs_path(void);
VD_EXPORT const char *ibv_get_sysfs_path(void)
{
    return "/sys";
}

/* ---- Names --------------------------------------------------------------------------------------- */

static const char *const status_texts[] = {
    [IBV_WC_SUCCESS] = "success",
    [IBV_WC_LOC_LEN_ERR] = "local length error",
    [IBV_WC_LOC_QP_OP_ERR] = "local QP operation error",
    [IBV_WC_LOC_PROT_ERR] = "local protection error",
    [IBV_WC_WR_FLUSH_ERR] = "Work Request Flushed Error",
    [IBV_WC_LOC_ACCESS_ERR] = "local access error",
    [IBV_WC_FATAL_ERR] = "fatal error",
    [IBV_WC_GENERAL_ERR] = "general error",
};

static const char *const event_texts[] = {
    [IBV_EVENT_CQ_ERR] = "CQ error",
    [IBV_EVENT_QP_FATAL] = "local work queue catastrophic error",
    [IBV_EVENT_DEVICE_FATAL] = "local catastrophic error",
    [IBV_EVENT_PORT_ACTIVE] = "port active",
    [IBV_EVENT_PORT_ERR] = "port error",
    [IBV_EVENT_WQ_FATAL] = "WQ fatal",
};

static const char *const port_texts[] = {
    [IBV_PORT_DOWN] = "PORT_DOWN",
    [IBV_PORT_INIT] = "PORT_INIT",
    [IBV_PORT_ARMED] = "PORT_ARMED",
    [IBV_PORT_ACTIVE] = "PORT_ACTIVE",
};

#define TEXT(table, index)                                                                 \
    ((size_t)(index) < sizeof(table) / sizeof(table)[0] && (table)[index] ? (table)[index] \
                                                                          : "unknown")

VD_EXPORT const char *ibv_wc_status_str(enum ibv_wc_status status)
{
    return TEXT(status_texts, status);
}

VD_EXPORT const char *ibv_event_type_str(enum ibv_event_type type)
{
    return TEXT(event_texts, type);
}

VD_EXPORT const char *ibv_port_state_str(enum ibv_port_state state)
{
    return TEXT(port_texts, state);
}

VD_EXPORT const char *ibv_node_type_str(enum ibv_node_type type)
{
    return type == IBV_NODE_CA ? "InfiniBand channel adapter" : "unknown";
}

/* The double pins no memory, so a fork() does no harm, and this function has nothing to do. A program is allowed to
 * call it. */
VD_EXPORT int ibv_fork_init(void)
{
    return vd_call("fork_init");
}

VD_EXPORT enum ibv_fork_status ibv_is_fork_initialized(void)
{
    return IBV_FORK_UNNEEDED;
}
