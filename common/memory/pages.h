/* Anonymous memory by the page: reserved, trimmed, faulted in ahead, made huge. */
#ifndef SPEADI_PAGES_H
#define SPEADI_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define SPEADI_HUGE_PAGE_BYTES ((size_t)2 << 20)

struct speadi_pages {
    uint8_t *data; /* NULL: nothing reserved */
    void *mapping; /* what munmap() needs: data lies somewhere inside */
    size_t mapping_bytes;
};

size_t speadi_pages_size(void); /* of the system's base page */

/* Address space that reads as zero and costs nothing until touched. align: a power of two. Returns 0 or
 * -ENOMEM. */
int speadi_pages_reserve(struct speadi_pages *pages, size_t bytes, size_t align);
void speadi_pages_release(struct speadi_pages *pages); /* safe when nothing is reserved */

/* The rest is advice: where the kernel cannot follow it, memory works all the same. */
void speadi_pages_keep_small(uint8_t *data, size_t bytes); /* no huge page, so touched = resident */
void speadi_pages_make_huge(uint8_t *data, size_t bytes);
void speadi_pages_fault_in(uint8_t *data, size_t bytes);

/* Gives the memory back to the system; it reads as zero again. Returns 0 or -errno (then it may not). */
int speadi_pages_trim(uint8_t *data, size_t bytes);

#endif
