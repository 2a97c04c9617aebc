/* SPDX-License-Identifier: Apache-2.0 */
/* The senders of a stream. A sender is found by its endpoint, its address and its port.
 *
 * The table has a fixed number of entries. When the table is full, a new sender takes the entry of the sender that has
 * been silent longest. A sender that has live heaps never loses its entry. Senders that have not proven themselves yet
 * (newcomers) lose their entries first. So a flood of forged addresses replaces forged entries and not the entry of a
 * sender that works. Only the owner thread calls these functions. */
#ifndef SPEADI_SENDER_TABLE_H
#define SPEADI_SENDER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/recv.h>
#include <speadline/sender_address.h>

#include <speadi/address.h>
#include <speadi/keyed_hash.h>

#include "sender_rows.h"

#define SPEADI_SENDERS_MAX          UINT16_MAX
#define SPEADI_SENDER_IDS           (1u << 16) /* distance between two ids of one entry */
#define SPEADI_SENDER_NONE          UINT32_MAX
#define SPEADI_SENDER_ENDPOINTS_MAX 64u

/* A heap with a start item. */
struct speadi_sender_start {
    uint64_t counter,
        length;      /* the length is UINT64_MAX if the packet with the item declared none */
    bool is_control; /* a control heap in one packet */
};

/* One entry of the table. Any file may read the fields. Only sender_table.c writes them, except the fields below
 * "written by the stream". */
struct speadi_sender {
    struct spead_sender_address address; /* of the sender's first packet */
    uint16_t endpoint;
    bool used;
    /* The sender has completed two heaps, or one heap of several packets. If false, it is a newcomer. */
    bool proven;
    /* The index of the entry in the low 16 bits, and above it how often the entry was given to a new sender. So no two
     * senders that follow each other in one entry have the same id. */
    uint32_t id;
    uint32_t live_heaps;           /* heaps of the sender that are in the heap table */
    uint64_t seen_ns;              /* when the last packet came, by the clock by which heaps age */
    struct speadi_sender_row *row; /* what other threads can read of the sender */

    /* Written by the stream and by finished.c. */
    uint64_t heaps_ended; /* heaps that were given to the memory of finished heaps */
    /* Heaps that ended in an earlier epoch are forgotten (finished.h). The number goes on when the entry is given to a
     * new sender, because ids come again after 65536 senders. */
    uint32_t finished_epoch;
    /* finished_epoch at the beginning of this run; a stop item makes finished_epoch larger */
    uint32_t run_epoch;
    /* How many of the last heaps of the sender were compared with those of other senders, and how many of these another
     * sender had brought before (recv_doubling.c). */
    uint32_t heaps_asked, heaps_doubled;
    uint32_t restarts;  /* how many runs of the sender began after a silence or with a start item */
    bool stopped;       /* a stop item has come from the sender; also in the row */
    bool has_sent_data; /* a heap came that is not a control heap */
    uint64_t newest_counter; /* counter of the heap that opened last; valid if has_sent_data */
    uint64_t stop_counter;   /* heap counter of the heap with the stop item; valid if stopped */
    /* The heap with the last start item, and when the item came, by the clock of seen_ns. Valid if has_started. */
    struct speadi_sender_start start;
    uint64_t start_ns;
    bool has_started;
    /* The sender is in sync if this is the epoch of the start point (recv_start_point.c). Then the next two are valid: when
     * it got in sync, by the clock of seen_ns, and the value of its heap by which it was judged. */
    uint32_t sync_epoch;
    uint64_t sync_age_ns, sync_value;
    uint64_t heaps_before_start; /* heaps that were discarded since the sender was last in sync */

    uint32_t newer,
        older;     /* neighbours in the list of silent senders; SPEADI_SENDER_NONE ends it */
    uint32_t next; /* next entry with the same hash; SPEADI_SENDER_NONE ends the chain */
};

/* Senders without live heaps, in the order of seen_ns. */
struct speadi_sender_list {
    uint32_t newest, oldest; /* indexes; SPEADI_SENDER_NONE if the list is empty */
};

struct speadi_sender_table {
    struct speadi_sender *sender; /* [senders_max] */
    uint32_t *chain;              /* [mask + 1]: first entry of each chain */
    uint32_t mask;
    uint32_t senders_max;
    uint32_t count; /* entries in use */
    struct speadi_hash_key hash_key;
    enum spead_sender_key key;
    struct speadi_sender_list silent[2]; /* [proven] */
    uint64_t replaced; /* how many senders have lost their entry to another sender */
    bool forgot_data;  /* at least one sender that lost its entry had sent data */
    /* For each endpoint, the number of its senders that are proven. */
    uint32_t proven[SPEADI_SENDER_ENDPOINTS_MAX];
    /* For each endpoint, the index of the entry that was found or made last. A search looks there first. */
    uint32_t recent[SPEADI_SENDER_ENDPOINTS_MAX];
    struct speadi_sender_rows rows; /* one for each entry */
};

/* Makes an empty table of senders_max entries (1 to SPEADI_SENDERS_MAX). Returns 0 or -ENOMEM. */
int speadi_sender_table_init(struct speadi_sender_table *table, uint32_t senders_max,
                             enum spead_sender_key key);
