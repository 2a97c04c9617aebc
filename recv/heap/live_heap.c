/* SPDX-License-Identifier: Apache-2.0 */
/* Adds packets to a live heap, and ends it. */
#include "live_heap.h"

#include <stdalign.h>
#include <string.h>

#include <speadi/numbers.h>

#include "spans.h"

/* a linear search through at most this many pointers is faster than the hash table */
#define LINEAR_POINTERS 8u

/* This many item pointers of the first packet are compared with the items of the later packets. */
#define FIRST_POINTERS_MAX 16u

/* A region that is not of class 0 has small tables: for SMALL_POINTERS item pointers, and for one received range for
 * each SMALL_RANGE_BYTES bytes of the region, but at least SMALL_RANGES_MIN. The few heaps that need more borrow larger
 * tables. */
#define SMALL_POINTERS    32u
#define SMALL_RANGE_BYTES 512u
#define SMALL_RANGES_MIN  16u

/* ---- Layout -------------------------------------------------------------------------------- */

/* Rounds an offset up, so that an object of any type may begin there. */
static size_t aligned(size_t bytes)
{
    return speadi_round_up(bytes, alignof(max_align_t));
}

static size_t counts_at(void)
{
    return aligned(sizeof(struct speadi_live_heap));
}

static void init_tables(struct speadi_live_heap_tables *tables,
                        const struct speadi_live_heap_layout *layout)
{
    unsigned bits = 4;

    while ((1ull << bits) < 2ull * tables->pointers_max)
        bits++;
    tables->hash_cells = 1u << bits;
    tables->hash_shift = 64 - bits;
    tables->pointers_at = aligned(layout->begin_bytes);
    tables->hash_at = tables->pointers_at + aligned(tables->pointers_max * sizeof(uint64_t));
    tables->spans_at = tables->hash_at + aligned(tables->hash_cells * sizeof(uint64_t));
    tables->refused_at = tables->spans_at + tables->ranges_max * sizeof(struct speadi_span);
    tables->meta_bytes = tables->refused_at + tables->refused_max * sizeof(struct speadi_span);
}

void speadi_live_heap_layout_init(struct speadi_live_heap_layout *layout)
{
    struct speadi_live_heap_tables *tables = &layout->tables[0];

    speadi_hash_key_init(&layout->hash_key);
    layout->begin_bytes = counts_at() + layout->source_count * sizeof(struct spead_count);
    tables->pointers_max = layout->pointers_max;
    tables->ranges_max = layout->ranges_max;
    tables->refused_max = layout->refused_max;
    init_tables(tables, layout);
    layout->meta_bytes = tables->meta_bytes;
}

void speadi_live_heap_layout_add(struct speadi_live_heap_layout *layout, uint32_t size_class,
                                 uint64_t block_bytes)
{
    struct speadi_live_heap_tables *tables = &layout->tables[size_class];
    uint64_t ranges = block_bytes / SMALL_RANGE_BYTES;

    ranges = ranges > SMALL_RANGES_MIN ? ranges : SMALL_RANGES_MIN;
    tables->ranges_max = ranges < layout->ranges_max ? (uint32_t)ranges : layout->ranges_max;
    tables->refused_max = ranges < layout->refused_max ? (uint32_t)ranges : layout->refused_max;
    tables->pointers_max =
        layout->pointers_max < SMALL_POINTERS ? layout->pointers_max : SMALL_POINTERS;
    init_tables(tables, layout);
}

/* Returns the part of the region's meta memory that begins at this offset. */
static void *part_of(const struct speadi_block *region, size_t offset)
{
    return (uint8_t *)region->meta + offset;
}

/* Lets the heap use the tables in the meta memory of this region. */
static void use_tables(struct speadi_live_heap *live, struct speadi_block *region,
                       const struct speadi_live_heap_tables *tables)
{
    live->heap.region = region;
    live->heap.pointers = part_of(region, tables->pointers_at);
    live->heap.spans = part_of(region, tables->spans_at);
    live->heap.refused = part_of(region, tables->refused_at);
    live->tables = tables;
    live->pointer_hash = part_of(region, tables->hash_at);
    live->count = part_of(region, counts_at());
}

