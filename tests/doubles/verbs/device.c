/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and contexts. Each Ethernet interface in the network namespace of the caller is a device with the name
 * vd_INTERFACE. */
#include "double.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { DEVICE_COUNT_MAX = 63, COMPLETION_VECTORS = 2 };

static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER; /* protects vd_device.references */
static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vd_context *contexts; /* contexts_lock protects the list */

/* ---- The list ------------------------------------------------------------------------------------ */

static void put_device(struct vd_device *device)
{
    bool last;

    pthread_mutex_lock(&devices_lock);
    last = --device->references == 0;
    pthread_mutex_unlock(&devices_lock);
    if (last)
        free(device);
}

static void add_gid(struct vd_device *device, const void *bytes)
{
    if (device->gid_count < VD_GID_COUNT_MAX)
        memcpy(device->gids[device->gid_count++].raw, bytes, 16);
}

/* Adds the addresses of a device in the order of RoCE. First comes the link-local address that is made from the MAC
 * address, then the addresses of the interface. */
static void add_gids(struct vd_device *device, const struct ifaddrs *all)
{
    const uint8_t *mac = device->mac;
    uint8_t link[16] = {0xfe,   0x80,   0,    0,    0,      0,      0,     0, (uint8_t)(mac[0] ^ 2),
                        mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};

    add_gid(device, link);
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || strcmp(i->ifa_name, device->interface) != 0)
            continue;
        if (i->ifa_addr->sa_family == AF_INET) {
            uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};

            memcpy(mapped + 12, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, 4);
            add_gid(device, mapped);
        } else if (i->ifa_addr->sa_family == AF_INET6) {
            add_gid(device, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr);
        }
    }
}

static struct vd_device *make_device(const struct ifaddrs *interface, const struct ifaddrs *all)
{
    const struct sockaddr_ll *link = (const struct sockaddr_ll *)interface->ifa_addr;
    struct vd_device *device = calloc(1, sizeof *device);

    if (!device)
        return NULL;
    device->interface_index = link->sll_ifindex;
    snprintf(device->interface, sizeof device->interface, "%s", interface->ifa_name);
    memcpy(device->mac, link->sll_addr, sizeof device->mac);
    device->references = 1;
    device->device.node_type = IBV_NODE_CA;
    device->device.transport_type = IBV_TRANSPORT_IB;
    snprintf(device->device.name, sizeof device->device.name, "vd_%s", device->interface);
    snprintf(device->device.dev_name, sizeof device->device.dev_name, "uverbs%d",
             device->interface_index);
    add_gids(device, all);
    return device;
}

VD_EXPORT struct ibv_device **ibv_get_device_list(int *count)
{
    struct ibv_device **list;
    struct ifaddrs *all;
    int err = vd_call("get_device_list"), found = 0;

    if (err)
        return vd_null(err);
    if (getifaddrs(&all) < 0)
        return NULL;
    list = calloc(DEVICE_COUNT_MAX + 1, sizeof *list);
    for (struct ifaddrs *i = all; list && i && found < DEVICE_COUNT_MAX; i = i->ifa_next) {
        struct sockaddr_ll *link = (struct sockaddr_ll *)i->ifa_addr;
        struct vd_device *device;

        if (!link || link->sll_family != AF_PACKET || link->sll_hatype != ARPHRD_ETHER)
            continue;
        device = make_device(i, all);
        if (device)
            list[found++] = &device->device;
    }
    freeifaddrs(all);
    if (count)
        *count = found;
    return list;
}

VD_EXPORT void ibv_free_device_list(struct ibv_device **list)
{
    for (int i = 0; list[i]; i++)
        put_device((struct vd_device *)list[i]);
    free(list);
}

VD_EXPORT const char *ibv_get_device_name(struct ibv_device *device)
{
    return device->name;
}

VD_EXPORT int ibv_get_device_index(struct ibv_device *device)
{
    return ((struct vd_device *)device)->interface_index;
}

VD_EXPORT __be64 ibv_get_device_guid(struct ibv_device *device)
{
    __be64 guid;

    memcpy(&guid, ((struct vd_device *)device)->gids[0].raw + 8, sizeof guid);
    return guid;
}

/* ---- Contexts ------------------------------------------------------------------------------------ */

static void fill_operations(struct verbs_context *verbs, struct ibv_device *device, int async_fd)
{
    struct ibv_context *context = &verbs->context;

    context->device = device;
    context->cmd_fd = -1;
    context->async_fd = async_fd;
    context->num_comp_vectors = COMPLETION_VECTORS;
    context->abi_compat = __VERBS_ABI_IS_EXTENDED;
    context->ops.poll_cq = vd_poll_cq;
    context->ops.req_notify_cq = vd_req_notify_cq;
    context->ops.post_send = vd_post_send;
    context->ops.post_recv = vd_post_recv;
    /* A program that was built for a later libibverbs expects a larger struct. From this size it sees that the newer
     * verbs are missing. */
    verbs->sz = sizeof *verbs;
    verbs->query_port = vd_query_port;
    verbs->query_device_ex = vd_query_device_ex;
    verbs->query_rt_values = vd_query_rt_values;
    verbs->create_cq_ex = vd_create_cq_ex;
    verbs->create_qp_ex = vd_create_qp_ex;
    verbs->modify_qp_rate_limit = vd_modify_qp_rate_limit;
    verbs->ibv_create_flow = vd_create_flow;
    verbs->ibv_destroy_flow = vd_destroy_flow;
    verbs->create_wq = vd_create_wq;
    verbs->modify_wq = vd_modify_wq;
    verbs->destroy_wq = vd_destroy_wq;
    verbs->create_rwq_ind_table = vd_create_ind_table;
    verbs->destroy_rwq_ind_table = vd_destroy_ind_table;
}

