/* SPDX-License-Identifier: Apache-2.0 */
/* See sender_oracle.h. */
#include "sender_oracle.h"

#include <stdio.h>
#include <string.h>

void sender_oracle_init(struct sender_oracle *oracle, const struct recv_rig *rig)
{
    *oracle = (struct sender_oracle){.rig = rig, .plan = SPEAD_RECV_PLAN_INIT};
    spead_recv_stream_plan(rig->stream, &oracle->plan);
}

void sender_oracle_fail(struct sender_oracle *oracle, const char *text, uint64_t a, uint64_t b)
{
    if (oracle->failure[0] == '\0')
        snprintf(oracle->failure, sizeof oracle->failure, "%s (%llu, %llu)", text,
                 (unsigned long long)a, (unsigned long long)b);
}

/* ---- Origins and senders --------------------------------------------------------------------- */

static uint32_t host_of(uint32_t origin)
{
    return origin % ORACLE_HOSTS;
}

static uint32_t port_of(uint32_t origin)
{
    return origin / ORACLE_HOSTS % ORACLE_PORTS;
}

uint16_t sender_oracle_endpoint(uint32_t origin)
{
    return (uint16_t)(origin / (ORACLE_HOSTS * ORACLE_PORTS));
}

struct speadi_rx_from sender_oracle_from(uint32_t origin)
{
    const uint8_t address[] = {192, 0, 2, (uint8_t)(1 + host_of(origin))};

    return speadi_rx_from_v4(sender_oracle_endpoint(origin), address,
                             (uint16_t)(7000 + port_of(origin)));
}

/* Returns the first origin of the sender that this origin belongs to. One sender can have several origins. */
static uint32_t sender_of(const struct sender_oracle *oracle, uint32_t origin)
{
    const struct spead_recv_stream_config *config = &oracle->rig->config;
    uint32_t host = config->sender_key == SPEAD_SENDER_KEY_NONE ? 0 : host_of(origin);
    uint32_t port = config->sender_key == SPEAD_SENDER_KEY_PORT ? port_of(origin) : 0;
    uint32_t endpoint = config->joint ? 0 : sender_oracle_endpoint(origin);

    return (endpoint * ORACLE_PORTS + port) * ORACLE_HOSTS + host;
}

void sender_oracle_hear(struct sender_oracle *oracle, uint32_t origin)
{
    struct oracle_sender *sender = &oracle->sender[sender_of(oracle, origin)];
    uint64_t now = oracle->rig->engine->clock_ns, quiet = oracle->rig->config.restart_quiet_ns;

    if (sender->heard && quiet != 0 && now - sender->heard_ns > quiet)
        sender->run++;
    sender->heard = true;
    sender->heard_ns = now;
}

static bool has_started_with(const struct oracle_sender *sender, uint64_t counter)
{
    for (uint32_t i = 0; i < sender->start_count; i++)
        if (sender->start[i] == counter)
            return true;
    return false;
}

void sender_oracle_start(struct sender_oracle *oracle, uint32_t origin, uint64_t counter, bool read)
{
    struct oracle_sender *sender = &oracle->sender[sender_of(oracle, origin)];

    if (sender->start_count == ORACLE_STARTS || has_started_with(sender, counter))
        return;
    sender->start[sender->start_count++] = counter;
    sender->run += read;
}

uint8_t sender_oracle_run(const struct sender_oracle *oracle, uint32_t origin)
{
    return oracle->sender[sender_of(oracle, origin)].run;
}

/* ---- Words --------------------------------------------------------------------------------- */

/* Returns a byte that contains 7 bits of the value and is never 0. */
static uint8_t seven(uint64_t value)
{
    return (uint8_t)(0x80 | (value & 0x7f));
}

/* Writes the part of a word that depends only on its place. */
static void write_place(uint8_t *word, uint64_t counter, uint64_t offset)
{
    word[2] = seven(counter);
    word[3] = seven(counter >> 7);
    word[4] = seven(counter >> 14);
    word[5] = seven(counter >> 33);
    word[6] = seven(offset / ORACLE_WORD);
    word[7] = seven(offset / ORACLE_WORD + counter);
}

void sender_oracle_fill(const struct sender_oracle *oracle, uint32_t origin, uint64_t counter,
                        uint64_t offset, uint8_t *payload, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += ORACLE_WORD) {
        payload[i] = seven(origin);
        payload[i + 1] = seven(oracle->sender[sender_of(oracle, origin)].run);
        write_place(payload + i, counter, offset + i);
    }
}

/* ---- Checks -------------------------------------------------------------------------------- */

