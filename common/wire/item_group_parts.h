/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of struct spead_item_group, and what its files share. */
#ifndef SPEADI_ITEM_GROUP_PARTS_H
#define SPEADI_ITEM_GROUP_PARTS_H

#include <speadi/keyed_hash.h>
#include <speadline/item_group.h>

/* An item with what the group alone knows of it. */
struct speadi_group_entry {
    struct spead_group_item shown;
    struct spead_descriptor *descriptor; /* the reference of the group to shown.descriptor */
    uint64_t id;                         /* of the descriptor; 0: the entry is not in use */
    /* The entry whose value followed in the last heap: a guess, because heaps of one sender are alike. Never NULL. */
    struct speadi_group_entry *next;
    size_t bytes_min;  /* a value must have so many bytes; SIZE_MAX: no value is long enough */
    uint64_t taken;    /* the number of the update that took the last value */
    bool lies_in_heap; /* the bytes of the value lie in the heap of that update */
    uint8_t *copy;     /* memory for a copy of the value; NULL: none */
    size_t copy_bytes;
};

/* Finds entries: an open hash table of indexes + 1. A slot with 0 is free. There are at least twice as many slots as
 * entries. Nothing is deleted: when an entry goes or loses its name, both tables are filled again. */
struct speadi_group_index {
    uint32_t *slots;
    uint32_t mask;
    struct speadi_hash_key key; /* the sender chooses identifiers and names */
};

struct spead_item_group {
    struct spead_item_group_config config;
    struct speadi_group_entry *entries; /* in the order in which they were described */
    uint32_t count;
    struct speadi_group_index by_id, by_name;

    struct speadi_group_entry *first; /* the guess for the first item of a heap */

    struct spead_heap *heap; /* the heap in which values lie; NULL: none */
    uint64_t update;         /* the number of the present or last update */
    uint64_t held_update;    /* the number of the update that took `heap` */
    /* How many values lie in `heap`, and in the heap of the present update. Of an item that comes several times in one
     * heap, the last value counts. */
    uint32_t in_held, in_new;
    uint32_t repeated; /* how often an item of the present update came again */

    struct spead_item_change *changes;
    uint32_t change_count, changes_max;
    uint32_t sentence_count;
    struct spead_err sentences[SPEAD_ITEM_GROUP_SENTENCES];
    /* The index of the change that each sentence is about. */
    uint32_t sentence_of[SPEAD_ITEM_GROUP_SENTENCES];
    struct spead_item_group_stats stats;
};

/* ---- item_group.c */

/* Does what spead_item_group_add() does, and lists the change. */
int speadi_group_describe(struct spead_item_group *group, struct spead_descriptor *descriptor,
                          struct spead_err *err);

/* ---- item_group_index.c */

/* Return the index of the entry, or UINT32_MAX. */
uint32_t speadi_group_by_id(const struct spead_item_group *group, uint64_t id);
uint32_t speadi_group_by_name(const struct spead_item_group *group, const char *name);
/* Adds the entry with this index to both tables. */
void speadi_group_index_add(struct spead_item_group *group, uint32_t index);
/* Fills both tables again. */
void speadi_group_index_fill(struct spead_item_group *group);

/* ---- item_group_values.c */

/* The value of the entry leaves the place where it lies. The caller gives it another one. */
static inline void speadi_group_leave(struct spead_item_group *group,
                                      struct speadi_group_entry *entry)
{
    if (!entry->lies_in_heap)
        return;
    if (entry->taken == group->held_update)
        group->in_held--;
    else /* the heap of this update has the item twice */
        group->in_new--;
    entry->lies_in_heap = false;
}
/* Takes the value of the entry away, and its memory. */
void speadi_group_forget_value(struct spead_item_group *group, struct speadi_group_entry *entry);
/* Copies the value of an entry whose bytes lie in a heap. If it cannot be copied, the entry has no value, and the list
 * of changes says so. */
void speadi_group_keep_value(struct spead_item_group *group, struct speadi_group_entry *entry);
/* Makes sure that `bytes` more bytes fit into memory_bytes_max. It frees copies that are not in use. Returns 0 or
 * -ENOSPC. */
int speadi_group_charge(struct spead_item_group *group, size_t bytes);

/* ---- item_group_changes.c */

static inline void speadi_group_change(struct spead_item_group *group, uint64_t id,
                                       enum spead_item_change_kind kind)
{
    if (group->change_count == group->changes_max) {
        group->stats.changes_omitted++;
        return;
    }
    group->changes[group->change_count++] = (struct spead_item_change){.id = id, .kind = kind};
}
/* As above, for a refusal. `err` has its code and its sentence. */
void speadi_group_refusal(struct spead_item_group *group, uint64_t id,
                          enum spead_item_change_kind kind, const struct spead_err *err);

#endif
