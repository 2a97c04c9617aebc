/* SPDX-License-Identifier: Apache-2.0 */
/* The ledgers: the account of all packets of a stream. Each packet is in exactly one named bucket.
 *
 * A snapshot is exact at every moment: `seen` equals the sum of the buckets, in packets and in bytes. The bytes are
 * those of the datagrams (SPEAD header, item pointers, payload). The arrays have more entries than there are buckets
 * today, so that the snapshot of an older program fits a newer library. A program should go through the buckets 0 ..
 * bucket_count-1 and ask for their names. It should not rely on a number of buckets. */
#ifndef SPEADLINE_STATS_H
#define SPEADLINE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPEAD_BUCKETS_MAX 64 /* number of entries in every array of buckets */

/* A number of packets, and the sum of the bytes of these packets. */
struct spead_count {
    uint64_t packets;
    uint64_t bytes;
};

/* The buckets of received packets. Each comment says which packets the bucket counts. New buckets are added at the
 * end. */
enum spead_recv_bucket {
    SPEAD_RECV_DELIVERED, /* packets in a heap that was handed over */
    SPEAD_RECV_LIVE,      /* packets in a heap that still waits for packets */
    /* Packets in a heap that was not handed over, because it was incomplete when the stream stopped. */
    SPEAD_RECV_FLUSHED,
    SPEAD_RECV_CONTROL, /* packets in a start or stop heap */
    /* All bytes of the packet's payload are already in its heap, or the heap was completed before. */
    SPEAD_RECV_DUPLICATE,
    /* Some bytes of the packet's payload are already in its heap, but not all of them. */
    SPEAD_RECV_OVERLAP,
    /* Packets of a heap that was already evicted, timed out or refused. */
    SPEAD_RECV_LATE,
    /* Without allow_out_of_order: bytes of the heap that lie before this packet's payload have not arrived. The heap
     * remembers the range of the packet as refused. */
    SPEAD_RECV_OUT_OF_ORDER,
    /* Packets in an incomplete heap that was not handed over, because a newer heap evicted it. */
    SPEAD_RECV_EVICTED,
    /* Packets in an incomplete heap that was not handed over, because it became older than the age limit. */
    SPEAD_RECV_TIMED_OUT,
    /* Packets in a heap that was shed, because the channel was full or nobody read from it; also in a heap that was in
     * the channel when its receiving end closed. */
    SPEAD_RECV_SHED,
    /* There was no memory for the packet: no free region, memory_bytes_max was reached, or no spare buffer was free. */
    SPEAD_RECV_NO_MEMORY,
    SPEAD_RECV_TRUNCATED,       /* packets longer than packet_bytes_max of the stream */
    SPEAD_RECV_START_UP,        /* packets that came before arm() was called (explicit_start) */
    SPEAD_RECV_AFTER_STOP,      /* packets that came after the stop */
    SPEAD_RECV_INJECTED,        /* packets that the fault decorator dropped on purpose */
    SPEAD_RECV_FOREIGN_FLAVOUR, /* the flavour of the packet is not that of its heap */
    /* The packet declares or needs a heap that is larger than heap_bytes_max. */
    SPEAD_RECV_OVER_CAP_HEAP_SIZE,
    /* With this packet its heap would have more distinct item pointers than pointers_max. */
    SPEAD_RECV_OVER_CAP_POINTERS,
    /* With this packet its heap would have more separate ranges than ranges_max. */
    SPEAD_RECV_OVER_CAP_RANGES,
    SPEAD_RECV_MALFORMED_EMPTY,   /* the datagram has no bytes */
    SPEAD_RECV_MALFORMED_SHORT,   /* the datagram is shorter than the 8-byte header */
    SPEAD_RECV_MALFORMED_MAGIC,   /* the first byte of the header is not 0x53 */
    SPEAD_RECV_MALFORMED_VERSION, /* the SPEAD version in the header is not 4 */
    /* In the header, the width of identifiers or of addresses is 0, or the two do not add up to 8 bytes. */
    SPEAD_RECV_MALFORMED_WIDTHS,
    SPEAD_RECV_MALFORMED_POINTERS,   /* the item pointers reach beyond the end of the packet */
    SPEAD_RECV_MALFORMED_NO_COUNTER, /* item 0x01 (heap counter) is missing or not immediate */
    SPEAD_RECV_MALFORMED_NO_OFFSET,  /* item 0x03 (payload offset) is missing or not immediate */
    SPEAD_RECV_MALFORMED_NO_LENGTH,  /* item 0x04 (payload length) is missing or not immediate */
    SPEAD_RECV_MALFORMED_PAYLOAD,    /* the payload reaches beyond the end of the packet */
    /* The payload offset plus the payload length is larger than the heap length or than a 64-bit number. */
    SPEAD_RECV_MALFORMED_BEYOND_HEAP,
    SPEAD_RECV_MALFORMED_SIZE_MISMATCH, /* the datagram is longer than the packet in it */
    /* Item 0x02 (heap length) is missing, and the stream has allow_unsized_heaps = false. */
    SPEAD_RECV_MALFORMED_UNSIZED,
    /* The declared heap length differs from the one that an earlier packet declared, or is too small for bytes that
     * earlier packets named. */
    SPEAD_RECV_MALFORMED_HEAP_LENGTH,
    /* The frame is not UDP to an endpoint of this stream. This bucket and the four below it count frames (packets with
     * their Ethernet, IP and UDP headers). Only engines that see whole frames use these five buckets. These buckets
     * count the frames that a kernel would not have passed to a socket. */
    SPEAD_RECV_FOREIGN_FRAME,
    /* The Ethernet, IP and UDP headers of the frame contradict each other. */
    SPEAD_RECV_MALFORMED_FRAME,
    /* The frame is an IP fragment. The library does not reassemble fragments. */
    SPEAD_RECV_MALFORMED_FRAGMENT,
    SPEAD_RECV_MALFORMED_OPTIONS,  /* the frame has IPv4 options or IPv6 extension headers */
    SPEAD_RECV_MALFORMED_CHECKSUM, /* the checksum of the IPv4 header or of UDP is wrong */
    /* An operation on the device memory of the packet's heap failed, for example the copy of the payload. */
    SPEAD_RECV_REGION_ERROR,
    /* The heap of this packet's counter has ended, and the packet belongs to another heap with the same counter. */
    SPEAD_RECV_REPEATED_COUNTER,
    SPEAD_RECV_OVER_CAP_SENDERS, /* the table of senders had no place for the packet's sender */
    /* The packet would begin a heap of a sender that has completed no heap yet (a newcomer). But all places for live
     * heaps hold heaps of proven senders. */
    SPEAD_RECV_OVER_CAP_NEWCOMERS,
    /* Packets of heaps that were discarded whole, because they lie before the start point of the stream. */
    SPEAD_RECV_BEFORE_START,
    /* The next four are of chunk streams (speadline/recv_chunk.h). The place function rejected the heap. */
    SPEAD_RECV_REJECTED,
    SPEAD_RECV_BAD_PLACE,   /* the answer of the place function was out of bounds */
    SPEAD_RECV_PLACE_TAKEN, /* another heap lies at the place that the function chose */
    /* The chunk of the heap has left: the heap comes too late, or had begun and has not finished before. */
    SPEAD_RECV_TOO_OLD,
    SPEAD_RECV_BUCKET_COUNT /* number of buckets */
};

