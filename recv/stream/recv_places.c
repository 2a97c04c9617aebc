/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk streams: asks the place function where a heap goes, checks the answer, and moves the window of chunks. */
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#include "recv_stream.h"

/* ---- The question -------------------------------------------------------------------------- */

/* Fills items[i] with the value of the first immediate item of the packet that has the identifier ids[i]. */
static void read_items(const struct speadi_chunk_window *window, const struct speadi_packet *packet,
                       int64_t items[SPEAD_CHUNK_ITEMS_MAX])
{
    const uint32_t count = window->config.item_count;
    const unsigned bits = packet->heap_address_bits;

    for (uint32_t i = 0; i < count; i++)
        items[i] = -1;
    for (uint32_t p = 0; p < packet->pointer_count; p++) {
        uint64_t pointer = speadi_packet_pointer(packet, p);
        uint64_t id = speadi_pointer_id(pointer, bits);

        if (!speadi_pointer_is_immediate(pointer))
            continue;
        for (uint32_t i = 0; i < count; i++)
            if (window->items[i] == id && items[i] < 0)
                items[i] = (int64_t)speadi_pointer_value(pointer, bits);
    }
}

static void ask(struct spead_recv_stream *stream, const struct speadi_sender *sender,
                const struct speadi_rx_packet *raw, const struct speadi_packet *packet)
{
    struct speadi_chunk_window *window = stream->chunks;
    const struct spead_chunk_config *config = &window->config;
    int64_t items[SPEAD_CHUNK_ITEMS_MAX];
    const struct spead_chunk_packet question = {
        .source = raw->source,
        .sender = sender->address.known ? &sender->address : NULL,
        .heap_counter = packet->heap_counter,
        .heap_length = packet->heap_length,
        .payload_offset = packet->payload_offset,
        .payload_bytes = packet->payload_bytes,
        .time_ns = raw->time_ns,
        .clock = stream->burst.clock,
        .item_count = config->item_count,
        .items = items,
        .header = packet->pointers - SPEADI_HEADER_BYTES,
        .header_bytes = packet->header_bytes,
        .counters = window->counters,
        .counter_count = config->counter_count,
    };
    struct spead_chunk_place place = {
        .chunk_id = -1,
        .extra = config->extra_bytes > 0 ? window->extra : NULL,
    };

    memset(window->extra, 0, config->extra_bytes);
    read_items(window, packet, items);
    config->place(config->place_state, &question, &place);
    window->answer = (struct speadi_chunk_answer){
        .id = place.chunk_id,
        .range = {place.heap_index, place.heap_offset, packet->heap_length},
        .sender = sender->id,
        .counter = packet->heap_counter,
    };
}

/* ---- The window ---------------------------------------------------------------------------- */

/* Ends the live heaps that write into the chunk. */
static void close_heaps_of(struct spead_recv_stream *stream, const struct spead_chunk *chunk)
{
    struct speadi_live_heap *next;

    for (struct speadi_live_heap *live = stream->table.oldest; live; live = next) {
        next = live->newer;
        if (stream->chunks->slots[live->heap.region->index].chunk == chunk)
            speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_CHUNK);
    }
}

static void close_oldest(struct spead_recv_stream *stream)
{
    const struct spead_chunk *chunk = speadi_chunk_window_close_first(stream->chunks);

    if (!chunk) {
        stream->tally.totals->chunks_starved++;
        return;
    }
    if (chunk->writers > 0)
        close_heaps_of(stream, chunk);
    speadi_recv_chunks_left(stream);
}

/* Opens the chunks up to this id. Older chunks leave. */
static void reach(struct spead_recv_stream *stream, uint64_t id)
{
    struct speadi_chunk_window *window = stream->chunks;
    const uint64_t size = window->config.window, first = id >= size ? id - size + 1 : 0;

    if (!window->begun)
        window->first = window->end = first;
    window->begun = true;
    if (id >= window->end && id - window->end >= size) {
        speadi_recv_close_chunks(stream);
        stream->tally.totals->chunk_ids_skipped += first - window->end;
        window->first = window->end = first;
    }
    while (window->end <= id) {
        if (window->end - window->first == size)
            close_oldest(stream);
        speadi_chunk_window_open_next(window);
    }
}

