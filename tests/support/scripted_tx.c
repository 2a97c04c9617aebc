/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted send engine. */
#include "scripted_tx.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/bytes.h>

#include <send_stream.h>

/* The state of the engine. The stream owns the state and frees it. struct scripted_tx is separate from it, because
 * struct scripted_tx must live longer than the stream. */
struct handle {
    struct scripted_tx *tx;
};

static void *checked(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "scripted_tx: no memory\n");
        abort();
    }
    return memory;
}

struct scripted_tx *scripted_tx_create(void)
{
    struct scripted_tx *tx = checked(calloc(1, sizeof *tx));

    tx->room = UINT64_MAX;
    tx->at_once = UINT_MAX;
    tx->record = true;
    if (speadi_wake_fd_open(&tx->wake_fd) < 0)
        abort();
    return tx;
}

void scripted_tx_destroy(struct scripted_tx *tx)
{
    speadi_wake_fd_close(&tx->wake_fd);
    free(tx->bytes);
    free(tx->packet);
    free(tx);
}

static void record_packet(struct scripted_tx *tx, const struct speadi_tx_packet *packet)
{
    if (tx->packet_count == tx->packet_capacity) {
        tx->packet_capacity = tx->packet_capacity * 2 + 16;
        tx->packet = checked(realloc(tx->packet, tx->packet_capacity * sizeof *tx->packet));
    }
    if (tx->capacity - tx->used < packet->bytes) {
        tx->capacity = tx->capacity * 2 + packet->bytes;
        tx->bytes = checked(realloc(tx->bytes, tx->capacity));
    }
    tx->packet[tx->packet_count].at = tx->used;
    tx->packet[tx->packet_count].bytes = packet->bytes;
    tx->packet[tx->packet_count].destination = packet->destination;
    tx->packet_count++;
    for (unsigned i = 0; i < packet->iov_count; i++) {
        memcpy(tx->bytes + tx->used, packet->iov[i].iov_base, packet->iov[i].iov_len);
        tx->used += packet->iov[i].iov_len;
    }
    if (tx->used - tx->packet[tx->packet_count - 1].at != packet->bytes) {
        fprintf(stderr, "scripted_tx: iovecs do not add up to the packet's bytes\n");
        abort();
    }
}

static int take(void *self, const struct speadi_tx_packet *packets, unsigned count)
{
    struct scripted_tx *tx = ((struct handle *)self)->tx;

    tx->sends++;
    if (tx->broken < 0)
        return tx->broken;
    if (count > tx->at_once)
        count = tx->at_once;
    if (count > tx->room)
        count = (unsigned)tx->room;
    for (unsigned i = 0; i < count; i++) {
        if (i > 0 && packets[i].iov != packets[i - 1].iov + packets[i - 1].iov_count) {
            fprintf(stderr, "scripted_tx: iovecs do not lie back to back\n");
            abort();
        }
        if (tx->record)
            record_packet(tx, &packets[i]);
    }
    tx->taken += count;
    if (tx->room != UINT64_MAX)
        tx->room -= count;
    return (int)count;
}

static int error_of(const struct scripted_tx *tx, uint64_t packet)
{
    for (unsigned i = 0; i < SCRIPTED_TX_REFUSALS_MAX && tx->refuse[i].error != 0; i++) {
        if (tx->refuse[i].packet == packet)
            return tx->refuse[i].error;
    }
    return 0;
}

static unsigned reap(void *self, struct speadi_tx_done *done, unsigned max)
{
    struct scripted_tx *tx = ((struct handle *)self)->tx;
    unsigned count = 0;

    while (tx->reaped < tx->taken && (!tx->hold || tx->let_go > 0 || tx->quiesced)) {
        /* Packets that the engine still holds when quiesce() is called are cancelled. */
        int error = tx->hold && tx->let_go == 0 ? -ECANCELED : error_of(tx, tx->reaped);

        if (count == 0 || done[count - 1].error != error) {
            if (count == max)
                break;
            done[count++] = (struct speadi_tx_done){.error = error};
        }
        done[count - 1].packets++;
        tx->reaped++;
        if (tx->let_go > 0)
            tx->let_go--;
    }
    return count;
}

static void wait_for(void *self, uint64_t deadline_ns, bool for_room)
{
    struct scripted_tx *tx = ((struct handle *)self)->tx;

    tx->waits++;
    tx->last_deadline_ns = deadline_ns;
    tx->last_for_room = for_room;
    speadi_wake_fd_wait(&tx->wake_fd, NULL, 0, 0, deadline_ns);
}

static void wake(void *self)
{
    speadi_wake_fd_signal(&((struct handle *)self)->tx->wake_fd);
}

static int start(void *self, struct spead_err *err)
{
    (void)err;
    ((struct handle *)self)->tx->started = true;
    return 0;
}

static void quiesce(void *self)
{
    ((struct handle *)self)->tx->quiesced = true;
}

static void count(void *self, struct speadi_tx_counters *counters)
{
    const struct scripted_tx *tx = ((struct handle *)self)->tx;

    *counters = (struct speadi_tx_counters){.messages = tx->taken, .batches = tx->sends};
}

static void close_it(void *self)
{
    ((struct handle *)self)->tx->closed = true;
}

static const struct speadi_tx_engine_ops ops = {
    .about.name = "scripted",
    .state_size = sizeof(struct handle),
    .close = close_it,
    .start = start,
    .send = take,
    .reap = reap,
    .wait = wait_for,
    .wake = wake,
    .quiesce = quiesce,
    .counters = count,
};

const struct speadi_tx_engine_ops *scripted_tx_engine(struct scripted_tx *tx, void **state)
{
    struct handle *handle = checked(calloc(1, sizeof *handle));

    handle->tx = tx;
    *state = handle;
    return &ops;
}

struct spead_send_stream *scripted_tx_stream_to(struct scripted_tx *tx,
                                                const struct spead_send_stream_config *config,
                                                uint32_t destinations, uint32_t packet_overhead)
{
    struct speadi_send_transport transport = {.destination_count = destinations,
                                              .reason = "a test's own"};
    struct spead_send_stream *stream = NULL;

    transport.ops = scripted_tx_engine(tx, &transport.engine);
    for (uint32_t i = 0; i < destinations; i++)
        transport.packet_overhead[i] = packet_overhead;
    if (speadi_send_stream_build(&stream, config, NULL) < 0)
        abort();
    speadi_send_stream_attach(stream, config, &transport);
    return stream;
}

struct spead_send_stream *scripted_tx_stream(struct scripted_tx *tx,
                                             const struct spead_send_stream_config *config)
{
    return scripted_tx_stream_to(tx, config, 1, 0);
}

const uint8_t *scripted_tx_packet(const struct scripted_tx *tx, size_t n)
{
    if (n >= tx->packet_count) {
        fprintf(stderr, "scripted_tx: packet %zu of %zu asked for\n", n, tx->packet_count);
        abort();
    }
    return tx->bytes + tx->packet[n].at;
}

uint64_t scripted_tx_pointer(const struct scripted_tx *tx, size_t n, unsigned i)
{
    return speadi_load_be64(scripted_tx_packet(tx, n) + 8 + 8 * (size_t)i);
}

uint64_t scripted_tx_value(const struct scripted_tx *tx, size_t n, unsigned i)
{
    return scripted_tx_pointer(tx, n, i) & ((1ull << 40) - 1);
}