/* Returns the name of a bucket, such as "malformed-magic", or NULL past the last bucket. The name has static storage.
 * Any thread. */
const char *spead_recv_bucket_name(unsigned bucket);

/* The packets that a stream, or one of its sources, has received. */
struct spead_recv_ledger {
    struct spead_count seen;                      /* all received packets */
    struct spead_count bucket[SPEAD_BUCKETS_MAX]; /* indexed by enum spead_recv_bucket */
};

#define SPEAD_RECV_QUEUES_MAX 16 /* number of entries of packets_by_queue */

/* What a receive stream counts in addition to its ledger. The stream publishes the struct as an array of words, so
 * every field is a uint64_t. New fields are added at the end. The struct is the last member of struct spead_recv_stats,
 * whose struct_size tells the library how many of the fields the caller knows. */
struct spead_recv_counters {
    /* Complete heaps that were handed over. No counter of this struct counts control heaps. */
    uint64_t heaps_complete;
    uint64_t heaps_incomplete; /* incomplete heaps that were handed over */
    /* Incomplete heaps, handed over or not, with one counter for each cause of their end: a newer heap needed their
     * place, they were older than the age limit, or the stream stopped. */
    uint64_t heaps_evicted, heaps_timed_out, heaps_flushed;
    uint64_t heaps_shed; /* heaps that the channel or the stream has shed */
    /* heaps that could not begin or finish, because there was no memory */
    uint64_t heaps_no_memory;
    /* The first counter: heaps that wait for packets now. The second: heaps that have ended, but into which posted
     * receives still point now, because the memory was not enough to move them (heaps_moved). */
    uint64_t heaps_live, heaps_leaving;
    uint64_t payload_bytes; /* payload bytes that arrived, in heaps that were handed over */

