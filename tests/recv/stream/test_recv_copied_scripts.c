/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a network that doubles packets changes nothing that the user gets. Method: random scripts of several senders with
 * heaps of one to three packets, several heaps at a time, lost packets, and start and stop items in control heaps and in
 * heaps of data. The same script runs twice, once with copies of random packets, and must deliver the same heaps.
 *
 * A copy is not sent behind a later start item of its sender: that item makes the stream forget the run before. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recv_rig.h"

#define SCRIPTS     400u
#define SENDERS     3u
#define PACKETS_MAX 600u
#define LIVE        4u   /* heaps of one sender that are under way at a time */
#define DISTANCE    12u  /* a copy comes at most this many packets later */
#define STEP_NS     1000 /* from packet to packet */
#define PIECE       64u

enum { NO_CONTROL = 9 };

struct packet {
    uint8_t sender, number, pieces, control;
    bool whole_control; /* a control heap */
    uint64_t counter;
};

struct list {
    struct packet packet[PACKETS_MAX];
    unsigned count;
};

/* A heap that is being sent. */
struct under_way {
    uint64_t counter;
    uint8_t pieces, next, control;
    bool repeats; /* the control item is in each packet */
};

static uint64_t state;

static unsigned draw(unsigned below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

static uint8_t draw_control(void)
{
    unsigned n = draw(24);

    return n == 0 ? SPEAD_CONTROL_START : n < 3 ? SPEAD_CONTROL_STOP : NO_CONTROL;
}

static struct under_way begin(uint64_t counter)
{
    return (struct under_way){.counter = counter,
                              .pieces = (uint8_t)(1 + draw(3)),
                              .control = draw_control(),
                              .repeats = draw(4) == 0};
}

static void add(struct list *list, const struct packet *packet)
{
    if (list->count < PACKETS_MAX && draw(40) != 0) /* else the packet is lost */
        list->packet[list->count++] = *packet;
}

static void send_next(struct list *list, uint8_t sender, struct under_way *heap)
{
    bool has_control = heap->control != NO_CONTROL && (heap->next == 0 || heap->repeats);
    const struct packet packet = {.sender = sender,
                                  .number = heap->next++,
                                  .pieces = heap->pieces,
                                  .control = has_control ? heap->control : NO_CONTROL,
                                  .counter = heap->counter};

    add(list, &packet);
}

static void make_script(struct list *list)
{
    struct under_way heap[SENDERS][LIVE];
    uint64_t counter[SENDERS] = {1, 1, 1};
    unsigned turns = 40 + draw(120);

    list->count = 0;
    for (unsigned s = 0; s < SENDERS; s++)
        for (unsigned i = 0; i < LIVE; i++)
            heap[s][i] = begin(counter[s]++);
    while (turns-- > 0) {
        uint8_t s = (uint8_t)draw(SENDERS);
        struct under_way *next = &heap[s][draw(LIVE)];

        if (draw(30) == 0)
            add(list,
                &(struct packet){.sender = s,
                                 .control = draw(2) ? SPEAD_CONTROL_START : SPEAD_CONTROL_STOP,
                                 .whole_control = true,
                                 .counter = counter[s]++});
        if (next->next == next->pieces)
            *next = begin(counter[s]++);
        send_next(list, s, next);
    }
}

/* Returns the position of the next start item of the sender behind `at`, or the end of the list. */
static unsigned next_start(const struct list *list, unsigned at)
{
    uint8_t sender = list->packet[at].sender;

    while (++at < list->count)
        if (list->packet[at].sender == sender && list->packet[at].control == SPEAD_CONTROL_START)
            return at;
    return at;
}

static void insert(struct list *list, unsigned at, const struct packet *packet)
{
    memmove(list->packet + at + 1, list->packet + at, (list->count - at) * sizeof *list->packet);
    list->packet[at] = *packet;
    list->count++;
}

static void double_some(struct list *list)
{
    for (unsigned i = 0; i < list->count && list->count < PACKETS_MAX; i++) {
        const struct packet packet = list->packet[i];
        unsigned at = i + 1 + draw(DISTANCE), end = next_start(list, i);

        if (draw(4) == 0)
            insert(list, at < end ? at : end, &packet);
    }
}

/* ---- Running ------------------------------------------------------------------------------- */

static void push(struct recv_rig *rig, const struct packet *packet)
{
    uint8_t payload[PIECE];
    struct script_packet *pushed;

    if (packet->whole_control) {
        pushed = recv_rig_control(rig, packet->counter, packet->control);
    } else {
        for (unsigned i = 0; i < PIECE; i++)
            payload[i] = test_packet_byte(packet->counter, packet->number * PIECE + i);
        test_packet_specials(&rig->packet, 40, packet->counter, packet->pieces * PIECE,
                             packet->number * PIECE, PIECE);
        test_packet_immediate(&rig->packet, 0x1600, packet->counter);
        if (packet->control != NO_CONTROL)
            test_packet_immediate(&rig->packet, SPEAD_ID_STREAM_CONTROL, packet->control);
        test_packet_payload(&rig->packet, payload, PIECE);
        pushed = recv_rig_push(rig);
    }
    pushed->from =
        speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, (uint8_t)(1 + packet->sender)}, 7000);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct outcome {
    char heap[PACKETS_MAX][24]; /* "sender:counter" of each heap that was delivered, sorted */
    unsigned heaps;
    uint64_t restarts, bad_packets;
};

