/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a send stream. */
#include "send_ledger.h"

#include <assert.h>
#include <errno.h>

#include "tx_engine.h"

#define ACCOUNT_WORDS (sizeof(struct speadi_send_accounts) / sizeof(uint64_t))

int speadi_send_ledger_init(struct speadi_send_ledger *ledger)
{
    *ledger = (struct speadi_send_ledger){0};
    return speadi_publish_init(&ledger->published, ACCOUNT_WORDS);
}

void speadi_send_ledger_release(struct speadi_send_ledger *ledger)
{
    speadi_publish_release(&ledger->published);
}

static void count(struct spead_count *to, uint64_t packets, uint64_t bytes)
{
    to->packets += packets;
    to->bytes += bytes;
}

void speadi_send_ledger_submit(struct speadi_send_ledger *ledger,
                               const struct speadi_send_admitted *admitted)
{
    count(&ledger->accounts.submitted, admitted->packets, admitted->bytes);
    count(&ledger->accounts.bucket[SPEAD_SEND_PENDING], admitted->packets, admitted->bytes);
    ledger->accounts.counters.heaps_submitted += admitted->heaps;
    ledger->changed = true;
}

enum spead_send_bucket speadi_send_bucket_of(int error)
{
    return error == SPEADI_TX_INJECTED ? SPEAD_SEND_INJECTED : spead_send_error_bucket(error);
}

/* Counts refused packets under their errno. When the table is full, packets with a new errno are counted only in their
 * bucket. */
static void count_errno(struct speadi_send_accounts *accounts, uint64_t error, uint64_t packets)
{
    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX; i++) {
        if (accounts->failed_errno[i].error != 0 && accounts->failed_errno[i].error != error)
            continue;
        accounts->failed_errno[i].error = error;
        accounts->failed_errno[i].packets += packets;
        return;
    }
}

void speadi_send_ledger_end(struct speadi_send_ledger *ledger, enum spead_send_bucket bucket,
                            uint64_t packets, uint64_t bytes, int error)
{
    struct speadi_send_accounts *accounts = &ledger->accounts;

    assert(accounts->bucket[SPEAD_SEND_PENDING].packets >= packets);
    assert(accounts->bucket[SPEAD_SEND_PENDING].bytes >= bytes);
    accounts->bucket[SPEAD_SEND_PENDING].packets -= packets;
    accounts->bucket[SPEAD_SEND_PENDING].bytes -= bytes;
    count(&accounts->bucket[bucket], packets, bytes);
    if ((bucket == SPEAD_SEND_FAILED || bucket == SPEAD_SEND_UNREACHABLE) && packets != 0)
        count_errno(accounts, (uint64_t) - (int64_t)error, packets);
    ledger->changed = true;
}

void speadi_send_ledger_complete(struct speadi_send_ledger *ledger, uint64_t heaps,
                                 uint64_t payload_bytes)
{
    ledger->accounts.counters.heaps_sent += heaps;
    ledger->accounts.counters.payload_bytes += payload_bytes;
    ledger->changed = true;
}

void speadi_send_ledger_fail(struct speadi_send_ledger *ledger, enum spead_send_bucket bucket)
{
    struct spead_send_counters *counters = &ledger->accounts.counters;

    ledger->changed = true;
    if (bucket == SPEAD_SEND_ABANDONED) {
        counters->heaps_abandoned++;
        return;
    }
    counters->heaps_failed++;
    counters->heaps_dropped_local += bucket == SPEAD_SEND_DROPPED_LOCAL;
    counters->heaps_unreachable += bucket == SPEAD_SEND_UNREACHABLE;
}

void speadi_send_ledger_stamp(struct speadi_send_ledger *ledger, uint64_t utc_ns, uint64_t mono_ns)
{
    struct spead_send_counters *counters = &ledger->accounts.counters;

    if (counters->first_packet_mono_ns == 0) {
        counters->first_packet_ns = utc_ns;
        counters->first_packet_mono_ns = mono_ns;
    }
    counters->last_packet_ns = utc_ns;
    counters->last_packet_mono_ns = mono_ns;
    ledger->changed = true;
}

void speadi_send_ledger_publish(struct speadi_send_ledger *ledger)
{
    speadi_publish_write(&ledger->published, (const uint64_t *)&ledger->accounts);
    ledger->changed = false;
}

void speadi_send_ledger_snapshot(const struct speadi_send_ledger *ledger,
                                 struct spead_send_stats *stats)
{
    union {
        struct speadi_send_accounts accounts;
        uint64_t word[ACCOUNT_WORDS];
    } copy;
    const struct speadi_send_accounts *from = &copy.accounts;
    const struct spead_send_counters *counters = &from->counters;

    speadi_publish_read(&ledger->published, copy.word);
    stats->bucket_count = SPEAD_SEND_BUCKET_COUNT;
    stats->submitted = from->submitted;
    for (unsigned i = 0; i < SPEAD_SEND_BUCKET_COUNT; i++)
        stats->bucket[i] = from->bucket[i];
    stats->counters = *counters;
    stats->heaps_pending = counters->heaps_submitted - counters->heaps_sent -
                           counters->heaps_failed - counters->heaps_abandoned;
    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX; i++) {
        stats->failed_errno[i].error = (int32_t)from->failed_errno[i].error;
        stats->failed_errno[i].packets = from->failed_errno[i].packets;
    }
}
