/* Where every packet of a send stream is: the owner's working counters, and the copy that others read.
 *
 * A heap enters the ledger whole when the owner admits it: all of its packets are `pending` then, and each
 * leaves for exactly one other bucket. So submitted = sum of buckets at any moment, and as
 * counters are copied out together, in every snapshot. */
#ifndef SPEADI_SEND_LEDGER_H
#define SPEADI_SEND_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include <speadi/publish.h>

#include "packetiser.h"

/* 64-bit words only: they are published as such. */
struct speadi_send_accounts {
    struct spead_count submitted;
    struct spead_count bucket[SPEAD_SEND_BUCKET_COUNT];
    struct {
        uint64_t error;
        uint64_t packets;
    } failed_errno[SPEAD_SEND_ERRNOS_MAX];
    struct spead_send_counters counters;
};

struct speadi_send_ledger {
    struct speadi_send_accounts accounts; /* owner only */
    struct speadi_publish published;
    bool changed; /* since the last publish */
};

int speadi_send_ledger_init(struct speadi_send_ledger *ledger); /* 0 or -ENOMEM */
void speadi_send_ledger_release(struct speadi_send_ledger *ledger);

/* ---- Owner ---- */

void speadi_send_ledger_submit(struct speadi_send_ledger *ledger,
                               const struct speadi_heap_shape *shape);

/* Pending packets ended with error: 0, SPEADI_TX_INJECTED, -ECANCELED (abandoned) or -errno. */
void speadi_send_ledger_end(struct speadi_send_ledger *ledger, uint64_t packets, uint64_t bytes,
                            int error);

/* A heap completed with error (0 or -errno). */
void speadi_send_ledger_complete(struct speadi_send_ledger *ledger, uint64_t payload_bytes,
                                 int error);

/* Packets were handed over at utc_ns. */
void speadi_send_ledger_stamp(struct speadi_send_ledger *ledger, uint64_t utc_ns);

/* Shows the counters to snapshot(). */
void speadi_send_ledger_publish(struct speadi_send_ledger *ledger);

/* ---- Any thread ---- */

/* Fills *stats but struct_size and heaps_refused. */
void speadi_send_ledger_snapshot(const struct speadi_send_ledger *ledger,
                                 struct spead_send_stats *stats);

#endif
