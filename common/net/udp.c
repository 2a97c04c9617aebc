/* SPDX-License-Identifier: Apache-2.0 */
/* Opens UDP sockets for heavy traffic: buffers, multicast groups, interfaces. */
#include <speadi/udp.h>

#include <errno.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/remedy.h>

#ifndef IPV6_MULTICAST_ALL
#    define IPV6_MULTICAST_ALL 29 /* the option exists since Linux 4.20 */
#endif

/* The facts that the functions of this file need when they set up a socket to receive or to send. */
struct setup {
    int fd;
    const struct speadi_address *address;
    /* never NULL; &any_interface if the caller gave none */
    const struct speadi_interface *interface;
    const struct speadi_address *sender; /* NULL means every sender */
    const struct spead_log *log;
    struct spead_err *err;
    char text[SPEADI_ADDRESS_TEXT_MAX]; /* the address as text */
};

static const struct speadi_interface any_interface;

static bool is_v6(const struct setup *setup)
{
    return setup->address->any.sa_family == AF_INET6;
}

static int set(const struct setup *setup, int level, int option, int value, const char *what)
{
    if (setsockopt(setup->fd, level, option, &value, sizeof value) == 0)
        return 0;
    return speadi_err_errno(setup->err, "%s: cannot set %s", setup->text, what);
}

/* Does what set() does, for an option that the socket can do without. If the kernel does not have the option, a warning
 * says what follows from that. */
static void wish(const struct setup *setup, int level, int option, int value, const char *what,
                 const char *consequence)
{
    if (setsockopt(setup->fd, level, option, &value, sizeof value) < 0)
        speadi_log_line(setup->log, SPEAD_LOG_WARNING, "%s: the kernel refuses %s (%s): %s",
                        setup->text, what, strerror(errno), consequence);
}

static int open_socket(struct setup *setup, const struct speadi_address *address,
                       const struct speadi_interface *interface, const struct spead_log *log,
                       struct spead_err *err)
{
    *setup = (struct setup){.address = address,
                            .interface = interface ? interface : &any_interface,
                            .log = log,
                            .err = err};
    speadi_address_format(address, setup->text);
    setup->fd =
        socket(address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    return setup->fd < 0 ? speadi_err_errno(err, "%s: cannot open a UDP socket", setup->text) : 0;
}

/* Returns setup->address. A link-local address is only valid with an interface. If a link-local address names no
 * interface, the function adds the interface of the setup. */
static struct speadi_address with_scope(const struct setup *setup)
{
    struct speadi_address address = *setup->address;