void speadi_recv_close_chunks(struct spead_recv_stream *stream)
{
    while (stream->chunks->first < stream->chunks->end)
        close_oldest(stream);
}

/* ---- The age limit ------------------------------------------------------------------------- */

/* Returns the open chunk that began to fill first, or NULL. */
static const struct spead_chunk *oldest_filling(const struct speadi_chunk_window *window)
{
    const struct spead_chunk *oldest = NULL;

    for (uint64_t id = window->first; id < window->end; id++) {
        const struct spead_chunk *chunk = window->open[id % window->config.window];

        if (chunk && chunk->has_opened && (!oldest || chunk->opened_ns < oldest->opened_ns))
            oldest = chunk;
    }
    return oldest;
}

void speadi_recv_close_aged_chunks(struct spead_recv_stream *stream)
{
    struct speadi_chunk_window *window = stream->chunks;
    const struct spead_chunk *oldest;

    if (window->config.chunk_timeout_ns == 0)
        return;
    while ((oldest = oldest_filling(window)) != NULL &&
           stream->age_ns - oldest->opened_ns >= window->config.chunk_timeout_ns)
        for (uint64_t id = (uint64_t)oldest->id; window->first <= id;)
            close_oldest(stream);
}

uint64_t speadi_recv_chunk_age_left(const struct spead_recv_stream *stream)
{
    const uint64_t timeout = stream->chunks->config.chunk_timeout_ns;
    const struct spead_chunk *oldest = timeout > 0 ? oldest_filling(stream->chunks) : NULL;
    uint64_t age = oldest ? stream->age_ns - oldest->opened_ns : 0;

    if (!oldest)
        return UINT64_MAX;
    return age < timeout ? timeout - age : 0;
}

/* ---- The answer ---------------------------------------------------------------------------- */

static void say_no_chunk(struct spead_recv_stream *stream, uint64_t id)
{
    struct speadi_chunk_window *window = stream->chunks;

    if (window->said_no_chunk)
        return;
    window->said_no_chunk = true;
    speadi_log_line(
        &stream->config.log, SPEAD_LOG_WARNING,
        "no free chunk for id %llu: the consumer holds the chunks, or lets them wait: "
        "release chunks sooner, or raise chunk_count (%u); packets of such chunks count "
        "as no-memory",
        (unsigned long long)id, window->config.chunk_count);
}

/* Finds memory for the open chunk with this id. If there is none, either the stream pauses, or it refuses the heap. */
static struct spead_chunk *find_memory(struct spead_recv_stream *stream, uint64_t id, bool *paused)
{
    struct speadi_chunk_window *window = stream->chunks;
    struct spead_chunk *chunk = speadi_chunk_window_supply(window, id);

    if (__builtin_expect(chunk != NULL, 1)) {
        window->is_short = false;
        return chunk;
    }
    if (!window->is_short)
        window->short_ns = stream->now_ns;
    window->is_short = true;
    stream->tally.totals->chunks_free_least = 0;
    if (stream->outlet.pending_count > 0)
        speadi_recv_hand_over(stream, true);
    while (!chunk && stream->outlet.sheds_oldest && speadi_outlet_shed_oldest(&stream->outlet))
        chunk = speadi_chunk_window_supply(window, id);
    if (chunk) {
        window->is_short = false;
        return chunk;
    }
    say_no_chunk(stream, id);
    *paused = window->starving = speadi_recv_waits_for_room(stream);
    return NULL;
}

static void say_bad_place(struct spead_recv_stream *stream,
                          const struct speadi_chunk_answer *answer)
{
    const struct speadi_chunk_layout *layout = &stream->chunks->layout;

    if (stream->chunks->said_bad_place)
        return;
    stream->chunks->said_bad_place = true;
    speadi_log_line(
        &stream->config.log, SPEAD_LOG_WARNING,
        "the place function puts heap %llu outside of chunk %llu: index %llu of %u, bytes %llu from "
        "offset %llu of %llu; such heaps count as bad-place",
        (unsigned long long)answer->counter, (unsigned long long)answer->id,
        (unsigned long long)answer->range.index, layout->present_count,
        (unsigned long long)answer->range.bytes, (unsigned long long)answer->range.offset,
        (unsigned long long)layout->chunk_bytes);
}