/* Checks the word at this offset of a heap. *first is the first word of the heap that is no hole, or NULL. Returns
 * false if the word is a hole. */
static bool check_word(struct sender_oracle *oracle, const struct spead_heap *heap, uint64_t offset,
                       const uint8_t **first)
{
    static const uint8_t hole[ORACLE_WORD];
    const uint8_t *word = (const uint8_t *)spead_heap_payload(heap) + offset;
    uint8_t place[ORACLE_WORD];

    if (memcmp(word, hole, sizeof hole) == 0)
        return false;
    if (!*first)
        *first = word;
    write_place(place, heap->counter, offset);
    if (memcmp(word + 2, place + 2, ORACLE_WORD - 2) != 0)
        sender_oracle_fail(oracle, "heap, offset: a byte of another place", heap->counter, offset);
    else if (sender_of(oracle, word[0] & 0x7f) != sender_of(oracle, *first[0] & 0x7f))
        sender_oracle_fail(oracle, "heap, offset: a byte of another sender", heap->counter, offset);
    else if (word[1] != (*first)[1])
        sender_oracle_fail(oracle, "heap, offset: a byte of another run", heap->counter, offset);
    return true;
}

static void check_name(struct sender_oracle *oracle, const struct spead_heap *heap, uint32_t origin)
{
    const struct speadi_rx_from from = sender_oracle_from(origin);
    enum spead_sender_key key = oracle->rig->config.sender_key;
    struct spead_sender_address sender;

    if (!spead_heap_sender(heap, &sender))
        sender_oracle_fail(oracle, "heap: no sender is named", heap->counter, origin);
    else if (key != SPEAD_SENDER_KEY_NONE &&
             memcmp(sender.address, from.sender.address, sizeof from.sender.address) != 0)
        sender_oracle_fail(oracle, "heap, origin: another address", heap->counter, origin);
    else if (key == SPEAD_SENDER_KEY_PORT && sender.port != from.sender.port)
        sender_oracle_fail(oracle, "heap, origin: another port", heap->counter, origin);
}

void sender_oracle_check_heap(struct sender_oracle *oracle, const struct spead_heap *heap)
{
    uint64_t length = spead_heap_length(heap), filled = 0;
    const uint8_t *first = NULL;

    if (length > oracle->rig->config.heap_bytes_max || length % ORACLE_WORD != 0) {
        sender_oracle_fail(oracle, "heap, length: the length is wrong", heap->counter, length);
        return;
    }
    for (uint64_t offset = 0; offset < length; offset += ORACLE_WORD)
        filled += check_word(oracle, heap, offset, &first) ? ORACLE_WORD : 0;
    if (filled != spead_heap_received(heap))
        sender_oracle_fail(oracle, "received, filled: a hole is not zero, or a byte is lost",
                           spead_heap_received(heap), filled);
    if (spead_heap_is_complete(heap) && filled != length)
        sender_oracle_fail(oracle, "heap, filled: a complete heap has holes", heap->counter,
                           filled);
    if (first)
        check_name(oracle, heap, first[0] & 0x7f);
}

void sender_oracle_check_poll(struct sender_oracle *oracle)
{
    const struct spead_recv_counters *counters = &oracle->rig->stats.counters;
    const struct spead_recv_ledger *total = &oracle->rig->stats.total;
    struct spead_count sum = {0, 0};

    for (unsigned i = 0; i < oracle->rig->stats.bucket_count; i++) {
        sum.packets += total->bucket[i].packets;
        sum.bytes += total->bucket[i].bytes;
    }
    if (sum.packets != total->seen.packets || sum.bytes != total->seen.bytes)
        sender_oracle_fail(oracle, "seen, sum: the ledger does not add up", total->seen.packets,
                           sum.packets);
    if (counters->memory_high_water_bytes > oracle->plan.memory_bytes)
        sender_oracle_fail(oracle, "used, planned: memory is beyond the plan",
                           counters->memory_high_water_bytes, oracle->plan.memory_bytes);
    if (counters->senders > oracle->rig->config.senders_max)
        sender_oracle_fail(oracle, "senders, limit: too many senders", counters->senders,
                           oracle->rig->config.senders_max);
}

void sender_oracle_check_end(struct sender_oracle *oracle)
{
    const struct spead_recv_counters *counters = &oracle->rig->stats.counters;
    uint64_t live = oracle->rig->stats.total.bucket[SPEAD_RECV_LIVE].packets;

    if (live != 0 || counters->heaps_live != 0 || counters->heaps_leaving != 0)
        sender_oracle_fail(oracle, "packets, heaps: something is live after the end", live,
                           counters->heaps_live + counters->heaps_leaving);
}
