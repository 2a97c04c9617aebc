/* SPDX-License-Identifier: Apache-2.0 */
/* deduplicate: leaves out messages whose stream and sequence came before. It remembers a fixed number of messages; a
 * newer message takes the place of the oldest one. */
#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>
#include <speadi/keyed_hash.h>

#include "op.h"

#define NOBODY UINT32_MAX

struct seen {
    uint64_t sequence;
    uint32_t stream;
    uint32_t next; /* the next one with the same hash, or NOBODY */
};

struct deduplicate {
    struct speadi_op op;
    uint32_t remember, mask; /* number of entries, and of chains less one */
    uint32_t count, oldest;  /* entries in use; the place of the oldest */
    struct speadi_hash_key key;
    struct seen *entries;
    uint32_t *chains;
};

static uint32_t *chain_of(const struct deduplicate *dedup, const struct spead_message *message)
{
    uint64_t hash = speadi_keyed_hash(&dedup->key, message->sequence, message->stream);

    return &dedup->chains[hash >> 32 & dedup->mask];
}

static bool is_known(const struct deduplicate *dedup, const struct spead_message *message)
{
    for (uint32_t i = *chain_of(dedup, message); i != NOBODY; i = dedup->entries[i].next)
        if (dedup->entries[i].sequence == message->sequence &&
            dedup->entries[i].stream == message->stream)
            return true;
    return false;
}

static void forget(struct deduplicate *dedup, uint32_t place)
{
    const struct seen *entry = &dedup->entries[place];
    struct spead_message old = {.sequence = entry->sequence, .stream = entry->stream};
    uint32_t *link = chain_of(dedup, &old);

    while (*link != place)
        link = &dedup->entries[*link].next;
    *link = entry->next;
}

static void remember(struct deduplicate *dedup, const struct spead_message *message)
{
    uint32_t *chain = chain_of(dedup, message), place = dedup->count;

    if (dedup->count < dedup->remember) {
        dedup->count++;
    } else {
        place = dedup->oldest;
        dedup->oldest = (place + 1) % dedup->remember;
        forget(dedup, place);
    }
    dedup->entries[place] =
        (struct seen){.sequence = message->sequence, .stream = message->stream, .next = *chain};
    *chain = place;
}

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    struct deduplicate *dedup = (struct deduplicate *)op;

    if (is_known(dedup, message)) {
        speadi_op_unref(message);
        return 0;
    }
    remember(dedup, message);
    *made = *message;
    return 1;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_DUPLICATE, take);
}

static int open(struct speadi_op *op)
{
    struct deduplicate *dedup = (struct deduplicate *)op;

    dedup->entries = malloc(dedup->remember * sizeof *dedup->entries);
    dedup->chains = malloc(((size_t)dedup->mask + 1) * sizeof *dedup->chains);
    if (!dedup->entries || !dedup->chains)
        return -ENOMEM;
    speadi_hash_key_init(&dedup->key);
    for (size_t i = 0; i <= dedup->mask; i++)
        dedup->chains[i] = NOBODY;
    return 0;
}

static void close(struct speadi_op *op)
{
    struct deduplicate *dedup = (struct deduplicate *)op;

    free(dedup->entries);
    free(dedup->chains);
    dedup->entries = NULL;
    dedup->chains = NULL;
}

void spead_pipeline_deduplicate(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                                uint32_t messages)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "deduplicate", SPEADI_OP_NODE},
                                               .one_to_one = true,
                                               .work = work,
                                               .open = open,
                                               .close = close};
    struct spead_stage own;
    struct deduplicate *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, NULL);

    if (!op)
        return;
    if (messages < 1 || messages > SPEAD_DEDUPLICATE_MAX) {
        speadi_err_range(speadi_op_err(pipeline), "messages", messages, 1, SPEAD_DEDUPLICATE_MAX);
        speadi_op_destroy(op);
        return;
    }
    op->remember = messages;
    while (op->mask < messages)
        op->mask = op->mask * 2 + 1;
    op->op.more_bytes +=
        messages * sizeof *op->entries + ((uint64_t)op->mask + 1) * sizeof *op->chains;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
