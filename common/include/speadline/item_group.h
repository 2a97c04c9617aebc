/* SPDX-License-Identifier: Apache-2.0 */
/* Item groups: the items of a stream, by name.
 *
 * A group follows a stream. The program gives each heap to spead_item_group_update(). The descriptors of the heap add
 * and change items, and its other items become the values of these items:
 *
 *     while (spead_recv_stream_take(stream, &heap, SPEAD_DEADLINE_NEVER) == 0) {
 *         spead_item_group_update(group, heap);
 *         spead_heap_unref(heap);
 *         count = spead_item_group_read(group, "samples", SPEAD_CTYPE_I16, samples, 4096, &err);
 *     }
 *
 * A value stays until a newer one comes, as in an ItemGroup of spead2: a sender may send an item only when it changes.
 *
 * Replacement: an identifier and a name belong to one item. A descriptor that says the same as that of the item with its
 * identifier changes nothing. Any other descriptor takes the place of the item that has its identifier, and of the item
 * that has its name; the values of both are gone. These are the rules of spead2.
 *
 * Memory: a value stays in the heap that brought it, so nothing is copied, and the group holds a reference to that heap.
 * It holds at most one heap: the last one that brought a value in its payload. When a newer heap takes its place, the
 * group copies the values that it still needs of the older one: values that the newer heap did not renew. So the values
 * of a sender that sends every item in every heap are never copied. A receive stream needs one heap more
 * (`held_heaps`) for each group that follows it; with `copy_values` it needs none.
 * Descriptors and copied values together take at most `memory_bytes_max`. The group itself takes about 200 bytes for
 * each of `items_max` items. If a value cannot be copied, its item has no value, and the change says so
 * (SPEAD_ITEM_VALUE_DROPPED).
 *
 * Errors: what cannot be used of a heap stands among the changes of the update, with its identifier and a sentence, and
 * is counted (struct spead_item_group_stats). It stops no other item of the heap.
 * Threads: one thread at a time uses a group.
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "item descriptors"; the replacement rules are those that spead2
 * shows. */
#ifndef SPEADLINE_ITEM_GROUP_H
#define SPEADLINE_ITEM_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/descriptor.h>
#include <speadline/error.h>
#include <speadline/heap.h>
#include <speadline/item.h>
#include <speadline/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_item_group; /* opaque */

#define SPEAD_ITEM_GROUP_ITEMS_DEFAULT        256u
#define SPEAD_ITEM_GROUP_MEMORY_BYTES_DEFAULT (16u << 20)

/* The configuration of an item group. Start from SPEAD_ITEM_GROUP_CONFIG_INIT. */
struct spead_item_group_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t items_max;   /* most items of the group; 1 to 65536, default 256 */
    /* Most bytes of descriptors and copied values together; default 16 MiB. */
    uint64_t memory_bytes_max;
    /* A combination of enum spead_bug_compat: how the sender's descriptors deviate from the protocol. Default 0. */
    uint32_t bug_compat;
    /* True: the group copies each value, and holds no heap after an update. Default false. */
    bool copy_values;
    uint8_t reserved[3];
};
/* clang-format off */
#define SPEAD_ITEM_GROUP_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_item_group_config), \
    .items_max = SPEAD_ITEM_GROUP_ITEMS_DEFAULT, \
    .memory_bytes_max = SPEAD_ITEM_GROUP_MEMORY_BYTES_DEFAULT }
/* clang-format on */
/* Does what SPEAD_ITEM_GROUP_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_item_group_config_init(struct spead_item_group_config *config, size_t size);

/* Makes a group without items. `config` may be NULL: the defaults. Returns 0 and gives *out to the caller, -EINVAL (err
 * names the field) or -ENOMEM. On failure *out is unchanged. err may be NULL. */
int spead_item_group_create(struct spead_item_group **out,
                            const struct spead_item_group_config *config, struct spead_err *err);

/* Frees the group, and gives its heap back. NULL is ignored. */
void spead_item_group_destroy(struct spead_item_group *group);

/* Adds an item, as a descriptor of a heap does. A program needs it when the sender sends no descriptors. The group
 * takes a reference to the descriptor. Returns 0, or -ENOSPC (the group has items_max items, or the descriptor does not
 * fit into memory_bytes_max) or -EINVAL (the identifier is reserved: 0 to 6). err may be NULL. */
int spead_item_group_add(struct spead_item_group *group, struct spead_descriptor *descriptor,
                         struct spead_err *err);

/* Takes the descriptors and then the values of a heap into the group. The call borrows the reference of the caller, who
 * may give it back at once: what the group needs longer it holds or copies.
 * An incomplete heap has no descriptors and only immediate items: nobody knows where its other items end. So its
 * immediate items are taken, and each other item of the group is named with SPEAD_ITEM_NOT_ARRIVED and keeps its value.
 * Returns how many items got a new value. */
int spead_item_group_update(struct spead_item_group *group, struct spead_heap *heap);

/* Takes the values away from all items, and gives the heap back. The descriptors stay. */
void spead_item_group_drop_values(struct spead_item_group *group);

/* ---- The items ------------------------------------------------------------------------------- */

