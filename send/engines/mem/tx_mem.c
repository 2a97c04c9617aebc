/* SPDX-License-Identifier: Apache-2.0 */
/* The mem engine copies packets onto memory links. It loses no packet: when a link is full, send() takes no more
 * packets. */
#include "tx_engine.h"

#include <errno.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/mem_wire.h>
#include <speadi/wake_fd.h>

#include "tx_done_queue.h"

struct mem_engine {
    /* the engine holds a reference to each link */
    struct spead_mem_link *link[SPEADI_TX_DESTINATIONS_MAX];
    uint32_t link_count;
    /* this link had no room in the last send(); NULL if all had room */
    struct spead_mem_link *full;
    struct speadi_wake_fd wake_fd; /* signalled by wake(), and by a link that has room again */
    struct speadi_tx_done_queue done;
    struct speadi_tx_counters counters;
};

static int mem_open(void *self, const struct speadi_tx_config *config,
                    struct speadi_tx_facts *facts, struct spead_err *err)
{
    struct mem_engine *engine = self;
    int ret = speadi_wake_fd_open(&engine->wake_fd);

    if (ret < 0)
        return speadi_err_code(err, ret, "cannot make an eventfd");
    for (uint32_t i = 0; i < config->count; i++) {
        engine->link[i] = spead_mem_link_ref(config->links[i]);
        speadi_mem_wire_set_producer_wake_fd(engine->link[i], &engine->wake_fd);
        engine->link_count++;
    }
    (void)facts;
    return 0;
}

static void mem_close(void *self)
{
    struct mem_engine *engine = self;

    for (uint32_t i = 0; i < engine->link_count; i++) {
        /* wake_fd is closed below, so the link must not use it any more */
        speadi_mem_wire_set_producer_wake_fd(engine->link[i], NULL);
        spead_mem_link_unref(engine->link[i]);
    }
    engine->link_count = 0;
    speadi_wake_fd_close(&engine->wake_fd);
}

static int mem_send(void *self, const struct speadi_tx_packet *packets, unsigned count)
{
    struct mem_engine *engine = self;
    unsigned taken = 0;

    engine->full = NULL;
    while (taken < count && speadi_tx_done_has_room(&engine->done, 1)) {
        const struct speadi_tx_packet *packet = &packets[taken];
        struct spead_mem_link *link = engine->link[packet->destination];
        int ret = speadi_mem_wire_push(link, packet->iov, packet->iov_count);

        if (ret == -EAGAIN) {
            engine->full = link;
            break;
        }
        /* ret is negative if the packet is too long or the link is closed */
        speadi_tx_done_put(&engine->done, 1, ret);
        taken++;
    }
    engine->counters.messages += taken;
    engine->counters.batches += taken > 0;
    return (int)taken;
}

static unsigned mem_reap(void *self, struct speadi_tx_done *done, unsigned max)
{
    struct mem_engine *engine = self;

    return speadi_tx_done_take(&engine->done, done, max);
}

static void mem_wait(void *self, uint64_t deadline_ns, bool for_room)
{
    struct mem_engine *engine = self;

    if (engine->done.count)
        return;
    if (for_room && (!engine->full || !speadi_mem_wire_producer_may_sleep(engine->full)))
        return;
    speadi_wake_fd_wait(&engine->wake_fd, NULL, 0, 0, deadline_ns);
}

static void mem_wake(void *self)
{
    struct mem_engine *engine = self;

    speadi_wake_fd_signal(&engine->wake_fd);
}

static void mem_quiesce(void *self)
{
    (void)self; /* there is nothing to do: every packet that the engine has taken is copied */
}

static void mem_counters(void *self, struct speadi_tx_counters *counters)
{
    const struct mem_engine *engine = self;

    *counters = engine->counters;
}

const struct speadi_tx_engine_ops speadi_tx_engine_mem = {
    .about = {.name = "mem", .endpoint = SPEAD_ENDPOINT_MEM_LINK, .rank = 40},
    .state_size = sizeof(struct mem_engine),
    .open = mem_open,
    .close = mem_close,
    .send = mem_send,
    .reap = mem_reap,
    .wait = mem_wait,
    .wake = mem_wake,
    .quiesce = mem_quiesce,
    .counters = mem_counters,
};
