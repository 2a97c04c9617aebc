/* SPDX-License-Identifier: Apache-2.0 */
/* Opens sockets that send: interfaces, time to live, errors. */
#include "udp_setup.h"

#include <errno.h>

#include <speadi/err.h>

static int set_ttl(const struct speadi_udp_setup *setup, uint32_t ttl)
{
    return speadi_udp_is_v6(setup)
               ? speadi_udp_set(setup, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, (int)ttl,
                                "the multicast hop limit")
               : speadi_udp_set(setup, IPPROTO_IP, IP_MULTICAST_TTL, (int)ttl, "the multicast TTL");
}

static int aim_multicast(const struct speadi_udp_setup *setup)
{
    struct ip_mreqn out = {.imr_address = setup->interface.v4,
                           .imr_ifindex = (int)setup->interface.index};

    if (out.imr_ifindex == 0)
        return 0;
    if (speadi_udp_is_v6(setup))
        return speadi_udp_set(setup, IPPROTO_IPV6, IPV6_MULTICAST_IF, out.imr_ifindex,
                              "the multicast interface");
    if (setsockopt(setup->fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) < 0)
        return speadi_err_errno(setup->err, "%s: cannot set the multicast interface", setup->text);
    return 0;
}

/* Makes the kernel tell what happens to datagrams of the socket. Without this option the kernel says "sent" when a
 * queue of this host drops a datagram; with it the call returns ENOBUFS. ICMP messages then also go to the error queue
 * of the socket. A socket of IPv6 can send to IPv4 addresses, so it needs both options. */
static int hear_errors(const struct speadi_udp_setup *setup)
{
    int ret = speadi_udp_is_v6(setup)
                  ? speadi_udp_set(setup, IPPROTO_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR")
                  : 0;

    return ret < 0 ? ret : speadi_udp_set(setup, IPPROTO_IP, IP_RECVERR, 1, "IP_RECVERR");
}

/* If the user gave the interface by its name, packets must leave the host through this interface. */
static int aim_unicast(const struct speadi_udp_setup *setup)
{
    int index = (int)htonl(setup->interface.index);

    if (setup->interface.index == 0 || setup->interface.local.length > 0)
        return 0;
    return speadi_udp_is_v6(setup)
               ? speadi_udp_set(setup, IPPROTO_IPV6, IPV6_UNICAST_IF, index, "the interface")
               : speadi_udp_set(setup, IPPROTO_IP, IP_UNICAST_IF, index, "the interface");
}

/* Names the interface by which the packets leave, if the user has named one. */
static int aim(const struct speadi_udp_setup *setup)
{
    return speadi_address_is_multicast(setup->address) ? aim_multicast(setup) : aim_unicast(setup);
}

static int bind_send(const struct speadi_udp_setup *setup)
{
    const struct speadi_address *local = &setup->interface.local;

    if (local->length == 0)
        return 0;
    if (local->any.sa_family != setup->address->any.sa_family)
        return speadi_err_set(setup->err, -EINVAL,
                              "%s: the interface was given by an address of the other IP version",
                              setup->text);
    if (bind(setup->fd, &local->any, local->length) < 0)
        return speadi_err_errno(setup->err, "%s: cannot bind to the local address", setup->text);
    return 0;
}

/* Names the interface that the kernel has just chosen for the group as the interface of the socket. The packets leave
 * by the same interface without this call, because a connected socket has a source address. The call changes what
 * happens when the interface is down: the kernel then refuses packets (ENETUNREACH). Without the call it drops them and
 * says that they were sent. */
static int keep_interface(struct speadi_udp_setup *setup, const struct speadi_address *address)
{
    struct ip_mreqn out = {.imr_ifindex = (int)speadi_interface_towards(address)};

    if (speadi_udp_is_v6(setup) || setup->interface.index != 0 || out.imr_ifindex == 0)
        return 0;
    if (setsockopt(setup->fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) < 0 ||
        connect(setup->fd, &address->any, address->length) < 0)
        return speadi_err_errno(setup->err, "%s: cannot set the multicast interface", setup->text);
    speadi_udp_setup_choose(setup, (unsigned)out.imr_ifindex);
    return 0;
}

static int connect_send(struct speadi_udp_setup *setup)
{
    struct speadi_address address = speadi_udp_with_scope(setup);
    int ret = connect(setup->fd, &address.any, address.length);

    /* EACCES means that the address is a broadcast address, as the route says. */
    if (ret < 0 && errno == EACCES && !speadi_udp_is_v6(setup)) {
        ret = speadi_udp_set(setup, SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST");
        if (ret < 0)
            return ret;
        ret = connect(setup->fd, &address.any, address.length);
    }
    if (ret < 0)
        return speadi_err_errno(setup->err, "%s: cannot be reached (see: ip route get)",
                                setup->text);
    return speadi_address_is_multicast(&address) ? keep_interface(setup, &address) : 0;
}

int speadi_udp_open_send(struct speadi_udp_socket *out, const struct speadi_address *address,
                         const struct speadi_udp_send_options *options, struct spead_err *err)
{
    struct speadi_udp_setup setup;
    int ret;

    speadi_udp_setup_begin(&setup, address, options->interface, options->log, err);
    ret = speadi_udp_setup_socket(&setup);
    *out = (struct speadi_udp_socket){.fd = setup.fd};
    if (ret == 0) {
        out->buffer_bytes = speadi_udp_set_send_buffer(&setup, options->buffer_bytes);
        ret = aim(&setup);
    }
    if (ret == 0 && speadi_address_is_multicast(address))
        ret = set_ttl(&setup, options->ttl);
    if (ret == 0)
        ret = hear_errors(&setup);
    if (ret == 0)
        ret = bind_send(&setup);
    if (ret == 0)
        ret = connect_send(&setup);
    out->interface = setup.interface;
    if (ret < 0)
        speadi_udp_close(out);
    return ret;
}

/* Binds the socket to the port that it had. The source port is what receivers know a sender by. */
static void keep_port(const struct speadi_udp_setup *setup, in_port_t port)
{
    struct speadi_address own = setup->interface.local;

    if (own.length == 0) {
        own.length = setup->address->length;
        own.any.sa_family = setup->address->any.sa_family;
    }
    own.v4.sin_port = port; /* IPv6 has it at the same offset */
    (void)bind(setup->fd, &own.any, own.length);
}

int speadi_udp_aim_again(struct speadi_udp_socket *socket, const struct speadi_address *address,
                         const struct speadi_interface *interface, struct spead_err *err)
{
    struct speadi_address own = {.length = sizeof own.v6};
    struct speadi_udp_setup setup;
    int ret;

    speadi_udp_setup_begin(&setup, address, interface, NULL, err);
    setup.fd = socket->fd;
    if (getsockname(socket->fd, &own.any, &own.length) < 0)
        own.v4.sin_port = 0;
    /* Only a socket that is not connected gets another source address. */
    speadi_udp_loosen(socket->fd);
    keep_port(&setup, own.v4.sin_port);
    ret = aim(&setup);
    if (ret == 0)
        ret = connect_send(&setup);
    if (ret == 0)
        socket->interface = setup.interface;
    return ret;
}
