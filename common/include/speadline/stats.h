/* The ledgers: every packet in exactly one named bucket.
 *
 * A snapshot is exact: at whatever moment it is taken, seen equals the sum of the buckets, in
 * packets and in bytes. Bytes are those of the datagram (SPEAD header, item pointers, payload).
 * Arrays are longer than the buckets of today, so that an older caller's snapshot fits a newer
 * library: go through 0 .. bucket_count-1 and ask for names, never assume a number. */
#ifndef SPEADLINE_STATS_H
#define SPEADLINE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPEAD_BUCKETS_MAX 64 /* room in every snapshot */

struct spead_count {
    uint64_t packets;
    uint64_t bytes;
};

/* Where a received packet ended. The comments say why a packet lands there; the section is that of
 * the SPEAD document where the packet breaks a rule of it. New buckets are added at the end. */
enum spead_recv_bucket {
    SPEAD_RECV_DELIVERED,    /* in a heap that was handed over */
    SPEAD_RECV_LIVE,         /* in a heap that is still being assembled: pending */
    SPEAD_RECV_FLUSHED,      /* in a heap that was incomplete when the stream stopped */
    SPEAD_RECV_CONTROL,      /* in a start or stop heap */
    SPEAD_RECV_DUPLICATE,    /* the same range again, or a heap already found complete */
    SPEAD_RECV_OVERLAP,      /* a range that covers a part of another */
    SPEAD_RECV_LATE,         /* for a heap already evicted, timed out or refused */
    SPEAD_RECV_OUT_OF_ORDER, /* in-order mode: not at the place where the heap stands */
    SPEAD_RECV_EVICTED,      /* in a heap pushed out by newer heaps */
    SPEAD_RECV_TIMED_OUT,    /* in a heap older than the age limit */
    SPEAD_RECV_SHED,      /* in a heap that found the channel full, or that nobody takes any more */
    SPEAD_RECV_NO_MEMORY, /* no region, no room within --memory, or no spare buffer */
    SPEAD_RECV_TRUNCATED, /* longer than the largest accepted packet */
    SPEAD_RECV_START_UP,  /* came before an explicit start */
    SPEAD_RECV_AFTER_STOP,         /* came after the stop */
    SPEAD_RECV_INJECTED,           /* dropped on purpose by the fault decorator */
    SPEAD_RECV_FOREIGN_FLAVOUR,    /* another flavour than its heap's */
    SPEAD_RECV_OVER_CAP_HEAP_SIZE, /* declares or needs a heap above the size cap */
    SPEAD_RECV_OVER_CAP_POINTERS,  /* more distinct item pointers than a heap may have */
    SPEAD_RECV_OVER_CAP_RANGES,    /* more separate received ranges than are tracked */
    SPEAD_RECV_OVER_CAP_LEAVING,   /* opens a heap while too many wait to leave (posted receives) */
    SPEAD_RECV_MALFORMED_EMPTY,    /* datagram of no bytes */
    SPEAD_RECV_MALFORMED_SHORT,    /* shorter than the 8-byte header */
    SPEAD_RECV_MALFORMED_MAGIC,    /* first byte is not 0x53 */
    SPEAD_RECV_MALFORMED_VERSION,  /* version is not 4 */
    SPEAD_RECV_MALFORMED_WIDTHS,   /* a width is 0, or they do not add to 8 */
    SPEAD_RECV_MALFORMED_POINTERS, /* item pointers exceed the packet */
    SPEAD_RECV_MALFORMED_NO_COUNTER,    /* item 0x01 missing (immediate) */
    SPEAD_RECV_MALFORMED_NO_OFFSET,     /* item 0x03 missing (immediate) */
    SPEAD_RECV_MALFORMED_NO_LENGTH,     /* item 0x04 missing (immediate) */
    SPEAD_RECV_MALFORMED_PAYLOAD,       /* payload exceeds the packet */
    SPEAD_RECV_MALFORMED_BEYOND_HEAP,   /* offset + length exceeds the heap length, or wraps */
    SPEAD_RECV_MALFORMED_SIZE_MISMATCH, /* datagram longer than the packet in it */
    SPEAD_RECV_MALFORMED_UNSIZED,       /* no heap length, and unsized heaps are not allowed */
    SPEAD_RECV_MALFORMED_HEAP_LENGTH, /* heap length differs from earlier, or is below a known byte */
    /* Below SPEAD: engines that see whole frames refuse what a kernel would never have handed over. */
    SPEAD_RECV_FOREIGN_FRAME,      /* not UDP to an endpoint of this stream */
    SPEAD_RECV_MALFORMED_FRAME,    /* Ethernet, IP and UDP headers contradict each other */
    SPEAD_RECV_MALFORMED_FRAGMENT, /* a piece of a datagram: fragments are not put together */
    SPEAD_RECV_MALFORMED_OPTIONS,  /* IPv4 options or IPv6 extension headers */
    SPEAD_RECV_MALFORMED_CHECKSUM, /* of the IPv4 header or of UDP */
    SPEAD_RECV_REGION_ERROR, /* its heap's memory is a device's, and an operation on it failed */
    SPEAD_RECV_BUCKET_COUNT
};

/* Name of a bucket ("malformed-magic"), or NULL past the last. Static storage. */
const char *spead_recv_bucket_name(unsigned bucket);

struct spead_recv_ledger {
    struct spead_count seen;
    struct spead_count bucket[SPEAD_BUCKETS_MAX];
};

