/* SPDX-License-Identifier: Apache-2.0 */
/* The batches of one operator: a fixed number of objects, each with room for a fixed number of messages. */
#ifndef SPEADI_BATCH_H
#define SPEADI_BATCH_H

#include <stdint.h>

#include <speadline/operators.h>

struct speadi_batch_pool; /* see batch_pool.c */

/* A batch that is being filled. The messages lie behind it. */
struct speadi_batch {
    struct spead_batch its;
    struct speadi_batch_pool *pool;
    struct speadi_batch *next; /* in the list of free batches */
    _Atomic uint32_t references;
    struct spead_message messages[];
};

/* The message type "batch". */
extern const struct spead_message_type speadi_batch_type;

/* Returns NULL if there is no memory. Batches that are still in use keep the pool alive after its close. */
struct speadi_batch_pool *speadi_batch_pool_open(uint32_t batches, uint32_t messages);
uint64_t speadi_batch_pool_bytes(uint32_t batches, uint32_t messages);
void speadi_batch_pool_close(struct speadi_batch_pool *pool);

/* Returns an empty batch with one reference. Returns NULL if none is free; then the node is woken when one comes back. */
struct speadi_batch *speadi_batch_take(struct speadi_batch_pool *pool, struct spead_node *node);

/* Gives one reference back. The last one releases the messages and makes the batch free. Any thread. */
void speadi_batch_unref(struct speadi_batch *batch);

#endif
