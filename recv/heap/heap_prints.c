/* SPDX-License-Identifier: Apache-2.0 */
/* Computes the prints of heaps, and keeps them. */
#include "heap_prints.h"

#include <stdbool.h>
#include <string.h>

#include <speadline/item.h>

#include <speadi/packet.h>

#define SAMPLES      8u /* words of the payload that a print depends on */
#define POINTERS_MAX 16u
#define WORD         sizeof(uint64_t)

static uint64_t mix(uint64_t print, uint64_t word)
{
    unsigned __int128 product =
        (unsigned __int128)(print ^ word) * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Returns sample number i of the payload: a word, or the whole payload if it is shorter than a word. */
static uint64_t sample(const struct spead_heap *heap, unsigned i)
{
    uint64_t word = 0, room = heap->length > WORD ? heap->length - WORD : 0;

    memcpy(&word, heap->region->data + room / (SAMPLES - 1) * i,
           heap->length < WORD ? heap->length : WORD);
    return word;
}

/* Returns true if the word is one byte that is repeated. */
static bool is_constant(uint64_t word)
{
    return word == (word & 0xff) * 0x0101010101010101ull;
}

/* Adds the items to the print. Returns false if one of them is a descriptor. */
static bool add_items(uint64_t *print, const struct spead_heap *heap)
{
    for (uint32_t i = 0; i < heap->pointer_count && i < POINTERS_MAX; i++) {
        if (speadi_pointer_id(heap->pointers[i], heap->heap_address_bits) == SPEAD_ID_DESCRIPTOR)
            return false;
        *print = mix(*print, heap->pointers[i]);
    }
    return true;
}

uint64_t speadi_heap_print(const struct spead_heap *heap)
{
    uint64_t print = mix(heap->counter, heap->length), first;
    bool varies = false;

    if (heap->length == 0 || !add_items(&print, heap))
        return 0;
    first = sample(heap, 0);
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t word = sample(heap, i);

        varies |= word != first || (heap->length >= WORD && !is_constant(word));
        print = mix(print, word);
    }
    return varies ? print | 1 : 0;
}

struct speadi_heap_print speadi_heap_prints_add(struct speadi_heap_prints *prints, uint64_t print,
                                                uint32_t sender, uint64_t now_ns)
{
    struct speadi_heap_print *place = &prints->place[print >> 32 & (SPEADI_HEAP_PRINTS - 1)];
    struct speadi_heap_print before = *place;

    *place = (struct speadi_heap_print){.print = print, .time_ns = now_ns, .sender = sender};
    return before;
}