    /* Packets that did not arrive, as far as the stream can know. The number is computed from the gaps of heaps that
     * ended incomplete, and from the payload size of most packets in recent heaps of the same length. When a packet
     * comes late and fills a gap, the number falls again. No ledger counts missing packets. */
    uint64_t missing_packets;
    uint64_t missing_heaps; /* heaps of which no packet arrived, as the heap counters show */

    /* The datagrams that the kernel dropped at the sockets of the stream (SO_MEMINFO), for whatever cause. If GRO is
     * on, the kernel counts a whole train as one drop. If the stream is configured for one sender, its sockets have a
     * filter; the datagrams that this filter refused are counted here too. The end of this struct has the causes. */
    uint64_t kernel_drops;
    /* The gaps whose cause is SPEAD_GAP_LOCAL_DROPS: the gaps of those heaps that were live when the kernel dropped
     * datagrams because of a full buffer or for an unknown cause. */
    uint64_t gaps_with_local_drops;

    /* How the payload of packets reached its heap: written there by the engine, copied there by the core, or moved
     * there after it had landed in a wrong place. The counts are numbers of packets. */
    uint64_t placed, bounced, repaired;
    uint64_t messages; /* receive calls and completions that returned data */
    /* Calls of poll(), counted up to the last call that changed another counter too. */
    uint64_t polls;
    uint64_t wakeups; /* calls of wait() in which the owner thread slept */
    /* When the first and the last packet came, by the clock of the heaps. 0 means that none has come. */
    uint64_t first_packet_ns, last_packet_ns;
    /* The heap memory that is counted as used, in bytes: now, and the largest value so far. */
    uint64_t memory_bytes, memory_high_water_bytes;

    /* Engines that bypass the kernel: how often such an engine made a new queue in place of a failed one. Packets were
     * lost each time. A NIC also drops packets when no receive buffer is posted: see port_out_of_buffer. */
    uint64_t engine_rebuilds;
    /* How often the network port, or an interface that the stream is tied to, went down or was deleted. */
    uint64_t link_downs;
    /* Heaps that were dropped because an operation on device memory failed. */
    uint64_t heaps_region_error;
    /* The stream stops placing payload when too many packets break the order (placed_loss_max of the configuration).
     * The first counter says how often the stream has stopped placing. The second counts the packets of the heaps that
     * were bounced for this reason. */
    uint64_t placement_stops, placement_off_packets;

