/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of anonymous memory: reserving, trimming, populating, and huge pages. */
#ifndef SPEADI_PAGES_H
#define SPEADI_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include <speadi/page_size.h>

#define SPEADI_HUGE_PAGE_BYTES ((size_t)2 << 20)

struct speadi_pages {
    uint8_t *data; /* NULL if nothing is reserved */
    void *mapping; /* the start of the mapping, for munmap(); data lies inside the mapping */
    size_t mapping_bytes;
};

/* Reserves address space that reads as zero and uses no memory until it is touched. `align` must be a power of two, in
 * bytes. Returns 0 or -ENOMEM. */
int speadi_pages_reserve(struct speadi_pages *pages, size_t bytes, size_t align);
void speadi_pages_release(struct speadi_pages *pages); /* does nothing if nothing is reserved */

/* These three functions give advice to the kernel. If the kernel cannot follow the advice, the memory still works.
 * keep_small() asks the kernel not to use huge pages, so that only touched pages use memory. make_huge() asks for huge
 * pages. fault_in() makes the kernel supply all pages of the range now. It changes no byte, even if somebody writes to
 * the range at the same time. */
void speadi_pages_keep_small(uint8_t *data, size_t bytes);
void speadi_pages_make_huge(uint8_t *data, size_t bytes);
void speadi_pages_fault_in(uint8_t *data, size_t bytes);

/* Touches every page of the range. fault_in() calls it on a kernel without MADV_POPULATE_WRITE (before Linux 5.14). It
 * changes no byte, but ThreadSanitizer cannot know that. */
__attribute__((no_sanitize("thread"))) void speadi_pages_touch(uint8_t *data, size_t bytes);

/* Trims memory: gives it back to the kernel, so that it reads as zero again. Returns 0 or -errno. After an error, it is
 * possible that the memory does not read as zero. */
int speadi_pages_trim(uint8_t *data, size_t bytes);

#endif
