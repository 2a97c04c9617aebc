/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the entries of heaps that have ended. */
#include "finished.h"

#include <errno.h>
#include <stdlib.h>

#include <speadline/item.h>

#include "control_items.h"

int speadi_finished_init(struct speadi_finished *finished, uint32_t ring_count, uint32_t per_ring)
{
    *finished = (struct speadi_finished){.ring_count = ring_count, .per_ring = per_ring};
    finished->heap = calloc((size_t)ring_count * per_ring, sizeof *finished->heap);
    finished->next = calloc(ring_count, sizeof *finished->next);
    if (!finished->heap || !finished->next ||
        speadi_counter_map_init(&finished->map, ring_count * per_ring) < 0) {
        speadi_finished_release(finished);
        return -ENOMEM;
    }
    return 0;
}

void speadi_finished_release(struct speadi_finished *finished)
{
    free(finished->heap);
    free(finished->next);
    speadi_counter_map_release(&finished->map);
    *finished = (struct speadi_finished){0};
}

/* ---- Adding -------------------------------------------------------------------------------- */

struct speadi_finished_heap *speadi_finished_add(struct speadi_finished *finished,
                                                 const struct speadi_heap_key *key,
                                                 struct speadi_sender *sender, uint64_t now_ns)
{
    uint32_t index = key->ring * finished->per_ring + finished->next[key->ring];
    struct speadi_finished_heap *heap = &finished->heap[index];

    if (heap->used)
        speadi_counter_map_remove(&finished->map, index);
    heap->counter = key->counter;
    heap->sender = key->sender;
    heap->epoch = sender->finished_epoch;
    heap->nth = ++sender->heaps_ended;
    heap->time_ns = now_ns;
    heap->gaps.count = 0;
    heap->gaps.packets = 0;
    heap->item_count = 0;
    heap->controls = 0;
    heap->has_length = false;
    heap->complete = false;
    heap->is_control = false;
    heap->used = true;
    heap->refused_as = 0;
    heap->refused_again = false;
    /* The table may still hold a forgotten heap with the same counter. A search finds the new entry, which was inserted
     * last. The old entry is in the same ring, so it is replaced before the new entry. */
    speadi_counter_map_insert(&finished->map, key->sender, key->counter, index);
    if (++finished->next[key->ring] == finished->per_ring)
        finished->next[key->ring] = 0;
    return heap;
}

void speadi_finished_add_control(struct speadi_finished *finished,
                                 const struct speadi_heap_key *key, struct speadi_sender *sender,
                                 const struct speadi_packet *packet, uint64_t now_ns)
{
    struct speadi_finished_heap *heap = speadi_finished_add(finished, key, sender, now_ns);

    heap->heap_address_bits = packet->heap_address_bits;
    heap->has_length = packet->has_heap_length;
    heap->length = packet->heap_length;
    heap->controls = (uint8_t)speadi_packet_boundaries(packet);
    heap->complete = true;
    heap->is_control = true;
}

/* Returns true if the item is one that the user has given, and not one of the protocol. */
static bool is_users(uint64_t id)
{
    return id > SPEAD_ID_PAYLOAD_LENGTH && id != SPEAD_ID_STREAM_CONTROL;
}

void speadi_finished_describe_items(struct speadi_finished_heap *entry,
                                    const struct spead_heap *heap)
{
    unsigned bits = heap->heap_address_bits;

    for (uint32_t i = 0; i < heap->item_count && entry->item_count < SPEADI_FINISHED_ITEMS; i++) {
        uint64_t pointer = heap->pointers[i];

        if (!speadi_pointer_is_immediate(pointer))
            break; /* the immediate items come first */
        if (is_users(speadi_pointer_id(pointer, bits)))
            entry->item[entry->item_count++] = pointer;
    }
}

/* ---- Searching ----------------------------------------------------------------------------- */

/* Returns true if the sender may use the counter of this heap again: at least half as many heaps as there are counters
 * have ended after this heap. */
static bool may_have_wrapped(const struct speadi_finished_heap *heap,
                             const struct speadi_sender *sender)
{
    return heap->heap_address_bits <= 16 &&
           sender->heaps_ended - heap->nth >= 1ull << (heap->heap_address_bits - 1);
}

bool speadi_finished_is_behind_stop(const struct speadi_finished_heap *heap,
                                    const struct speadi_sender *sender)
{
    return heap->epoch != sender->finished_epoch && heap->epoch - sender->run_epoch <= INT32_MAX &&
           !may_have_wrapped(heap, sender);
}

struct speadi_finished_heap *speadi_finished_last(const struct speadi_finished *finished,
                                                  const struct speadi_sender *sender,
                                                  uint64_t counter)
{
    uint32_t index = speadi_counter_map_find(&finished->map, sender->id, counter);

    return index == SPEADI_COUNTER_NONE ? NULL : &finished->heap[index];
}

struct speadi_finished_heap *speadi_finished_find(const struct speadi_finished *finished,
                                                  const struct speadi_sender *sender,
                                                  uint64_t counter, uint64_t now_ns)
{
    struct speadi_finished_heap *heap = speadi_finished_last(finished, sender, counter);

    if (!heap || heap->is_control || now_ns - heap->time_ns > SPEADI_FINISHED_FORGET_NS ||
        heap->epoch != sender->finished_epoch || may_have_wrapped(heap, sender))
        return NULL;
    return heap;
}

bool speadi_finished_is_copy(const struct speadi_finished_heap *entry,
                             const struct speadi_packet *packet, uint64_t came_ns,
                             uint64_t within_ns)
{
    return entry->controls != 0 &&
           (came_ns <= entry->time_ns || came_ns - entry->time_ns <= within_ns) &&
           (speadi_packet_boundaries(packet) & ~entry->controls) == 0 &&
           entry->is_control == (speadi_packet_control_heap(packet) != 0) &&
           !speadi_finished_contradicts(entry, packet);
}

static bool contradicts_item(const struct speadi_finished_heap *entry, uint64_t pointer)
{
    unsigned bits = entry->heap_address_bits;

    for (uint32_t i = 0; i < entry->item_count; i++)
        if (speadi_pointer_id(entry->item[i], bits) == speadi_pointer_id(pointer, bits))
            return entry->item[i] != pointer;
    return false;
}

bool speadi_finished_contradicts(const struct speadi_finished_heap *entry,
                                 const struct speadi_packet *packet)
{
    if (packet->heap_address_bits != entry->heap_address_bits)
        return true;
    if (packet->has_heap_length && entry->has_length && packet->heap_length != entry->length)
        return true;
    if (packet->pointer_count == packet->special_count || entry->item_count == 0)
        return false;
    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        uint64_t pointer = speadi_packet_pointer(packet, i);

        if (speadi_pointer_is_immediate(pointer) && contradicts_item(entry, pointer))
            return true;
    }
    return false;
}
