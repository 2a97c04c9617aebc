/* SPDX-License-Identifier: Apache-2.0 */
/* Opens sockets that receive: groups, interfaces. */
#include "udp_setup.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#include <speadi/endpoint.h>
#include <speadi/err.h>

#ifndef IPV6_MULTICAST_ALL
#    define IPV6_MULTICAST_ALL 29 /* the option exists since Linux 4.20 */
#endif

/* ---- Groups -------------------------------------------------------------------------------- */

static int level_of(const struct speadi_udp_setup *setup)
{
    return speadi_udp_is_v6(setup) ? IPPROTO_IPV6 : IPPROTO_IP;
}

/* Says why the kernel refuses to join the group. */
static int refused(const struct speadi_udp_setup *setup, const char *what)
{
    int error = errno;

    if (error == ENOBUFS && !speadi_udp_is_v6(setup))
        return speadi_err_set(setup->err, -error,
                              "%s: cannot join the group%s: the kernel allows a socket no more "
                              "groups: raise net.ipv4.igmp_max_memberships",
                              setup->text, what);
    if (error == ENOBUFS || error == ENOMEM)
        return speadi_err_set(setup->err, -error,
                              "%s: cannot join the group%s: the kernel allows a socket no more "
                              "memory for groups: raise net.core.optmem_max",
                              setup->text, what);
    errno = error;
    return speadi_err_errno(setup->err, "%s: cannot join the group%s%s", setup->text, what,
                            setup->interface.index ? "" : " (name the interface to join it on)");
}

/* Joins the group for one sender. Routers and switches that know source-specific multicast then do not even forward the
 * packets of other senders. */
static int join_sender(const struct speadi_udp_setup *setup)
{
    struct group_source_req group = {.gsr_interface = setup->interface.index};

    memcpy(&group.gsr_group, &setup->address->any, setup->address->length);
    memcpy(&group.gsr_source, &setup->sender->any, setup->sender->length);
    return setsockopt(setup->fd, level_of(setup), MCAST_JOIN_SOURCE_GROUP, &group, sizeof group) < 0
               ? refused(setup, " for one source")
               : 0;
}

static int join(const struct speadi_udp_setup *setup)
{
    struct group_req group = {.gr_interface = setup->interface.index};

    if (setup->sender)
        return join_sender(setup);
    memcpy(&group.gr_group, &setup->address->any, setup->address->length);
    return setsockopt(setup->fd, level_of(setup), MCAST_JOIN_GROUP, &group, sizeof group) < 0
               ? refused(setup, "")
               : 0;
}

/* Leaves the group on an interface, which may be gone. It has been joined there for all senders or for one. */
static void leave(const struct speadi_udp_setup *setup, unsigned index)
{
    struct group_req group = {.gr_interface = index};

    memcpy(&group.gr_group, &setup->address->any, setup->address->length);
    (void)setsockopt(setup->fd, level_of(setup), MCAST_LEAVE_GROUP, &group, sizeof group);
}

/* Other programs of this host may have joined groups. The kernel gives what arrives for these groups to this socket too,
 * unless the option is off. The socket can do without the option, so a warning says what follows if the kernel does not
 * have it (IP_MULTICAST_ALL, or IPV6_MULTICAST_ALL, since Linux 4.20). */
static void hear_own_groups_of(const struct speadi_udp_setup *setup, int level, int option,
                               const char *name)
{
    if (setsockopt(setup->fd, level, option, &(int){0}, sizeof(int)) < 0)
        speadi_log_line(setup->log, SPEAD_LOG_WARNING,
                        "%s: the kernel refuses %s (%s): groups are also heard on the interfaces "
                        "on which other programs have joined them",
                        setup->text, name, strerror(errno));
}

/* A socket of IPv6 can receive IPv4 too, so it needs both options. */
static void hear_own_groups(const struct speadi_udp_setup *setup)
{
    if (speadi_udp_is_v6(setup))
        hear_own_groups_of(setup, IPPROTO_IPV6, IPV6_MULTICAST_ALL, "IPV6_MULTICAST_ALL");
    hear_own_groups_of(setup, IPPROTO_IP, IP_MULTICAST_ALL, "IP_MULTICAST_ALL");
}

/* ---- Addresses and interfaces --------------------------------------------------------------- */

/* If the user gave the interface by its address, the socket must use only that address. So if *address is the
 * any-address, the function replaces it by the address of the interface. */
static int narrow_to_local(const struct speadi_udp_setup *setup, struct speadi_address *address)
{
    const struct speadi_address *local = &setup->interface.local;
    /* This reads the port of IPv6 too, because it has the same offset. */
    in_port_t port = address->v4.sin_port;

    if (local->length == 0 || !speadi_address_is_any(address))
        return 0;
    if (local->any.sa_family != address->any.sa_family)
        return speadi_err_set(setup->err, -EINVAL,
                              "%s: the interface was given by an address of the other IP version",
                              setup->text);
    *address = *local;
    address->v4.sin_port = port;
    return 0;
}

/* Tells whether the socket must be bound to its interface. That is so in two cases. The first: the user gave the
 * interface of a unicast address by its name. The second: a group of IPv6. The kernel gives a group of IPv4 only to
 * sockets that have joined it on the interface where it arrives. With a group of IPv6 it does not look at the
 * interface. */