struct speadi_live_heap *speadi_live_heap_open(struct speadi_block *region,
                                               const struct speadi_live_heap_layout *layout,
                                               const struct speadi_heap_key *key,
                                               const struct speadi_packet *packet)
{
    const struct speadi_live_heap_tables *tables = &layout->tables[region->size_class];
    struct speadi_live_heap *live = region->meta;
    uint32_t generation = live->generation + 1;

    memset(live, 0, layout->begin_bytes);
    live->heap.heap_address_bits = packet->heap_address_bits;
    live->heap.counter = key->counter;
    live->sender = key->sender;
    live->ring = key->ring;
    live->first_source = key->endpoint;
    live->generation = generation;
    use_tables(live, region, tables);
    if (generation == 0) { /* the number wrapped to 0, so very old cells would look used */
        memset(live->pointer_hash, 0, tables->hash_cells * sizeof(uint64_t));
        live->generation = 1;
    }
    return live;
}

/* ---- Item pointers ------------------------------------------------------------------------- */

/* Returns the cell of the hash table that holds this item pointer, or the empty cell into which the pointer belongs. */
static uint64_t *hash_cell(const struct speadi_live_heap *live,
                           const struct speadi_live_heap_layout *layout, uint64_t pointer)
{
    uint32_t i =
        (uint32_t)(speadi_keyed_hash(&layout->hash_key, pointer, 0) >> live->tables->hash_shift);

    for (;; i = (i + 1) & (live->tables->hash_cells - 1)) {
        uint64_t cell = live->pointer_hash[i];

        if (cell >> 32 != live->generation || live->heap.pointers[(uint32_t)cell - 1] == pointer)
            return &live->pointer_hash[i];
    }
}

static void hash_pointer(struct speadi_live_heap *live,
                         const struct speadi_live_heap_layout *layout, uint32_t index)
{
    *hash_cell(live, layout, live->heap.pointers[index]) =
        (uint64_t)live->generation << 32 | (index + 1);
}

static bool has_pointer(const struct speadi_live_heap *live,
                        const struct speadi_live_heap_layout *layout, uint64_t pointer)
{
    if (live->heap.pointer_count > LINEAR_POINTERS)
        return *hash_cell(live, layout, pointer) >> 32 == live->generation;
    for (uint32_t i = 0; i < live->heap.pointer_count; i++)
        if (live->heap.pointers[i] == pointer)
            return true;
    return false;
}

/* Returns true if the first packet of the heap had an immediate item with this identifier. If the heap does not have
 * this pointer, the value of that item differs, and so the pointer contradicts the heap. */
static bool contradicts_first(const struct speadi_live_heap *live, uint64_t pointer)
{
    unsigned bits = live->heap.heap_address_bits;
    uint64_t id = speadi_pointer_id(pointer, bits);

    if (!speadi_pointer_is_immediate(pointer) || id == SPEAD_ID_STREAM_CONTROL)
        return false;
    for (uint32_t i = 0; i < live->first_pointers; i++)
        if (speadi_pointer_is_immediate(live->heap.pointers[i]) &&
            speadi_pointer_id(live->heap.pointers[i], bits) == id)
            return true;
    return false;
}

static enum spead_recv_bucket add_pointer(struct speadi_live_heap *live,
                                          const struct speadi_live_heap_layout *layout,
                                          uint64_t pointer)
{
    struct spead_heap *heap = &live->heap;

    if (has_pointer(live, layout, pointer))
        return SPEAD_RECV_LIVE;
    if (contradicts_first(live, pointer))
        return SPEAD_RECV_REPEATED_COUNTER;
    if (heap->pointer_count == live->tables->pointers_max)
        return SPEAD_RECV_OVER_CAP_POINTERS;
    heap->pointers[heap->pointer_count++] = pointer;
    if (heap->pointer_count == LINEAR_POINTERS + 1)
        for (uint32_t i = 0; i < LINEAR_POINTERS; i++)
            hash_pointer(live, layout, i);
    if (heap->pointer_count > LINEAR_POINTERS)
        hash_pointer(live, layout, heap->pointer_count - 1);
    return SPEAD_RECV_LIVE;
}

