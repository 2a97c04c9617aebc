/* SPDX-License-Identifier: Apache-2.0 */
/* Implements the scripts of sender_script.h. */
#include "sender_script.h"

#include <errno.h>
#include <string.h>

#include <speadi/page_size.h>

#include "sender_oracle.h"

#define PIECE     16u /* payload bytes of an ordinary packet */
#define PIECES    6u  /* packets of an ordinary heap */
#define MS        1000000ull
#define SECOND    (1000 * MS)
#define DRAIN_MAX 4000u /* after this number of polls in one drain(), the stream is stuck */
#define HELD_MAX  3u
#define STEPS_MAX 2000u
#define FLAG_BITS (SPEADI_RX_INJECTED_DROP | SPEADI_RX_TRUNCATED | SPEADI_RX_REFUSED)

/* A packet that was sent. */
struct sent {
    uint32_t origin;
    uint8_t run;
    bool has_payload;
};

/* What comes next from one origin. */
struct line {
    uint64_t counter;
    uint32_t piece;
};

struct script {
    const uint8_t *bytes;
    size_t size, at;
    struct recv_rig rig;
    struct sender_oracle oracle;
    struct line line[ORACLE_ORIGINS], striped;
    struct sent sent[SCRIPT_PACKETS_MAX]; /* the packets in rig.engine->packet */
    struct spead_heap *held[HELD_MAX];
    uint32_t held_count;
    uint32_t origins;   /* number of origins that the script uses */
    uint8_t next_flags; /* engine flags of the next packet */
    uint8_t next_split; /* if not 0, the next packet is lent as a head of this length and a body */
    uint8_t next_cut;   /* number of bytes that the next packet lacks at its end */
    bool ended;
};

/* The parts of a packet that a script chooses. */
struct piece {
    uint32_t origin;
    uint64_t counter, length, offset, bytes;
    bool unsized;
    uint8_t item;  /* 0 no item, 1 an immediate item, 2 an item with an address */
    uint8_t value; /* of the item */
    bool has_control;
    uint8_t control; /* the value of the stream-control item */
};

/* Returns the next byte of the script, or 0 behind its end. */
static uint8_t next(struct script *script)
{
    return script->at < script->size ? script->bytes[script->at++] : 0;
}

/* ---- Configuration ------------------------------------------------------------------------- */

static void choose_senders(struct spead_recv_stream_config *config, struct script *script)
{
    static const uint64_t quiet[] = {2 * SECOND, 0, 1, UINT64_MAX, SECOND / 2};
    static const uint64_t repeat[] = {10 * MS, 0, UINT64_MAX};
    uint8_t a = next(script), b = next(script), c = next(script);

    config->sender_key = (enum spead_sender_key)(a % 3);
    config->joint = a & 64;
    config->ignore_stop_item = a & 128;
    config->senders_max = 1 + (a >> 2) % 12;
    config->restart_quiet_ns = quiet[b % 5];
    config->repeat_ns = repeat[(b >> 3) % 3];
    config->stop_silence_ns = b & 32 ? 0 : b & 64 ? UINT64_MAX : 10 * SECOND;
    config->stop_count = c % 4;
    config->heap_timeout_ns = c & 16 ? 100 * MS : 0;
    config->finished_heaps_max = c & 32 ? 1 : 0;
}

static void choose(struct script *script)
{
    static const uint32_t origins[] = {1, 2, ORACLE_HOSTS * ORACLE_PORTS, ORACLE_ORIGINS};
    struct spead_recv_stream_config *config = &script->rig.config;
    struct script_engine *engine = script->rig.engine;
    uint8_t a = next(script), b = next(script), c = next(script), d = next(script);

    config->allow_out_of_order = !(a & 1 && d & 16);
    config->deliver_incomplete = a & 2;
    config->receive_path = a & 4 ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
    config->on_full = (enum spead_on_full)((a >> 4) % 3);
    config->allow_unsized_heaps = !(a & 8);
    config->live_heaps_max = 1 + b % 4;
    config->substream_count = 1 + (b >> 2) % 3;
    config->hand_over_heaps = 1 + (b >> 4) % 4;
    config->heap_bytes_max = ORACLE_HEAP_MAX;
    config->packet_bytes_max = 1472;
    config->memory_bytes_max = d & 64 ? 3 * speadi_pages_size() : 0;
    config->pointers_max = 8;
    config->ranges_max = 4;
    config->stop_drain_ns = 0;
    engine->posts_ahead = c & 1;
    engine->poll_max = 1 + (c >> 1) % 24;
    engine->window = 1 + d % 16;
    engine->clock_ns = SECOND;
    script->rig.sources = ORACLE_ENDPOINTS;
    script->rig.ops = &script_clock_ops;
    script->origins = origins[b >> 7 | (d >> 6 & 2)];
    choose_senders(config, script);
}

