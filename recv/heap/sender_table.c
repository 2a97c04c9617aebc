/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the senders of a stream. */
#include "sender_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX(id) ((id) % SPEADI_SENDER_IDS)

/* ---- Making -------------------------------------------------------------------------------- */

int speadi_sender_table_init(struct speadi_sender_table *table, uint32_t senders_max,
                             enum spead_sender_key key)
{
    uint32_t chains = 16;

    while (chains < 2 * senders_max)
        chains *= 2;
    *table = (struct speadi_sender_table){
        .mask = chains - 1,
        .senders_max = senders_max,
        .key = key,
        .silent = {{SPEADI_SENDER_NONE, SPEADI_SENDER_NONE},
                   {SPEADI_SENDER_NONE, SPEADI_SENDER_NONE}},
    };
    speadi_hash_key_init(&table->hash_key);
    table->sender = calloc(senders_max, sizeof *table->sender);
    table->chain = malloc(chains * sizeof *table->chain);
    if (speadi_sender_rows_init(&table->rows, senders_max) < 0 || !table->sender || !table->chain) {
        speadi_sender_table_release(table);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < chains; i++)
        table->chain[i] = SPEADI_SENDER_NONE;
    for (uint32_t i = 0; i < senders_max; i++) {
        table->sender[i].id = i;
        table->sender[i].row = &table->rows.row[i];
    }
    return 0;
}

void speadi_sender_table_release(struct speadi_sender_table *table)
{
    free(table->sender);
    free(table->chain);
    speadi_sender_rows_release(&table->rows);
    *table = (struct speadi_sender_table){0};
}

/* ---- Search -------------------------------------------------------------------------------- */

/* Returns the parts of the address by which the table tells senders apart. */
static struct spead_sender_address key_of(const struct speadi_sender_table *table,
                                          const struct spead_sender_address *address)
{
    struct spead_sender_address key = {0};

    if (!address->known || table->key == SPEAD_SENDER_KEY_NONE)
        return key;
    memcpy(key.address, address->address, sizeof key.address);
    key.known = true;
    if (table->key == SPEAD_SENDER_KEY_PORT)
        key.port = address->port;
    return key;
}

/* Returns the chain to which a sender with this key belongs. */
static uint32_t *chain_of(const struct speadi_sender_table *table, uint16_t endpoint,
                          const struct spead_sender_address *key)
{
    uint64_t word[2], rest = (uint64_t)endpoint << 32 | (uint64_t)key->port << 1 | key->known;
    uint64_t hash;

    memcpy(word, key->address, sizeof word);
    hash = speadi_keyed_hash3(&table->hash_key, word[0], word[1], rest);
    return &table->chain[hash >> 32 & table->mask];
}

struct speadi_sender *speadi_sender_table_search(struct speadi_sender_table *table,
                                                 uint16_t endpoint,
                                                 const struct spead_sender_address *address)
{
    const struct spead_sender_address key = key_of(table, address);
    uint32_t i = *chain_of(table, endpoint, &key);

    while (i != SPEADI_SENDER_NONE) {
        struct speadi_sender *sender = &table->sender[i];
        const struct spead_sender_address other = key_of(table, &sender->address);

        if (sender->endpoint == endpoint && speadi_same_sender(&key, &other)) {
            table->recent[endpoint] = i;
            return sender;
        }
        i = sender->next;
    }
    return NULL;
}

/* ---- Lists of silent senders ----------------------------------------------------------------- */

static void unlink_silent(struct speadi_sender_table *table, struct speadi_sender *sender)
{
    struct speadi_sender_list *list = &table->silent[sender->proven];

    if (sender->newer == SPEADI_SENDER_NONE)
        list->newest = sender->older;
    else
        table->sender[sender->newer].older = sender->older;
    if (sender->older == SPEADI_SENDER_NONE)
        list->oldest = sender->newer;
    else
        table->sender[sender->older].newer = sender->newer;
}

/* Puts a sender without live heaps into its list, behind all senders that were heard later. Mostly no sender was heard
 * later. */
