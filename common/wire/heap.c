/* SPDX-License-Identifier: Apache-2.0 */
/* Received heaps: their references and their properties. */
#include <speadline/heap.h>

#include <speadi/heap_view.h>
#include <speadi/struct_size.h>

struct spead_heap *spead_heap_ref(struct spead_heap *heap)
{
    /* Relaxed: the caller holds a reference, so no other thread frees the heap. Nothing is passed to another thread
     * here. */
    atomic_fetch_add_explicit(&heap->references, 1, memory_order_relaxed);
    return heap;
}

void spead_heap_unref(struct spead_heap *heap)
{
    if (!heap)
        return;
    /* HEAP1 release: this thread reads the heap before another thread uses the memory again. HEAP1 acquire, for the
     * thread that drops the last reference: all other threads, too, read the heap before that use. */
    if (atomic_fetch_sub_explicit(&heap->references, 1, memory_order_acq_rel) == 1)
        speadi_block_release(heap->region);
}

uint64_t spead_heap_counter(const struct spead_heap *heap)
{
    return heap->counter;
}

struct spead_flavour spead_heap_flavour(const struct spead_heap *heap)
{
    return (struct spead_flavour){heap->heap_address_bits};
}

const uint8_t *spead_heap_payload(const struct spead_heap *heap)
{
    return heap->region->data;
}

void spead_heap_region_info(const struct spead_heap *heap, struct spead_region_info *info)
{
    const struct speadi_block *block = heap->region;
    struct spead_region_info own;

    (void)speadi_pool_memory(block->pool, &own);
    own.data = block->data;
    if (own.device_address != 0)
        own.device_address += block->offset;
    if (own.fd >= 0)
        own.fd_offset += block->offset;
    own.bytes = heap->length;
    (void)speadi_struct_write(info, &own, sizeof own);
}

uint64_t spead_heap_length(const struct spead_heap *heap)
{
    return heap->length;
}

uint64_t spead_heap_received(const struct spead_heap *heap)
{
    return heap->received;
}

bool spead_heap_is_complete(const struct spead_heap *heap)
{
    return heap->complete;
}

uint64_t spead_heap_packets(const struct spead_heap *heap)
{
    return heap->packets;
}

uint64_t spead_heap_first_ns(const struct spead_heap *heap)
{
    return heap->first_ns;
}

uint64_t spead_heap_last_ns(const struct spead_heap *heap)
{
    return heap->last_ns;
}

enum spead_clock spead_heap_clock(const struct spead_heap *heap)
{
    return heap->clock;
}

uint64_t spead_heap_clock_error_ns(const struct spead_heap *heap)
{
    return heap->clock_error_ns;
}

const char *spead_clock_name(enum spead_clock clock)
{
    static const char *const names[] = {
        [SPEAD_CLOCK_UTC] = "utc",
        [SPEAD_CLOCK_HARDWARE] = "hardware",
        [SPEAD_CLOCK_CAPTURE] = "capture",
    };

    return (unsigned)clock < sizeof names / sizeof *names ? names[clock] : NULL;
}

uint32_t spead_heap_source(const struct spead_heap *heap)
{
    return heap->source;
}

bool spead_heap_sender(const struct spead_heap *heap, struct spead_sender_address *sender)
{
    *sender = heap->sender;
    return heap->sender.known;
}
