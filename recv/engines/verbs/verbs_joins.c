/* SPDX-License-Identifier: Apache-2.0 */
/* Joins multicast groups and holds ports in the kernel, for packets that bypass the kernel. */
#include "verbs_joins.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <speadi/err.h>

#define BUFFER_BYTES 4096u /* small, because the filter lets no packet into the buffer */

/* Attaches a filter that drops every packet. So the kernel neither queues a packet nor answers a packet. */
static int refuse_all(int fd, struct spead_err *err)
{
    struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const struct sock_fprog program = {.len = 1, .filter = nothing};

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return speadi_err_errno(err, "verbs engine: cannot attach a filter to a socket");
    return 0;
}

int speadi_verbs_joins_open(struct speadi_verbs_joins *joins, const struct speadi_rx_config *config,
                            unsigned interface_index, struct spead_err *err)
{
    const struct speadi_interface fallback = {.index = interface_index};
    bool given = config->interface && config->interface->index;

    for (uint32_t i = 0; i < config->count; i++) {
        const struct speadi_address *address = &config->addresses[i];
        const struct speadi_udp_receive_options options = {
            .interface = given                                   ? config->interface
                         : speadi_address_is_multicast(address) ? &fallback
                                                                : NULL,
            .sender = config->sender,
            .buffer_bytes = BUFFER_BYTES,
        };
        int ret = speadi_udp_open_receive(&joins->socket[i], address, &options, err);

        if (ret < 0)
            return ret;
        joins->count++;
        speadi_interface_watch_receiver(&joins->interfaces, &joins->socket[i], address,
                                        config->sender, config->log);
        ret = refuse_all(joins->socket[i].fd, err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

void speadi_verbs_joins_close(struct speadi_verbs_joins *joins)
{
    speadi_interface_watch_close(&joins->interfaces);
    while (joins->count > 0)
        speadi_udp_close(&joins->socket[--joins->count]);
}