static void link_silent(struct speadi_sender_table *table, struct speadi_sender *sender)
{
    struct speadi_sender_list *list = &table->silent[sender->proven];
    uint32_t index = INDEX(sender->id), newer = SPEADI_SENDER_NONE, older = list->newest;

    while (older != SPEADI_SENDER_NONE && table->sender[older].seen_ns > sender->seen_ns) {
        newer = older;
        older = table->sender[older].older;
    }
    sender->newer = newer;
    sender->older = older;
    if (newer == SPEADI_SENDER_NONE)
        list->newest = index;
    else
        table->sender[newer].older = index;
    if (older == SPEADI_SENDER_NONE)
        list->oldest = index;
    else
        table->sender[older].newer = index;
}

void speadi_sender_move_up(struct speadi_sender_table *table, struct speadi_sender *sender,
                           uint64_t now_ns)
{
    if (sender->seen_ns == now_ns)
        return;
    unlink_silent(table, sender);
    sender->seen_ns = now_ns;
    link_silent(table, sender);
}

void speadi_sender_heap_entered(struct speadi_sender_table *table, struct speadi_sender *sender)
{
    if (sender->live_heaps++ == 0)
        unlink_silent(table, sender);
}

void speadi_sender_heap_left(struct speadi_sender_table *table, struct speadi_sender *sender)
{
    if (--sender->live_heaps == 0)
        link_silent(table, sender);
}

void speadi_sender_prove(struct speadi_sender_table *table, struct speadi_sender *sender)
{
    if (sender->live_heaps == 0)
        unlink_silent(table, sender);
    sender->proven = true;
    table->proven[sender->endpoint]++;
    if (sender->live_heaps == 0)
        link_silent(table, sender);
}

/* ---- Entries -------------------------------------------------------------------------------- */

static void take_out_of_chain(struct speadi_sender_table *table, const struct speadi_sender *sender)
{
    const struct spead_sender_address key = key_of(table, &sender->address);
    uint32_t *link = chain_of(table, sender->endpoint, &key);

    while (*link != INDEX(sender->id))
        link = &table->sender[*link].next;
    *link = sender->next;
}

/* Returns an entry that a new sender may have, or NULL. */
static struct speadi_sender *free_entry(struct speadi_sender_table *table, uint32_t *replaced_id)
{
    uint32_t oldest = table->silent[false].oldest;
    struct speadi_sender *sender;

    *replaced_id = SPEADI_SENDER_NONE;
    if (table->count < table->senders_max)
        return &table->sender[table->count++];
    if (oldest == SPEADI_SENDER_NONE)
        oldest = table->silent[true].oldest;
    if (oldest == SPEADI_SENDER_NONE)
        return NULL;
    sender = &table->sender[oldest];
    take_out_of_chain(table, sender);
    unlink_silent(table, sender);
    table->proven[sender->endpoint] -= sender->proven;
    table->replaced++;
    table->forgot_data |= sender->has_sent_data;
    *replaced_id = sender->id;
    return sender;
}

struct speadi_sender *speadi_sender_table_admit(struct speadi_sender_table *table,
                                                uint16_t endpoint,
                                                const struct spead_sender_address *address,
                                                uint64_t now_ns, uint64_t mono_ns,
                                                uint32_t *replaced_id)
{
    const struct spead_sender_address key = key_of(table, address);
    uint32_t *chain = chain_of(table, endpoint, &key);
    struct speadi_sender *sender = free_entry(table, replaced_id);
    uint32_t id;

    if (!sender)
        return NULL;
    id = sender->used ? sender->id + SPEADI_SENDER_IDS : sender->id;
    *sender = (struct speadi_sender){
        .address = *address,
        .endpoint = endpoint,
        .used = true,
        .id = id,
        .finished_epoch = sender->finished_epoch + 1,
        .run_epoch = sender->finished_epoch + 1,
        .seen_ns = now_ns,
        .row = sender->row,
        .next = *chain,
    };
    speadi_sender_rows_admit(&table->rows, INDEX(id), endpoint, address, mono_ns);
    *chain = INDEX(id);
    table->recent[endpoint] = INDEX(id);
    link_silent(table, sender);
    return sender;
}
