/* SPDX-License-Identifier: Apache-2.0 */
/* The paths to the destinations of a stream. Each destination has a frame template, which always contains the present
 * link address of the next hop. */
#ifndef SPEADI_VERBS_PATHS_H
#define SPEADI_VERBS_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/frame_template.h>
#include <speadi/log_pause.h>
#include <speadi/neighbour.h>
#include <speadi/verbs_device.h>

#include "tx_engine.h"

struct speadi_verbs_paths {
    /* frame[i] is the template for the destination with the index i */
    struct speadi_frame_template frame[SPEADI_TX_DESTINATIONS_MAX];
    bool any_v6;

    uint32_t count;
    /* the sockets that reserve the source ports; the first `count` of them are open */
    int port_fd[SPEADI_TX_DESTINATIONS_MAX];
    struct speadi_neighbour neighbour[SPEADI_TX_DESTINATIONS_MAX];
    /* neighbour[i] is the next hop to the destination with the index destination[i] */
    uint16_t destination[SPEADI_TX_DESTINATIONS_MAX];
    struct speadi_neighbours watch;
    bool is_watching;
    uint64_t prod_ns;         /* when the engine next makes the kernel ask the neighbours */
    uint64_t neighbours_lost; /* how often a next hop stopped answering */
    struct speadi_log_pause silent_said; /* of the lines about that */
    const struct spead_log *log;
};

/* Finds the interface that the device must belong to. This is the interface in the configuration or, if that has none,
 * the interface of the route to the first destination. Returns 0 or -errno with a sentence. */
int speadi_verbs_paths_interface(struct speadi_interface *interface,
                                 const struct speadi_tx_config *config, struct spead_err *err);

/* Finds the route and the next hop of each destination, and reserves a source port for each destination. May block for
 * seconds until the neighbours answer. Returns 0, or -errno with a sentence: -EINVAL if the route to a destination does
 * not go through the interface of the device. The caller must call close() after a failure too. */
int speadi_verbs_paths_open(struct speadi_verbs_paths *paths, const struct speadi_tx_config *config,
                            const struct speadi_interface *interface,
                            const struct speadi_verbs_interface *device, struct spead_err *err);

/* Closes everything that speadi_verbs_paths_open() opened. Does nothing if *paths is zeroed. */
void speadi_verbs_paths_close(struct speadi_verbs_paths *paths);

/* Reads changes of the neighbour table of the kernel and updates the frame templates. Never blocks. The owner thread
 * calls it every second, and also when watch.netlink is readable. */
void speadi_verbs_paths_refresh(struct speadi_verbs_paths *paths, uint64_t now_ns);

#endif
