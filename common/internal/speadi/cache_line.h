/* SPDX-License-Identifier: Apache-2.0 */
/* The size of a cache line. The library keeps data that one thread writes and data that another thread reads in
 * different cache lines. On a machine with longer lines the threads slow each other down, but everything works. */
#ifndef SPEADI_CACHE_LINE_H
#define SPEADI_CACHE_LINE_H

#include <stddef.h>
#include <stdlib.h>

#include <speadi/numbers.h>

/* In bytes. The compiler needs this size to lay out structs, so it is chosen for the architecture and not read from the
 * machine. On ARM most cores have lines of 64 bytes, but the cores of Apple and ThunderX have lines of 128 bytes. The
 * size 128 is right for all of these cores, and costs a little memory. POWER has lines of 128 bytes, and IBM Z of 256.
 * A build can set another size. */
#ifndef SPEADI_CACHE_LINE
#    if defined(__s390x__)
#        define SPEADI_CACHE_LINE 256u
#    elif defined(__aarch64__) || defined(__powerpc64__)
#        define SPEADI_CACHE_LINE 128u
#    else
#        define SPEADI_CACHE_LINE 64u
#    endif
#endif

/* A device that writes packets into heaps fills whole cache lines if the payload of each packet is a multiple of this
 * many bytes. Nearly all hosts with such devices have lines of 64 bytes, whatever SPEADI_CACHE_LINE is. */
#define SPEADI_PAYLOAD_LINE 64u

/* Returns uninitialised memory that begins on a cache line and shares no line with anything else. The caller frees it
 * with free(). Returns NULL when there is not enough memory. */
static inline void *speadi_alloc_lines(size_t bytes)
{
    return aligned_alloc(SPEADI_CACHE_LINE, speadi_round_up(bytes, SPEADI_CACHE_LINE));
}

#endif
