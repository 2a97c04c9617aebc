/* Next hops: where the kernel would send packets for an address, and to which MAC. For engines that write
 * frames themselves.
 *
 * Threads: one at a time. */
#ifndef SPEADI_NEIGHBOUR_H
#define SPEADI_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/address.h>

/* The way to a destination. */
struct speadi_route {
    unsigned interface;
    bool is_resolved;               /* a group's or the broadcast MAC: no neighbour is asked */
    struct speadi_address source;   /* the kernel's choice; port 0 */
    struct speadi_address next_hop; /* a gateway, or the destination; port 0 */
    uint8_t mac[6];                 /* when resolved */
};

/* Asks the kernel's routes (RTM_GETROUTE). interface may be NULL or empty; given by address, that is the
 * source. Returns 0, or -errno with a sentence: -ENETUNREACH and the like, -EADDRNOTAVAIL (an address of
 * this host: what a device sends does not come back to it). */
int speadi_route_find(struct speadi_route *route, const struct speadi_address *destination,
                      const struct speadi_interface *interface, struct spead_err *err);

/* What is known of a next hop. */
enum speadi_neighbour_state {
    SPEADI_NEIGHBOUR_UNKNOWN, /* nobody has asked yet, or the answer is awaited */
    SPEADI_NEIGHBOUR_KNOWN,
    SPEADI_NEIGHBOUR_SILENT, /* it did not answer */
};

struct speadi_neighbour {
    unsigned interface;
    struct speadi_address address;
    enum speadi_neighbour_state state;
    uint8_t mac[6]; /* the last one known */
};

/* The kernel's neighbour table as far as it concerns a few next hops. */
struct speadi_neighbours {
    int netlink; /* hears changes; non-blocking */
    int prod_v4, prod_v6;
    struct speadi_neighbour *neighbour; /* of the caller's; borrowed */
    unsigned count;
};

/* Watches the count neighbours, whose interface and address are set, and resolves them: asks the kernel
 * to ask them, for at most timeout_ms in all. Returns 0, -EHOSTUNREACH when one of them does not answer
 * (err says which), or -errno. After a failure nothing is open. */
int speadi_neighbours_open(struct speadi_neighbours *neighbours, struct speadi_neighbour *neighbour,
                           unsigned count, unsigned timeout_ms, struct spead_err *err);
void speadi_neighbours_close(struct speadi_neighbours *neighbours); /* safe when closed or zeroed */

/* Reads what has changed since, without blocking; true when any neighbour did. What was known stays known
 * while the kernel asks again; a silent one keeps its last MAC. */
bool speadi_neighbours_refresh(struct speadi_neighbours *neighbours);

/* Makes the kernel use the neighbours, so that it finds out whether they are still there: it does not
 * see the frames that others write. One datagram to the discard port of each. Never blocks. */
void speadi_neighbours_prod(struct speadi_neighbours *neighbours);

#endif