/* An item of a group. */
struct spead_group_item {
    const struct spead_descriptor *descriptor; /* borrowed from the group */
    /* The value, for the functions of value.h. It is set if has_value is true. Its bytes belong to the group. */
    struct spead_item value;
    bool has_value;
    /* Grows by 1 with each new value, and with each new descriptor. So a program sees what has changed since it looked
     * last. */
    uint64_t version;
    uint64_t heap_counter; /* the counter of the heap that brought the value */
};

/* Return the item with this name or identifier, or NULL if the group has none. What they return, with all that it
 * points to, is valid until the next add(), update(), drop_values() or destroy() of this group. */
const struct spead_group_item *spead_item_group_find(const struct spead_item_group *group,
                                                     const char *name);
const struct spead_group_item *spead_item_group_find_id(const struct spead_item_group *group,
                                                        uint64_t id);

/* Converts the value of the item with this name to an array of `type` in `to`, which has room for `max` values, as
 * spead_item_read() does with the first field of the item. Returns the number of values that `to` got; -ENOENT if the
 * group has no such item, or the item has no value yet; or an error of value.h, such as -ENOSPC (more than `max` values)
 * and -ERANGE (a value does not fit the type). On failure the contents of `to` are undefined. err may be NULL. */
int64_t spead_item_group_read(const struct spead_item_group *group, const char *name,
                              enum spead_ctype type, void *to, size_t max, struct spead_err *err);

/* Return how many items the group has, and the item with this index (0 first), or NULL past the last. The items stand
 * in the order in which they were described. */
size_t spead_item_group_count(const struct spead_item_group *group);
const struct spead_group_item *spead_item_group_at(const struct spead_item_group *group,
                                                   size_t index);

/* ---- What an update has changed ---------------------------------------------------------------- */

enum spead_item_change_kind {
    SPEAD_ITEM_DESCRIBED = 0,   /* a new item */
    SPEAD_ITEM_REDESCRIBED = 1, /* the item has another descriptor; its value is gone */
    SPEAD_ITEM_REMOVED = 2,     /* another item took the name of this one, which is gone */
    SPEAD_ITEM_UPDATED = 3,     /* the item has a new value */
    /* The heap has a value for this identifier, and no descriptor is known. */
    SPEAD_ITEM_NOT_DESCRIBED = 4,
    /* A descriptor was malformed (-EBADMSG), or its identifier is reserved (-EINVAL), or there was no room for it
     * (-ENOSPC, -ENOMEM). If the identifier is not known, it is 0. */
    SPEAD_ITEM_DESCRIPTOR_REFUSED = 5,
    /* The value was too short for the descriptor (-EBADMSG); the old value stays. */
    SPEAD_ITEM_VALUE_REFUSED = 6,
    /* The value outlived its heap and could not be copied: no room (-ENOSPC, -ENOMEM), or the CPU cannot touch the
     * payload (-ENOTSUP). The item has no value. */
    SPEAD_ITEM_VALUE_DROPPED = 7,
    /* The heap was incomplete; nobody knows whether it had a value for the item. */
    SPEAD_ITEM_NOT_ARRIVED = 8,
};

/* One change. */
struct spead_item_change {
    uint64_t id;
    enum spead_item_change_kind kind;
    int error; /* -errno of a refusal or a drop; else 0 */
};

/* Returns how many changes the last update has listed. *changes, if `changes` is not NULL, becomes the array: first the
 * descriptors in the order of the heap, then the values in the order of the heap. An item that has several values in one
 * heap is listed once; the last one counts. The array has room for 3 * items_max + 16 changes; more are left out and
 * counted (changes_omitted). It is valid until the next update(), drop_values() or destroy(). */
size_t spead_item_group_changes(const struct spead_item_group *group,
                                const struct spead_item_change **changes);

/* The most sentences of an update. */
#define SPEAD_ITEM_GROUP_SENTENCES 8u
/* Returns one sentence about a refusal or a drop: the one with this index in the array of changes. It is valid as long
 * as that array. Returns "" for any other change, and if this update had SPEAD_ITEM_GROUP_SENTENCES sentences before. */
const char *spead_item_group_sentence(const struct spead_item_group *group, size_t change);

/* What the group has done since it was made. */
struct spead_item_group_stats {
    uint32_t struct_size;             /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t items;                   /* items that the group has now */
    uint64_t heaps, incomplete_heaps; /* heaps of update(), and the incomplete ones among them */
    uint64_t descriptors;             /* descriptors that added or changed an item */
    uint64_t values;                  /* values that items got */
    /* How often each of these changes came: enum spead_item_change_kind. */
    uint64_t not_described, descriptors_refused, values_refused, values_dropped, not_arrived;
    uint64_t changes_omitted;             /* changes for which the list of an update had no room */
    uint64_t values_copied, bytes_copied; /* values that were copied, and their bytes */
    uint64_t memory_bytes;                /* what descriptors and copied values take now */
};
/* clang-format off */
#define SPEAD_ITEM_GROUP_STATS_INIT { .struct_size = sizeof(struct spead_item_group_stats) }
/* clang-format on */
/* Does what SPEAD_ITEM_GROUP_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_item_group_stats_init(struct spead_item_group_stats *stats, size_t size);

/* Fills *stats. The caller must have set stats->struct_size by SPEAD_ITEM_GROUP_STATS_INIT. */
void spead_item_group_stats(const struct spead_item_group *group,
                            struct spead_item_group_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