/* Removes the pointers that were added last, until `count` pointers are left. It removes the last one first. So it
 * always empties the cell of the hash table that was filled last, and no search for another pointer goes through that
 * cell. */
static void drop_pointers(struct speadi_live_heap *live,
                          const struct speadi_live_heap_layout *layout, uint32_t count)
{
    struct spead_heap *heap = &live->heap;

    for (; heap->pointer_count > count; heap->pointer_count--) {
        uint32_t lowest_hashed =
            heap->pointer_count == LINEAR_POINTERS + 1 ? 0 : heap->pointer_count - 1;

        if (heap->pointer_count <= LINEAR_POINTERS)
            continue;
        for (uint32_t i = heap->pointer_count; i-- > lowest_hashed;)
            *hash_cell(live, layout, heap->pointers[i]) = 0;
    }
}

/* What the item pointers of one packet change in the heap. speadi_live_heap_add() stores these values in the heap only
 * after all pointers of the packet were accepted. */
struct pointer_news {
    uint64_t min_length;
    uint32_t control;
    bool user_items;
};

static enum spead_recv_bucket read_pointer(struct speadi_live_heap *live,
                                           const struct speadi_live_heap_layout *layout,
                                           uint64_t pointer, struct pointer_news *news)
{
    unsigned bits = live->heap.heap_address_bits;
    uint64_t id = speadi_pointer_id(pointer, bits), value = speadi_pointer_value(pointer, bits);
    bool immediate = speadi_pointer_is_immediate(pointer);

    if (!immediate && value > news->min_length)
        news->min_length = value;
    if (speadi_pointer_is_special(pointer, bits) || (immediate && id == SPEAD_ID_NULL))
        return SPEAD_RECV_LIVE;
    if (immediate && id == SPEAD_ID_STREAM_CONTROL && value <= SPEAD_CONTROL_DESCRIPTORS_UPDATED)
        news->control |= SPEADI_CONTROL_BIT(value);
    else if (id != SPEAD_ID_NULL)
        news->user_items = true;
    return add_pointer(live, layout, pointer);
}

enum spead_recv_bucket speadi_live_heap_may_begin(const struct speadi_live_heap_layout *layout,
                                                  const struct speadi_packet *packet)
{
    unsigned bits = packet->heap_address_bits;
    uint32_t items = 0;

    if (packet->pointer_count == packet->special_count)
        return SPEAD_RECV_LIVE;
    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        uint64_t pointer = speadi_packet_pointer(packet, i);
        bool immediate = speadi_pointer_is_immediate(pointer);

        if (!immediate && !packet->has_heap_length &&
            speadi_pointer_value(pointer, bits) > layout->heap_bytes_max)
            return SPEAD_RECV_OVER_CAP_HEAP_SIZE;
        if (!speadi_pointer_is_special(pointer, bits) &&
            !(immediate && speadi_pointer_id(pointer, bits) == SPEAD_ID_NULL))
            items++;
    }
    return items <= layout->pointers_max ? SPEAD_RECV_LIVE : SPEAD_RECV_OVER_CAP_POINTERS;
}

/* Reads the item pointers of a packet that carries items. Most packets carry none. So this function is not inlined:
 * otherwise every packet would save the registers that it needs. */
static __attribute__((noinline)) enum spead_recv_bucket read_pointers(
    struct speadi_live_heap *live, const struct speadi_live_heap_layout *layout,
    const struct speadi_packet *packet, struct pointer_news *news)
{
    uint32_t count = live->heap.pointer_count;

    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        enum spead_recv_bucket bucket =
            read_pointer(live, layout, speadi_packet_pointer(packet, i), news);

        if (bucket != SPEAD_RECV_LIVE) {
            drop_pointers(live, layout, count);
            return bucket;
        }
    }
    /* In a heap without a declared length, an address that is too large would make the heap longer than its memory. In
     * a heap with a declared length, an address past that length only means that the heap will never be complete. */
    if (!live->heap.has_length && !packet->has_heap_length &&
        news->min_length > layout->heap_bytes_max) {
        drop_pointers(live, layout, count);
        return SPEAD_RECV_OVER_CAP_HEAP_SIZE;
    }
    return SPEAD_RECV_LIVE;
}

