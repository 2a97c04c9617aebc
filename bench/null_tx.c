/* SPDX-License-Identifier: Apache-2.0 */
/* See null_tx.h. */
#include "null_tx.h"

#include <err.h>
#include <stdlib.h>

#include <speadi/wake_fd.h>

#include <send_stream.h>

struct null_engine {
    struct speadi_wake_fd wake_fd;
    uint32_t unreaped;
    uint64_t packets, bytes;
};

static void close_engine(void *self)
{
    speadi_wake_fd_close(&((struct null_engine *)self)->wake_fd);
}

/* Accepts every packet. The function reads the length and the first iovec of each packet, because every real engine
 * must do that too. */
static int take(void *self, const struct speadi_tx_packet *packets, unsigned count)
{
    struct null_engine *engine = self;

    for (unsigned i = 0; i < count; i++)
        engine->bytes += packets[i].bytes + (packets[i].iov->iov_base == NULL);
    engine->packets += count;
    engine->unreaped += count;
    return (int)count;
}

static unsigned reap(void *self, struct speadi_tx_done *done, unsigned max)
{
    struct null_engine *engine = self;

    if (engine->unreaped == 0 || max == 0)
        return 0;
    done[0] = (struct speadi_tx_done){.packets = engine->unreaped};
    engine->unreaped = 0;
    return 1;
}

static void wait_for(void *self, uint64_t deadline_ns, bool for_room)
{
    struct null_engine *engine = self;

    (void)for_room;
    if (engine->unreaped == 0)
        speadi_wake_fd_wait(&engine->wake_fd, NULL, 0, 0, deadline_ns);
}

static void wake(void *self)
{
    speadi_wake_fd_signal(&((struct null_engine *)self)->wake_fd);
}

static void no_operation(void *self)
{
    (void)self;
}

static void no_counters(void *self, struct speadi_tx_counters *counters)
{
    (void)self;
    *counters = (struct speadi_tx_counters){0};
}

static const struct speadi_tx_engine_ops null_ops = {
    .about.name = "null",
    .state_size = sizeof(struct null_engine),
    .close = close_engine,
    .send = take,
    .reap = reap,
    .wait = wait_for,
    .wake = wake,
    .quiesce = no_operation,
    .counters = no_counters,
};

struct spead_send_stream *null_tx_stream(uint32_t heaps_max, uint32_t packet_bytes)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct null_engine *engine = calloc(1, sizeof *engine);
    struct speadi_send_transport transport = {
        .ops = &null_ops, .engine = engine, .destination_count = 1, .reason = "bench"};
    struct spead_send_stream *stream;
    struct spead_err error = {0};

    config.heaps_max = heaps_max;
    config.packet_bytes_max = packet_bytes;
    if (engine == NULL || speadi_wake_fd_open(&engine->wake_fd) < 0)
        errx(1, "no memory, or no descriptor, for a null engine");
    if (speadi_send_stream_build(&stream, &config, &error) < 0)
        errx(1, "%s", error.text);
    speadi_send_stream_attach(stream, &config, &transport);
    return stream;
}
