/* SPDX-License-Identifier: Apache-2.0 */
/* The library librdmacm.so.1 of the verbs double. spead2 asks it which device has an address, and uses nothing else of
 * it. The library lies in a folder of its own, because other programs (perftest) need much more of librdmacm, and the
 * library of the system serves them. */
#include "double.h"

#include <arpa/inet.h>
#include <errno.h>
#include <rdma/rdma_cma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

VD_EXPORT struct rdma_event_channel *rdma_create_event_channel(void)
{
    struct rdma_event_channel *channel = calloc(1, sizeof *channel);

    if (channel)
        channel->fd = eventfd(0, EFD_CLOEXEC);
    return channel;
}

VD_EXPORT void rdma_destroy_event_channel(struct rdma_event_channel *channel)
{
    close(channel->fd);
    free(channel);
}

VD_EXPORT int rdma_create_id(struct rdma_event_channel *channel, struct rdma_cm_id **id,
                             void *context, enum rdma_port_space ps)
{
    *id = calloc(1, sizeof **id);
    if (!*id)
        return -1;
    (*id)->channel = channel;
    (*id)->context = context;
    (*id)->ps = ps;
    return 0;
}

/* Writes the address as an entry of the address table of a port. */
static union ibv_gid gid_of(const struct sockaddr *address)
{
    union ibv_gid gid = {.raw = {[10] = 0xff, [11] = 0xff}};

    if (address->sa_family == AF_INET6)
        memcpy(gid.raw, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        memcpy(gid.raw + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    return gid;
}

static bool has_address(struct ibv_context *context, const union ibv_gid *wanted)
{
    union ibv_gid gid;

    for (int i = 0; i < VD_GID_COUNT_MAX; i++)
        if (ibv_query_gid(context, 1, i, &gid) == 0 && !memcmp(gid.raw, wanted->raw, 16))
            return true;
    return false;
}

VD_EXPORT int rdma_bind_addr(struct rdma_cm_id *id, struct sockaddr *address)
{
    const union ibv_gid wanted = gid_of(address);
    struct ibv_device **list = ibv_get_device_list(NULL);

    for (int i = 0; list && list[i] && !id->verbs; i++) {
        struct ibv_context *context = ibv_open_device(list[i]);

        if (context && has_address(context, &wanted))
            id->verbs = context;
        else if (context)
            ibv_close_device(context);
    }
    if (list)
        ibv_free_device_list(list);
    id->port_num = 1;
    errno = id->verbs ? 0 : ENODEV;
    return id->verbs ? 0 : -1;
}

VD_EXPORT int rdma_destroy_id(struct rdma_cm_id *id)
{
    if (id->verbs)
        ibv_close_device(id->verbs);
    free(id);
    return 0;
}