    /* Senders: how many the stream knows at this moment, how many have lost their place in the table to a new sender,
     * and how many runs of a sender have begun after a silence or with a start item. */
    uint64_t senders, senders_replaced, sender_restarts;
    /* The part of missing_heaps that is provisional: counters were skipped, and the stream cannot tell yet whether
     * these heaps were lost or whether the counters belong to another sequence. The number can fall again. */
    uint64_t missing_heaps_provisional;
    /* Counters that are left out again and again in one pattern, for example every fourth one. They are not part of
     * missing_heaps: the stream cannot tell whether these heaps are lost or whether nobody sends them. */
    uint64_t heaps_absent;
    /* Heaps whose counters do not fit any sequence that the stream understands. Between these heaps the stream cannot
     * count skipped heaps. */
    uint64_t heaps_not_understood;
    /* Incomplete heaps that are probably striped: when such a heap ended, another sender had a heap with the same
     * counter, and the packets of each of the two heaps filled gaps of the other heap. The two senders are probably one
     * sender, see spead_recv_stream_config.sender_key. */
    uint64_t heaps_striped;
    /* Incomplete heaps that ended because a packet contradicted what was known of the heap: another length, another
     * flavour, another value of an immediate item, or a range that overlaps. */
    uint64_t heaps_contradicted;

    /* The parts of kernel_drops whose cause is known: the UDP checksum was wrong, the buffer of the socket was full (or
     * UDP had no memory left), or the filter for one sender refused the datagram. The kernel has one counter for all
     * drops of a socket, and counters of each cause only for the whole network namespace. So while other sockets of the
     * namespace drop datagrams too, the cause of some of our drops stays unknown: kernel_drops is then more than the
     * sum of the three. The engines socket and uring set these counters. Engine verbs has the bucket
     * SPEAD_RECV_MALFORMED_CHECKSUM instead. */
    uint64_t checksum_drops, buffer_drops, filtered_drops;
    /* The gaps whose cause is SPEAD_GAP_CHECKSUM. */
    uint64_t gaps_with_checksum_drops;

    /* Packets that had come and that the stream did not read, because the time for draining (stop_drain_ns) was over or
     * because stop() was called twice; and the bytes of their datagrams. They are in no bucket of the ledger, and not
     * in `seen`. In sockets they are discarded; in memory links they stay. The stream counts them while the finished
     * heaps wait for the consumer. If the heaps do not wait long enough, some packets are not counted:
     * undrained_packets is then too small, and undrained_memory_bytes is the memory of the kernel that these packets
     * take. undrained_memory_bytes is 0 if all packets are counted. */
    uint64_t undrained_packets, undrained_bytes, undrained_memory_bytes;

    /* The times by CLOCK_MONOTONIC at which two polls began: the poll that brought the first packet, and the poll that
     * brought the last packet. 0 means that no packet has come. Compute durations and rates from these two times:
     * first_packet_ns and last_packet_ns follow a clock that somebody can set while the stream runs. */
    uint64_t first_packet_mono_ns, last_packet_mono_ns;

