/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the engine "counter". A program that wants other values than the defaults includes this header:
 *
 *     struct counter_config counter = COUNTER_CONFIG_INIT;
 *     counter.heaps = 10;
 *     config.engine = "counter";
 *     config.engine_options = &counter.options; */
#ifndef COUNTER_CONFIG_H
#define COUNTER_CONFIG_H

#include <stdint.h>

#include <speadline/engine.h>

struct counter_config {
    struct spead_engine_options options; /* COUNTER_CONFIG_INIT fills this part */
    uint64_t heaps; /* the number of heaps after which an endpoint ends; default 1000 */
    /* payload bytes of each heap, a multiple of 8, up to 65536; default 4096 */
    uint32_t heap_bytes;
};

/* clang-format off */
#define COUNTER_CONFIG_INIT { \
    .options = {.struct_size = sizeof(struct counter_config), .engine = "counter"}, \
    .heaps = 1000, .heap_bytes = 4096 }
/* clang-format on */

#endif
