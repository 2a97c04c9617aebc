/* SPDX-License-Identifier: Apache-2.0 */
/* Implements the receive engine of script_engine.h. */
#include "script_engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

struct script_engine *script_engine_new(void)
{
    struct script_engine *e = calloc(1, sizeof *e);

    if (e == NULL)
        abort();
    e->window = SPEADI_RX_RESERVE_MAX;
    e->fill = 1;
    e->queues = 1;
    return e;
}

void script_engine_queues(struct script_engine *e, unsigned queues)
{
    e->queues = queues;
    e->window = SPEADI_RX_RESERVE_MAX / queues;
    for (unsigned i = 0; i < queues; i++)
        e->accepted[i] = e->landed[i] = e->ended[i] = i;
}

struct script_packet *script_engine_push(struct script_engine *e, const void *bytes, size_t length)
{
    struct script_packet *packet = &e->packet[e->count++];

    assert(e->count <= SCRIPT_PACKETS_MAX);
    *packet = (struct script_packet){
        .bytes = malloc(length + 1), .length = (uint32_t)length, .segments = 1};
    if (packet->bytes == NULL)
        abort();
    if (length > 0)
        memcpy(packet->bytes, bytes, length);
    return packet;
}

void script_engine_clear(struct script_engine *e)
{
    for (unsigned i = 0; i < e->count; i++)
        free(e->packet[i].bytes);
    e->count = e->next = 0;
}

static void script_close(void *self)
{
    script_engine_clear(self);
}

static int script_start(void *self, struct spead_err *err)
{
    struct script_engine *e = self;

    return e->start_error < 0 ? speadi_err_set(err, e->start_error, "the script does not start")
                              : 0;
}

/* Places the packet in the next reserved range. The core can have reserved that range for another packet. */
static void land(struct script_engine *e, unsigned queue, struct speadi_rx_packet *out, unsigned i)
{
    const uint64_t place = e->landed[queue];
    uint64_t r = place % SPEADI_RX_RESERVE_MAX;
    uint32_t head = e->range_head[r], body;

    if (place == e->accepted[queue])
        return;
    e->landed[queue] += e->queues;
    if (out->head_bytes <= head || (!e->spills && out->head_bytes - head > e->range[r].bytes))
        /* The packet does not fit into its range. The reservation ends here, but the engine does not place the
         * packet. */
        return;
    body = out->head_bytes - head;
    if (body > e->range[r].bytes) {
        body = e->range[r].bytes;
        out->tail = out->head + head + body;
        out->tail_bytes = out->head_bytes - head - body;
    }
    memcpy(e->heads[i], out->head, head);
    memcpy(e->view != NULL ? e->view + e->range[r].offset : e->range[r].data, out->head + head,
           body);
    out->head = e->heads[i];
    out->head_bytes = head;
    out->body = e->range[r].data; /* NULL if the CPU cannot touch the memory */
    out->body_bytes = body;
    out->place = place;
}

static void lend(struct script_engine *e, struct speadi_rx_burst *burst)
{
    struct script_packet *packet = &e->packet[e->next++];
    struct speadi_rx_packet *out = &burst->packet[burst->count];

    packet->from.source = packet->source;
    packet->from.queue = (uint16_t)(packet->from.sender.port % e->queues);
    *out = (struct speadi_rx_packet){
        .head = packet->bytes,
        .head_bytes = packet->length,
        .datagram_bytes = packet->length,
        .source = packet->source,
        .flags = packet->flags,
        .bucket = packet->bucket,
        .segments = packet->segments,
        .from = speadi_rx_from_add(burst, &packet->from),
        .time_ns = packet->time_ns != 0 ? packet->time_ns : 1000 + e->next,
        .place = SPEADI_RX_UNPLACED,
    };
    if (packet->split != 0) {
        out->head_bytes = packet->split;
        out->body = packet->bytes + packet->split;
        out->body_bytes = packet->length - packet->split;
    } else if (packet->flags == 0) {
        land(e, packet->from.queue, out, burst->count);
    }
    burst->count++;
    if (packet->clock_ns != 0)
        e->clock_ns = packet->clock_ns;
}

static int script_poll(void *self, struct speadi_rx_burst *burst)
{
    struct script_engine *e = self;
    unsigned max = e->poll_max != 0 ? e->poll_max : SPEADI_RX_BURST_MAX;

    assert(e->bursts_out == 0);
    speadi_rx_burst_begin(burst);
    while (burst->count < max && e->next < e->count)
        lend(e, burst);
    for (unsigned i = 0; i < e->queues; i++) {
        if (!e->posts_ahead)
            e->landed[i] = e->accepted[i];
        burst->reservations_ended[i] = e->ended[i] = e->landed[i];
    }
    e->bursts_out = burst->count > 0;
    return burst->count > 0 ? (int)burst->count : e->end;
}

static void script_give_back(void *self, struct speadi_rx_burst *burst)
{
    struct script_engine *e = self;

    assert(e->bursts_out == 1);
    e->bursts_out = 0;
    burst->count = 0;
}