/* What a receive stream counts beside the ledger; the stream publishes them as they stand here, so all are uint64_t.
 * New ones are added at the end: this struct is the last in struct spead_recv_stats, whose struct_size says how much of
 * it a caller knows. */
struct spead_recv_counters {
    /* Heaps, by fate. Control heaps are in none of these. */
    uint64_t heaps_complete;                                /* handed over, nothing missing */
    uint64_t heaps_incomplete;                              /* handed over with gaps */
    uint64_t heaps_evicted, heaps_timed_out, heaps_flushed; /* incomplete, handed over or not */
    uint64_t heaps_shed;                /* channel full, or left by its receivers */
    uint64_t heaps_no_memory;           /* no region to open or finish it in */
    uint64_t heaps_live, heaps_leaving; /* now */
    uint64_t payload_bytes;             /* of heaps handed over, arrived bytes only */

    /* What never came, as far as it can be known. Never summed with packets. */
    uint64_t missing_packets; /* from gaps inside heaps */
    uint64_t missing_heaps;   /* counters skipped */

    /* SO_MEMINFO of all sockets: super-packets where GRO is on. What a filter for the config's source turned away is
     * among them. */
    uint64_t kernel_drops;
    uint64_t gaps_with_local_drops;

    /* How payload reached its heap. */
    uint64_t placed, bounced, repaired; /* packets */
    uint64_t messages;                  /* receives that returned data */
    uint64_t polls;   /* poll calls, as of the last one that changed any other counter */
    uint64_t wakeups; /* waits that slept */
    uint64_t first_packet_ns, last_packet_ns;       /* the heaps' clock; 0: none yet */
    uint64_t memory_bytes, memory_high_water_bytes; /* heap memory in use now / at most */

    /* Kernel bypass. What a NIC drops for want of posted buffers is in no counter here: only the
     * device's own know (`ethtool -S`, rdma statistic); it shows as missing. */
    uint64_t engine_rebuilds;    /* queues that failed and were made anew: packets were lost */
    uint64_t link_downs;         /* times that the port went down */
    uint64_t heaps_region_error; /* given up: an operation on their memory failed */
    /* Placement that switched itself off (spead_recv_stream_config.placed_loss_max): how often, and
     * packets of heaps that were bounced for it. */
    uint64_t placement_stops, placement_off_packets;
};

/* Snapshot of a receive stream. Start from SPEAD_RECV_STATS_INIT. */
struct spead_recv_stats {
    uint32_t struct_size;  /* set by _INIT */
    uint32_t bucket_count; /* valid entries of every ledger */
    uint32_t source_count; /* endpoints */
    uint32_t reserved;
    struct spead_recv_ledger total;
    uint64_t ring_high_water; /* most heaps ever waiting for the consumer */
    struct spead_recv_counters counters;
};
/* clang-format off */
#define SPEAD_RECV_STATS_INIT { .struct_size = sizeof(struct spead_recv_stats) }
/* clang-format on */

/* Where a submitted heap's packets ended. */
enum spead_send_bucket {
    SPEAD_SEND_SENT,      /* taken by the kernel, NIC or link */
    SPEAD_SEND_FAILED,    /* refused by it; failed_errno says which error */
    SPEAD_SEND_ABANDONED, /* not tried: the stream was stopped before */
    SPEAD_SEND_PENDING,   /* accepted from a producer and not finished */
    SPEAD_SEND_INJECTED,  /* dropped on purpose by the fault decorator */
    SPEAD_SEND_BUCKET_COUNT
};

/* Name of a bucket ("sent"), or NULL past the last. Static storage. */
const char *spead_send_bucket_name(unsigned bucket);

#define SPEAD_SEND_ERRNOS_MAX 8

/* What a send stream counts beside the ledger; as struct spead_recv_counters. */
struct spead_send_counters {
    uint64_t heaps_submitted, heaps_sent, heaps_failed, heaps_abandoned;
    uint64_t payload_bytes;     /* payload of heaps sent whole */
    uint64_t icmp_unreachable;  /* late refusals by the kernel; the datagrams count as sent */
    uint64_t messages, batches; /* super-packets and batches given to the engine */
    uint64_t first_packet_ns, last_packet_ns; /* UTC; 0: none yet */

    /* Kernel bypass. */
    uint64_t engine_rebuilds; /* queues that failed and were made anew */
    uint64_t link_downs;      /* times that the port went down */
    uint64_t neighbours_lost; /* times that a next hop stopped answering */
    uint64_t copied_bytes;    /* payload that was not in registered memory */
};

/* Snapshot of a send stream. Start from SPEAD_SEND_STATS_INIT.
 * submitted = sum of buckets, in packets, bytes and heaps. */
struct spead_send_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t bucket_count;
    struct spead_count submitted; /* what accepted heaps come to */
    struct spead_count bucket[SPEAD_BUCKETS_MAX];
    uint64_t heaps_pending; /* accepted and not ended */
    uint64_t heaps_refused; /* -EAGAIN: never accepted, in no bucket */
    struct {
        int32_t error; /* errno, positive; 0 ends the list */
        uint32_t reserved;
        uint64_t packets;
    } failed_errno[SPEAD_SEND_ERRNOS_MAX];
    struct spead_send_counters counters;
};
/* clang-format off */
#define SPEAD_SEND_STATS_INIT { .struct_size = sizeof(struct spead_send_stats) }
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