void speadi_live_heap_grow(struct speadi_live_heap *live,
                           const struct speadi_live_heap_layout *layout, struct speadi_block *annex)
{
    const struct speadi_live_heap_tables *tables = &layout->tables[0];
    struct speadi_live_heap *head = annex->meta;
    struct spead_heap *heap = &live->heap;
    uint64_t *pointers = part_of(annex, tables->pointers_at);
    struct speadi_span *spans = part_of(annex, tables->spans_at);
    struct speadi_span *refused = part_of(annex, tables->refused_at);

    memcpy(pointers, heap->pointers, heap->pointer_count * sizeof *pointers);
    memcpy(spans, heap->spans, heap->span_count * sizeof *spans);
    memcpy(refused, heap->refused, heap->refused_count * sizeof *refused);
    /* The heap goes on with the generation of the annex. The cells of its old hash table are cleared, because later
     * heaps of the region may have this generation again. */
    memset(live->pointer_hash, 0, live->tables->hash_cells * sizeof *live->pointer_hash);
    heap->pointers = pointers;
    heap->spans = spans;
    heap->refused = refused;
    live->pointer_hash = part_of(annex, tables->hash_at);
    live->tables = tables;
    if (++head->generation == 0) { /* as in speadi_live_heap_open() */
        memset(live->pointer_hash, 0, tables->hash_cells * sizeof *live->pointer_hash);
        head->generation = 1;
    }
    live->generation = head->generation;
    if (heap->pointer_count > LINEAR_POINTERS)
        for (uint32_t i = 0; i < heap->pointer_count; i++)
            hash_pointer(live, layout, i);
    heap->region->annex = annex;
}

/* ---- Copies -------------------------------------------------------------------------------- */

struct speadi_live_heap *speadi_live_heap_copy(const struct speadi_live_heap *live,
                                               const struct speadi_live_heap_layout *layout,
                                               struct speadi_block *region)
{
    const struct speadi_live_heap_tables *tables = &layout->tables[region->size_class];
    const struct spead_heap *heap = &live->heap;
    struct speadi_live_heap *copy = region->meta;
    uint32_t generation = copy->generation;

    if (heap->length > region->bytes || heap->pointer_count > tables->pointers_max ||
        heap->span_count > tables->ranges_max || heap->refused_count > tables->refused_max)
        return NULL;
    memcpy(copy, live, layout->begin_bytes);
    copy->generation = generation; /* the cells of its hash table belong to earlier heaps */
    use_tables(copy, region, tables);
    memcpy(copy->heap.pointers, heap->pointers, heap->pointer_count * sizeof *heap->pointers);
    memcpy(copy->heap.spans, heap->spans, heap->span_count * sizeof *heap->spans);
    memcpy(copy->heap.refused, heap->refused, heap->refused_count * sizeof *heap->refused);
    memcpy(region->data, heap->region->data, heap->length);
    return copy;
}

/* ---- Packets ------------------------------------------------------------------------------- */

static enum spead_recv_bucket check_length(const struct speadi_live_heap *live,
                                           const struct speadi_packet *packet)
{
    const struct spead_heap *heap = &live->heap;

    if (!packet->has_heap_length)
        return heap->has_length && packet->payload_offset + packet->payload_bytes > heap->length
                   ? SPEAD_RECV_MALFORMED_BEYOND_HEAP
                   : SPEAD_RECV_LIVE;
    if ((heap->has_length && packet->heap_length != heap->length) ||
        packet->heap_length < live->min_length)
        return SPEAD_RECV_MALFORMED_HEAP_LENGTH;
    return SPEAD_RECV_LIVE;
}

static enum spead_recv_bucket check_in_order(const struct spead_heap *heap, uint64_t start,
                                             uint64_t end)
{
    if (start == heap->received)
        return SPEAD_RECV_LIVE;
    if (start > heap->received)
        return SPEAD_RECV_OUT_OF_ORDER;
    return end <= heap->received ? SPEAD_RECV_DUPLICATE : SPEAD_RECV_OVERLAP;
}

