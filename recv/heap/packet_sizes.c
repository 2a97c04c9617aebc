/* SPDX-License-Identifier: Apache-2.0 */
/* Judges how a sender cuts its heaps. See packet_sizes.h. */
#include "packet_sizes.h"

/* Returns the size of most middle packets, or 0 if no middle packet came. */
static uint32_t usual(const struct speadi_packet_sizes *sizes)
{
    unsigned best = 0;

    if (!sizes->differ)
        return sizes->size[0].bytes;
    for (unsigned i = 1; i < SPEADI_PACKET_SIZES; i++)
        if (sizes->size[i].packets > sizes->size[best].packets)
            best = i;
    return sizes->size[best].packets > 0 ? sizes->size[best].bytes : sizes->size[0].bytes;
}

/* Returns the entry of this length, or NULL if the length is not remembered. */
static const struct speadi_length_sizes *find(const struct speadi_size_memory *memory,
                                              uint64_t length)
{
    const struct speadi_length_sizes *last = &memory->of_length[memory->found];

    if (last->length == length && last->bytes != 0)
        return last;
    for (unsigned i = 0; i < SPEADI_SIZE_MEMORY; i++)
        if (memory->of_length[i].length == length && memory->of_length[i].bytes != 0)
            return &memory->of_length[i];
    return NULL;
}

/* Returns the entry of this length. A length that is not remembered gets the entry of the oldest one. */
static struct speadi_length_sizes *entry_of(struct speadi_size_memory *memory, uint64_t length)
{
    const struct speadi_length_sizes *known = find(memory, length);
    uint32_t i = known ? (uint32_t)(known - memory->of_length) : memory->next;

    if (!known) {
        memory->of_length[i] = (struct speadi_length_sizes){.length = length};
        memory->next = (memory->next + 1) % SPEADI_SIZE_MEMORY;
    }
    memory->found = i;
    return &memory->of_length[i];
}

/* Tells whether all packets have the size `bytes`; the first and the last one may be shorter. */
static bool agree(const struct speadi_packet_sizes *sizes, uint32_t bytes)
{
    return !sizes->differ && sizes->edge_max <= bytes &&
           (sizes->size[0].bytes == 0 || sizes->size[0].bytes == bytes);
}

/* Gives this size the vote of one heap. The size with the most votes stays. */
static void vote(struct speadi_length_sizes *known, uint32_t bytes)
{
    if (known->bytes != bytes && known->votes > 0) {
        known->varied = SPEADI_SIZES_VARIED;
        if (--known->votes > 0)
            return;
    }
    known->bytes = bytes;
    if (known->votes < SPEADI_SIZE_VOTES_MAX)
        known->votes++;
}

/* Tells whether a heap confirms what is known, so that the memory stays as it is. Most heaps do. */
static bool confirms(const struct speadi_length_sizes *known, uint64_t length, uint32_t bytes,
                     const struct speadi_packet_sizes *sizes)
{
    return known->length == length && known->bytes == bytes && !sizes->differ &&
           sizes->edge_max <= bytes && known->varied == 0 && known->votes == SPEADI_SIZE_VOTES_MAX;
}

void speadi_size_memory_learn(struct speadi_size_memory *memory, const struct spead_heap *heap,
                              const struct speadi_packet_sizes *sizes)
{
    struct speadi_length_sizes *known = &memory->of_length[memory->found];
    uint32_t bytes = usual(sizes);

    if (bytes == 0)
        bytes = sizes->edge_max;
    memory->last = bytes;
    if (confirms(known, heap->length, bytes, sizes))
        return;
    known = entry_of(memory, heap->length);
    vote(known, bytes);
    if (!agree(sizes, bytes))
        known->varied = SPEADI_SIZES_VARIED;
    else if (known->varied > 0 && known->bytes == bytes)
        known->varied--;
}

void speadi_size_memory_judge(const struct speadi_size_memory *memory, struct spead_heap *heap,
                              const struct speadi_packet_sizes *sizes)
{
    const struct speadi_length_sizes *known = find(memory, heap->length);
    uint32_t bytes = usual(sizes);

    if (heap->has_length && known) {
        heap->packet_payload_bytes = known->bytes;
        heap->packets_estimated = known->varied > 0 || !agree(sizes, known->bytes);
        return;
    }
    if (bytes != 0) { /* two middle packets of one size show the size of all */
        heap->packets_estimated = sizes->size[0].packets < 2 || !agree(sizes, bytes);
        heap->packet_payload_bytes = bytes;
        return;
    }
    heap->packets_estimated = true;
    bytes = sizes->first;
    if (bytes == 0)
        bytes = memory->last != 0 ? memory->last : memory->most;
    heap->packet_payload_bytes = bytes > sizes->edge_max ? bytes : sizes->edge_max;
}

uint64_t speadi_packet_sizes_unaligned(const struct speadi_packet_sizes *sizes,
                                       uint64_t heap_length, uint32_t line, uint64_t *bytes)
{
    bool first_shifts = sizes->first % line != 0 && sizes->first < heap_length;
    uint64_t count = first_shifts, most = 0;

    if (first_shifts)
        *bytes = sizes->first;
    for (unsigned i = 0; i < SPEADI_PACKET_SIZES; i++) {
        bool is_odd = sizes->size[i].bytes % line != 0;

        if (is_odd || first_shifts)
            count += sizes->size[i].packets;
        if (is_odd && sizes->size[i].packets > most) {
            most = sizes->size[i].packets;
            *bytes = sizes->size[i].bytes;
        }
    }
    return count;
}
