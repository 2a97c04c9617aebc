/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a send stream. It consists of the tally and of a published copy. The owner thread counts in the tally.
 * Other threads read the copy.
 *
 * When the owner thread admits a heap, all packets of the heap go into the bucket `pending`. Each packet later moves to
 * exactly one other bucket. So `submitted` always equals the sum of all buckets. This is also true in the published
 * copy, because the owner thread publishes all counters together. */
#ifndef SPEADI_SEND_LEDGER_H
#define SPEADI_SEND_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include <speadi/publish.h>

#include "packetiser.h"

/* Every field must be a 64-bit word, because the struct is published as an array of such words. */
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
    struct speadi_send_accounts accounts; /* the tally; only the owner thread uses it */
    struct speadi_publish published;
    bool changed; /* true if the tally has changed after the last publish() */
};

/* Makes an empty ledger. Returns 0 or -ENOMEM. */
int speadi_send_ledger_init(struct speadi_send_ledger *ledger);
void speadi_send_ledger_release(struct speadi_send_ledger *ledger);

/* ---- Owner thread ---- */

/* Counts heaps that have been admitted: their packets are now in the bucket `pending`. */
struct speadi_send_admitted {
    uint64_t heaps, packets, bytes;
};
void speadi_send_ledger_submit(struct speadi_send_ledger *ledger,
                               const struct speadi_send_admitted *admitted);

/* Returns the bucket of packets that an engine has reported with `error`: 0, SPEADI_TX_INJECTED, -ECANCELED (the
 * packets were abandoned) or another -errno. */
enum spead_send_bucket speadi_send_bucket_of(int error);

/* Moves packets from the bucket `pending` to `bucket`. `error` is the error that they ended with. */
void speadi_send_ledger_end(struct speadi_send_ledger *ledger, enum spead_send_bucket bucket,
                            uint64_t packets, uint64_t bytes, int error);

/* speadi_send_ledger_complete() counts heaps that have completed without an error, and their payload together.
 * speadi_send_ledger_fail() counts one that has completed with an error. `bucket` is the bucket of the first packet of
 * this heap that had an error. */
void speadi_send_ledger_complete(struct speadi_send_ledger *ledger, uint64_t heaps,
                                 uint64_t payload_bytes);
void speadi_send_ledger_fail(struct speadi_send_ledger *ledger, enum spead_send_bucket bucket);

/* Records a time at which the engine took packets. The caller has read it from two clocks: UTC, and CLOCK_MONOTONIC. */
void speadi_send_ledger_stamp(struct speadi_send_ledger *ledger, uint64_t utc_ns, uint64_t mono_ns);

/* Publishes the tally, so that snapshot() returns the present counts. */
void speadi_send_ledger_publish(struct speadi_send_ledger *ledger);

/* ---- Any thread ---- */

/* Fills *stats with the published counts. It does not set struct_size and heaps_refused. */
void speadi_send_ledger_snapshot(const struct speadi_send_ledger *ledger,
                                 struct spead_send_stats *stats);

#endif