    /* A lower bound: at least this number of packets is missing, whatever sizes they had. It is less than
     * missing_packets only if a part of missing_packets is an estimate. */
    uint64_t missing_packets_least;
    /* The part of missing_packets that is an estimate. The stream needs estimates if the packets of a sender differ in
     * size, or if too few packets have come to show their size. */
    uint64_t missing_packets_estimated;
    /* Without allow_out_of_order: packets that came after a packet of the same heap with a larger payload offset. They
     * show that packets were reordered. If this number is 0, the packets in the bucket out-of-order were refused
     * because packets before them were lost. */
    uint64_t packets_reordered;
    /* Heaps without a declared length that were evicted or timed out although no byte before their last byte was
     * missing. They are incomplete, because their senders may have sent more. */
    uint64_t heaps_unsized_cut;
    /* In a pause the stream does not read, because the consumer has no room for heaps. With the policy drop-newest a
     * pause lasts at most until the source is half full. With the policy block it has no limit. paused_ns is the time
     * of all pauses, in nanoseconds. packets_after_pause counts the packets that had to wait in the source: after a
     * pause it counts all packets until the source is empty. kernel_drops_after_pause is the part of kernel_drops that
     * a slow consumer caused: the drops in a pause, and the drops until the source is empty after it. */
    uint64_t paused_ns, packets_after_pause, kernel_drops_after_pause;
    /* Heaps whose payload was copied to another region while receives were posted into their own region: the heap
     * ended, or too much of its payload waited for these receives. */
    uint64_t heaps_moved;
    /* How often an endpoint has joined its multicast group again, or was bound to its interface again, because the
     * interface was made anew, or its link or address had come back. Packets that were sent meanwhile are lost. Each
     * endpoint counts: an interface with 64 groups that comes back counts 64. */
    uint64_t rejoins;
    /* Complete heaps that a second sender brought with the same bytes, at about the same time, at the same or at another
     * endpoint. The two senders are probably one stream that comes over two networks, see
     * spead_recv_stream_config.sender_key. Each of these heaps was delivered twice. The stream compares the counter, the
     * length, the items and some bytes of the payload, in the first heaps after a sender was new and then in one of 64. So the
     * number is a lower bound. */
    uint64_t heaps_doubled;
    /* How long the engine could not receive while it made the queues of engine_rebuilds anew, in nanoseconds in all. The
     * network goes on sending meanwhile, so this time says how many packets a rebuild costs. */
    uint64_t engine_rebuild_ns;
    /* Engine verbs: packets that were accepted although nobody has checked their UDP checksum: neither the device nor the
     * CPU. The option `checksum` of struct spead_recv_verbs_config decides when that happens. Packets without a UDP
     * checksum are not counted. */
    uint64_t unverified_packets;
    /* Frames that the port of the device dropped since the stream was made, because no receive was posted for them (the
     * counter out_of_buffer of an RDMA device). The counter is of the whole port: it also counts the frames of other
     * streams, of other programs and of the kernel. It is evidence beside the ledger, which counts the packets of such
     * frames as missing. The device may count some of them a few milliseconds late. port_counted is 1 if the device has
     * this counter. Else port_counted is 0, and port_out_of_buffer means nothing. */
    uint64_t port_counted, port_out_of_buffer;
    /* How often a queue of the device that failed could not be made anew at once, because memory or something else was
     * short at the moment. The engine tries again for 10 s, and the stream ends if no try succeeds. */
    uint64_t engine_rebuild_failures;
    /* Engine verbs: packets of heaps into which payload is placed that begin or end within a cache line of 64 bytes,
     * without the last packet of each heap. The device writes such lines in part, which is slower. They have
     * unaligned_payload_bytes bytes of payload (most of them, in the last such heap), which is no multiple of 64. The
     * number is about right where packets of more than four sizes are in one heap. */
    uint64_t unaligned_packets, unaligned_payload_bytes;
    /* The start point of the stream (struct spead_recv_start_point). awaits_start is 1 while the stream has a start point
     * and no sender has reached it. senders_in_sync counts the senders that have reached it. sync_heap and sync_ns are the
     * heap counter and the time of the first packet (by the clock of the heaps) of the first heap that was taken since
     * then, of whichever sender; valid if senders_in_sync is not 0. A new start point sets these four anew.
     * heaps_before_start counts the heaps that were discarded before a start point; their packets are in the bucket
     * before-start. */
    uint64_t awaits_start, senders_in_sync, sync_heap, sync_ns, heaps_before_start;
    /* How often the engine has lent packets, and the most packets that it has lent at a time (spead2: batches and
     * max_batch). */
    uint64_t bursts, burst_packets_max;
    uint64_t heaps_single_packet; /* complete heaps of one packet, handed over or not */
    /* How many heaps the searches for the heap of a packet have passed by, because other heaps had the same hash. Packets
     * that follow a packet of the same heap need no search. A number that is large beside the number of packets shows that
     * searches are slow. */
    uint64_t search_steps;
    uint64_t pauses; /* how often a pause began; see paused_ns */
    /* How often no region of the size class of a new heap was free. The heap then gets a larger region, or one that another
     * heap gives up, or it counts in heaps_no_memory. */
    uint64_t region_misses;
    /* Chunk streams (speadline/recv_chunk.h). Chunks that were handed over: with all entries of `present` set, and the
     * others. Chunks that were shed, because the channel was full or nobody read from it. heaps_complete,
     * heaps_incomplete and payload_bytes count the heaps in the chunks that were handed over. */
    uint64_t chunks_complete, chunks_incomplete, chunks_shed;
    /* Chunks that are not handed over, because no chunk was free as long as they were open; and ids that were never
     * opened, because the id after them was too far ahead. */
    uint64_t chunks_starved, chunk_ids_skipped;
    /* Now: chunks that are open or wait for the end of posted receives; chunks that are free. The least number of free
     * chunks so far. All other chunks wait in the channel or are held by the consumer. If chunks_free_least is 0, the
     * consumer is, or was, too slow. */
    uint64_t chunks_open, chunks_free, chunks_free_least;
    /* Heaps that were not put into a chunk, one counter for each cause: the place function rejected them, its answer was
     * out of bounds, another heap was at the place, or their chunk had left. The last one also counts heaps whose packets
     * came before and after their chunk left. */
    uint64_t heaps_rejected, heaps_bad_place, heaps_place_taken, heaps_too_old;
    /* How long heaps have needed a chunk while none was free, in nanoseconds. */
    uint64_t chunk_shortage_ns;
    /* Engine verbs with several queues: their number, and for each queue how many packets came through it. All packets of a
     * sender come through one queue. With one queue, and with every other engine, all of these are 0. */
    uint64_t queue_count;
    uint64_t packets_by_queue[SPEAD_RECV_QUEUES_MAX];
};

