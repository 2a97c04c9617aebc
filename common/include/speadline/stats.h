/* The ledgers: each packet is in exactly one named bucket.
 *
 * A snapshot is exact at every moment: `seen` equals the sum of the buckets, in packets and in bytes. The bytes are
 * those of the datagrams (SPEAD header, item pointers, payload). The arrays have more entries than there are buckets
 * today, so that the snapshot of an older caller fits a newer library. A program should go through the buckets 0 ..
 * bucket_count-1 and ask for their names, and not rely on a number of buckets. */
#ifndef SPEADLINE_STATS_H
#define SPEADLINE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPEAD_BUCKETS_MAX 64 /* entries for buckets in every snapshot */

struct spead_count {
    uint64_t packets;
    uint64_t bytes;
};

/* The buckets of received packets. Each comment says which packets the bucket counts. New buckets are added at the
 * end. */
enum spead_recv_bucket {
    SPEAD_RECV_DELIVERED,       /* in a heap that was handed over */
    SPEAD_RECV_LIVE,            /* in a heap that still waits for packets */
    SPEAD_RECV_FLUSHED,         /* in a heap that was incomplete when the stream stopped */
    SPEAD_RECV_CONTROL,         /* in a start or stop heap */
    SPEAD_RECV_DUPLICATE,       /* its range is already there, or its heap was completed before */
    SPEAD_RECV_OVERLAP,         /* its range covers a part of a range that is there */
    SPEAD_RECV_LATE,            /* of a heap that was already evicted, timed out or refused */
    SPEAD_RECV_OUT_OF_ORDER,    /* in-order mode: its offset is not the next one of the heap */
    SPEAD_RECV_EVICTED,         /* in a heap that was evicted for a newer heap */
    SPEAD_RECV_TIMED_OUT,       /* in a heap that became older than the age limit */
    SPEAD_RECV_SHED,            /* in a heap that found the channel full or without a reader */
    SPEAD_RECV_NO_MEMORY,       /* no free block, memory_bytes_max reached, or no spare buffer */
    SPEAD_RECV_TRUNCATED,       /* longer than the largest accepted packet */
    SPEAD_RECV_START_UP,        /* came before the start that the stream waits for */
    SPEAD_RECV_AFTER_STOP,      /* came after the stop */
    SPEAD_RECV_INJECTED,        /* dropped on purpose by the fault decorator */
    SPEAD_RECV_FOREIGN_FLAVOUR, /* its flavour is not that of its heap */
    SPEAD_RECV_OVER_CAP_HEAP_SIZE, /* it declares or needs a heap above the size limit */
    SPEAD_RECV_OVER_CAP_POINTERS,  /* its heap would get more distinct item pointers than allowed */
    SPEAD_RECV_OVER_CAP_RANGES,    /* its heap would get more separate ranges than allowed */
    SPEAD_RECV_OVER_CAP_LEAVING,   /* it begins a heap while too many heaps are leaving */
    SPEAD_RECV_MALFORMED_EMPTY,    /* the datagram has no bytes */
    SPEAD_RECV_MALFORMED_SHORT,    /* it is shorter than the 8-byte header */
    SPEAD_RECV_MALFORMED_MAGIC,    /* the first byte is not 0x53 */
    SPEAD_RECV_MALFORMED_VERSION,  /* the version is not 4 */
    SPEAD_RECV_MALFORMED_WIDTHS,   /* a width is 0, or the widths do not add up to 8 */
    SPEAD_RECV_MALFORMED_POINTERS, /* the item pointers exceed the packet */
    SPEAD_RECV_MALFORMED_NO_COUNTER,    /* immediate item 0x01 is missing */
    SPEAD_RECV_MALFORMED_NO_OFFSET,     /* immediate item 0x03 is missing */
    SPEAD_RECV_MALFORMED_NO_LENGTH,     /* immediate item 0x04 is missing */
    SPEAD_RECV_MALFORMED_PAYLOAD,       /* the payload exceeds the packet */
    SPEAD_RECV_MALFORMED_BEYOND_HEAP,   /* offset + length exceeds the heap length, or wraps */
    SPEAD_RECV_MALFORMED_SIZE_MISMATCH, /* the datagram is longer than the packet in it */
    SPEAD_RECV_MALFORMED_UNSIZED,       /* no heap length, but the stream requires one */
    /* The declared heap length differs from an earlier one, or is too small for bytes that earlier packets named. */
    SPEAD_RECV_MALFORMED_HEAP_LENGTH,
    /* The next buckets are below the level of SPEAD. Engines that see whole frames count here the frames that a kernel
     * would not have passed to a socket. */
    SPEAD_RECV_FOREIGN_FRAME,      /* not UDP to an endpoint of this stream */
    SPEAD_RECV_MALFORMED_FRAME,    /* Ethernet, IP and UDP headers contradict each other */
    SPEAD_RECV_MALFORMED_FRAGMENT, /* an IP fragment: the library does not reassemble fragments */
    SPEAD_RECV_MALFORMED_OPTIONS,  /* the frame has IPv4 options or IPv6 extension headers */
    SPEAD_RECV_MALFORMED_CHECKSUM, /* the checksum of the IPv4 header or of UDP is wrong */
    SPEAD_RECV_REGION_ERROR,       /* an operation on the device memory of its heap failed */
    SPEAD_RECV_BUCKET_COUNT
};

/* The name of a bucket ("malformed-magic"), or NULL past the last one. Static storage. */
const char *spead_recv_bucket_name(unsigned bucket);

struct spead_recv_ledger {
    struct spead_count seen;
    struct spead_count bucket[SPEAD_BUCKETS_MAX];
};

