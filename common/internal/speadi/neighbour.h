/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and neighbours. The route to an address says which next hop the kernel would send packets to. The neighbour
 * table says which MAC address that next hop has. Engines that write whole frames need both.
 *
 * Threads: one thread at a time uses an object. */
#ifndef SPEADI_NEIGHBOUR_H
#define SPEADI_NEIGHBOUR_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>

/* The route to a destination. */
struct speadi_route {
    unsigned interface;
    /* True if the destination is a multicast group or a broadcast address. Then `mac` is known, and no neighbour needs
     * to be asked. */
    bool is_resolved;
    struct speadi_address source;   /* the source address that the kernel chose; its port is 0 */
    struct speadi_address next_hop; /* a gateway, or the destination itself; its port is 0 */
    uint8_t mac[6];                 /* valid when is_resolved is true */
};

/* Asks the kernel for the route (RTM_GETROUTE). `interface` may be NULL or empty. When the user gave the interface by
 * its address, that address becomes the source. Returns 0, or -errno with a sentence. The error is -ENETUNREACH or
 * another error of the kernel. It is -EADDRNOTAVAIL when the destination is this host, because frames that a device
 * sends do not come back to its host. */
int speadi_route_find(struct speadi_route *route, const struct speadi_address *destination,
                      const struct speadi_interface *interface, struct spead_err *err);

/* What is known about a next hop. */
enum speadi_neighbour_state {
    /* the kernel has not asked the next hop yet, or waits for the answer */
    SPEADI_NEIGHBOUR_UNKNOWN,
    SPEADI_NEIGHBOUR_KNOWN,
    SPEADI_NEIGHBOUR_SILENT, /* the next hop did not answer */
};

struct speadi_neighbour {
    /* The index of the interface. If an interface of this name is made anew, refresh() puts the new index here. */
    unsigned interface;
    char name[IF_NAMESIZE]; /* the name of the interface; open() fills it */
    struct speadi_address address;
    enum speadi_neighbour_state state;
    uint8_t mac[6]; /* the last MAC address that was known */
};

/* The entries of the kernel's neighbour table for a few next hops. */
struct speadi_neighbours {
    int netlink;          /* a non-blocking socket; receives the changes of the table */
    int prod_v4, prod_v6; /* the UDP sockets that speadi_neighbours_prod() uses */
    struct speadi_neighbour *neighbour; /* the caller's array, borrowed */
    unsigned count;
};

/* Begins to watch `count` neighbours. The caller must have set the interface and the address of each neighbour. The
 * function makes the kernel ask them for their MAC addresses. It blocks until all have answered, for at most timeout_ms
 * in all. Returns 0, -EHOSTUNREACH when one of them does not answer (err says which one), or another -errno. After a
 * failure nothing is open. */
int speadi_neighbours_open(struct speadi_neighbours *neighbours, struct speadi_neighbour *neighbour,
                           unsigned count, unsigned timeout_ms, struct spead_err *err);
/* Does nothing if *neighbours is closed already or all zero. */
void speadi_neighbours_close(struct speadi_neighbours *neighbours);

/* Reads the changes that came after the last call, without blocking. Returns true when any neighbour has changed. A
 * KNOWN neighbour stays KNOWN during the time in which the kernel asks it again. A SILENT neighbour keeps its last MAC
 * address. If the interface of a neighbour was made anew, the neighbour becomes UNKNOWN and keeps its last MAC address;
 * the caller should prod until the neighbour answers. */
bool speadi_neighbours_refresh(struct speadi_neighbours *neighbours);

/* Returns true while any neighbour is UNKNOWN. */
bool speadi_neighbours_lack(const struct speadi_neighbours *neighbours);

/* Makes the kernel send one datagram to the discard port of each neighbour. By these datagrams the kernel finds out
 * whether the neighbours still answer. Without them the kernel would not ask, because it does not see the frames that
 * an engine writes. The function never blocks. */
void speadi_neighbours_prod(struct speadi_neighbours *neighbours);

#endif