/* ---- Packets ------------------------------------------------------------------------------- */

/* Queues the packet script->rig.packet of this origin. */
static void push(struct script *script, uint32_t origin, bool has_payload)
{
    struct script_packet *packet;

    if (script->rig.engine->count == SCRIPT_PACKETS_MAX)
        return;
    if (script->next_cut < script->rig.packet.length)
        script->rig.packet.length -= script->next_cut;
    sender_oracle_hear(&script->oracle, origin);
    script->sent[script->rig.engine->count] =
        (struct sent){origin, sender_oracle_run(&script->oracle, origin), has_payload};
    packet = recv_rig_push(&script->rig);
    packet->source = sender_oracle_endpoint(origin);
    packet->from = sender_oracle_from(origin);
    packet->flags = script->next_flags;
    packet->bucket = SPEAD_RECV_MALFORMED_FRAME;
    if (packet->flags == 0 && script->next_split > 0 && script->next_split < packet->length)
        packet->split = script->next_split;
    script->next_flags = script->next_split = script->next_cut = 0;
}

/* Tells the oracle of a start item. The stream surely reads it if its packet is not damaged and if the table has a place
 * for every sender. */
static void start(struct script *script, const struct piece *piece)
{
    bool whole = script->next_flags == 0 && script->next_split == 0 && script->next_cut == 0;

    if (script->rig.engine->count == SCRIPT_PACKETS_MAX)
        return;
    sender_oracle_hear(&script->oracle, piece->origin);
    sender_oracle_start(&script->oracle, piece->origin, piece->counter,
                        whole && piece->offset == 0 &&
                            script->rig.config.senders_max >= script->origins);
}

static void send_piece(struct script *script, const struct piece *piece)
{
    struct test_packet *packet = &script->rig.packet;
    uint8_t payload[ORACLE_HEAP_MAX];

    test_packet_begin(packet, 40);
    test_packet_immediate(packet, SPEAD_ID_HEAP_COUNTER, piece->counter);
    if (!piece->unsized)
        test_packet_immediate(packet, SPEAD_ID_HEAP_LENGTH, piece->length);
    test_packet_immediate(packet, SPEAD_ID_PAYLOAD_OFFSET, piece->offset);
    test_packet_immediate(packet, SPEAD_ID_PAYLOAD_LENGTH, piece->bytes);
    if (piece->item == 1)
        test_packet_immediate(packet, 0x1600, piece->value);
    else if (piece->item == 2)
        test_packet_addressed(packet, 0x1601, piece->value / ORACLE_WORD % 16 * ORACLE_WORD);
    if (piece->has_control) {
        test_packet_immediate(packet, SPEAD_ID_STREAM_CONTROL, piece->control);
        test_packet_immediate(packet, 0x1600, 1);
    }
    /* push() calls sender_oracle_hear() again. The time is the same then, so the second call changes nothing. */
    sender_oracle_hear(&script->oracle, piece->origin);
    sender_oracle_fill(&script->oracle, piece->origin, piece->counter, piece->offset, payload,
                       piece->bytes);
    test_packet_payload(packet, payload, piece->bytes);
    push(script, piece->origin, true);
}

static uint32_t next_origin(struct script *script)
{
    return next(script) % script->origins;
}

static struct piece ordinary(uint32_t origin, const struct line *line)
{
    return (struct piece){.origin = origin,
                          .counter = line->counter & 0xffffffffffull,
                          .length = PIECES * PIECE,
                          .offset = (uint64_t)line->piece * PIECE,
                          .bytes = PIECE};
}

static void advance(struct line *line)
{
    if (++line->piece == PIECES) {
        line->piece = 0;
        line->counter++;
    }
}

