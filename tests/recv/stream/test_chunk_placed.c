/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: payload that is placed straight into chunks is right, also if predictions were wrong, and no chunk is handed over
 * while a receive may still write into it. Method: a scripted engine puts each packet into the next reserved range,
 * whichever packet it is. The same packets are read with placement and without: chunks and ledger must be the same. The
 * memory of a chunk still holds an older chunk, so a packet that is not moved home shows. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apart_memory.h"
#include "chunk_rig.h"

#define PARTS      16u
#define PART       32u
#define HEAP       (PARTS * PART)
#define HEAPS      8u /* of a chunk */
#define WIRE_MAX   4096u
#define CHUNKS_MAX 32u

struct sent {
    uint64_t number; /* of the heap; its counter is number + 1 */
    unsigned part;
};

static struct sent wire[WIRE_MAX];
static unsigned wire_count;
static struct chunk_rig rig;
static struct apart_memory apart;

struct mode {
    bool posts_ahead, apart;
    unsigned poll_max, window;
};

struct outcome {
    char buckets[1024];
    unsigned chunks;
    uint64_t received[CHUNKS_MAX];
    char present[CHUNKS_MAX][HEAPS + 1];
    uint64_t placed, repaired;
};

static void place(struct chunk_rig *r, const struct spead_chunk_packet *packet,
                  struct spead_chunk_place *answer)
{
    (void)r;
    answer->chunk_id = (int64_t)((packet->heap_counter - 1) / HEAPS);
    answer->heap_index = (packet->heap_counter - 1) % HEAPS;
    answer->heap_offset = answer->heap_index * HEAP;
}

static void init_mode(const struct mode *mode, enum spead_receive_path path)
{
    chunk_rig_init(&rig);
    rig.place = place;
    rig.chunks.chunk_bytes = HEAP * HEAPS;
    rig.chunks.present_count = HEAPS;
    rig.chunks.chunk_count = 5;
    rig.chunks.fill_byte = 0x5a;
    rig.recv.config.receive_path = path;
    rig.recv.config.placed_loss_max = 1;
    rig.recv.config.live_heaps_max = 4;
    rig.recv.engine->posts_ahead = mode->posts_ahead;
    rig.recv.engine->poll_max = mode->poll_max;
    rig.recv.engine->window = mode->window;
    if (!mode->apart)
        return;
    apart_memory_open(&apart, 1u << 20);
    rig.chunks.arena = &apart.arena;
    rig.recv.config.packet_bytes_max = 1024;
    rig.recv.ops = &script_nic_ops;
    rig.recv.engine->view = apart.view;
    rig.recv.engine->spills = true;
}

static void push(const struct sent *sent)
{
    uint8_t payload[PART];

    for (unsigned i = 0; i < PART; i++)
        payload[i] = test_packet_byte(sent->number + 1, sent->part * PART + i);
    test_packet_data(&rig.recv.packet, 40, sent->number + 1, HEAP, sent->part * PART, payload,
                     PART);
    recv_rig_push(&rig.recv);
}

static void take_all(struct outcome *outcome)
{
    struct spead_chunk *chunk;

    while ((chunk = chunk_rig_take(&rig)) != NULL) {
        struct spead_region_info info = SPEAD_REGION_INFO_INIT;
        const uint8_t *data = spead_chunk_data(chunk);

        spead_chunk_region_info(chunk, &info);
        if (!data)
            data = apart.view + (info.device_address - apart.arena.device_address);
        cr_assert(chunk_rig_is_right(chunk, data, 0x5a));
        outcome->received[outcome->chunks] = spead_chunk_received(chunk);
        strcpy(outcome->present[outcome->chunks++], chunk_rig_present(chunk));
        spead_chunk_unref(chunk);
    }
}

static struct outcome run_wire(const struct mode *mode, enum spead_receive_path path)
{
    struct outcome outcome = {0};

    init_mode(mode, path);
    chunk_rig_open(&rig);
    for (unsigned i = 0; i < wire_count; i++)
        push(&wire[i]);
    while (rig.recv.engine->next < rig.recv.engine->count) {
        recv_rig_poll(&rig.recv);
        take_all(&outcome);
    }
    recv_rig_stop(&rig.recv);
    take_all(&outcome);
    snprintf(outcome.buckets, sizeof outcome.buckets, "%s", recv_rig_buckets(&rig.recv));
    outcome.placed = rig.recv.stats.counters.placed;
    outcome.repaired = rig.recv.stats.counters.repaired;
    chunk_rig_close(&rig);
    if (mode->apart)
        apart_memory_close(&apart);
    return outcome;
}

