/* SPDX-License-Identifier: Apache-2.0 */
/* See loop_check.h. */
#include "loop_check.h"

#include <stdio.h>

/* Returns the condition. If it is false, prints `what`. */
static bool holds(bool condition, const char *what, const char *where)
{
    if (!condition)
        fprintf(stderr, "%s: %s\n", where, what);
    return condition;
}

static void print_ledger(const struct loop_result *r)
{
    for (unsigned i = 0; i < r->received.bucket_count; i++)
        if (r->received.total.bucket[i].packets)
            fprintf(stderr, "    %llu %s\n",
                    (unsigned long long)r->received.total.bucket[i].packets,
                    spead_recv_bucket_name(i));
    fprintf(stderr, "    sent %llu, %u complete, %u incomplete, %llu wrong bytes\n",
            (unsigned long long)r->sent.bucket[SPEAD_SEND_SENT].packets, r->complete, r->incomplete,
            (unsigned long long)r->wrong_bytes);
}

static bool heaps_are_right(const struct loop_case *c, const struct loop_result *r,
                            const char *where)
{
    bool good = holds(r->complete == c->heaps, "a heap is missing", where);

    good &= holds(r->incomplete == 0 && r->repeated_heaps == 0, "a heap came twice or torn", where);
    good &= holds(r->wrong_bytes == 0, "a byte is wrong", where);
    return good;
}

static bool ledgers_are_exact(const struct loop_result *r, bool duplicated, const char *where)
{
    const struct spead_count *bucket = r->received.total.bucket;
    uint64_t repeats = bucket[SPEAD_RECV_DUPLICATE].packets, seen = r->received.total.seen.packets;
    bool good = holds(loop_ledger_adds_up(&r->received), "seen is not the sum of buckets", where);

    good &= holds(r->torn_snapshots == 0, "a snapshot was torn", where);
    good &= holds(loop_send_ledger_adds_up(&r->sent), "the send ledger does not add up", where);
    good &= holds(seen == r->sent.bucket[SPEAD_SEND_SENT].packets + repeats,
                  "seen is not sent plus repeats", where);
    good &= holds(
        bucket[SPEAD_RECV_DELIVERED].packets + bucket[SPEAD_RECV_CONTROL].packets + repeats == seen,
        "a packet is in another bucket than delivered, control and duplicate", where);
    good &=
        holds(r->received.counters.missing_packets == 0 && r->received.counters.missing_heaps == 0,
              "something counts as missing", where);
    good &= holds(duplicated || repeats == 0, "a duplicate came from nowhere", where);
    return good;
}

bool loop_conforms(const struct loop_case *c, bool duplicated, const char *where)
{
    struct loop_result r;
    bool good;

    if (!holds(loop_run(c, &r), r.error, where))
        return false;
    good = heaps_are_right(c, &r, where);
    good &= ledgers_are_exact(&r, duplicated, where);
    if (!good)
        print_ledger(&r);
    return good;
}
