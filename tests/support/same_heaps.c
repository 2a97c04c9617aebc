/* SPDX-License-Identifier: Apache-2.0 */
/* See same_heaps.h. */
#include "same_heaps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/heap_view.h>

#include "packet_builder.h"
#include "recv_stream.h"

#define MS        1000000ull
#define SECOND    (1000 * MS)
#define PIECES    16u   /* packets of the longest heap */
#define WIRE_MAX  200u  /* packets that are on the wire between two silences */
#define POLLS_MAX 20000 /* polls after which a packet is lost for good */

/* ---- Random numbers ------------------------------------------------------------------------ */

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

static bool chance(uint64_t of)
{
    return of > 0 && draw(of) == 0;
}

/* ---- Making a sequence --------------------------------------------------------------------- */

/* A packet before the network has changed anything. */
struct piece {
    uint32_t sender, endpoint;
    uint64_t counter, length, offset;
    uint32_t bytes, items;
    uint64_t control; /* value of the item 0x06; UINT64_MAX means that there is none */
    bool unsized;
};

/* What a sender sends next. */
struct line {
    uint64_t counter;
    uint32_t bytes; /* of payload in a packet */
    /* The last heap: how many packets it had, and the payload bytes of each. */
    unsigned pieces;
    uint32_t piece_bytes[PIECES];
};

struct maker {
    struct same_sequence *sequence;
    struct line line[SAME_ENDPOINTS][SAME_SENDERS]; /* joint endpoints use the first row */
    struct piece wire[WIRE_MAX];
    unsigned wire_count;
    uint64_t lost, repeated, reordered; /* one of this many packets; 0 means none */
    uint32_t made, made_at; /* the number of packets, and the endpoint of the last one */
};

static void choose(struct same_sequence *sequence)
{
    static const uint32_t windows[] = {1, 4, 8, 64, 200, 1024, 4096};
    struct spead_recv_stream_config *config = &sequence->config;

    *config = (struct spead_recv_stream_config)SPEAD_RECV_STREAM_CONFIG_INIT;
    sequence->senders = 1 + (uint32_t)(chance(2) ? draw(SAME_SENDERS) : 0);
    sequence->large = chance(8);
    sequence->regular = chance(2);
    sequence->poll_max = (unsigned)(chance(3) ? 1024 : 1 + draw(12));
    config->heap_bytes_max = sequence->large ? 48u << 10 : 2048;
    config->packet_bytes_max = sequence->large ? 4096 : 512;
    config->allow_out_of_order = !chance(3);
    config->deliver_incomplete = !chance(6);
    config->allow_unsized_heaps = true;
    config->live_heaps_max = (uint32_t)(1 + draw(4));
    config->substream_count = (uint32_t)(chance(5) ? 2 : 1);
    config->ranges_max = (uint32_t)(chance(6) ? 3 : 64);
    config->heap_timeout_ns = chance(3) ? 300 * MS : 0;
    config->restart_quiet_ns = 2 * SECOND;
    config->ignore_stop_item = chance(4);
    config->sender_key = chance(2) ? SPEAD_SENDER_KEY_NONE : SPEAD_SENDER_KEY_PORT;
    config->placed_window = windows[draw(7)];
    config->placed_loss_max = 1;
    config->hand_over_heaps = 128;
    config->held_heaps = 2;
}

static uint32_t packet_size(const struct same_sequence *sequence)
{
    return (uint32_t)(sequence->large ? 900 + draw(2100) : 1 + draw(120));
}

static void put(struct maker *maker, const struct piece *piece)
{
    if (maker->wire_count < WIRE_MAX)
        maker->wire[maker->wire_count++] = *piece;
}

/* Draws no number if there is one endpoint. */
static uint32_t draw_endpoint(const struct maker *maker)
{
    return maker->sequence->endpoints > 1 ? (uint32_t)draw(maker->sequence->endpoints) : 0;
}

static struct line *line_of(struct maker *maker, const struct piece *piece)
{
    return &maker->line[maker->sequence->config.joint ? 0 : piece->endpoint][piece->sender];
}