static void take_all(struct recv_rig *rig, struct outcome *outcome)
{
    struct spead_heap *heap;

    while ((heap = recv_rig_take(rig)) != NULL) {
        cr_assert(recv_rig_heap_is_right(heap));
        snprintf(outcome->heap[outcome->heaps++], sizeof *outcome->heap, "%u:%llu",
                 heap->sender.address[15], (unsigned long long)spead_heap_counter(heap));
        spead_heap_unref(heap);
    }
}

static void run(const struct list *list, bool out_of_order, struct outcome *outcome)
{
    static struct recv_rig rig;

    *outcome = (struct outcome){0};
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = out_of_order;
    rig.config.ignore_stop_item = true;
    rig.config.live_heaps_max = 64;
    rig.config.finished_heaps_max = 1024;
    rig.config.hand_over_heaps = PACKETS_MAX;
    rig.config.heap_bytes_max = 4096;
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    rig.engine->clock_ns = 1000000000;
    rig.engine->poll_max = 1 + draw(20);
    for (unsigned i = 0; i < list->count; i++) {
        push(&rig, &list->packet[i]);
        rig.engine->packet[rig.engine->count - 1].clock_ns = 1000000000 + (i + 1) * STEP_NS;
    }
    recv_rig_run(&rig);
    take_all(&rig, outcome);
    outcome->restarts = rig.stats.counters.sender_restarts;
    outcome->bad_packets = recv_rig_packets(&rig, SPEAD_RECV_REPEATED_COUNTER) +
                           recv_rig_packets(&rig, SPEAD_RECV_OVERLAP);
    recv_rig_close(&rig);
    qsort(outcome->heap, outcome->heaps, sizeof *outcome->heap, compare);
}

static void print(const char *what, const struct list *list, const struct outcome *outcome)
{
    fprintf(stderr, "%s: ", what);
    for (unsigned i = 0; i < list->count; i++) {
        const struct packet *p = &list->packet[i];

        fprintf(stderr, "%s%u:%llu.%u/%u%s ", p->whole_control ? "C" : "", p->sender + 1,
                (unsigned long long)p->counter, p->number, p->pieces,
                p->control == SPEAD_CONTROL_START  ? "+"
                : p->control == SPEAD_CONTROL_STOP ? "!"
                                                   : "");
    }
    fprintf(stderr, "\n  restarts %llu, heaps", (unsigned long long)outcome->restarts);
    for (unsigned i = 0; i < outcome->heaps; i++)
        fprintf(stderr, " %s", outcome->heap[i]);
    fprintf(stderr, "\n");
}

static void expect_same(uint64_t seed, bool out_of_order)
{
    static struct list once, doubled;
    static struct outcome a, b;

    state = seed * 0x9e3779b97f4a7c15ull + 1;
    make_script(&once);
    doubled = once;
    double_some(&doubled);
    run(&once, out_of_order, &a);
    run(&doubled, out_of_order, &b);
    if (a.heaps == b.heaps && a.restarts == b.restarts && b.bad_packets == a.bad_packets &&
        memcmp(a.heap, b.heap, sizeof a.heap) == 0)
        return;
    print("once", &once, &a);
    print("with copies", &doubled, &b);
    cr_assert_fail("seed %llu: copies change what is delivered", (unsigned long long)seed);
}

Test(recv_copied_scripts, copies_of_packets_change_nothing, .timeout = 280)
{
    for (uint64_t seed = 1; seed <= SCRIPTS; seed++)
        expect_same(seed, true);
}

Test(recv_copied_scripts, in_order_copies_of_packets_change_nothing, .timeout = 280)
{
    for (uint64_t seed = 1; seed <= SCRIPTS; seed++)
        expect_same(seed, false);
}
