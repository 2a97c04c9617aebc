/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors that spead-send sends: --descriptors and --dtype. */
#ifndef SPEADLINE_TOOLS_SEND_DESCRIPTORS_H
#define SPEADLINE_TOOLS_SEND_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include "option_types.h"

struct spead_send_tool_options;

/* Values of --descriptors besides a number of heaps. */
#define SEND_DESCRIPTORS_NEVER 0u
#define SEND_DESCRIPTORS_FIRST UINT64_MAX

/* Stores a uint64_t. The user types "never", "first", or N: the first heap and every N-th heap after it. */
extern const struct tool_type tool_descriptors;

/* Returns true if the heap with this number has descriptors. The heaps of each destination count from 0. */
bool send_descriptors_are_due(const struct spead_send_tool_options *options, uint64_t number);

/* Adds a descriptor for each item to the heap: "item0" has the first identifier. Returns 0, or -errno with a sentence
 * that names the option. */
int send_descriptors_add(struct spead_send_heap *heap,
                         const struct spead_send_tool_options *options, struct spead_err *err);

/* Exits with TOOL_USAGE if --dtype is no type, or if items of --heap-size are no multiples of it. */
void send_descriptors_check(const struct spead_send_tool_options *options);

#endif