/* Cuts the next heap into packets. Senders of a regular sequence mostly cut it like the heap before. */
static void cut_heap(struct maker *maker, struct line *line)
{
    if (maker->sequence->regular && line->pieces > 0 && !chance(10))
        return;
    if (chance(3))
        line->bytes = packet_size(maker->sequence);
    line->pieces = 1 + (unsigned)draw(PIECES);
    for (unsigned i = 0; i < line->pieces; i++)
        line->piece_bytes[i] = (!maker->sequence->regular && chance(10)) || i + 1 == line->pieces
                                   ? 1 + (uint32_t)draw(line->bytes)
                                   : line->bytes;
}

/* Puts the packets of one heap on the wire. */
static void put_heap(struct maker *maker)
{
    struct piece piece = {.sender = (uint32_t)draw(maker->sequence->senders),
                          .endpoint = draw_endpoint(maker),
                          .control = UINT64_MAX};
    struct line *line = line_of(maker, &piece);
    bool striped = maker->sequence->config.joint && chance(3);
    unsigned last;

    cut_heap(maker, line);
    last = line->pieces;
    line->counter -= chance(12) && line->counter > 1;
    piece.counter = line->counter++;
    piece.unsized = chance(10);
    for (unsigned i = 0; i < line->pieces; i++)
        piece.length += line->piece_bytes[i];
    if (chance(maker->sequence->regular ? 20 : 5)) /* the sender dies */
        last = (unsigned)draw(line->pieces);
    for (unsigned i = 0; i < last; i++) {
        piece.bytes = line->piece_bytes[i];
        if (striped)
            piece.endpoint = draw_endpoint(maker);
        piece.items = i == 0 ? (uint32_t)draw(4) : chance(10);
        if (maker->sequence->regular)
            piece.items = i == 0 ? 2 : 0;
        put(maker, &piece);
        piece.offset += line->piece_bytes[i];
    }
}

/* Changes the order of packets, and lets some of them come from two heaps at a time. */
static void reorder(struct maker *maker)
{
    for (unsigned i = 0; i + 1 < maker->wire_count; i++) {
        unsigned other = i + 1 + (unsigned)draw(6);
        struct piece kept = maker->wire[i];

        if (other >= maker->wire_count || !chance(maker->reordered))
            continue;
        maker->wire[i] = maker->wire[other];
        maker->wire[other] = kept;
    }
}

static struct same_step *next_step(struct maker *maker, enum same_kind kind)
{
    struct same_step *step;

    if (maker->sequence->count == SAME_STEPS_MAX)
        abort();
    step = &maker->sequence->step[maker->sequence->count++];
    *step = (struct same_step){.kind = kind};
    return step;
}

/* Writes a packet. Each packet has payload of its own, so the outcome shows which copy of a packet was taken. */
static void emit(struct maker *maker, const struct piece *piece)
{
    static struct test_packet packet;
    struct same_step *step;
    uint8_t payload[4096];

    if (maker->sequence->config.joint && piece->endpoint != maker->made_at)
        next_step(maker, SAME_READ);
    step = next_step(maker, SAME_PACKET);
    maker->made_at = piece->endpoint;
    maker->made++;
    for (uint32_t i = 0; i < piece->bytes; i++)
        payload[i] = (uint8_t)(1 + (maker->made * 7 + i * 3 + piece->sender * 31) % 255);
    test_packet_begin(&packet, 40);
    test_packet_immediate(&packet, SPEAD_ID_HEAP_COUNTER, piece->counter);
    if (!piece->unsized)
        test_packet_immediate(&packet, SPEAD_ID_HEAP_LENGTH,
                              piece->length + (chance(200) ? 1u : 0u));
    test_packet_immediate(&packet, SPEAD_ID_PAYLOAD_OFFSET, piece->offset);
    test_packet_immediate(&packet, SPEAD_ID_PAYLOAD_LENGTH, piece->bytes);
    for (uint32_t i = 0; i < piece->items; i++)
        test_packet_immediate(&packet, 0x1600 + i, piece->counter + (chance(100) ? 1u : 0u));
    if (piece->control != UINT64_MAX)
        test_packet_immediate(&packet, SPEAD_ID_STREAM_CONTROL, piece->control);
    test_packet_payload(&packet, payload, piece->bytes);
    step->sender = piece->sender;
    step->endpoint = piece->endpoint;
    step->at = maker->sequence->used;
    step->bytes = (uint32_t)packet.length;
    if (step->at + step->bytes > SAME_BYTES_MAX)
        abort();
    memcpy(maker->sequence->bytes + step->at, packet.bytes, packet.length);
    maker->sequence->used += step->bytes;
}