/* What a receive stream counts beside the ledger. The stream publishes the struct as it is, as an array of words, so
 * every field is a uint64_t. New fields are added at the end: this struct is the last member of struct
 * spead_recv_stats, whose struct_size tells the library how many of the fields a caller knows. */
struct spead_recv_counters {
    /* Heaps, counted by what became of them. Control heaps are not counted here. */
    uint64_t heaps_complete;                                /* handed over, with nothing missing */
    uint64_t heaps_incomplete;                              /* handed over with gaps */
    uint64_t heaps_evicted, heaps_timed_out, heaps_flushed; /* incomplete, handed over or not */
    uint64_t heaps_shed;                /* the channel was full or had no reader */
    uint64_t heaps_no_memory;           /* there was no memory to begin or to finish the heap */
    uint64_t heaps_live, heaps_leaving; /* at this moment */
    uint64_t payload_bytes;             /* bytes that arrived, of heaps that were handed over */

    /* What did not arrive, as far as the stream can know. These are not part of any ledger. */
    uint64_t missing_packets; /* computed from the gaps of heaps */
    uint64_t missing_heaps;   /* heap counters that were never seen */

    /* Drops that the kernel counts at the stream's sockets (SO_MEMINFO). If GRO is on, a whole train counts as one
     * drop. A stream that is configured for one sender has a socket filter. The datagrams that this filter refused are
     * counted here too. */
    uint64_t kernel_drops;
    uint64_t gaps_with_local_drops; /* gaps of heaps that were live while kernel_drops rose */

    /* How payload reached its heap. */
    uint64_t placed, bounced, repaired; /* packets */
    uint64_t messages;                  /* receive calls and completions that returned data */
    uint64_t polls;   /* calls of poll() until the last one that changed another counter */
    uint64_t wakeups; /* waits in which the owner thread slept */
    uint64_t first_packet_ns, last_packet_ns;       /* by the clock of the heaps; 0: none yet */
    uint64_t memory_bytes, memory_high_water_bytes; /* charged heap memory: now, and largest */

    /* Kernel bypass. A NIC drops packets when no receive buffer is posted. No counter of this struct counts these
     * drops: only the counters of the device do (`ethtool -S`, `rdma statistic`). The stream sees such packets as
     * missing. */
    uint64_t engine_rebuilds;    /* times that a failed queue was made anew; packets were lost */
    uint64_t link_downs;         /* times that the network port went down */
    uint64_t heaps_region_error; /* dropped: an operation on device memory failed */
    /* Placing switches itself off when too many packets are lost (spead_recv_stream_config.placed_loss_max). The first
     * counter says how often that happened, the second how many packets were bounced while placing was off. */
    uint64_t placement_stops, placement_off_packets;
};

/* A snapshot of a receive stream. Begin with SPEAD_RECV_STATS_INIT. */
struct spead_recv_stats {
    uint32_t struct_size;  /* set by _INIT */
    uint32_t bucket_count; /* valid entries of every ledger */
    uint32_t source_count; /* endpoints of the stream */
    uint32_t reserved;
    struct spead_recv_ledger total;
    uint64_t ring_high_water; /* largest number of heaps that waited for the consumer at a time */
    struct spead_recv_counters counters;
};
/* clang-format off */
#define SPEAD_RECV_STATS_INIT { .struct_size = sizeof(struct spead_recv_stats) }
/* clang-format on */

/* The buckets of a send stream. Each packet of a submitted heap is in one of them. */
enum spead_send_bucket {
    SPEAD_SEND_SENT,      /* accepted by the kernel, the NIC or the memory link */
    SPEAD_SEND_FAILED,    /* refused there; failed_errno says with which errors */
    SPEAD_SEND_ABANDONED, /* not tried, because the stream was stopped */
    SPEAD_SEND_PENDING,   /* submitted by a producer and not yet done */
    SPEAD_SEND_INJECTED,  /* dropped on purpose by the fault decorator */
    SPEAD_SEND_BUCKET_COUNT
};

/* The name of a bucket ("sent"), or NULL past the last one. Static storage. */
const char *spead_send_bucket_name(unsigned bucket);

#define SPEAD_SEND_ERRNOS_MAX 8

/* What a send stream counts beside the ledger. The rules of struct spead_recv_counters apply to it too. */
struct spead_send_counters {
    uint64_t heaps_submitted, heaps_sent, heaps_failed, heaps_abandoned;
    uint64_t payload_bytes;     /* payload of heaps that were sent whole */
    uint64_t icmp_unreachable;  /* ICMP errors that came later; their datagrams count as sent */
    uint64_t messages, batches; /* trains and batches that the engine got */
    uint64_t first_packet_ns, last_packet_ns; /* UTC; 0: none yet */

    /* Kernel bypass. */
    uint64_t engine_rebuilds; /* times that a failed queue was made anew */
    uint64_t link_downs;      /* times that the network port went down */
    uint64_t neighbours_lost; /* times that a next hop ceased to answer */
    uint64_t copied_bytes;    /* payload copied because its memory was not registered */
};

/* A snapshot of a send stream. Begin with SPEAD_SEND_STATS_INIT. `submitted` equals the sum of the buckets, in
 * packets and in bytes. In the same way heaps_submitted equals heaps_sent + heaps_failed + heaps_abandoned +
 * heaps_pending. */
struct spead_send_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t bucket_count;
    struct spead_count submitted; /* packets and bytes of all accepted heaps */
    struct spead_count bucket[SPEAD_BUCKETS_MAX];
    uint64_t heaps_pending; /* accepted and not yet done */
    uint64_t heaps_refused; /* not accepted (-EAGAIN); their packets are in no bucket */
    struct {
        int32_t error; /* a positive errno; 0 ends the list */
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