static void say_taken(struct spead_recv_stream *stream, const struct speadi_chunk_answer *answer)
{
    if (stream->chunks->said_taken)
        return;
    stream->chunks->said_taken = true;
    speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING,
                    "the place function puts heap %llu where another heap is: chunk %llu, index "
                    "%llu, offset %llu; such heaps count as place-taken",
                    (unsigned long long)answer->counter, (unsigned long long)answer->id,
                    (unsigned long long)answer->range.index,
                    (unsigned long long)answer->range.offset);
}

/* Returns SPEAD_RECV_LIVE if the heap can go where the answer says; *chunk is then its chunk. */
static enum spead_recv_bucket judge(struct spead_recv_stream *stream, struct spead_chunk **chunk,
                                    bool *paused)
{
    struct speadi_chunk_window *window = stream->chunks;
    const struct speadi_chunk_answer *answer = &window->answer;
    uint64_t id = (uint64_t)answer->id;

    if (answer->id < 0)
        return SPEAD_RECV_REJECTED;
    /* A heap without a place must not move the window. */
    if (!speadi_chunk_has_place(&window->layout, &answer->range)) {
        say_bad_place(stream, answer);
        return SPEAD_RECV_BAD_PLACE;
    }
    if (window->begun && id < window->first)
        return SPEAD_RECV_TOO_OLD;
    if (!window->begun || id >= window->end)
        reach(stream, id);
    *chunk = find_memory(stream, id, paused);
    if (!*chunk)
        return SPEAD_RECV_NO_MEMORY;
    if (speadi_chunk_is_free(*chunk, &answer->range))
        return SPEAD_RECV_LIVE;
    say_taken(stream, answer);
    return SPEAD_RECV_PLACE_TAKEN;
}

static void count(struct spead_recv_counters *totals, enum spead_recv_bucket bucket)
{
    totals->heaps_rejected += bucket == SPEAD_RECV_REJECTED;
    totals->heaps_bad_place += bucket == SPEAD_RECV_BAD_PLACE;
    totals->heaps_place_taken += bucket == SPEAD_RECV_PLACE_TAKEN;
    totals->heaps_too_old += bucket == SPEAD_RECV_TOO_OLD;
    totals->heaps_no_memory += bucket == SPEAD_RECV_NO_MEMORY;
}

enum spead_recv_bucket speadi_recv_find_place(struct spead_recv_stream *stream,
                                              const struct speadi_sender *sender,
                                              const struct speadi_rx_packet *raw,
                                              const struct speadi_packet *packet,
                                              struct spead_chunk **chunk, bool *paused)
{
    struct speadi_chunk_answer *answer = &stream->chunks->answer;
    enum spead_recv_bucket bucket;

    if (!answer->kept || answer->sender != sender->id || answer->counter != packet->heap_counter)
        ask(stream, sender, raw, packet);
    bucket = judge(stream, chunk, paused);
    answer->kept = *paused;
    if (!*paused)
        count(stream->tally.totals, bucket);
    return bucket;
}

void speadi_recv_claim_place(struct spead_recv_stream *stream, const struct speadi_live_heap *live)
{
    struct speadi_chunk_window *window = stream->chunks;
    struct speadi_chunk_slot *slot = &window->slots[live->heap.region->index];
    struct spead_chunk *chunk = slot->chunk;
    const uint32_t bytes = window->layout.extra_bytes;

    speadi_chunk_claim(chunk, &slot->range, live->heap.counter, live->heap.source);
    if (bytes > 0)
        memcpy(chunk->extra + slot->range.index * bytes, window->extra, bytes);
    if (!chunk->has_opened)
        chunk->opened_ns = stream->age_ns;
    chunk->has_opened = true;
}