static void pass(struct maker *maker)
{
    static const uint32_t ms[] = {1, 20, 150, 400, 2500};

    next_step(maker, SAME_READ);
    next_step(maker, SAME_PASS)->ms = ms[draw(5)];
}

/* Sends a start or a stop item, in a control heap or in a packet with data. */
static void emit_control(struct maker *maker)
{
    struct piece piece = {.sender = (uint32_t)draw(maker->sequence->senders),
                          .endpoint = draw_endpoint(maker),
                          .bytes = 1,
                          .length = 1,
                          .control = chance(2) ? SPEAD_CONTROL_STOP : SPEAD_CONTROL_START};

    piece.counter = line_of(maker, &piece)->counter++;
    piece.items = chance(3);
    emit(maker, &piece);
    next_step(maker, SAME_READ);
}

static void emit_wire(struct maker *maker)
{
    uint64_t reads = chance(2) ? 3 : 20;

    for (unsigned i = 0; i < maker->wire_count; i++) {
        if (chance(maker->lost))
            continue;
        emit(maker, &maker->wire[i]);
        if (chance(maker->repeated))
            emit(maker, &maker->wire[i]);
        if (chance(reads))
            next_step(maker, SAME_READ);
    }
    maker->wire_count = 0;
}

void same_sequence_make(struct same_sequence *sequence, enum same_endpoints endpoints,
                        uint64_t seed)
{
    static const uint64_t odds[] = {0, 8, 30};
    struct maker maker = {.sequence = sequence};
    unsigned rounds;

    state = seed * 0x9e3779b97f4a7c15ull + 1;
    sequence->seed = seed;
    sequence->count = sequence->used = 0;
    if (!sequence->bytes)
        sequence->bytes = malloc(SAME_BYTES_MAX);
    if (!sequence->bytes)
        abort();
    choose(sequence);
    sequence->endpoints =
        endpoints == SAME_ONE_ENDPOINT ? 1 : 2 + (uint32_t)draw(SAME_ENDPOINTS - 1);
    sequence->config.joint = endpoints == SAME_JOINT;
    maker.lost = odds[draw(3)];
    maker.repeated = odds[draw(3)];
    maker.reordered = odds[draw(3)];
    for (unsigned i = 0; i < sequence->endpoints * SAME_SENDERS; i++)
        maker.line[i / SAME_SENDERS][i % SAME_SENDERS] =
            (struct line){.counter = 1, .bytes = packet_size(sequence)};
    rounds = 1 + (unsigned)draw(4);
    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned heaps = sequence->endpoints + (unsigned)draw(sequence->regular ? 20 : 7);
             heaps > 0; heaps--)
            put_heap(&maker);
        reorder(&maker);
        emit_wire(&maker);
        pass(&maker);
        if (chance(12))
            emit_control(&maker);
    }
}

void same_sequence_free(struct same_sequence *sequence)
{
    free(sequence->bytes);
    sequence->bytes = NULL;
}

/* ---- Running a sequence -------------------------------------------------------------------- */

static uint64_t clock_ns;

static uint64_t test_clock(void)
{
    return clock_ns;
}

struct run {
    struct same_path *path;
    struct spead_recv_stream *stream;
    struct same_outcome *outcome;
    struct spead_recv_stats stats;
    uint64_t sent;
    bool joint, ended;
};

__attribute__((format(printf, 2, 3))) static void say(struct same_text *text, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    text->used +=
        (size_t)vsnprintf(text->text + text->used, SAME_TEXT_MAX - text->used, format, arguments);
    va_end(arguments);
    if (text->used >= SAME_TEXT_MAX)
        abort();
}

