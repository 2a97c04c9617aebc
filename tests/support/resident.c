/* SPDX-License-Identifier: Apache-2.0 */
/* See resident.h. */
#include "resident.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <speadi/page_size.h>

#include "must.h"

size_t test_resident(const struct speadi_block *block)
{
    size_t page = speadi_pages_size(), pages = block->bytes / page, count = 0;
    unsigned char *map = malloc(pages);

    MUST(map, "out of memory");
    MUST(mincore(block->data, block->bytes, map) == 0, "mincore: %s", strerror(errno));
    for (size_t i = 0; i < pages; i++)
        count += map[i] & 1u;
    free(map);
    return count * page;
}
