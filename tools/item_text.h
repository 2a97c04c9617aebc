/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a heap as text for people, made of the JSON object of item_printer.c. */
#ifndef SPEADLINE_TOOLS_ITEM_TEXT_H
#define SPEADLINE_TOOLS_ITEM_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* Prints one heap: a line about the heap, one for each new descriptor, and one for each item. */
void item_text_heap(FILE *to, const json_t *heap);

#endif
