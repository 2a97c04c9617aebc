/* Why the kernel dropped datagrams at the sockets of an engine: a full buffer, a wrong checksum, or the filter for one
 * sender.
 *
 * A socket has one counter for all its drops (SO_MEMINFO). The namespace has a counter for each cause, over all its
 * sockets. So each time our drops have grown, this code looks by how much each cause has grown in the namespace. If
 * the causes together have grown by no more than our drops, all of it was ours. If they have grown by more, other
 * sockets have dropped too. Then only so much of a cause is ours as the other causes cannot explain; the rest of our
 * drops stays without a cause.
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
    /* Every drop is looked at immediately. Otherwise reading the files takes at most 1 % of the time in the long run. */
    bool urgent;
    uint64_t drops; /* the drops of our sockets at the last reading */
    /* Drops at the last reading that the namespace did not show yet: the kernel may count a drop first at the socket
     * and a moment later in the namespace. */
    uint64_t owed;
    struct speadi_udp_errors seen; /* the counters of the namespace at the last reading */
    /* A time of CLOCK_MONOTONIC. The files are then read even if our sockets have dropped nothing, so that the drops of
     * other sockets are not compared with later drops of ours. */
    uint64_t idle_ns;
    /* A time of CLOCK_MONOTONIC. Each reading moves it by 100 times the cost of a reading, and a reading is allowed as
     * long as it is not far in the future. */
    uint64_t paid_ns;
    /* The shortest time that a reading has taken. The first readings take longer, because the kernel's code and data
     * are not in the caches. */
    uint64_t cost_ns;
    uint64_t checksum, buffer, filtered; /* our drops with a known cause */
};

/* Opens the files of the namespace, and takes the values that the counters have now as zero. Without the files every
 * drop is one without a cause. Control plane. */
void speadi_drop_causes_open(struct speadi_drop_causes *causes,
                             const struct speadi_rx_config *config);

/* May be called twice, and for a zeroed struct that was never opened. */
void speadi_drop_causes_close(struct speadi_drop_causes *causes);

/* Finds the causes of new drops. `drops` is how many datagrams our sockets have dropped so far. now_ns is a time of
 * CLOCK_MONOTONIC. Reads the files only if that is due. */
void speadi_drop_causes_update(struct speadi_drop_causes *causes, uint64_t drops, uint64_t now_ns);

/* Finds the causes of `drops` new drops by how much the counters of the namespace have grown meanwhile. The function
 * above calls it; tests call it too. */
void speadi_drop_causes_explain(struct speadi_drop_causes *causes, uint64_t drops,
                                const struct speadi_udp_errors *grown);

/* Writes drops and causes to the fields of the counters. */
void speadi_drop_causes_report(const struct speadi_drop_causes *causes, uint64_t drops,
                               struct speadi_rx_counters *counters);

#endif
