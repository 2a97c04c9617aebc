/* The size of a cache line. The library keeps data that one thread writes and data that another thread reads in
 * different cache lines. x86-64 and most ARM cores have lines of 64 bytes. On a machine with longer lines the threads
 * slow each other down, but everything still works. */
#ifndef SPEADI_CACHE_LINE_H
#define SPEADI_CACHE_LINE_H

#include <stddef.h>
#include <stdlib.h>

#include <speadi/numbers.h>

#define SPEADI_CACHE_LINE 64u /* bytes */

/* Returns uninitialised memory that begins on a cache line and shares no line with anything else. The caller frees it
 * with free(). Returns NULL when there is not enough memory. */
static inline void *speadi_alloc_lines(size_t bytes)
{
    return aligned_alloc(SPEADI_CACHE_LINE, speadi_round_up(bytes, SPEADI_CACHE_LINE));
}

#endif
