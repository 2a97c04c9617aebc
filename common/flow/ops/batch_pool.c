/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct speadi_batch_pool {
    pthread_mutex_t lock; /* protects all fields below */
    struct speadi_batch *free;
    struct spead_node *waiting; /* the node that waits for a batch, or NULL */
    uint32_t out;               /* batches that are in use */
    bool closed;
    char *memory;
};

static size_t batch_bytes(uint32_t messages)
{
    return sizeof(struct speadi_batch) + messages * sizeof(struct spead_message);
}

uint64_t speadi_batch_pool_bytes(uint32_t batches, uint32_t messages)
{
    return sizeof(struct speadi_batch_pool) + (uint64_t)batches * batch_bytes(messages);
}

struct speadi_batch_pool *speadi_batch_pool_open(uint32_t batches, uint32_t messages)
{
    struct speadi_batch_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return NULL;
    pool->memory = calloc(batches, batch_bytes(messages));
    if (!pool->memory) {
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    for (uint32_t i = 0; i < batches; i++) {
        struct speadi_batch *batch = (void *)(pool->memory + i * batch_bytes(messages));

        batch->pool = pool;
        batch->its.messages = batch->messages;
        batch->next = pool->free;
        pool->free = batch;
    }
    return pool;
}

static void free_pool(struct speadi_batch_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    free(pool->memory);
    free(pool);
}

void speadi_batch_pool_close(struct speadi_batch_pool *pool)
{
    bool last;

    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    pool->waiting = NULL;
    last = pool->out == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        free_pool(pool);
}

struct speadi_batch *speadi_batch_take(struct speadi_batch_pool *pool, struct spead_node *node)
{
    struct speadi_batch *batch;

    pthread_mutex_lock(&pool->lock);
    batch = pool->free;
    pool->waiting = batch ? NULL : node;
    if (batch) {
        pool->free = batch->next;
        pool->out++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!batch)
        return NULL;
    batch->its.count = 0;
    /* relaxed: no other thread knows the batch yet. */
    atomic_store_explicit(&batch->references, 1, memory_order_relaxed);
    return batch;
}

static void give_back(struct speadi_batch_pool *pool, struct speadi_batch *batch)
{
    bool last;

    pthread_mutex_lock(&pool->lock);
    batch->next = pool->free;
    pool->free = batch;
    pool->out--;
    /* The lock is held, so that the node cannot end before it is woken (speadi_batch_pool_close()). */
    if (pool->waiting)
        spead_node_wake(pool->waiting);
    pool->waiting = NULL;
    last = pool->closed && pool->out == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        free_pool(pool);
}

void speadi_batch_unref(struct speadi_batch *batch)
{
    if (atomic_fetch_sub(&batch->references, 1) > 1)
        return;
    for (uint32_t i = 0; i < batch->its.count; i++)
        spead_message_unref(&batch->messages[i]);
    give_back(batch->pool, batch);
}

static void ref_message(const struct spead_message *message)
{
    struct speadi_batch *batch = (struct speadi_batch *)(uintptr_t)message->reference;

    atomic_fetch_add(&batch->references, 1);
}

static void unref_message(const struct spead_message *message)
{
    speadi_batch_unref((struct speadi_batch *)(uintptr_t)message->reference);
}

const struct spead_message_type speadi_batch_type = {
    .name = "batch", .ref = ref_message, .unref = unref_message};