VD_EXPORT struct ibv_context *ibv_open_device(struct ibv_device *ibv)
{
    struct vd_device *device = (struct vd_device *)ibv;
    struct vd_context *context;
    int err = vd_call("open_device");

    if (!err && VD_SETTING(device_fatal))
        err = EIO;
    if (err)
        return vd_null(err);
    context = calloc(1, sizeof *context);
    if (!context)
        return vd_null(ENOMEM);
    context->device = device;
    pthread_mutex_init(&context->lock, NULL);
    err = vd_event_pipe_open(&context->async);
    if (err) {
        free(context);
        return vd_null(err);
    }
    fill_operations(&context->verbs, ibv, context->async.read_fd);
    pthread_mutex_init(&context->verbs.context.mutex, NULL);
    context->port_down_told = VD_SETTING(port_down);
    err = vd_network_open(context);
    if (err) {
        vd_event_pipe_close(&context->async);
        free(context);
        return vd_null(err);
    }
    pthread_mutex_lock(&devices_lock);
    device->references++;
    pthread_mutex_unlock(&devices_lock);
    pthread_mutex_lock(&contexts_lock);
    context->next = contexts;
    contexts = context;
    pthread_mutex_unlock(&contexts_lock);
    VD_COUNT(contexts, 1);
    return &context->verbs.context;
}

/* The kernel ends the objects that a program has left. Their memory stays allocated, as in libibverbs. */
static void forget_objects(const struct vd_context *context)
{
    VD_COUNT(pds, -(int64_t)context->pd_count);
    VD_COUNT(mrs, -(int64_t)context->mr_count);
    VD_COUNT(channels, -(int64_t)context->channel_count);
    VD_COUNT(cqs, -(int64_t)context->cq_count);
    VD_COUNT(qps, -(int64_t)context->qp_count);
    VD_COUNT(flows, -(int64_t)context->flow_count);
    VD_COUNT(wqs, -(int64_t)context->wq_count);
    VD_COUNT(ind_tables, -(int64_t)context->ind_table_count);
}

VD_EXPORT int ibv_close_device(struct ibv_context *ibv)
{
    struct vd_context *context = vd_context(ibv);
    int err = vd_call("close_device");
    unsigned alive;

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    alive = context->pd_count + context->mr_count + context->channel_count + context->cq_count +
            context->qp_count + context->flow_count + context->wq_count + context->ind_table_count;
    pthread_mutex_unlock(&context->lock);
    if (alive && !VD_SETTING(lenient))
        return vd_refuse(EBUSY, "close_device: %u objects made from it are alive", alive);
    forget_objects(context);
    pthread_mutex_lock(&contexts_lock);
    for (struct vd_context **at = &contexts; *at; at = &(*at)->next)
        if (*at == context) {
            *at = context->next;
            break;
        }
    pthread_mutex_unlock(&contexts_lock);
    vd_network_close(context);
    vd_event_pipe_close(&context->async);
    pthread_mutex_destroy(&context->verbs.context.mutex);
    pthread_mutex_destroy(&context->lock);
    put_device(context->device);
    free(context);
    VD_COUNT(contexts, -1);
    return 0;
}

/* ---- Scripted events ----------------------------------------------------------------------------- */

static void tell(struct vd_context *context)
{
    bool down = VD_SETTING(port_down), fatal = VD_SETTING(device_fatal);

    if (down != context->port_down_told)
        vd_async_notify(context,
                        (struct ibv_async_event){.element.port_num = 1,
                                                 .event_type = down ? IBV_EVENT_PORT_ERR
                                                                    : IBV_EVENT_PORT_ACTIVE});
    if (fatal && !context->device_fatal_told) {
        vd_async_notify(context, (struct ibv_async_event){.event_type = IBV_EVENT_DEVICE_FATAL});
        for (struct vd_qp *qp = context->qps; qp; qp = qp->next)
            vd_qp_to_error(qp, false);
    }
    context->port_down_told = down;
    context->device_fatal_told = fatal;
}

void vd_contexts_changed(void)
{
    pthread_mutex_lock(&contexts_lock);
    for (struct vd_context *context = contexts; context; context = context->next) {
        pthread_mutex_lock(&context->lock);
        tell(context);
        pthread_mutex_unlock(&context->lock);
    }
    pthread_mutex_unlock(&contexts_lock);
}

int vd_contexts_qp_fatal(uint32_t qp_num)
{
    int err = -ENOENT;

    pthread_mutex_lock(&contexts_lock);
    for (struct vd_context *context = contexts; context; context = context->next) {
        pthread_mutex_lock(&context->lock);
        for (struct vd_qp *qp = context->qps; qp; qp = qp->next)
            if (qp->qp.qp_num == qp_num) {
                vd_qp_to_error(qp, true);
                err = 0;
            }
        pthread_mutex_unlock(&context->lock);
    }
    pthread_mutex_unlock(&contexts_lock);
    return err;
}