/* Sends a packet that differs from an ordinary one as the byte `kind` says. */
static void send_odd(struct script *script, struct piece piece, uint8_t kind)
{
    switch (kind % 8) {
    case 0: /* a heap of one packet */
        piece.offset = 0;
        piece.length = piece.bytes = (uint64_t)(kind / 8 % 8) * ORACLE_WORD;
        break;
    case 1: /* another length */
        piece.length = ORACLE_HEAP_MAX / 2;
        break;
    case 2: /* a range that overlaps others */
        piece.offset = (uint64_t)(kind / 8 % 7) * ORACLE_WORD;
        break;
    case 3:
        piece.unsized = true;
        break;
    case 4: /* only items */
        piece.bytes = piece.offset = 0;
        break;
    default:
        piece.bytes += kind & 128 ? ORACLE_WORD : 0;
        break;
    }
    piece.item = next(script) % 3;
    piece.value = next(script);
    if (piece.unsized || piece.offset + piece.bytes <= piece.length)
        send_piece(script, &piece);
}

static void send_packet(struct script *script, uint8_t mode)
{
    uint32_t origin = next_origin(script);
    struct line *line = &script->line[origin];
    struct piece piece;

    if (mode % 4 == 1) /* a packet is lost */
        advance(line);
    else if (mode % 4 == 2) /* a packet comes out of order, perhaps again */
        line->piece = next(script) % PIECES;
    piece = ordinary(origin, line);
    if (mode % 4 == 3)
        send_odd(script, piece, next(script));
    else
        send_piece(script, &piece);
    advance(line);
}

static void send_heap(struct script *script)
{
    uint32_t origin = next_origin(script);
    struct line *line = &script->line[origin];

    line->piece = 0;
    for (unsigned i = 0; i < PIECES; i++) {
        struct piece piece = ordinary(origin, line);

        send_piece(script, &piece);
        advance(line);
    }
}

/* Sends one heap over several origins. */
static void send_striped(struct script *script)
{
    uint32_t origin = next_origin(script), step = 1 + next(script) % 6;

    for (unsigned i = 0; i < PIECES; i++) {
        struct piece piece = ordinary(origin, &script->striped);

        send_piece(script, &piece);
        advance(&script->striped);
        origin = (origin + step) % script->origins;
    }
}

/* Sends a packet with a stream-control item: a control heap, or a packet of a heap of data. */
static void send_control(struct script *script)
{
    uint32_t origin = next_origin(script);
    uint8_t kind = next(script);
    struct test_packet *packet = &script->rig.packet;
    struct piece piece = ordinary(origin, &script->line[origin]);

    if (kind & 1) { /* a control heap */
        piece.offset = 0;
        if ((kind & 2) == 0)
            start(script, &piece);
        test_packet_specials(packet, 40, piece.counter, 1, 0, 1);
        test_packet_immediate(packet, SPEAD_ID_STREAM_CONTROL,
                              kind & 2 ? SPEAD_CONTROL_STOP : SPEAD_CONTROL_START);
        test_packet_addressed(packet, SPEAD_ID_NULL, 0);
        test_packet_payload(packet, "", 1);
        push(script, origin, false);
        return;
    }
    piece.has_control = true;
    piece.control = (kind >> 1) % 4;
    if (kind & 8) { /* only items */
        piece.bytes = 0;
    } else if (kind & 16) { /* the whole heap */
        piece.offset = 0;
        piece.length = piece.bytes;
    }
    if (piece.control == SPEAD_CONTROL_START)
        start(script, &piece);
    send_piece(script, &piece);
    if ((kind & 24) == 0)
        advance(&script->line[origin]);
}

/* Sends a packet that was sent before once more, as a network does that doubles packets. A packet with payload is not
 * sent again in a later run: the stream cannot know of which run its bytes are. */
static void send_copy(struct script *script)
{
    struct script_engine *engine = script->rig.engine;
    unsigned back = 1 + next(script) % 64u;
    const struct script_packet *packet;
    const struct sent *sent;

    if (back > engine->count || engine->count == SCRIPT_PACKETS_MAX)
        return;
    packet = &engine->packet[engine->count - back];
    sent = &script->sent[engine->count - back];
    sender_oracle_hear(&script->oracle, sent->origin);
    if (sent->has_payload && sent->run != sender_oracle_run(&script->oracle, sent->origin))
        return;
    script->rig.packet.length = packet->length;
    memcpy(script->rig.packet.bytes, packet->bytes, packet->length);
    push(script, sent->origin, sent->has_payload);
}

static void move_counter(struct script *script)
{
    struct line *line = &script->line[next_origin(script)];
    uint8_t how = next(script);
    const uint64_t to[] = {
        0,          line->counter + 16,  line->counter - 1,       0xfffffffffeull,
        1ull << 20, (uint64_t)how << 21, script->striped.counter, line->counter + (1ull << 33)};

    line->counter = to[how % 8];
    line->piece = 0;
}

