/* SPDX-License-Identifier: Apache-2.0 */
/* The payload sizes of the packets of one heap, and what recent heaps show about how their sender cuts heaps. The
 * number of packets that are missing in a gap is computed from these sizes.
 *
 * A sender mostly fills each packet. Only the last packet of a heap is shorter, and sometimes the first one, which
 * carries the items. So these two do not count when the sizes of a heap are compared. Only the owner thread calls these
 * functions. */
#ifndef SPEADI_PACKET_SIZES_H
#define SPEADI_PACKET_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/heap_view.h>

#define SPEADI_PACKET_SIZES   4u /* different sizes that are counted of one heap at a time */
#define SPEADI_SIZE_MEMORY    8u /* heap lengths that are remembered of one sender */
#define SPEADI_SIZE_VOTES_MAX 8u
/* After a heap whose packets differ in size, this many heaps with packets of one size must come before the sizes count
 * as known again. */
#define SPEADI_SIZES_VARIED 64u

struct speadi_packet_sizes {
    struct {
        uint32_t bytes, packets;
    } size[SPEADI_PACKET_SIZES]; /* the middle packets; packets == 0 means that the entry is free */
    uint32_t first;              /* payload of the packet at offset 0, 0 if none came */
    uint32_t edge_max;           /* largest payload of the first and the last packet */
    bool differ;                 /* middle packets of two sizes came */
};

/* What is known about the packets of heaps of one length. */
struct speadi_length_sizes {
    uint64_t length;
    uint32_t bytes; /* payload of most packets; 0 means that the entry is free */
    /* Number of heaps with this size minus number of heaps with another size, at most SPEADI_SIZE_VOTES_MAX. */
    uint16_t votes;
    /* Heaps that must follow before sizes count as known again; 0 means that they are known. */
    uint16_t varied;
};

/* What recent complete heaps of one sender show. All zero is an empty memory. */
struct speadi_size_memory {
    uint32_t sender; /* the id of the sender (sender_table.h); written by the stream */
    struct speadi_length_sizes of_length[SPEADI_SIZE_MEMORY];
    uint32_t found; /* the entry of the last complete heap */
    uint32_t next;  /* the entry that the next new length takes */
    uint32_t last;  /* payload of most packets in the last complete heap of several packets */
    uint32_t most;  /* largest payload of a heap of one packet */
};

/* Counts packets with `bytes` bytes of payload (more than 0) that are neither the first nor the last of their heap. */
static inline void speadi_packet_sizes_count(struct speadi_packet_sizes *sizes, uint32_t bytes,
                                             uint32_t packets)
{
    if (sizes->size[0].bytes == bytes && sizes->size[0].packets > 0) {
        sizes->size[0].packets += packets;
        return;
    }
    if (sizes->size[0].packets > 0)
        sizes->differ = true;
    for (unsigned i = 0; i < SPEADI_PACKET_SIZES; i++)
        if (sizes->size[i].packets == 0 || sizes->size[i].bytes == bytes) {
            sizes->size[i].bytes = bytes;
            sizes->size[i].packets += packets;
            return;
        }
    /* No entry is free or has this size, so all entries lose packets. A size that more than a fifth of all packets have
     * never loses its entry. */
    for (unsigned i = 0; i < SPEADI_PACKET_SIZES; i++)
        sizes->size[i].packets -=
            sizes->size[i].packets > packets ? packets : sizes->size[i].packets;
}

/* Counts the first packet of a heap (at offset 0) if `first` is true, else the last packet. */
static inline void speadi_packet_sizes_count_edge(struct speadi_packet_sizes *sizes, uint32_t bytes,
                                                  bool first)
{
    if (first)
        sizes->first = bytes;
    if (bytes > sizes->edge_max)
        sizes->edge_max = bytes;
}

/* Returns how many packets of a heap fill cache lines in part although more packets follow: their payload is no multiple of
 * `line` bytes, or the payload of the first packet is none, so that all others begin within a line. Sets *bytes to the
 * payload of the most of them, and leaves it if there are none. */
uint64_t speadi_packet_sizes_unaligned(const struct speadi_packet_sizes *sizes,
                                       uint64_t heap_length, uint32_t line, uint64_t *bytes);

/* Remembers the payload of a complete heap of one packet. It does not show where a longer heap is cut. */
static inline void speadi_size_memory_single(struct speadi_size_memory *memory, uint64_t bytes)
{
    if (bytes > memory->most)
        memory->most = (uint32_t)bytes;
}

/* Remembers how a heap was cut. The heap must be complete, and must have several packets and a declared length. The
 * call takes the same time for every heap. */
void speadi_size_memory_learn(struct speadi_size_memory *memory, const struct spead_heap *heap,
                              const struct speadi_packet_sizes *sizes);

/* Judges how an incomplete heap was cut. Uses what the memory and the packets of the heap show. Sets
 * packet_payload_bytes and packets_estimated of the heap. */
void speadi_size_memory_judge(const struct speadi_size_memory *memory, struct spead_heap *heap,
                              const struct speadi_packet_sizes *sizes);

#endif
