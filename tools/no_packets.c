/* See no_packets.h. */
#include "no_packets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/address.h>
#include <speadi/remedy.h>

/* What is known about one search. */
struct search {
    json_t *findings; /* NULL after an allocation has failed */
    const struct spead_recv_tool_options *options;
    struct host_counters host; /* what was counted since the start */
    /* names of the interfaces on which the program listened; interface_count is 0 if it listened on all */
    char interface[TOOL_ENDPOINTS_MAX][IF_NAMESIZE];
    unsigned interface_count;
    bool joins; /* an endpoint is a multicast group */
    bool is_v4, is_v6;
};

__attribute__((format(printf, 3, 4))) static void found(struct search *search, const char *word,
                                                        const char *format, ...)
{
    char text[640];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (search->findings &&
        json_array_append_new(search->findings,
                              json_pack("{s:s, s:s}", "finding", word, "text", text)) < 0) {
        json_decref(search->findings);
        search->findings = NULL;
    }
}

/* ---- Where the program listened ------------------------------------------------------------- */

static bool listens_on(const struct search *search, const char *name)
{
    for (unsigned i = 0; i < search->interface_count; i++)
        if (strcmp(search->interface[i], name) == 0)
            return true;
    return false;
}

/* Writes the name of the interface on which the kernel listens for this address, or "" if it listens on all. */
static void find_interface(const struct search *search, const struct speadi_address *address,
                           char name[IF_NAMESIZE])
{
    struct speadi_interface chosen = {0};
    bool is_v6 = address->any.sa_family == AF_INET6;
    unsigned index;

    name[0] = '\0';
    (void)speadi_interface_find(&chosen, search->options->stream.interface_name, NULL);
    index = chosen.index;
    if (index == 0 && is_v6)
        index = address->v6.sin6_scope_id;
    if (index == 0)
        index = speadi_interface_towards(address);
    if (index == 0 || !if_indextoname(index, name))
        name[0] = '\0';
}

static void look_at_endpoint(struct search *search, const char *text)
{
    struct speadi_address address;
    char name[IF_NAMESIZE];
    bool joined;

    if (speadi_address_parse(&address, text, SPEADI_ADDRESS_RECEIVE, NULL) < 0) {
        found(search, "endpoint", "no packet has come from %s", text);
        return;
    }
    joined = speadi_address_is_multicast(&address);
    search->joins |= joined;
    search->is_v4 |= address.any.sa_family == AF_INET || speadi_address_is_any(&address);
    search->is_v6 |= address.any.sa_family == AF_INET6;
    find_interface(search, &address, name);
    if (name[0] == '\0')
        found(search, "endpoint", "no packet has come to %s, which is bound on every interface",
              text);
    else
        found(search, "endpoint", "no packet has come to %s, which is %s %s", text,
              joined ? "joined on" : "bound on", name);
    if (name[0] != '\0' && !listens_on(search, name))
        memcpy(search->interface[search->interface_count++], name, sizeof name);
}

/* ---- Interfaces ----------------------------------------------------------------------------- */

/* Returns the IFF_* flags of the interface, or 0. */
static int flags_of(const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int ret = -1;

    if (fd < 0)
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    if (fd >= 0) {
        ret = ioctl(fd, SIOCGIFFLAGS, &request);
        close(fd);
    }
    return ret < 0 ? 0 : request.ifr_flags & 0xffff;
}

/* Says that the interface has received nothing at all, and names possible reasons. */
static void nothing_came_by(struct search *search, const char *name)
{
    if (search->joins)
        found(
            search, "nothing-received",
            "%s has received nothing since the start: does the sender send to this group and port, "
            "with a TTL that reaches here, and does the switch forward the group to this port "
            "(IGMP snooping needs a querier)?",
            name);
    else
        found(search, "nothing-received",
              "%s has received nothing since the start: does the sender send to this address and "
              "port, and is there a way from it to here (ping from the sender)?",
              name);
}

static void look_at_interface(struct search *search, const char *name)
{
    const struct host_interface *counted = host_counters_interface(&search->host, name);
    int flags = flags_of(name);

    if (!(flags & IFF_UP))
        found(search, "interface-down", "%s is switched off: %sip link set %s up", name,
              speadi_sudo(), name);
    else if (!(flags & IFF_RUNNING))
        found(search, "no-link",
              "%s has no link: look at cable, transceivers and switch port (ip link show %s)", name,
              name);
    else if (counted && counted->packets == 0)
        nothing_came_by(search, name);
    else if (counted)
        found(search, "received",
              "%s has received %" PRIu64
              " packets since the start, but none for the endpoint: does "
              "the sender use this address and port (tcpdump -ni %s udp)?",
              name, counted->packets, name);
    if (counted && counted->drops + counted->errors > 0)
        found(search, "interface-drops",
              "%s has dropped %" PRIu64 " frames and refused %" PRIu64
              " damaged ones since the start: see ip -s -s link show %s and ethtool -S %s",
              name, counted->drops, counted->errors, name, name);
}

