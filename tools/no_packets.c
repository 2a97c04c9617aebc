/* SPDX-License-Identifier: Apache-2.0 */
/* See no_packets.h. */
#include "no_packets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/endpoint.h>

#include "tool_remedy.h"

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

/* The commands of one finding. */
struct advice {
    struct tool_remedy mend; /* what changes something, and its note */
    struct tool_remedy look; /* only commands that show more and change nothing */
};

static json_t *finding_json(const char *word, const char *text, const struct advice *advice)
{
    json_t *finding = json_pack("{s:s, s:s}", "finding", word, "text", text);

    if (tool_remedy_set_json(finding, &advice->mend) < 0 ||
        json_object_set_new(finding, "commands_to_look", tool_remedy_commands(&advice->look)) < 0) {
        json_decref(finding);
        return NULL;
    }
    return finding;
}

/* Adds a finding. `advice` is NULL if no command helps. */
__attribute__((format(printf, 4, 5))) static void found(struct search *search,
                                                        const struct advice *advice,
                                                        const char *word, const char *format, ...)
{
    static const struct advice none;
    char text[640];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (search->findings &&
        json_array_append_new(search->findings, finding_json(word, text, advice ? advice : &none)) <
            0) {
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

/* Writes the name of the interface on which the kernel listens for this endpoint, or "" if it listens on all. */
static void find_interface(const struct speadi_endpoint *endpoint, char name[IF_NAMESIZE])
{
    unsigned index = speadi_endpoint_interface(&endpoint->address, &endpoint->interface);

    if (index == 0)
        index = speadi_interface_towards(&endpoint->address);
    if (index == 0 || !if_indextoname(index, name))
        name[0] = '\0';
}

static void look_at_endpoint(struct search *search, const char *text)
{
    struct speadi_interface of_stream = {0};
    struct speadi_endpoint endpoint;
    const struct speadi_address *address = &endpoint.address;
    char name[IF_NAMESIZE];
    bool joined;

    (void)speadi_interface_find(&of_stream, search->options->stream.interface, NULL);
    if (speadi_endpoint_parse(&endpoint, text, SPEADI_ADDRESS_RECEIVE, &of_stream, NULL) < 0) {
        found(search, NULL, "endpoint", "no packet has come from %s", text);
        return;
    }
    joined = speadi_address_is_multicast(address);
    search->joins |= joined;
    search->is_v4 |= address->any.sa_family == AF_INET || speadi_address_is_any(address);
    search->is_v6 |= address->any.sa_family == AF_INET6;
    find_interface(&endpoint, name);
    if (name[0] == '\0')
        found(search, NULL, "endpoint",
              "no packet has come to %s, which is bound on every interface", text);
    else
        found(search, NULL, "endpoint", "no packet has come to %s, which is %s %s", text,
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
            search, NULL, "nothing-received",
            "%s has received nothing since the start: does the sender send to this group and port, "
            "with a TTL that reaches here, and does the switch forward the group to this port "
            "(IGMP snooping needs a querier)?",
            name);
    else
        found(search, NULL, "nothing-received",
              "%s has received nothing since the start: does the sender send to this address and "
              "port, and is there a way from it to here (ping from the sender)?",
              name);
}

/* Says why the interface can receive nothing. Returns false if it could have received. */
static bool cannot_receive(struct search *search, const char *name)
{
    char word[TOOL_COMMAND_MAX];
    struct advice advice = {0};
    int flags = flags_of(name);

    tool_quote(name, word, sizeof word);
    if (!(flags & IFF_UP)) {
        tool_remedy_ip_link(&advice.mend, "%s up", word);
        found(search, &advice, "interface-down", "%s is switched off", name);
    } else if (!(flags & IFF_RUNNING)) {
        tool_remedy_add(&advice.look, "ip link show %s", word);
        found(search, &advice, "no-link",
              "%s has no link: look at cable, transceivers and switch port", name);
    } else {
        return false;
    }
    return true;
}

static void say_received(struct search *search, const struct host_interface *counted)
{
    char word[TOOL_COMMAND_MAX];
    struct advice advice = {0};

    tool_remedy_add_as_root(&advice.look, "tcpdump -c 20 -ni %s udp",
                            tool_quote(counted->name, word, sizeof word));
    found(search, &advice, "received",
          "%s has received %" PRIu64
          " packets since the start, but none for the endpoint: does the "
          "sender use this address and port?",
          counted->name, counted->packets);
}

static void say_drops(struct search *search, const struct host_interface *counted)
{
    char word[TOOL_COMMAND_MAX];
    struct advice advice = {0};

    tool_quote(counted->name, word, sizeof word);
    tool_remedy_add(&advice.look, "ip -s -s link show %s", word);
    tool_remedy_add(&advice.look, "ethtool -S %s", word);
    found(search, &advice, "interface-drops",
          "%s has dropped %" PRIu64 " frames and refused %" PRIu64 " damaged ones since the start",
          counted->name, counted->drops, counted->errors);
}

static void look_at_interface(struct search *search, const char *name)
{
    const struct host_interface *counted = host_counters_interface(&search->host, name);
    bool cannot = cannot_receive(search, name);

    if (!counted)
        return;
    if (!cannot && counted->packets == 0)
        nothing_came_by(search, name);
    else if (!cannot)
        say_received(search, counted);
    if (counted->drops + counted->errors > 0)
        say_drops(search, counted);
}

/* A group is joined on one interface, but the packets of the group can arrive at another interface. */
static void look_at_other_interfaces(struct search *search)
{
    for (unsigned i = 0; i < search->host.interface_count; i++) {
        const struct host_interface *other = &search->host.interface[i];

        if (other->packets > 0 && !listens_on(search, other->name))
            found(search, NULL, "other-interface",
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
    char word[TOOL_COMMAND_MAX];
    struct advice advice = {0};
    int flags = flags_of(name);

    if (search->joins || !search->is_v4 || (flags & (IFF_LOOPBACK | IFF_NOARP)) != 0 ||
        !(flags & IFF_RUNNING) || neighbours_on(name) > 0)
        return;
    tool_remedy_add(&advice.look, "ip neigh show dev %s", tool_quote(name, word, sizeof word));
    found(search, &advice, "no-neighbour",
          "no host has asked for our address on %s by ARP: is the sender on this network, and does "
          "it have a route to this address?",
          name);
}

/* ---- What the host dropped ------------------------------------------------------------------ */

static uint64_t undelivered(const struct search *search, enum host_counter received)
{
    const uint64_t *value = &search->host.value[received];
    uint64_t known = value[1] + value[2]; /* DELIVERED and ACCOUNTED follow RECEIVED */

    return value[0] > known ? value[0] - known : 0;
}

/* The filter drops what comes by an interface by which the host has no route back. */
static void look_at_reverse_path(struct search *search)
{
    const uint64_t dropped = search->host.value[HOST_REVERSE_PATH];
    struct advice advice = {0};
    char setting[IF_NAMESIZE + 40];

    if (dropped == 0)
        return;
    /* The kernel takes the larger one of the values for `all` and for the interface. */
    snprintf(setting, sizeof setting, "net/ipv4/conf/%s/rp_filter",
             search->interface_count == 1 ? search->interface[0] : "all");
    tool_remedy_sysctl(&advice.mend, setting, 2);
    tool_remedy_add(&advice.look, "ip route");
    found(search, &advice, "reverse-path",
          "the reverse path filter has dropped %" PRIu64 " packets since the start: this host has "
          "no route to their sender by the interface they came by; add one, or let the filter be "
          "content with a route by any interface (rp_filter 2)",
          dropped);
}

static void look_at_ports(struct search *search)
{
    const uint64_t by_v4 = search->host.value[HOST_V4_NO_PORT];
    const uint64_t by_v6 = search->host.value[HOST_V6_NO_PORT];

    if (by_v6 > 0 && !search->is_v6)
        found(search, NULL, "no-port-by-ipv6",
              "%" PRIu64
              " datagrams since the start came by IPv6 to ports on which nobody listens, and this "
              "program listens to IPv4 alone: [::]:PORT listens to both",
              by_v6);
    if (by_v4 + (search->is_v6 ? by_v6 : 0) > 0)
        found(search, NULL, "no-port",
              "%" PRIu64
              " datagrams since the start were for ports on which nobody listens: does the "
              "sender use the right port?",
              by_v4 + (search->is_v6 ? by_v6 : 0));
}

static void look_at_host(struct search *search)
{
    const uint64_t *value = search->host.value;
    uint64_t lost = (search->is_v4 ? undelivered(search, HOST_V4_RECEIVED) : 0) +
                    (search->is_v6 ? undelivered(search, HOST_V6_RECEIVED) : 0);
    struct advice firewall = {0};

    look_at_reverse_path(search);
    if (value[HOST_ADDRESS_ERRORS] > 0)
        found(search, NULL, "no-route",
              "%" PRIu64
              " packets since the start were for addresses that this host does not have: "
              "does the sender use the right address?",
              value[HOST_ADDRESS_ERRORS]);
    look_at_ports(search);
    if (lost == 0)
        return;
    tool_remedy_add_as_root(&firewall.look, "nft list ruleset");
    tool_remedy_add_as_root(&firewall.look, "iptables -nvL");
    found(search, &firewall, "not-delivered",
          "%" PRIu64 " IP packets since the start came to this host and were given to no protocol: "
          "they are for groups that nobody has joined on the interface they came by, or a firewall "
          "drops them",
          lost);
}

static void look_at_sockets(struct search *search, const struct spead_recv_counters *counters)
{
    char word[TOOL_COMMAND_MAX];
    struct advice advice = {0};

    if (counters->filtered_drops > 0)
        found(search, NULL, "filtered",
              "%" PRIu64
              " messages came from others than --source %s: is this the sender's address?",
              counters->filtered_drops, search->options->stream.sender);
    if (counters->checksum_drops == 0)
        return;
    for (unsigned i = 0; i < search->interface_count; i++)
        tool_remedy_add(&advice.look, "ethtool -S %s",
                        tool_quote(search->interface[i], word, sizeof word));
    found(search, &advice, "checksum",
          "%" PRIu64
          " messages came with a wrong checksum: look at cable, transceivers and the counters of "
          "the NIC",
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

/* Prints the commands below a line of the summary. */
static void print_commands(FILE *to, const json_t *finding, const char *key, const char *headline)
{
    const json_t *commands = json_object_get(finding, key);
    json_t *command;
    size_t i;

    if (json_array_size(commands) > 0)
        fprintf(to, "           %s\n", headline);
    json_array_foreach(commands, i, command)
        fprintf(to, "             %s\n", json_string_value(command));
}

static const char *word_of(const json_t *finding, const char *key)
{
    return json_string_value(json_object_get(finding, key));
}

void no_packets_print(FILE *to, const json_t *findings)
{
    size_t i;
    json_t *finding;

    json_array_foreach(findings, i, finding)
    {
        fprintf(to, "  nothing  %s\n", word_of(finding, "text"));
        print_commands(to, finding, "commands",
                       strcmp(word_of(finding, "where"), "host") == 0
                           ? "what helps, on the host of this container only:"
                           : "what helps:");
        print_commands(to, finding, "commands_to_keep", "and to keep it over a reboot:");
        if (word_of(finding, "note")[0] != '\0')
            fprintf(to, "           %s\n", word_of(finding, "note"));
        print_commands(to, finding, "commands_to_look", "what shows more:");
    }
}
