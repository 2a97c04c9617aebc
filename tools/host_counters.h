/* What this host has counted about packets that came: counters of IP and UDP, and of each network interface. They belong
 * to the network namespace of the program, and all its programs together. */
#ifndef SPEADLINE_TOOLS_HOST_COUNTERS_H
#define SPEADLINE_TOOLS_HOST_COUNTERS_H

#include <net/if.h>
#include <stdint.h>

enum host_counter {
    /* packets of IPv4 that came, and those that a protocol of this host got */
    HOST_V4_RECEIVED,
    HOST_V4_DELIVERED,
    /* packets of IPv4 that were dropped for a reason that has a counter of its own, or that were forwarded */
    HOST_V4_ACCOUNTED,
    HOST_V6_RECEIVED,
    HOST_V6_DELIVERED,
    HOST_V6_ACCOUNTED,
    HOST_ADDRESS_ERRORS, /* packets for addresses that this host does not have, or without a route */
    HOST_REVERSE_PATH,   /* packets that the reverse path filter (rp_filter) dropped */
    HOST_NO_PORT,        /* datagrams for ports on which nobody listens */
    HOST_COUNTER_COUNT
};

#define HOST_INTERFACES_MAX 64u

struct host_interface {
    char name[IF_NAMESIZE];
    uint64_t packets, errors,
        drops; /* received packets, wrong frames, and frames without a buffer */
};

struct host_counters {
    uint64_t value[HOST_COUNTER_COUNT];
    struct host_interface interface[HOST_INTERFACES_MAX];
    unsigned interface_count;
};

/* Reads all counters. A counter that cannot be read is 0. */
void host_counters_read(struct host_counters *counters);

/* Makes *counters the difference since `start`. An interface that is new since then keeps its numbers. */
void host_counters_since(struct host_counters *counters, const struct host_counters *start);

/* Returns the interface of this name, or NULL. */
const struct host_interface *host_counters_interface(const struct host_counters *counters,
                                                     const char *name);

#endif