/* ---- The stream ---------------------------------------------------------------------------- */

static void poll_once(struct script *script)
{
    struct recv_rig *rig = &script->rig;

    if (script->ended)
        return;
    script->ended = spead_recv_stream_poll(rig->stream) < 0;
    rig->stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(rig->stream, &rig->stats);
    sender_oracle_check_poll(&script->oracle);
}

static void take(struct script *script, bool hold)
{
    struct spead_heap *heap;

    while ((heap = recv_rig_take(&script->rig)) != NULL) {
        sender_oracle_check_heap(&script->oracle, heap);
        if (hold && script->held_count < HELD_MAX)
            script->held[script->held_count++] = heap;
        else
            spead_heap_unref(heap);
    }
}

static void release(struct script *script)
{
    while (script->held_count > 0) { /* a heap must not have changed while the consumer held it */
        sender_oracle_check_heap(&script->oracle, script->held[--script->held_count]);
        spead_heap_unref(script->held[script->held_count]);
    }
}

/* Polls until the stream has read all packets that were sent. */
static void drain(struct script *script)
{
    const struct script_engine *engine = script->rig.engine;

    for (unsigned i = 0; !script->ended; i++) {
        if (engine->next == engine->count && !script->rig.stream->burst_is_out)
            return;
        if (i % 4 == 3)
            take(script, false);
        if (i == DRAIN_MAX / 2)
            release(script);
        if (i == DRAIN_MAX) {
            sender_oracle_fail(&script->oracle, "read, sent: the stream is stuck", engine->next,
                               engine->count);
            return;
        }
        poll_once(script);
    }
}

/* Lets a sender send its current heap or the heap before that again. The sender can begin at any packet of the heap. */
static void restart(struct script *script)
{
    uint8_t how = next(script);
    struct line *line = &script->line[next_origin(script)];

    line->counter -= how & 1;
    line->piece = (how >> 1) % PIECES;
}

static void let_time_pass(struct script *script)
{
    static const uint64_t step[] = {MS,         30 * MS,        300 * MS,   900 * MS,
                                    2 * SECOND, 2 * SECOND + 1, 5 * SECOND, 11 * SECOND};
    uint8_t how = next(script);

    drain(script);
    script->rig.engine->clock_ns += step[how % 8];
    if (how & 8) /* the stream finds its source empty */
        poll_once(script);
    if (how & 16)
        restart(script);
}

static void step(struct script *script)
{
    uint8_t op = next(script);

    switch (op % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        if (op & 128)
            send_copy(script);
        else
            send_packet(script, op / 16);
        break;
    case 5:
    case 6:
        send_heap(script);
        break;
    case 7:
        send_striped(script);
        break;
    case 8:
        move_counter(script);
        break;
    case 9:
        let_time_pass(script);
        break;
    case 10:
        poll_once(script);
        break;
    case 11:
        for (unsigned i = 0; i <= op / 16u; i++)
            poll_once(script);
        break;
    case 12:
        take(script, op & 16);
        if (op & 32)
            release(script);
        break;
    case 13:
        send_control(script);
        break;
    case 14:
        script->next_flags = (uint8_t)(next(script) & FLAG_BITS);
        break;
    default:
        script->next_cut = op & 16 ? next(script) : 0;
        script->next_split = op & 16 ? 0 : next(script);
        break;
    }
}

const char *sender_script_run(const uint8_t *bytes, size_t size)
{
    static struct script script;
    static char failure[sizeof script.oracle.failure];

    memset(&script, 0, sizeof script);
    script.bytes = bytes;
    script.size = size;
    recv_rig_init(&script.rig);
    choose(&script);
    recv_rig_open(&script.rig);
    sender_oracle_init(&script.oracle, &script.rig);
    for (unsigned i = 0; i < STEPS_MAX && script.at < script.size && !script.ended; i++)
        step(&script);
    drain(&script);
    take(&script, false);
    if (!script.ended)
        spead_recv_stream_stop(script.rig.stream);
    while (!script.ended)
        poll_once(&script);
    sender_oracle_check_end(&script.oracle);
    take(&script, false);
    release(&script);
    recv_rig_close(&script.rig);
    memcpy(failure, script.oracle.failure, sizeof failure);
    return failure[0] != '\0' ? failure : NULL;
}