static bool needs_device(const struct speadi_udp_setup *setup)
{
    if (setup->interface.index == 0)
        return false;
    if (speadi_address_is_multicast(setup->address))
        return speadi_udp_is_v6(setup);
    return setup->interface.local.length == 0;
}

/* Binds the socket to its interface, so that it receives only what arrives there. Since Linux 5.7 this needs no
 * privilege, if the socket is bound to no interface yet. */
static int narrow_to_device(const struct speadi_udp_setup *setup)
{
    const int index = (int)setup->interface.index;

    if (!needs_device(setup) ||
        setsockopt(setup->fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof index) == 0)
        return 0;
    return speadi_err_errno(setup->err, "%s: cannot listen on %s only%s", setup->text,
                            setup->interface.name,
                            errno == EPERM ? " (Linux before 5.7 wants CAP_NET_RAW: give the "
                                             "interface by its address)"
                                           : "");
}

#define UNPRIVILEGED_PORTS_FROM \
    1024u /* unless net.ipv4.ip_unprivileged_port_start says otherwise */

/* Writes what may help where bind() has failed with the error `code`. The port has the same place in both families. */
static const char *bind_remedy(const struct speadi_udp_setup *setup, int code, char *text,
                               size_t room)
{
    const unsigned port = ntohs(setup->address->v4.sin_port);

    text[0] = '\0';
    if (code == EADDRINUSE)
        snprintf(text, room, " (`ss -ulnp sport = :%u` names the program that has it)", port);
    else if (code == EADDRNOTAVAIL)
        snprintf(text, room, " (no interface has this address, see: ip address)");
    else if (code == EACCES && port < UNPRIVILEGED_PORTS_FROM)
        snprintf(text, room, " (a port below %u needs CAP_NET_BIND_SERVICE: use another port)",
                 UNPRIVILEGED_PORTS_FROM);
    return text;
}

static int bind_receive(const struct speadi_udp_setup *setup)
{
    struct speadi_address address = speadi_udp_with_scope(setup);
    bool multicast = speadi_address_is_multicast(&address);
    char remedy[80];
    int ret = 0;

    if (speadi_udp_is_v6(setup))
        ret = speadi_udp_set(setup, IPPROTO_IPV6, IPV6_V6ONLY, !speadi_address_is_any(&address),
                             "IPV6_V6ONLY");
    if (ret == 0) {
        hear_own_groups(setup);
        ret = multicast ? speadi_udp_set(setup, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR")
                        : narrow_to_local(setup, &address);
    }
    if (ret == 0)
        ret = narrow_to_device(setup);
    if (ret == 0 && bind(setup->fd, &address.any, address.length) < 0)
        return speadi_err_errno(setup->err, "%s: cannot bind%s", setup->text,
                                bind_remedy(setup, errno, remedy, sizeof remedy));
    return ret;
}

/* Chooses the interface on which the kernel would join the group, if the user has named none. */
static void choose_interface(struct speadi_udp_setup *setup)
{
    const struct speadi_address *address = setup->address;
    unsigned index = setup->interface.index;

    if (index == 0 && speadi_udp_is_v6(setup))
        index = address->v6.sin6_scope_id;
    if (index == 0)
        index = speadi_endpoint_interface(address, &setup->interface);
    if (index != setup->interface.index)
        speadi_udp_setup_choose(setup, index);
}

int speadi_udp_open_receive(struct speadi_udp_socket *out, const struct speadi_address *address,
                            const struct speadi_udp_receive_options *options, struct spead_err *err)
{
    struct speadi_udp_setup setup;
    int ret;

    speadi_udp_setup_begin(&setup, address, options->interface, options->log, err);
    choose_interface(&setup);
    ret = speadi_udp_setup_socket(&setup);
    *out = (struct speadi_udp_socket){.fd = setup.fd, .interface = setup.interface};
    if (ret == 0) {
        /* The code sets these options before bind(), so that they already apply to the first packet. */
        out->buffer_bytes = speadi_udp_set_receive_buffer(&setup, options->buffer_bytes);
        out->gro =
            options->gro && setsockopt(out->fd, IPPROTO_UDP, UDP_GRO, &(int){1}, sizeof(int)) == 0;
        setup.sender = options->sender;
        ret = setup.sender ? speadi_udp_hear_only(out->fd, setup.sender, err) : 0;
    }
    if (ret == 0)
        ret = bind_receive(&setup);
    if (ret == 0 && speadi_address_is_multicast(address))
        ret = join(&setup);
    if (ret < 0)
        speadi_udp_close(out);
    return ret;
}

int speadi_udp_listen_again(struct speadi_udp_socket *socket, const struct speadi_address *address,
                            const struct speadi_interface *interface,
                            const struct speadi_address *sender, struct spead_err *err)
{
    struct speadi_udp_setup setup;
    int ret;

    speadi_udp_setup_begin(&setup, address, interface, NULL, err);
    setup.fd = socket->fd;
    setup.sender = sender;
    if (speadi_address_is_multicast(address))
        leave(&setup, socket->interface.index);
    if (needs_device(&setup))
        speadi_udp_loosen(socket->fd);
    ret = narrow_to_device(&setup);
    if (ret == 0 && speadi_address_is_multicast(address))
        ret = join(&setup);
    if (ret == 0)
        socket->interface = setup.interface;
    return ret;
}