/* The counters of a receive stream at one moment. Start from SPEAD_RECV_STATS_INIT. */
struct spead_recv_stats {
    uint32_t struct_size;  /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t bucket_count; /* number of valid entries in the array of every ledger */
    uint32_t source_count; /* number of endpoints or memory links of the stream */
    uint32_t reserved;
    struct spead_recv_ledger total; /* the sum over all sources of the stream */
    /* The largest number of heaps that waited in the channel for the consumer at the same time. */
    uint64_t hand_over_high_water;
    struct spead_recv_counters counters;
};
/* clang-format off */
#define SPEAD_RECV_STATS_INIT { .struct_size = sizeof(struct spead_recv_stats) }
/* clang-format on */
/* Does what SPEAD_RECV_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_recv_stats_init(struct spead_recv_stats *stats, size_t size);

/* The buckets of a send stream. Each packet of a submitted heap is in one of them. */
enum spead_send_bucket {
    SPEAD_SEND_SENT, /* packets that the kernel, the NIC or the memory link accepted */
    /* Packets that the kernel, the NIC or the memory link refused for a reason that does not pass, for example because
     * they were too long. failed_errno says with which errors. */
    SPEAD_SEND_FAILED,
    SPEAD_SEND_ABANDONED, /* packets that were not sent, because the stream was stopped */
    SPEAD_SEND_PENDING,   /* packets that wait, or that the engine has not finished yet */
    SPEAD_SEND_INJECTED,  /* packets that the fault decorator dropped on purpose */
    /* Packets that a queue of this host dropped, because it was full (ENOBUFS). When it refuses a train, all packets of
     * the train are counted, so the number is an upper bound. */
    SPEAD_SEND_DROPPED_LOCAL,
    /* Packets that were refused for a reason that can pass: no route, link down, no neighbour, a firewall. The stream
     * goes on after them, unless fail_fast is true. failed_errno says with which errors. */
    SPEAD_SEND_UNREACHABLE,
    SPEAD_SEND_BUCKET_COUNT /* number of buckets */
};

/* Returns the name of a bucket, such as "sent", or NULL past the last bucket. The name has static storage. Any
 * thread. */
const char *spead_send_bucket_name(unsigned bucket);

