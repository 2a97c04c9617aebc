/* What a cache line is here: what one thread writes is kept off the lines that another one reads. x86-64 and most
 * ARM cores have lines of 64 bytes; where they are longer, threads slow each other down and nothing breaks. */
#ifndef SPEADI_CACHE_LINE_H
#define SPEADI_CACHE_LINE_H

#include <stddef.h>
#include <stdlib.h>

#include <speadi/numbers.h>

#define SPEADI_CACHE_LINE 64u /* bytes */

/* Uninitialised memory that begins on a cache line and shares its last one with nothing; for free(). NULL: there is
 * none. */
static inline void *speadi_alloc_lines(size_t bytes)
{
    return aligned_alloc(SPEADI_CACHE_LINE, speadi_round_up(bytes, SPEADI_CACHE_LINE));
}

#endif