    if (is_v6(setup) && address.v6.sin6_scope_id == 0 &&
        (IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr) ||
         IN6_IS_ADDR_MC_LINKLOCAL(&address.v6.sin6_addr)))
        address.v6.sin6_scope_id = setup->interface->index;
    return address;
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
static uint32_t set_buffer(const struct setup *setup, const struct buffer_option *option,
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

/* ---- Receive ------------------------------------------------------------------------------- */

/* Other programs may have joined the group on other interfaces. The kernel gives what comes there to this socket too,
 * unless it has the option IP_MULTICAST_ALL, or IPV6_MULTICAST_ALL (Linux 4.20). */
static const char hears_all[] =
    "the group is also heard on the interfaces on which other programs have joined it";

/* Joins the group for one sender. Routers and switches that know source-specific multicast then do not even forward the
 * packets of other senders. */
static int join_sender(const struct setup *setup)
{
    struct group_source_req group = {.gsr_interface = setup->interface->index};

    if (is_v6(setup) && group.gsr_interface == 0)
        group.gsr_interface = setup->address->v6.sin6_scope_id;
    memcpy(&group.gsr_group, &setup->address->any, setup->address->length);
    memcpy(&group.gsr_source, &setup->sender->any, setup->sender->length);
    if (setsockopt(setup->fd, is_v6(setup) ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP,
                   &group, sizeof group) < 0)
        return speadi_err_errno(setup->err, "%s: cannot join the group for one source%s",
                                setup->text,
                                group.gsr_interface ? "" : " (name the interface to join it on)");
    return 0;
}

static int join_v4(const struct setup *setup)
{
    struct ip_mreqn group = {.imr_multiaddr = setup->address->v4.sin_addr,
                             .imr_address = setup->interface->v4,
                             .imr_ifindex = (int)setup->interface->index};

    wish(setup, IPPROTO_IP, IP_MULTICAST_ALL, 0, "IP_MULTICAST_ALL", hears_all);
    if (setup->sender)
        return join_sender(setup);
    if (setsockopt(setup->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) < 0)
        return speadi_err_errno(setup->err, "%s: cannot join the group%s", setup->text,
                                group.imr_ifindex ? "" : " (name the interface to join it on)");
    return 0;
}

static int join_v6(const struct setup *setup)
{
    struct ipv6_mreq group = {.ipv6mr_multiaddr = setup->address->v6.sin6_addr,
                              .ipv6mr_interface = setup->interface->index};

    wish(setup, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0, "IPV6_MULTICAST_ALL", hears_all);
    if (setup->sender)
        return join_sender(setup);
    if (group.ipv6mr_interface == 0)
        group.ipv6mr_interface = setup->address->v6.sin6_scope_id;
    if (setsockopt(setup->fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group) < 0)
        return speadi_err_errno(setup->err, "%s: cannot join the group%s", setup->text,
                                group.ipv6mr_interface ? ""
                                                       : " (name the interface to join it on)");
    return 0;
}

/* If the user gave the interface by its address, the socket must use only that address. So if *address is the
 * any-address, the function replaces it by the address of the interface. */
static int narrow_to_local(const struct setup *setup, struct speadi_address *address)
{
    const struct speadi_address *local = &setup->interface->local;
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

/* If the user gave the interface by its name, the socket must receive only what arrives at this interface. */
static int narrow_to_device(const struct setup *setup)
{
    char name[IF_NAMESIZE];

    if (setup->interface->index == 0 || setup->interface->local.length > 0)
        return 0;
    if (!if_indextoname(setup->interface->index, name) ||
        setsockopt(setup->fd, SOL_SOCKET, SO_BINDTODEVICE, name, IF_NAMESIZE) < 0)
        return speadi_err_errno(
            setup->err, "%s: cannot listen on this interface only%s", setup->text,
            errno == EPERM ? " (Linux before 5.7 wants CAP_NET_RAW: give the interface by its "
                             "address)"
                           : "");
    return 0;
}

static int bind_receive(const struct setup *setup)
{
    struct speadi_address address = with_scope(setup);
    bool multicast = speadi_address_is_multicast(&address);
    int ret = 0;

    if (is_v6(setup))
        ret =
            set(setup, IPPROTO_IPV6, IPV6_V6ONLY, !speadi_address_is_any(&address), "IPV6_V6ONLY");
    if (ret == 0 && multicast)
        ret = set(setup, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    if (ret == 0 && !multicast && (ret = narrow_to_local(setup, &address)) == 0)
        ret = narrow_to_device(setup);
    if (ret == 0 && bind(setup->fd, &address.any, address.length) < 0)
        return speadi_err_errno(setup->err, "%s: cannot bind", setup->text);
    return ret;
}

int speadi_udp_open_receive(struct speadi_udp_socket *out, const struct speadi_address *address,
                            const struct speadi_udp_receive_options *options, struct spead_err *err)
{
    struct setup setup;
    int ret = open_socket(&setup, address, options->interface, options->log, err);

    *out = (struct speadi_udp_socket){.fd = setup.fd};
    if (ret == 0) {
        /* The code sets these options before bind(), so that they already apply to the first packet. */
        out->buffer_bytes = set_buffer(&setup, &receive_buffer, options->buffer_bytes);
        out->gro =
            options->gro && setsockopt(out->fd, IPPROTO_UDP, UDP_GRO, &(int){1}, sizeof(int)) == 0;
        setup.sender = options->sender;
        ret = setup.sender ? speadi_udp_hear_only(out->fd, setup.sender, err) : 0;
    }
    if (ret == 0)
        ret = bind_receive(&setup);
    if (ret == 0 && speadi_address_is_multicast(address))
        ret = is_v6(&setup) ? join_v6(&setup) : join_v4(&setup);
    if (ret < 0)
        speadi_udp_close(out);
    return ret;
}

/* ---- Send ---------------------------------------------------------------------------------- */

static int aim_multicast(const struct setup *setup, uint32_t ttl)
{
    struct ip_mreqn out = {.imr_address = setup->interface->v4,
                           .imr_ifindex = (int)setup->interface->index};
    int ret;

    if (is_v6(setup)) {
        ret = set(setup, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, (int)ttl, "the multicast hop limit");
        if (ret == 0 && out.imr_ifindex)
            ret = set(setup, IPPROTO_IPV6, IPV6_MULTICAST_IF, out.imr_ifindex,
                      "the multicast interface");
        return ret;
    }
    ret = set(setup, IPPROTO_IP, IP_MULTICAST_TTL, (int)ttl, "the multicast TTL");
    if (ret == 0 && out.imr_ifindex &&
        setsockopt(setup->fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) < 0)
        return speadi_err_errno(setup->err, "%s: cannot set the multicast interface", setup->text);
    return ret;
}

/* Makes the kernel tell what happens to datagrams of the socket. Without this option the kernel says "sent" when a
 * queue of this host drops a datagram; with it the call returns ENOBUFS. ICMP messages then also go to the error queue
 * of the socket. A socket of IPv6 can send to IPv4 addresses, so it needs both options. */
static int hear_errors(const struct setup *setup)
{
    int ret = is_v6(setup) ? set(setup, IPPROTO_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR") : 0;

    return ret < 0 ? ret : set(setup, IPPROTO_IP, IP_RECVERR, 1, "IP_RECVERR");
}

/* If the user gave the interface by its name, packets must leave the host through this interface. */
static int aim_unicast(const struct setup *setup)
{
    int index = (int)htonl(setup->interface->index);

    if (setup->interface->index == 0 || setup->interface->local.length > 0)
        return 0;
    return is_v6(setup) ? set(setup, IPPROTO_IPV6, IPV6_UNICAST_IF, index, "the interface")
                        : set(setup, IPPROTO_IP, IP_UNICAST_IF, index, "the interface");
}

static int bind_send(const struct setup *setup)
{
    const struct speadi_address *local = &setup->interface->local;

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
static int keep_interface(const struct setup *setup, const struct speadi_address *address)
{
    struct ip_mreqn out = {.imr_ifindex = (int)speadi_interface_towards(address)};

    if (is_v6(setup) || setup->interface->index != 0 || out.imr_ifindex == 0)
        return 0;
    if (setsockopt(setup->fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) < 0 ||
        connect(setup->fd, &address->any, address->length) < 0)
        return speadi_err_errno(setup->err, "%s: cannot set the multicast interface", setup->text);
    return 0;
}

static int connect_send(const struct setup *setup)
{
    struct speadi_address address = with_scope(setup);
    int ret = connect(setup->fd, &address.any, address.length);

    /* EACCES means that the address is a broadcast address, as the route says. */
    if (ret < 0 && errno == EACCES && !is_v6(setup)) {
        ret = set(setup, SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST");
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
    struct setup setup;
    int ret = open_socket(&setup, address, options->interface, options->log, err);

    *out = (struct speadi_udp_socket){.fd = setup.fd};
    if (ret == 0) {
        out->buffer_bytes = set_buffer(&setup, &send_buffer, options->buffer_bytes);
        ret = speadi_address_is_multicast(address) ? aim_multicast(&setup, options->ttl)
                                                   : aim_unicast(&setup);
    }
    if (ret == 0)
        ret = hear_errors(&setup);
    if (ret == 0)
        ret = bind_send(&setup);
    if (ret == 0)
        ret = connect_send(&setup);
    if (ret < 0)
        speadi_udp_close(out);
    return ret;
}

/* ---- Both ---------------------------------------------------------------------------------- */

void speadi_udp_close(struct speadi_udp_socket *closing)
{
    if (closing->fd >= 0)
        close(closing->fd);
    closing->fd = -1;
}

/* Returns one of the values of SO_MEMINFO, or 0 when the kernel does not tell. */
static uint32_t memory_info(int fd, unsigned which)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof info;

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0 ? 0 : info[which];
}

uint64_t speadi_udp_drops(int fd)
{
    return memory_info(fd, SK_MEMINFO_DROPS);
}

uint64_t speadi_udp_unread_bytes(int fd)
{
    return memory_info(fd, SK_MEMINFO_RMEM_ALLOC);
}

double speadi_udp_fill(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof info;

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0 || info[SK_MEMINFO_RCVBUF] == 0)
        return 1;
    return (double)info[SK_MEMINFO_RMEM_ALLOC] / info[SK_MEMINFO_RCVBUF];
}
