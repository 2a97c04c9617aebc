/* The ways to a stream's destinations: one frame template each, kept aimed at the right next hop. */
#ifndef SPEADI_VERBS_PATHS_H
#define SPEADI_VERBS_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/frame_template.h>
#include <speadi/neighbour.h>
#include <speadi/verbs_device.h>

#include "tx_engine.h"

struct speadi_verbs_paths {
    struct speadi_frame_template frame[SPEADI_TX_DESTINATIONS_MAX]; /* by destination */
    bool any_v6;

    uint32_t count;
    int port_fd[SPEADI_TX_DESTINATIONS_MAX]; /* sockets that hold the source ports */
    struct speadi_neighbour neighbour[SPEADI_TX_DESTINATIONS_MAX];
    uint16_t destination[SPEADI_TX_DESTINATIONS_MAX]; /* whose next hop neighbour[i] is */
    struct speadi_neighbours watch;
    bool is_watching;
    uint64_t prod_ns;         /* when to make the kernel ask next */
    uint64_t neighbours_lost; /* times that a next hop stopped answering */
    const struct spead_log *log;
};

/* The interface that the device has to be on: the one given, else that of the route to the first
 * destination. Returns 0 or -errno with a sentence. */
int speadi_verbs_paths_interface(struct speadi_interface *interface,
                                 const struct speadi_tx_config *config, struct spead_err *err);

/* Finds routes and next hops, which may take seconds, and reserves a source port for each. All
 * destinations are reached through the device's interface, or -EINVAL. */
int speadi_verbs_paths_open(struct speadi_verbs_paths *paths, const struct speadi_tx_config *config,
                            const struct speadi_interface *interface,
                            const struct speadi_verbs_interface *device, struct spead_err *err);
void speadi_verbs_paths_close(struct speadi_verbs_paths *paths); /* safe when zeroed */

/* Follows the neighbour table. Never blocks; to be called every second, and when watch.netlink is readable. */
void speadi_verbs_paths_refresh(struct speadi_verbs_paths *paths, uint64_t now_ns);

#endif