static void expect_alike(const struct mode *mode, bool any_placed)
{
    struct mode host = *mode;
    struct outcome bounced, placed;

    host.apart = false;
    bounced = run_wire(&host, SPEAD_PATH_BOUNCE);
    placed = run_wire(mode, SPEAD_PATH_PLACED);
    cr_expect_str_eq(placed.buckets, bounced.buckets, "%s: %s", placed.buckets, bounced.buckets);
    cr_expect_eq(placed.chunks, bounced.chunks);
    for (unsigned i = 0; i < bounced.chunks; i++) {
        cr_expect_eq(placed.received[i], bounced.received[i], "chunk %u", i);
        cr_expect_str_eq(placed.present[i], bounced.present[i]);
    }
    cr_expect(!any_placed || placed.placed > 0);
}

static const struct mode modes[] = {
    {.poll_max = 8, .window = 8},
    {.posts_ahead = true, .poll_max = 8, .window = 24},
    {.posts_ahead = true, .poll_max = 3, .window = 5},
    {.posts_ahead = true, .apart = true, .poll_max = 5, .window = 24},
};

static void expect_alike_in_all_modes(void)
{
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
        expect_alike(&modes[i], true);
}

static void send_part(uint64_t number, unsigned part)
{
    cr_assert_lt(wire_count, WIRE_MAX);
    wire[wire_count++] = (struct sent){number, part};
}

static void send_heaps(uint64_t from, uint64_t end)
{
    for (uint64_t number = from; number < end; number++)
        for (unsigned part = 0; part < PARTS; part++)
            send_part(number, part);
}

static void forget_wire(void)
{
    wire_count = 0;
}

TestSuite(chunk_placed, .init = forget_wire);

Test(chunk_placed, payload_in_order_lies_where_it_belongs)
{
    send_heaps(0, 10 * HEAPS);
    expect_alike_in_all_modes();
}

Test(chunk_placed, after_a_loss_the_packets_are_moved_home)
{
    for (uint64_t number = 0; number < 6 * HEAPS; number++)
        for (unsigned part = 0; part < PARTS; part++)
            if (part % 7 != number % 7)
                send_part(number, part);
    expect_alike_in_all_modes();
}

Test(chunk_placed, a_chunk_does_not_leave_while_receives_are_posted_into_it)
{
    const struct mode *mode = &modes[1];
    struct outcome outcome = {0};

    init_mode(mode, SPEAD_PATH_PLACED);
    rig.chunks.window = 1;
    chunk_rig_open(&rig);
    send_heaps(0, HEAPS);
    wire_count -= PARTS - 4; /* the last heap is not finished, and receives are posted into it */
    for (unsigned i = 0; i < wire_count; i++)
        push(&wire[i]);
    rig.recv.engine->poll_max = 1;
    while (rig.recv.engine->next < rig.recv.engine->count)
        recv_rig_poll(&rig.recv);
    take_all(&outcome);
    cr_expect_eq(outcome.chunks, 0);
    cr_assert_gt(rig.recv.stream->placement.accepted[0], rig.recv.stream->placement.ended[0]);
    push(&(struct sent){HEAPS, 0}); /* the next chunk: chunk 0 leaves the window */
    recv_rig_poll(&rig.recv);
    recv_rig_poll(&rig.recv);
    take_all(&outcome);
    if (rig.recv.stream->placement.accepted[0] - rig.recv.stream->placement.ended[0] > 1)
        cr_expect_eq(rig.recv.stream->chunks->left_count + outcome.chunks, 1);
    recv_rig_stop(&rig.recv);
    take_all(&outcome);
    cr_expect_eq(outcome.chunks, 2);
    chunk_rig_close(&rig);
}

static uint64_t seed = 1;

static unsigned random_below(unsigned bound)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % bound;
}

/* Loses, repeats and swaps packets. */
static void disturb(unsigned percent)
{
    for (unsigned i = 0; i + 1 < wire_count; i++) {
        unsigned what = random_below(300);

        if (what < percent)
            wire[i] = wire[i + 1];
        else if (what < 2 * percent) {
            unsigned other = i + random_below(5) < wire_count ? i + random_below(5) : i;
            struct sent sent;

            if (other >= wire_count)
                other = i;
            sent = wire[i];
            wire[i] = wire[other];
            wire[other] = sent;
        } else if (what < 3 * percent) {
            memmove(wire + i, wire + i + 1, (wire_count - i - 1) * sizeof *wire);
            wire_count--;
        }
    }
}

Test(chunk_placed, random_losses_copies_and_swaps_change_nothing)
{
    for (unsigned round = 0; round < 30; round++) {
        forget_wire();
        send_heaps(0, 8 * HEAPS);
        disturb(1 + round);
        for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
            expect_alike(&modes[i], false);
    }
}

Test(chunk_placed, heaps_of_several_chunks_that_interleave_are_right)
{
    for (unsigned part = 0; part < PARTS; part++)
        for (uint64_t number = 0; number < 4; number++)
            send_part(number * HEAPS / 2, part);
    for (unsigned part = 0; part < PARTS; part += 2)
        for (uint64_t number = 0; number < 4; number++)
            send_part(number * HEAPS + 40, part);
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
        expect_alike(&modes[i], false);
}