static unsigned script_reserve(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                               const struct speadi_rx_range *ranges, unsigned count)
{
    struct script_engine *e = self;
    unsigned taken = 0;

    (void)source;
    assert(e->bursts_out == 0);
    if (head_bytes > SCRIPT_HEAD_BYTES_MAX)
        return 0;
    while (taken < count && e->accepted[queue] - e->ended[queue] < e->window * e->queues) {
        const uint64_t r = e->accepted[queue] % SPEADI_RX_RESERVE_MAX;

        e->range[r] = ranges[taken++];
        e->range_head[r] = head_bytes;
        e->accepted[queue] += e->queues;
    }
    if (e->accepted[queue] - e->ended[queue] > e->most_outstanding * e->queues)
        e->most_outstanding = (unsigned)(e->accepted[queue] - e->ended[queue]) / e->queues;
    return taken;
}

static int nic_attach(void *self, const struct spead_region_info *memory, struct spead_err *err)
{
    struct script_engine *e = self;

    e->memory = *memory;
    return e->attach_error < 0 ? speadi_err_set(err, e->attach_error, "the script does not attach")
                               : 0;
}

static unsigned nic_reserve(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                            const struct speadi_rx_range *ranges, unsigned count)
{
    struct script_engine *e = self;

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *base = e->memory.data;

        if (ranges[i].offset + ranges[i].bytes > e->memory.bytes ||
            ranges[i].data != (base != NULL ? base + ranges[i].offset : NULL))
            abort(); /* here a NIC would write to an address outside of the memory */
    }
    return script_reserve(self, source, queue, head_bytes, ranges, count);
}

static void script_unreserve(void *self)
{
    struct script_engine *e = self;

    assert(e->bursts_out == 0);
    e->unreserves++;
    memcpy(e->landed, e->accepted, sizeof e->landed);
}

static void script_quiesce(void *self)
{
    struct script_engine *e = self;

    e->quiesces++;
    memcpy(e->landed, e->accepted, sizeof e->landed);
}

static void script_wait(void *self, uint64_t deadline_ns)
{
    struct script_engine *e = self;

    e->waited_until = deadline_ns;
}

static void script_wake(void *self)
{
    struct script_engine *e = self;

    atomic_fetch_add(&e->wakes, 1);
}

static void script_counters(void *self, struct speadi_rx_counters *counters)
{
    struct script_engine *e = self;

    *counters = (struct speadi_rx_counters){.kernel_drops = e->kernel_drops,
                                            .checksum_drops = e->checksum_drops,
                                            .filtered_drops = e->filtered_drops,
                                            .messages = e->next,
                                            .memory_bytes = e->memory_bytes};
}

static double script_fill(void *self)
{
    const struct script_engine *e = self;

    return e->places > 0 ? (double)(e->count - e->next) / e->places : e->fill;
}

static uint64_t script_now(void *self)
{
    const struct script_engine *e = self;

    return e->clock_ns;
}

const struct speadi_rx_engine_ops script_engine_ops = {
    .about.name = "script",
    .state_size = sizeof(struct script_engine),
    .caps = SPEADI_RX_CAP_PLACED | SPEADI_RX_CAP_LOSSLESS,
    .close = script_close,
    .start = script_start,
    .poll = script_poll,
    .give_back = script_give_back,
    .reserve = script_reserve,
    .unreserve = script_unreserve,
    .wait = script_wait,
    .wake = script_wake,
    .quiesce = script_quiesce,
    .fill = script_fill,
    .counters = script_counters,
};

const struct speadi_rx_engine_ops script_nic_ops = {
    .about.name = "script-nic",
    .state_size = sizeof(struct script_engine),
    .caps = SPEADI_RX_CAP_PLACED | SPEADI_RX_CAP_LOSSLESS | SPEADI_RX_CAP_AHEAD |
            SPEADI_RX_CAP_PINS | SPEADI_RX_CAP_DEVICE,
    .close = script_close,
    .attach = nic_attach,
    .start = script_start,
    .poll = script_poll,
    .give_back = script_give_back,
    .reserve = nic_reserve,
    .unreserve = script_unreserve,
    .wait = script_wait,
    .wake = script_wake,
    .quiesce = script_quiesce,
    .fill = script_fill,
    .counters = script_counters,
};

const struct speadi_rx_engine_ops script_clock_ops = {
    .about.name = "script-clock",
    .state_size = sizeof(struct script_engine),
    .caps = SPEADI_RX_CAP_PLACED | SPEADI_RX_CAP_LOSSLESS,
    .close = script_close,
    .start = script_start,
    .poll = script_poll,
    .give_back = script_give_back,
    .reserve = script_reserve,
    .unreserve = script_unreserve,
    .wait = script_wait,
    .wake = script_wake,
    .quiesce = script_quiesce,
    .now = script_now,
    .fill = script_fill,
    .counters = script_counters,
};