static uint64_t hash(const uint8_t *bytes, uint64_t count)
{
    uint64_t sum = 0xcbf29ce484222325ull;

    for (uint64_t i = 0; i < count; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3ull;
    return sum;
}

static void say_heap(struct run *run, const struct spead_heap *heap)
{
    uint32_t source = spead_heap_source(heap);
    struct same_text *text = &run->outcome->endpoint[run->joint ? 0 : source];
    const uint8_t *payload =
        run->path->payload ? run->path->payload(run->path, heap) : spead_heap_payload(heap);
    struct spead_gap gap[64];
    struct spead_item item;
    size_t gaps = spead_heap_gaps(heap, gap, 64);

    say(text, "endpoint %u, heap %llu: %llu of %llu bytes, %llu packets, %s, sum %016llx", source,
        (unsigned long long)spead_heap_counter(heap), (unsigned long long)spead_heap_received(heap),
        (unsigned long long)spead_heap_length(heap), (unsigned long long)spead_heap_packets(heap),
        spead_heap_is_complete(heap) ? "complete" : "incomplete",
        (unsigned long long)hash(payload, spead_heap_length(heap)));
    for (size_t i = 0; i < gaps && i < 64; i++)
        say(text, ", gap %llu+%llu (%d)", (unsigned long long)gap[i].offset,
            (unsigned long long)gap[i].bytes, (int)gap[i].cause);
    for (size_t i = 0; i < spead_heap_item_count(heap); i++)
        if (spead_heap_item(heap, i, &item) == 0)
            say(text, ", item %llx %llu", (unsigned long long)item.id,
                (unsigned long long)item.value);
    say(text, "\n");
}

static void poll_once(struct run *run, int *count)
{
    struct spead_heap *heap;

    *count = spead_recv_stream_poll(run->stream);
    run->ended = *count < 0;
    while (spead_recv_stream_try_take(run->stream, &heap) == 0) {
        say_heap(run, heap);
        spead_heap_unref(heap);
    }
    run->stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(run->stream, &run->stats);
}

/* Polls until the stream has seen all packets and its source is empty. */
static void read_all(struct run *run)
{
    int count = 1;

    for (int polls = 0; !run->ended && (count > 0 || run->stats.total.seen.packets < run->sent);
         polls++) {
        if (polls == POLLS_MAX) {
            fprintf(stderr, "%s: %llu packets of %llu came\n", run->path->name,
                    (unsigned long long)run->stats.total.seen.packets,
                    (unsigned long long)run->sent);
            abort();
        }
        poll_once(run, &count);
        if (count == 0 && run->stats.total.seen.packets < run->sent)
            spead_recv_stream_wait(run->stream, speadi_clock_mono_ns() + MS);
    }
}

/* Lets time pass in steps. A longer step would count as a delay of the owner thread. */
static void let_pass(struct run *run, uint32_t ms)
{
    while (ms > 0 && !run->ended) {
        uint32_t step = ms < 100 ? ms : 100;

        clock_ns += step * MS;
        ms -= step;
        read_all(run);
    }
}

static void say_ledger(struct same_text *text, const char *of,
                       const struct spead_recv_ledger *ledger, unsigned buckets)
{
    for (unsigned i = 0; i < buckets; i++)
        if (ledger->bucket[i].packets > 0)
            say(text, "%s, %s: %llu packets, %llu bytes\n", of, spead_recv_bucket_name(i),
                (unsigned long long)ledger->bucket[i].packets,
                (unsigned long long)ledger->bucket[i].bytes);
}

static void say_ledgers(struct run *run, uint32_t endpoints)
{
    struct spead_recv_ledger ledger;
    char of[32];

    for (uint32_t i = 0; i < endpoints; i++) {
        if (spead_recv_stream_source_stats(run->stream, i, &ledger, NULL) < 0)
            abort();
        snprintf(of, sizeof of, "endpoint %u", i);
        say_ledger(&run->outcome->endpoint[i], of, &ledger, run->stats.bucket_count);
    }
    say_ledger(&run->outcome->all, "all", &run->stats.total, run->stats.bucket_count);
}

static void say_counters(struct same_text *text, const struct spead_recv_stats *stats)
{
    const struct spead_recv_counters *c = &stats->counters;

    say(text, "complete %llu, incomplete %llu, evicted %llu, timed out %llu, flushed %llu\n",
        (unsigned long long)c->heaps_complete, (unsigned long long)c->heaps_incomplete,
        (unsigned long long)c->heaps_evicted, (unsigned long long)c->heaps_timed_out,
        (unsigned long long)c->heaps_flushed);
    say(text, "contradicted %llu, striped %llu, cut %llu, no memory %llu, shed %llu\n",
        (unsigned long long)c->heaps_contradicted, (unsigned long long)c->heaps_striped,
        (unsigned long long)c->heaps_unsized_cut, (unsigned long long)c->heaps_no_memory,
        (unsigned long long)c->heaps_shed);
    say(text, "missing packets %llu (%llu at least, %llu estimated), heaps %llu (%llu)\n",
        (unsigned long long)c->missing_packets, (unsigned long long)c->missing_packets_least,
        (unsigned long long)c->missing_packets_estimated, (unsigned long long)c->missing_heaps,
        (unsigned long long)c->missing_heaps_provisional);
    say(text, "reordered %llu, restarts %llu, senders %llu, absent %llu\n",
        (unsigned long long)c->packets_reordered, (unsigned long long)c->sender_restarts,
        (unsigned long long)c->senders, (unsigned long long)c->heaps_absent);
}

static void step(struct run *run, const struct same_sequence *sequence, const struct same_step *s)
{
    switch (s->kind) {
    case SAME_PACKET:
        if (!run->path->send(run->path, s, sequence->bytes + s->at)) {
            fprintf(stderr, "%s: a packet was not sent\n", run->path->name);
            abort();
        }
        run->sent++;
        if (run->path->unread_max > 0 &&
            run->sent - run->stats.total.seen.packets >= run->path->unread_max)
            read_all(run);
        break;
    case SAME_READ:
        read_all(run);
        break;
    case SAME_PASS:
        let_pass(run, s->ms);
        break;
    }
}

bool same_can_run(const struct same_path *path, const struct same_sequence *sequence)
{
    if (path->small_only && sequence->large)
        return false;
    return !path->one_sender || sequence->senders == 1 ||
           sequence->config.sender_key == SPEAD_SENDER_KEY_NONE;
}

static void forget(struct same_outcome *outcome)
{
    for (unsigned i = 0; i < SAME_ENDPOINTS; i++) {
        outcome->endpoint[i].used = 0;
        outcome->endpoint[i].text[0] = '\0';
    }
    outcome->all.used = 0;
}

bool same_run(struct same_path *path, const struct same_sequence *sequence,
              struct same_outcome *outcome, struct spead_err *err)
{
    struct run run = {.path = path, .outcome = outcome, .joint = sequence->config.joint};
    int count;

    forget(outcome);
    clock_ns = SECOND;
    run.stream = path->open(path, sequence, err);
    if (!run.stream)
        return false;
    run.stream->clock = test_clock;
    poll_once(&run, &count);
    for (unsigned i = 0; i < sequence->count && !run.ended; i++)
        step(&run, sequence, &sequence->step[i]);
    if (!run.ended)
        spead_recv_stream_stop(run.stream);
    for (int polls = 0; !run.ended && polls < POLLS_MAX; polls++)
        poll_once(&run, &count);
    say_ledgers(&run, sequence->endpoints);
    say_counters(&outcome->all, &run.stats);
    outcome->placed = run.stats.counters.placed;
    outcome->repaired = run.stats.counters.repaired;
    outcome->moved = run.stats.counters.heaps_moved;
    spead_recv_stream_destroy(run.stream);
    if (path->close)
        path->close(path);
    return true;
}

static const char *text_difference(const char *x, const char *y)
{
    static char text[2048];

    while (*x != '\0' || *y != '\0') {
        int n = (int)strcspn(x, "\n"), m = (int)strcspn(y, "\n");

        if (n != m || memcmp(x, y, (size_t)n) != 0) {
            snprintf(text, sizeof text, "\"%.*s\" / \"%.*s\"", n, x, m, y);
            return text;
        }
        x += n + (x[n] == '\n');
        y += m + (y[m] == '\n');
    }
    return NULL;
}

const char *same_difference(const struct same_outcome *a, const struct same_outcome *b)
{
    const char *difference = NULL;

    for (unsigned i = 0; i < SAME_ENDPOINTS && !difference; i++)
        difference = text_difference(a->endpoint[i].text, b->endpoint[i].text);
    return difference ? difference : text_difference(a->all.text, b->all.text);
}

uint64_t same_seeds(uint64_t usual)
{
    const char *more = getenv("SPEADLINE_SEEDS");

    return more ? strtoull(more, NULL, 10) : usual;
}

struct spead_recv_stream *same_start(const struct spead_recv_stream_config *config,
                                     struct spead_err *err)
{
    struct spead_recv_stream *stream = NULL;

    if (spead_recv_stream_create(&stream, config, err) < 0)
        return NULL;
    if (spead_recv_stream_start(stream, err) == 0)
        return stream;
    spead_recv_stream_destroy(stream);
    return NULL;
}