static enum spead_recv_bucket check_range(const struct spead_heap *heap, uint32_t ranges_max,
                                          uint64_t start, uint64_t end, uint32_t *at)
{
    switch (speadi_spans_check(heap->spans, heap->span_count, start, end, at)) {
    case SPEADI_SPANS_DUPLICATE:
        return SPEAD_RECV_DUPLICATE;
    case SPEADI_SPANS_OVERLAP:
        return SPEAD_RECV_OVERLAP;
    case SPEADI_SPANS_FREE:
        break;
    }
    if (heap->span_count == ranges_max &&
        speadi_spans_grows(heap->spans, heap->span_count, *at, start, end))
        return SPEAD_RECV_OVER_CAP_RANGES;
    return SPEAD_RECV_LIVE;
}

static bool items_contradict(const struct speadi_live_heap *live,
                             const struct speadi_live_heap_layout *layout,
                             const struct speadi_packet *packet)
{
    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        uint64_t pointer = speadi_packet_pointer(packet, i);

        if (contradicts_first(live, pointer) && !has_pointer(live, layout, pointer))
            return true;
    }
    return false;
}

/* Returns the bucket of a packet whose range the heap does not accept. The items of such a packet are not added to the
 * heap, but they can show that the packet is no copy. */
__attribute__((noinline)) static enum spead_recv_bucket copy_or_contradiction(
    const struct speadi_live_heap *live, const struct speadi_live_heap_layout *layout,
    const struct speadi_packet *packet, enum spead_recv_bucket bucket)
{
    return bucket != SPEAD_RECV_OVERLAP && items_contradict(live, layout, packet)
               ? SPEAD_RECV_REPEATED_COUNTER
               : bucket;
}

enum spead_recv_bucket speadi_live_heap_check(const struct speadi_live_heap *live,
                                              const struct speadi_live_heap_layout *layout,
                                              const struct speadi_packet *packet, uint32_t *at)
{
    const struct spead_heap *heap = &live->heap;
    uint64_t start = packet->payload_offset, end = start + packet->payload_bytes;
    enum spead_recv_bucket bucket;

    *at = heap->span_count;
    if (live->condemned)
        return SPEAD_RECV_REPEATED_COUNTER;
    if (packet->heap_address_bits != heap->heap_address_bits)
        return SPEAD_RECV_FOREIGN_FLAVOUR;
    bucket = check_length(live, packet);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    if (layout->in_order)
        bucket = check_in_order(heap, start, end);
    else if (packet->payload_bytes > 0) /* else the packet carries only item pointers */
        bucket = check_range(heap, live->tables->ranges_max, start, end, at);
    if (__builtin_expect(bucket == SPEAD_RECV_LIVE, 1))
        return bucket;
    return copy_or_contradiction(live, layout, packet, bucket);
}

static inline void count_size(struct speadi_live_heap *live, uint64_t start, uint64_t end)
{
    bool last = live->heap.has_length && end == live->heap.length;

    if (start == 0 || last)
        speadi_packet_sizes_count_edge(&live->sizes, (uint32_t)(end - start), start == 0);
    else
        speadi_packet_sizes_count(&live->sizes, (uint32_t)(end - start), 1);
}

enum spead_recv_bucket speadi_live_heap_add(struct speadi_live_heap *live,
                                            const struct speadi_live_heap_layout *layout,
                                            const struct speadi_packet *packet, uint32_t at)
{
    struct spead_heap *heap = &live->heap;
    uint64_t start = packet->payload_offset, end = start + packet->payload_bytes;
    struct pointer_news news = {.min_length = end > live->min_length ? end : live->min_length};
    enum spead_recv_bucket bucket = SPEAD_RECV_LIVE;

    if (packet->pointer_count != packet->special_count)
        bucket = read_pointers(live, layout, packet, &news);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    if (packet->has_heap_length) {
        heap->has_length = true;
        heap->length = packet->heap_length;
    }
    if (heap->packets == 0)
        live->first_pointers = speadi_min_u32(heap->pointer_count, FIRST_POINTERS_MAX);
    live->min_length = news.min_length;
    live->control |= news.control;
    live->user_items |= news.user_items;
    if (packet->payload_bytes > 0) {
        heap->span_count = speadi_spans_insert(heap->spans, heap->span_count, at, start, end);
        heap->received += packet->payload_bytes;
        count_size(live, start, end);
    }
    heap->packets++;
    return SPEAD_RECV_LIVE;
}