/* A group is joined on one interface, but the packets of the group can arrive at another interface. */
static void look_at_other_interfaces(struct search *search)
{
    for (unsigned i = 0; i < search->host.interface_count; i++) {
        const struct host_interface *other = &search->host.interface[i];

        if (other->packets > 0 && !listens_on(search, other->name))
            found(search, "other-interface",
                  "%s has received %" PRIu64
                  " packets since the start, and the group is not joined "
                  "there: if the sender is on that side, use --bind %s",
                  other->name, other->packets, other->name);
    }
}

/* ---- Neighbours ----------------------------------------------------------------------------- */

/* Returns how many neighbours the kernel knows on this interface (IPv4). */
static unsigned neighbours_on(const char *name)
{
    FILE *file = fopen("/proc/net/arp", "re");
    char line[256], device[IF_NAMESIZE];
    unsigned flags, count = 0;

    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%*s %*s 0x%x %*s %*s %15s", &flags, device) == 2 && (flags & 2) != 0 &&
            strcmp(device, name) == 0)
            count++;
    fclose(file);
    return count;
}

/* A sender of this network asks for our MAC address by ARP, and the kernel remembers who has asked. */
static void look_at_neighbours(struct search *search, const char *name)
{
    int flags = flags_of(name);

    if (search->joins || !search->is_v4 || (flags & (IFF_LOOPBACK | IFF_NOARP)) != 0 ||
        !(flags & IFF_RUNNING) || neighbours_on(name) > 0)
        return;
    found(search, "no-neighbour",
          "no host has asked for our address on %s by ARP (ip neigh show dev %s): is the sender on "
          "this network, and does it have a route to this address?",
          name, name);
}

/* ---- What the host dropped ------------------------------------------------------------------ */

static uint64_t undelivered(const struct search *search, enum host_counter received)
{
    const uint64_t *value = &search->host.value[received];
    uint64_t known = value[1] + value[2]; /* DELIVERED and ACCOUNTED follow RECEIVED */

    return value[0] > known ? value[0] - known : 0;
}

static void look_at_host(struct search *search)
{
    const uint64_t *value = search->host.value;
    uint64_t lost = (search->is_v4 ? undelivered(search, HOST_V4_RECEIVED) : 0) +
                    (search->is_v6 ? undelivered(search, HOST_V6_RECEIVED) : 0);
    const char *name = search->interface_count > 0 ? search->interface[0] : "INTERFACE";
    char setting[IF_NAMESIZE + 40], remedy[160];

    snprintf(setting, sizeof setting, "net.ipv4.conf.%s.rp_filter", name);
    if (value[HOST_REVERSE_PATH] > 0)
        found(search, "reverse-path",
              "the reverse path filter has dropped %" PRIu64 " packets since the start: this host "
              "has no route to their sender by the interface they came by; add one (%sip route add "
              "SENDER dev %s), or use %s",
              value[HOST_REVERSE_PATH], speadi_sudo(), name,
              speadi_remedy_sysctl(remedy, sizeof remedy, setting, 2));
    if (value[HOST_ADDRESS_ERRORS] > 0)
        found(search, "no-route",
              "%" PRIu64
              " packets since the start were for addresses that this host does not have: "
              "does the sender use the right address?",
              value[HOST_ADDRESS_ERRORS]);
    if (value[HOST_NO_PORT] > 0)
        found(search, "no-port",
              "%" PRIu64
              " datagrams since the start were for ports on which nobody listens: does the "
              "sender use the right port?",
              value[HOST_NO_PORT]);
    if (lost > 0)
        found(
            search, "not-delivered",
            "%" PRIu64 " IP packets since the start came to this host and were given to no "
            "protocol: they are for groups that nobody has joined on the interface they came by, or "
            "a firewall drops them (nft list ruleset, iptables -nvL)",
            lost);
}

static void look_at_sockets(struct search *search, const struct spead_recv_counters *counters)
{
    if (counters->filtered_drops > 0)
        found(search, "filtered",
              "%" PRIu64
              " messages came from others than --source %s: is this the sender's address?",
              counters->filtered_drops, search->options->stream.source);
    if (counters->checksum_drops > 0)
        found(search, "checksum",
              "%" PRIu64
              " messages came with a wrong checksum: look at cable, transceivers and NIC "
              "(ethtool -S INTERFACE)",
              counters->checksum_drops);
}

json_t *no_packets_find(const struct spead_recv_tool_options *options,
                        const struct spead_recv_counters *counters,
                        const struct host_counters *start)
{
    struct search search = {.findings = json_array(), .options = options};

    host_counters_read(&search.host);
    host_counters_since(&search.host, start);
    for (uint32_t i = 0; i < options->shared.endpoint_count; i++)
        look_at_endpoint(&search, options->shared.endpoints[i]);
    look_at_sockets(&search, counters);
    for (unsigned i = 0; i < search.interface_count; i++) {
        look_at_interface(&search, search.interface[i]);
        look_at_neighbours(&search, search.interface[i]);
    }
    if (search.joins)
        look_at_other_interfaces(&search);
    look_at_host(&search);
    return search.findings;
}

void no_packets_print(FILE *to, const json_t *findings)
{
    size_t i;
    json_t *finding;

    json_array_foreach(findings, i, finding)
        fprintf(to, "  nothing  %s\n", json_string_value(json_object_get(finding, "text")));
}
