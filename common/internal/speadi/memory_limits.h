/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of this process or host that can make mmap() and malloc() fail although memory is free. */
#ifndef SPEADI_MEMORY_LIMITS_H
#define SPEADI_MEMORY_LIMITS_H

#define SPEADI_MEMORY_LIMITS_MAX 128u

/* Writes which of these limits are set, and how to raise them, such as "`ulimit -v` allows 976562 KiB". Writes "" if none
 * is set. Returns `text`. */
const char *speadi_memory_limits(char text[SPEADI_MEMORY_LIMITS_MAX]);

#endif
