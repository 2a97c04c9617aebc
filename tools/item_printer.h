/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the items of heaps on standard output (spead-recv --items): their descriptors when they come, and their values.
 *
 * An item without a descriptor is printed as its length and its first bytes. For each heap the output is bounded:
 * ITEM_PRINTER_ITEMS items, each abbreviated as item_value.h says. Control characters are never printed.
 * Each endpoint has descriptors of its own, as the streams of spead2_recv have; with `joint` all endpoints share them. */
#ifndef SPEADLINE_TOOLS_ITEM_PRINTER_H
#define SPEADLINE_TOOLS_ITEM_PRINTER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/heap.h>

#define ITEM_PRINTER_ITEMS 256u

struct item_printer; /* defined in item_printer.c */

struct item_printer_config {
    const char *const *endpoints; /* borrowed */
    uint32_t endpoint_count;
    bool joint;
    bool json; /* a line with a JSON object for each heap, else text */
};

/* Returns 0, or -ENOMEM with a sentence. */
int item_printer_create(struct item_printer **out, const struct item_printer_config *config,
                        struct spead_err *err);
/* NULL is ignored. */
void item_printer_destroy(struct item_printer *printer);

/* Prints a heap. Blocks as long as the reader of standard output does. Returns 0, or -errno when it cannot be
 * printed. */
int item_printer_heap(struct item_printer *printer, struct spead_heap *heap);

#endif
