/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel dropped datagrams at the sockets of an engine: a full buffer, a wrong checksum, or the filter for one
 * sender.
 *
 * A socket has one counter for all its drops (SO_MEMINFO). The namespace has a counter for each cause, over all its
 * sockets. So each time our drops have grown, this code looks by how much each cause has grown in the namespace. If all
 * causes together have grown by at most the number of our drops, the whole growth was ours. If they have grown by more,
 * other sockets have dropped the surplus. Nobody knows which cause the surplus had. So of each cause only the part
 * above the surplus is surely ours. The rest of our drops stays without a cause.
 *
 * Only the owner thread uses it, except that another thread may open it first. */
#ifndef SPEADI_DROP_CAUSES_H
#define SPEADI_DROP_CAUSES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/udp_errors.h>

#include "rx_engine.h"

struct speadi_drop_causes {
    struct speadi_udp_errors_files files;
    bool is_open; /* `files` was opened and not closed yet */
    bool filters; /* the sockets have a filter for one sender */
    /* Every drop is looked at immediately. Otherwise reading the files takes at most 1 % of the time on average. */
    bool urgent;
    uint64_t drops; /* the drops of our sockets at the last reading */
    /* Drops at the last reading that the namespace did not show yet: the kernel may count a drop first at the socket
     * and a moment later in the namespace. */
    uint64_t owed;
    struct speadi_udp_errors seen; /* the counters of the namespace at the last reading */
    /* A time of CLOCK_MONOTONIC. The files are then read even if our sockets have dropped nothing, so that the drops of
     * other sockets are not compared with later drops of ours. */
    uint64_t idle_ns;
    /* A time of CLOCK_MONOTONIC. Each reading moves paid_ns ahead by 100 times the cost of a reading. The next reading
     * must wait if paid_ns is far in the future. */
    uint64_t paid_ns;
    /* The shortest time that a reading has taken. The first readings take longer, because the kernel's code and data
     * are not in the caches. */
    uint64_t cost_ns;
    uint64_t checksum, buffer, filtered; /* our drops with a known cause */
};

/* Opens the files of the namespace, and takes the values that the counters have now as zero. Without the files no drop
 * has a known cause. Control plane. */
void speadi_drop_causes_open(struct speadi_drop_causes *causes,
                             const struct speadi_rx_config *config);

/* May be called twice, and for a zeroed struct that was never opened. */
void speadi_drop_causes_close(struct speadi_drop_causes *causes);

/* Finds the causes of new drops. `drops` is how many datagrams our sockets have dropped so far. now_ns is a time of
 * CLOCK_MONOTONIC. Reads the files only if that is due. */
void speadi_drop_causes_update(struct speadi_drop_causes *causes, uint64_t drops, uint64_t now_ns);

/* Finds the causes of `drops` new drops. `grown` says how much the counters of the namespace have grown in the same
 * time. speadi_drop_causes_update() and tests call this function. */
void speadi_drop_causes_explain(struct speadi_drop_causes *causes, uint64_t drops,
                                const struct speadi_udp_errors *grown);

/* Writes drops and causes to the fields of the counters. */
void speadi_drop_causes_report(const struct speadi_drop_causes *causes, uint64_t drops,
                               struct speadi_rx_counters *counters);

#endif
