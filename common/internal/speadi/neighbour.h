/* Routes and neighbours: the next hop to which the kernel would send packets for an address, and the MAC address of
 * that next hop. Engines that write whole frames need them.
 *
 * Threads: one thread at a time uses an object. */
#ifndef SPEADI_NEIGHBOUR_H
#define SPEADI_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>

/* The route to a destination. */
struct speadi_route {
    unsigned interface;
    /* the destination is a group or broadcast: mac is known, and no neighbour is asked */
    bool is_resolved;
    struct speadi_address source;   /* source address that the kernel chose; port 0 */
    struct speadi_address next_hop; /* a gateway, or the destination itself; port 0 */
    uint8_t mac[6];                 /* valid when is_resolved is true */
};

/* Asks the kernel for the route (RTM_GETROUTE). interface may be NULL or empty. When the user gave the interface by its
 * address, that address becomes the source. Returns 0, or -errno with a sentence: -ENETUNREACH or another error of the
 * kernel, or -EADDRNOTAVAIL (the destination is this host: frames that a device sends do not come back to its host). */
int speadi_route_find(struct speadi_route *route, const struct speadi_address *destination,
                      const struct speadi_interface *interface, struct spead_err *err);

/* What is known about a next hop. */
enum speadi_neighbour_state {
    SPEADI_NEIGHBOUR_UNKNOWN, /* the kernel has not asked it yet, or waits for the answer */
    SPEADI_NEIGHBOUR_KNOWN,
    SPEADI_NEIGHBOUR_SILENT, /* it did not answer */
};

struct speadi_neighbour {
    unsigned interface;
    struct speadi_address address;
    enum speadi_neighbour_state state;
    uint8_t mac[6]; /* the last MAC address that was known */
};

/* The entries of the kernel's neighbour table for a few next hops. */
struct speadi_neighbours {
    int netlink;                        /* receives the changes of the table; non-blocking */
    int prod_v4, prod_v6;               /* UDP sockets of speadi_neighbours_prod() */
    struct speadi_neighbour *neighbour; /* array of the caller; borrowed */
    unsigned count;
};

/* Begins to watch `count` neighbours, whose interface and address the caller has set. It makes the kernel ask them
 * for their MAC addresses and blocks until all have answered, for at most timeout_ms in all. Returns 0, -EHOSTUNREACH
 * when one of them does not answer (err says which), or -errno. After a failure nothing is open. */
int speadi_neighbours_open(struct speadi_neighbours *neighbours, struct speadi_neighbour *neighbour,
                           unsigned count, unsigned timeout_ms, struct spead_err *err);
void speadi_neighbours_close(struct speadi_neighbours *neighbours); /* may be closed or zeroed */

/* Reads the changes since the last call, without blocking. Returns true when any neighbour has changed. A neighbour
 * that is KNOWN stays so while the kernel asks it again. A SILENT neighbour keeps its last MAC address. */
bool speadi_neighbours_refresh(struct speadi_neighbours *neighbours);

/* Makes the kernel send one datagram to the discard port of each neighbour, so that the kernel finds out whether the
 * neighbours still answer. Without these datagrams the kernel would not ask them, because it does not see the frames
 * that an engine writes. Never blocks. */
void speadi_neighbours_prod(struct speadi_neighbours *neighbours);

#endif