/* Returns the bucket of packets that ended with `error`, which is 0 or -errno. A completion function of a heap can tell
 * from it whether the error can pass. Any thread. */
enum spead_send_bucket spead_send_error_bucket(int error);

#define SPEAD_SEND_ERRNOS_MAX 8 /* number of entries of failed_errno */

/* What a send stream counts in addition to its buckets. The rules of struct spead_recv_counters apply to this struct
 * too. */
struct spead_send_counters {
    /* Heaps that were accepted, and how they ended. Sent: no packet failed. Failed: a packet failed. Abandoned: the
     * stream was stopped before all packets were sent. */
    uint64_t heaps_submitted, heaps_sent, heaps_failed, heaps_abandoned;
    uint64_t payload_bytes; /* payload of the heaps that heaps_sent counts, in bytes */
    /* ICMP errors that came back after the send. The datagrams that caused them count as sent. */
    uint64_t icmp_unreachable;
    /* `messages` counts what the engine gave to the kernel or the device: trains, and packets that are in no train.
     * `batches` counts the system calls or doorbells that carried these messages. */
    uint64_t messages, batches;
    /* When the engine took the first and the last packet, in nanoseconds of UTC. 0 means that it has taken none. */
    uint64_t first_packet_ns, last_packet_ns;

    /* Engines that bypass the kernel: how often such an engine made a new queue in place of a failed one. */
    uint64_t engine_rebuilds;
    /* how often the network port, or an interface that the stream is tied to, went down or was deleted */
    uint64_t link_downs;
    uint64_t neighbours_lost; /* how often a next hop stopped answering */
    /* The payload that the engine had to copy, in bytes. The engine must copy payload whose memory is not
     * registered. */
    uint64_t copied_bytes;
    /* When the engine took the first and the last packet, by CLOCK_MONOTONIC. 0 means that it has taken none. Compute
     * durations and rates from these two times, because somebody can set the clock of UTC while the stream runs. */
    uint64_t first_packet_mono_ns, last_packet_mono_ns;
    /* Two parts of heaps_failed: the heaps whose first error belongs to the bucket SPEAD_SEND_DROPPED_LOCAL, and the
     * heaps whose first error belongs to the bucket SPEAD_SEND_UNREACHABLE. */
    uint64_t heaps_dropped_local, heaps_unreachable;
    /* How often the stream sent more slowly, because a queue of this host dropped packets. */
    uint64_t slow_downs;
    /* Packets that the kernel took, by the way in which they reached it (enum spead_send_path): gathered in a buffer, or
     * by reference. Both are 0 if the engine has only one way. */
    uint64_t gathered_packets, referenced_packets;
};

/* The counters of a send stream at one moment. Start from SPEAD_SEND_STATS_INIT. `submitted` equals the sum of the
 * buckets, in packets and in bytes. heaps_submitted equals heaps_sent + heaps_failed + heaps_abandoned +
 * heaps_pending. */
struct spead_send_stats {
    uint32_t struct_size;         /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t bucket_count;        /* number of valid entries in `bucket` */
    struct spead_count submitted; /* packets and bytes of all accepted heaps */
    struct spead_count bucket[SPEAD_BUCKETS_MAX]; /* indexed by enum spead_send_bucket */
    uint64_t heaps_pending; /* heaps that were accepted and have not completed */
    /* Heaps that were not accepted, because too many heaps were in flight (-EAGAIN). Their packets are in no bucket. */
    uint64_t heaps_refused;
    struct {
        int32_t error; /* a positive errno; 0 ends the list */
        uint32_t reserved;
        uint64_t packets; /* packets that were refused with this error */
    } failed_errno[SPEAD_SEND_ERRNOS_MAX];
    struct spead_send_counters counters;
};
/* clang-format off */
#define SPEAD_SEND_STATS_INIT { .struct_size = sizeof(struct spead_send_stats) }
/* clang-format on */
/* Does what SPEAD_SEND_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_send_stats_init(struct spead_send_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif
#endif