void speadi_sender_table_release(struct speadi_sender_table *table);

/* Searches the whole table: see speadi_sender_table_find(). */
struct speadi_sender *speadi_sender_table_search(struct speadi_sender_table *table,
                                                 uint16_t endpoint,
                                                 const struct spead_sender_address *address);

/* Returns the sender that was found or made last for this endpoint, or NULL if it does not have this address. */
static inline struct speadi_sender *speadi_sender_table_recent(
    const struct speadi_sender_table *table, uint16_t endpoint,
    const struct spead_sender_address *address)
{
    struct speadi_sender *recent = &table->sender[table->recent[endpoint]];

    return recent->used && recent->endpoint == endpoint &&
                   speadi_same_sender(&recent->address, address)
               ? recent
               : NULL;
}

/* Returns the sender with this address at this endpoint, or NULL if the table has no such sender. */
static inline struct speadi_sender *speadi_sender_table_find(
    struct speadi_sender_table *table, uint16_t endpoint,
    const struct spead_sender_address *address)
{
    struct speadi_sender *recent = speadi_sender_table_recent(table, endpoint, address);

    return recent ? recent : speadi_sender_table_search(table, endpoint, address);
}

/* Makes an entry for a sender that is not in the table and that is heard at now_ns; mono_ns is the same time by
 * CLOCK_MONOTONIC. The entry may replace another sender. Then *replaced_id is the id of that sender, else it is
 * SPEADI_SENDER_NONE. Returns the entry, or NULL if all entries belong to senders with live heaps. The entry is valid
 * until the next call of this function. */
struct speadi_sender *speadi_sender_table_admit(struct speadi_sender_table *table,
                                                uint16_t endpoint,
                                                const struct spead_sender_address *address,
                                                uint64_t now_ns, uint64_t mono_ns,
                                                uint32_t *replaced_id);

/* The long way of speadi_sender_heard(). */
void speadi_sender_move_up(struct speadi_sender_table *table, struct speadi_sender *sender,
                           uint64_t now_ns);

/* Tells whether the sender keeps its place in the lists of silent senders when a packet of it comes: a sender with live
 * heaps is in no list, and the newest one of a list stays where it is. */
static inline bool speadi_sender_stays_newest(const struct speadi_sender *sender)
{
    return sender->live_heaps > 0 || sender->newer == SPEADI_SENDER_NONE;
}

/* Says that a packet of the sender has come at now_ns. */
static inline void speadi_sender_heard(struct speadi_sender_table *table,
                                       struct speadi_sender *sender, uint64_t now_ns)
{
    if (speadi_sender_stays_newest(sender))
        sender->seen_ns = now_ns;
    else
        speadi_sender_move_up(table, sender, now_ns);
}

/* Says that a heap of the sender was put into the heap table, or was taken out of it. */
void speadi_sender_heap_entered(struct speadi_sender_table *table, struct speadi_sender *sender);
void speadi_sender_heap_left(struct speadi_sender_table *table, struct speadi_sender *sender);

/* Says that the sender has proven itself. */
void speadi_sender_prove(struct speadi_sender_table *table, struct speadi_sender *sender);

/* Counts a heap that has ended, with its packets and the bytes of its payload that have come. */
static inline void speadi_sender_heap_ended(struct speadi_sender_table *table,
                                            struct speadi_sender *sender, bool complete,
                                            uint64_t packets, uint64_t bytes)
{
    struct speadi_sender_row *row = sender->row;

    speadi_sender_row_add(row, SPEADI_SENDER_PACKETS, packets);
    speadi_sender_row_add(row, SPEADI_SENDER_PAYLOAD_BYTES, bytes);
    speadi_sender_row_add(row, complete ? SPEADI_SENDER_COMPLETE : SPEADI_SENDER_INCOMPLETE, 1);
    if (!sender->proven && complete &&
        (packets > 1 || speadi_sender_row_get(row, SPEADI_SENDER_COMPLETE) > 1))
        speadi_sender_prove(table, sender);
}

/* Returns the index of the entry that the sender of this id has or had. */
static inline uint32_t speadi_sender_index(uint32_t id)
{
    return id % SPEADI_SENDER_IDS;
}

/* Returns the sender of this id, or NULL if its entry belongs to another sender now. */
static inline struct speadi_sender *speadi_sender_table_get(const struct speadi_sender_table *table,
                                                            uint32_t id)
{
    struct speadi_sender *sender = &table->sender[id % SPEADI_SENDER_IDS];

    return sender->id == id ? sender : NULL;
}

/* Returns the row in which the sums of this sender are: its own, or that of the forgotten senders. */
static inline struct speadi_sender_row *speadi_sender_table_row(
    const struct speadi_sender_table *table, uint32_t id)
{
    const struct speadi_sender *sender = speadi_sender_table_get(table, id);

    return sender ? sender->row : speadi_sender_rows_forgotten(&table->rows);
}

static inline uint64_t speadi_sender_table_bytes(const struct speadi_sender_table *table)
{
    return (uint64_t)table->senders_max * sizeof *table->sender +
           speadi_sender_rows_bytes(table->senders_max) +
           (table->mask + 1ull) * sizeof *table->chain;
}

#endif
