/* SPDX-License-Identifier: Apache-2.0 */
/* See udp_setup.h. */
#include "udp_setup.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <sys/socket.h>

#include <speadi/err.h>
#include <speadi/remedy.h>

void speadi_udp_setup_begin(struct speadi_udp_setup *setup, const struct speadi_address *address,
                            const struct speadi_interface *interface, const struct spead_log *log,
                            struct spead_err *err)
{
    *setup = (struct speadi_udp_setup){.fd = -1, .address = address, .log = log, .err = err};
    if (interface)
        setup->interface = *interface;
    if (setup->interface.index != 0 && setup->interface.name[0] == '\0')
        speadi_udp_setup_choose(setup, setup->interface.index);
    speadi_address_format(address, setup->text);
}

void speadi_udp_setup_choose(struct speadi_udp_setup *setup, unsigned index)
{
    setup->interface.index = index;
    if (index == 0 || !if_indextoname(index, setup->interface.name))
        setup->interface.name[0] = '\0';
}

int speadi_udp_setup_socket(struct speadi_udp_setup *setup)
{
    setup->fd = socket(setup->address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                       IPPROTO_UDP);
    return setup->fd < 0 ? speadi_err_errno(setup->err, "%s: cannot open a UDP socket", setup->text)
                         : 0;
}

int speadi_udp_set(const struct speadi_udp_setup *setup, int level, int option, int value,
                   const char *what)
{
    if (setsockopt(setup->fd, level, option, &value, sizeof value) == 0)
        return 0;
    return speadi_err_errno(setup->err, "%s: cannot set %s", setup->text, what);
}

struct speadi_address speadi_udp_with_scope(const struct speadi_udp_setup *setup)
{
    struct speadi_address address = *setup->address;

    if (speadi_udp_is_v6(setup) && setup->interface.index != 0 &&
        (IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr) ||
         IN6_IS_ADDR_MC_LINKLOCAL(&address.v6.sin6_addr)))
        address.v6.sin6_scope_id = setup->interface.index;
    return address;
}

void speadi_udp_loosen(int fd)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};

    (void)connect(fd, &none, sizeof none);
}

/* ---- Buffers ------------------------------------------------------------------------------- */

struct buffer_option {
    int force, plain;
    const char *sysctl;
};

static const struct buffer_option receive_buffer = {SO_RCVBUFFORCE, SO_RCVBUF, "net.core.rmem_max"};
static const struct buffer_option send_buffer = {SO_SNDBUFFORCE, SO_SNDBUF, "net.core.wmem_max"};

#define BUFFER_MAX ((uint32_t)INT_MAX / 2) /* setsockopt() accepts no larger size */

/* Asks the kernel for a buffer of `asked` bytes. Returns the size that the kernel has granted. The kernel itself
 * reports twice the granted size, because it adds room for its own records. */
static uint32_t set_buffer(const struct speadi_udp_setup *setup, const struct buffer_option *option,
                           uint32_t asked)
{
    int value;
    socklen_t length = sizeof value;
    uint32_t effective;
    char remedy[128];

    asked = asked < BUFFER_MAX ? asked : BUFFER_MAX;
    value = (int)asked;
    if (asked > 0 && setsockopt(setup->fd, SOL_SOCKET, option->force, &value, sizeof value) < 0)
        setsockopt(setup->fd, SOL_SOCKET, option->plain, &value, sizeof value);
    if (getsockopt(setup->fd, SOL_SOCKET, option->plain, &value, &length) < 0)
        return 0;
    effective = (uint32_t)value / 2;
    if (effective < asked)
        speadi_log_line(setup->log, SPEAD_LOG_WARNING,
                        "%s: the socket buffer is %u bytes instead of %u: raise the limit with %s",
                        setup->text, effective, asked,
                        speadi_remedy_sysctl(remedy, sizeof remedy, option->sysctl, asked));
    return effective;
}

uint32_t speadi_udp_set_receive_buffer(const struct speadi_udp_setup *setup, uint32_t asked)
{
    return set_buffer(setup, &receive_buffer, asked);
}

uint32_t speadi_udp_set_send_buffer(const struct speadi_udp_setup *setup, uint32_t asked)
{
    return set_buffer(setup, &send_buffer, asked);
}