/* Extends heap.refused_within by a range of refused packets. The table of refused ranges has no room for this range. */
static void unplaced(struct spead_heap *heap, uint64_t packets, uint64_t start, uint64_t end)
{
    if (heap->refused_unplaced == 0 || start < heap->refused_within.start)
        heap->refused_within.start = start;
    if (heap->refused_unplaced == 0 || end > heap->refused_within.end)
        heap->refused_within.end = end;
    heap->refused_unplaced += packets;
}

bool speadi_live_heap_refused(struct speadi_live_heap *live, const struct speadi_packet *packet,
                              uint64_t packets, uint64_t time_ns)
{
    struct spead_heap *heap = &live->heap;
    uint64_t start = packet->payload_offset, end = start + packet->payload_bytes;
    bool overtaken = speadi_live_heap_was_overtaken(live, start);
    uint32_t at;

    if (packet->has_heap_length) {
        heap->has_length = true;
        heap->length = packet->heap_length;
    }
    if (heap->packets == 0 && time_ns > heap->last_ns)
        heap->last_ns = time_ns;
    if (start == end)
        return false;
    if (overtaken && speadi_spans_check(heap->refused, heap->refused_count, start, end, &at) ==
                         SPEADI_SPANS_DUPLICATE)
        overtaken = false; /* a copy of a packet that came before */
    count_size(live, start, end);
    if (!speadi_spans_unite(heap->refused, &heap->refused_count, live->tables->refused_max, start,
                            end))
        unplaced(heap, packets, start, end);
    return overtaken;
}

/* ---- The end ------------------------------------------------------------------------------- */

/* Returns the length of a heap without a declared length: the end of the last byte that a packet named. */
static uint64_t known_length(const struct speadi_live_heap *live)
{
    const struct spead_heap *heap = &live->heap;
    uint64_t end = live->min_length;

    if (heap->refused_count > 0 && heap->refused[heap->refused_count - 1].end > end)
        end = heap->refused[heap->refused_count - 1].end;
    return heap->refused_within.end > end ? heap->refused_within.end : end;
}

void speadi_live_heap_finish(struct speadi_live_heap *live, bool ended)
{
    struct spead_heap *heap = &live->heap;

    if (heap->has_length)
        ended = true;
    else
        heap->length = known_length(live);
    heap->complete = ended && heap->received == heap->length && live->min_length <= heap->length &&
                     !live->condemned;
    speadi_heap_sort_items(heap);
}

void speadi_live_heap_note_drops(struct speadi_live_heap *live,
                                 const struct speadi_kernel_drops *drops)
{
    const struct speadi_kernel_drops *before = &live->drops_at_open;

    /* A drop without a known cause counts as `other`. It moves to `checksum` when its cause is found, so the sums are
     * compared first. */
    bool dropped = drops->checksum + drops->other > before->checksum + before->other;
    bool checksum = drops->checksum > before->checksum && drops->other <= before->other;

    live->heap.checksum_drops = dropped && checksum;
    live->heap.local_drops = dropped && !checksum;
}

static int zero(struct speadi_heap_memory *memory, struct speadi_block *region, uint64_t from,
                uint64_t end)
{
    if (!region->data)
        return speadi_heap_memory_zero(memory, region->offset + from, region->offset + end);
    speadi_block_zero(region, from, end);
    return 0;
}

int speadi_live_heap_zero_holes(struct speadi_live_heap *live, struct speadi_heap_memory *memory)
{
    struct spead_heap *heap = &live->heap;
    uint64_t touched = heap->region->charged_bytes, from = 0;
    int ret = 0;

    for (uint32_t i = 0; ret == 0 && i < heap->span_count; i++) {
        ret = zero(memory, heap->region, from, heap->spans[i].start);
        from = heap->spans[i].end;
    }
    if (touched > heap->length)
        touched = heap->length;
    if (ret == 0 && touched > from)
        ret = zero(memory, heap->region, from, touched);
    return ret;
}
