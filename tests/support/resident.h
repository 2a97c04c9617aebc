/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel holds of a block of memory. */
#ifndef TEST_RESIDENT_H
#define TEST_RESIDENT_H

#include <stddef.h>

#include <speadi/pool.h>

/* Returns how many bytes of the block are in memory now. Aborts the program if the kernel does not say. */
size_t test_resident(const struct speadi_block *block);

#endif
