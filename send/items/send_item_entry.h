/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of struct spead_send_items. */
#ifndef SPEADI_SEND_ITEM_ENTRY_H
#define SPEADI_SEND_ITEM_ENTRY_H

#include <stdbool.h>

#include <speadline/send_items.h>

struct speadi_send_entry {
    struct spead_descriptor *descriptor; /* NULL: the place is free */
    uint8_t *encoded;                    /* the descriptor as it travels */
    size_t encoded_bytes;
    const uint8_t *value; /* `own`, or borrowed; NULL: none, unless value_bytes is 0 */
    size_t value_bytes;
    uint8_t *own; /* memory for a value */
    size_t own_bytes;
    bool has_value;
    bool is_borrowed;
    bool is_described; /* a heap had the descriptor */
    bool is_sent;      /* a heap had the value */
};

struct spead_send_items {
    struct spead_send_items_config config;
    struct speadi_send_entry *entries; /* the handle is the index */
    uint32_t *order;                   /* handles in the order in which the items were added */
    uint32_t count;
    uint64_t heaps;   /* heaps that were filled */
    uint64_t free_id; /* see spead_send_items_free_id() */
};

#endif
