/* SPDX-License-Identifier: Apache-2.0 */
/* What this host has counted about received packets: counters of IP and UDP, and of each network interface. The
 * counters cover all programs in the network namespace of this program. */
#ifndef SPEADLINE_TOOLS_HOST_COUNTERS_H
#define SPEADLINE_TOOLS_HOST_COUNTERS_H

#include <net/if.h>
#include <stdint.h>

enum host_counter {
    HOST_V4_RECEIVED,  /* IPv4 packets that came */
    HOST_V4_DELIVERED, /* IPv4 packets that a protocol of this host got */
    /* IPv4 packets that were forwarded, or dropped for a reason that has a counter of its own */
    HOST_V4_ACCOUNTED,
    HOST_V6_RECEIVED,
    HOST_V6_DELIVERED,
    HOST_V6_ACCOUNTED,
    HOST_ADDRESS_ERRORS, /* packets for addresses that this host does not have, or without a route */
    HOST_REVERSE_PATH,   /* packets that the reverse path filter (rp_filter) dropped */
    HOST_V4_NO_PORT,     /* datagrams for ports on which nobody listens */
    HOST_V6_NO_PORT,
    HOST_COUNTER_COUNT
};

#define HOST_INTERFACES_MAX 64u

struct host_interface {
    char name[IF_NAMESIZE];
    /* received packets, wrong frames, and frames for which there was no buffer */
    uint64_t packets, errors, drops;
};

struct host_counters {
    uint64_t value[HOST_COUNTER_COUNT];
    struct host_interface interface[HOST_INTERFACES_MAX];
    unsigned interface_count;
};

/* Reads all counters. A counter that cannot be read is 0. */
void host_counters_read(struct host_counters *counters);

/* Subtracts *start from *counters. An interface that is not in *start keeps its numbers. */
void host_counters_since(struct host_counters *counters, const struct host_counters *start);

/* Returns the interface of this name, or NULL. */
const struct host_interface *host_counters_interface(const struct host_counters *counters,
                                                     const char *name);

#endif
