/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the buckets of the ledgers, as users read them. */
#include <speadline/stats.h>

static const char *const recv_names[] = {
    [SPEAD_RECV_DELIVERED] = "delivered",
    [SPEAD_RECV_LIVE] = "live",
    [SPEAD_RECV_FLUSHED] = "flushed",
    [SPEAD_RECV_CONTROL] = "control",
    [SPEAD_RECV_DUPLICATE] = "duplicate",
    [SPEAD_RECV_OVERLAP] = "overlap",
    [SPEAD_RECV_LATE] = "late",
    [SPEAD_RECV_OUT_OF_ORDER] = "out-of-order",
    [SPEAD_RECV_EVICTED] = "evicted",
    [SPEAD_RECV_TIMED_OUT] = "timed-out",
    [SPEAD_RECV_SHED] = "shed",
    [SPEAD_RECV_NO_MEMORY] = "no-memory",
    [SPEAD_RECV_TRUNCATED] = "truncated",
    [SPEAD_RECV_START_UP] = "start-up",
    [SPEAD_RECV_AFTER_STOP] = "after-stop",
    [SPEAD_RECV_INJECTED] = "injected",
    [SPEAD_RECV_FOREIGN_FLAVOUR] = "foreign-flavour",
    [SPEAD_RECV_OVER_CAP_HEAP_SIZE] = "over-cap-heap-size",
    [SPEAD_RECV_OVER_CAP_POINTERS] = "over-cap-pointers",
    [SPEAD_RECV_OVER_CAP_RANGES] = "over-cap-ranges",
    [SPEAD_RECV_MALFORMED_EMPTY] = "malformed-empty",
    [SPEAD_RECV_MALFORMED_SHORT] = "malformed-short",
    [SPEAD_RECV_MALFORMED_MAGIC] = "malformed-magic",
    [SPEAD_RECV_MALFORMED_VERSION] = "malformed-version",
    [SPEAD_RECV_MALFORMED_WIDTHS] = "malformed-widths",
    [SPEAD_RECV_MALFORMED_POINTERS] = "malformed-pointers",
    [SPEAD_RECV_MALFORMED_NO_COUNTER] = "malformed-no-counter",
    [SPEAD_RECV_MALFORMED_NO_OFFSET] = "malformed-no-offset",
    [SPEAD_RECV_MALFORMED_NO_LENGTH] = "malformed-no-length",
    [SPEAD_RECV_MALFORMED_PAYLOAD] = "malformed-payload",
    [SPEAD_RECV_MALFORMED_BEYOND_HEAP] = "malformed-beyond-heap",
    [SPEAD_RECV_MALFORMED_SIZE_MISMATCH] = "malformed-size-mismatch",
    [SPEAD_RECV_MALFORMED_UNSIZED] = "malformed-unsized",
    [SPEAD_RECV_MALFORMED_HEAP_LENGTH] = "malformed-heap-length",
    [SPEAD_RECV_FOREIGN_FRAME] = "foreign-frame",
    [SPEAD_RECV_MALFORMED_FRAME] = "malformed-frame",
    [SPEAD_RECV_MALFORMED_FRAGMENT] = "malformed-fragment",
    [SPEAD_RECV_MALFORMED_OPTIONS] = "malformed-options",
    [SPEAD_RECV_MALFORMED_CHECKSUM] = "malformed-checksum",
    [SPEAD_RECV_REGION_ERROR] = "region-error",
    [SPEAD_RECV_REPEATED_COUNTER] = "repeated-counter",
    [SPEAD_RECV_OVER_CAP_SENDERS] = "over-cap-senders",
    [SPEAD_RECV_OVER_CAP_NEWCOMERS] = "over-cap-newcomers",
    [SPEAD_RECV_BEFORE_START] = "before-start",
    [SPEAD_RECV_REJECTED] = "rejected",
    [SPEAD_RECV_BAD_PLACE] = "bad-place",
    [SPEAD_RECV_PLACE_TAKEN] = "place-taken",
    [SPEAD_RECV_TOO_OLD] = "too-old",
};

static const char *const send_names[] = {
    [SPEAD_SEND_SENT] = "sent",
    [SPEAD_SEND_FAILED] = "failed",
    [SPEAD_SEND_ABANDONED] = "abandoned",
    [SPEAD_SEND_PENDING] = "pending",
    [SPEAD_SEND_INJECTED] = "injected",
    [SPEAD_SEND_DROPPED_LOCAL] = "dropped-local",
    [SPEAD_SEND_UNREACHABLE] = "unreachable",
};

/* The first two assertions fail if the names of the last buckets are missing. If a bucket in the middle has no name, a
 * test fails. */
_Static_assert(sizeof recv_names / sizeof *recv_names == SPEAD_RECV_BUCKET_COUNT,
               "a name is missing");
_Static_assert(sizeof send_names / sizeof *send_names == SPEAD_SEND_BUCKET_COUNT,
               "a name is missing");
_Static_assert(SPEAD_RECV_BUCKET_COUNT <= SPEAD_BUCKETS_MAX, "a snapshot has no room");
_Static_assert(SPEAD_SEND_BUCKET_COUNT <= SPEAD_BUCKETS_MAX, "a snapshot has no room");

const char *spead_recv_bucket_name(unsigned bucket)
{
    return bucket < SPEAD_RECV_BUCKET_COUNT ? recv_names[bucket] : NULL;
}

const char *spead_send_bucket_name(unsigned bucket)
{
    return bucket < SPEAD_SEND_BUCKET_COUNT ? send_names[bucket] : NULL;
}
