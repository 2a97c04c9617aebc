/* SPDX-License-Identifier: Apache-2.0 */
/* See host_counters.h. */
#include "host_counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 8192

/* For each counter: its protocol and its name in /proc/net/snmp, netstat or snmp6. A counter with several entries is
 * the sum of these entries. */
static const struct source {
    enum host_counter counter;
    const char *protocol, *name;
} sources[] = {
    {HOST_V4_RECEIVED, "Ip", "InReceives"},
    {HOST_V4_DELIVERED, "Ip", "InDelivers"},
    {HOST_V4_ACCOUNTED, "Ip", "InHdrErrors"},
    {HOST_V4_ACCOUNTED, "Ip", "InAddrErrors"},
    {HOST_V4_ACCOUNTED, "Ip", "InUnknownProtos"},
    {HOST_V4_ACCOUNTED, "Ip", "InDiscards"},
    {HOST_V4_ACCOUNTED, "Ip", "ForwDatagrams"},
    {HOST_V4_ACCOUNTED, "Ip", "ReasmReqds"},
    {HOST_V4_ACCOUNTED, "IpExt", "InNoRoutes"},
    {HOST_V4_ACCOUNTED, "TcpExt", "IPReversePathFilter"},
    {HOST_V6_RECEIVED, "Ip6", "InReceives"},
    {HOST_V6_DELIVERED, "Ip6", "InDelivers"},
    {HOST_V6_ACCOUNTED, "Ip6", "InHdrErrors"},
    {HOST_V6_ACCOUNTED, "Ip6", "InAddrErrors"},
    {HOST_V6_ACCOUNTED, "Ip6", "InUnknownProtos"},
    {HOST_V6_ACCOUNTED, "Ip6", "InDiscards"},
    {HOST_V6_ACCOUNTED, "Ip6", "InNoRoutes"},
    {HOST_V6_ACCOUNTED, "Ip6", "OutForwDatagrams"},
    {HOST_V6_ACCOUNTED, "Ip6", "ReasmReqds"},
    {HOST_ADDRESS_ERRORS, "Ip", "InAddrErrors"},
    {HOST_ADDRESS_ERRORS, "IpExt", "InNoRoutes"},
    {HOST_ADDRESS_ERRORS, "Ip6", "InAddrErrors"},
    {HOST_ADDRESS_ERRORS, "Ip6", "InNoRoutes"},
    {HOST_REVERSE_PATH, "TcpExt", "IPReversePathFilter"},
    {HOST_V4_NO_PORT, "Udp", "NoPorts"},
    {HOST_V6_NO_PORT, "Udp6", "NoPorts"},
};

static void add(struct host_counters *counters, const char *protocol, size_t protocol_length,
                const char *name, uint64_t value)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strlen(sources[i].protocol) == protocol_length &&
            strncmp(sources[i].protocol, protocol, protocol_length) == 0 &&
            strcmp(sources[i].name, name) == 0)
            counters->value[sources[i].counter] += value;
}

/* Adds the counters of two lines "Udp: InDatagrams NoPorts ..." and "Udp: 12 0 ...". The function writes into both
 * strings. */
static void add_lines(struct host_counters *counters, char *names, char *values)
{
    size_t protocol_length = strcspn(names, ":");
    char *rest_n, *rest_v, *name = strtok_r(names + protocol_length, ": \n", &rest_n);
    char *value = strtok_r(values + strcspn(values, ":"), ": \n", &rest_v);

    while (name && value) {
        add(counters, names, protocol_length, name, strtoull(value, NULL, 10));
        name = strtok_r(NULL, " \n", &rest_n);
        value = strtok_r(NULL, " \n", &rest_v);
    }
}

static void read_pairs(struct host_counters *counters, const char *path)
{
    FILE *file = fopen(path, "re");
    char names[LINE_MAX_BYTES], values[LINE_MAX_BYTES];

    if (!file)
        return;
    while (fgets(names, sizeof names, file) && fgets(values, sizeof values, file))
        add_lines(counters, names, values);
    fclose(file);
}

/* Reads /proc/net/snmp6, which has a line "Ip6InReceives   12" for each counter. */
static void read_v6(struct host_counters *counters)
{
    FILE *file = fopen("/proc/net/snmp6", "re");
    char name[64];
    uint64_t value;

    if (!file)
        return;
    while (fscanf(file, "%63s %" SCNu64, name, &value) == 2) {
        size_t protocol_length = strcspn(name, "6") + 1; /* "Ip6", "Udp6" */

        if (protocol_length < strlen(name))
            add(counters, name, protocol_length, name + protocol_length, value);
    }
    fclose(file);
}

/* Reads /proc/net/dev, which has a line "  eth0: BYTES PACKETS ERRORS DROPS FIFO ..." for each interface. */
static void read_interfaces(struct host_counters *counters)
{
    FILE *file = fopen("/proc/net/dev", "re");
    char line[LINE_MAX_BYTES];

    if (!file)
        return;
    while (counters->interface_count < HOST_INTERFACES_MAX && fgets(line, sizeof line, file)) {
        struct host_interface *interface = &counters->interface[counters->interface_count];
        uint64_t fifo;

        if (sscanf(line, " %15[^: ]: %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                   interface->name, &interface->packets, &interface->errors, &interface->drops,
                   &fifo) != 5)
            continue;
        interface->drops += fifo;
        counters->interface_count++;
    }
    fclose(file);
}

void host_counters_read(struct host_counters *counters)
{
    *counters = (struct host_counters){0};
    read_pairs(counters, "/proc/net/snmp");
    read_pairs(counters, "/proc/net/netstat");
    read_v6(counters);
    read_interfaces(counters);
}

const struct host_interface *host_counters_interface(const struct host_counters *counters,
                                                     const char *name)
{
    for (unsigned i = 0; i < counters->interface_count; i++)
        if (strcmp(counters->interface[i].name, name) == 0)
            return &counters->interface[i];
    return NULL;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

void host_counters_since(struct host_counters *counters, const struct host_counters *start)
{
    for (unsigned i = 0; i < HOST_COUNTER_COUNT; i++)
        counters->value[i] = grown(counters->value[i], start->value[i]);
    for (unsigned i = 0; i < counters->interface_count; i++) {
        struct host_interface *now = &counters->interface[i];
        const struct host_interface *before = host_counters_interface(start, now->name);

        if (!before)
            continue;
        now->packets = grown(now->packets, before->packets);
        now->errors = grown(now->errors, before->errors);
        now->drops = grown(now->drops, before->drops);
    }
}
