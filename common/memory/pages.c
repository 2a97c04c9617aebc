/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of anonymous memory, with mmap(2) and madvise(2). */
#include "pages.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23 /* the kernel has it since Linux 5.14 */
#endif

size_t speadi_pages_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int speadi_pages_reserve(struct speadi_pages *pages, size_t bytes, size_t align)
{
    size_t page = speadi_pages_size(), slack = align > page ? align - page : 0;
    void *mapping;

    if (__builtin_add_overflow(bytes, slack, &pages->mapping_bytes))
        return -ENOMEM;
    /* MAP_NORESERVE: the pool limits how much of the mapping it touches. So the kernel need not set memory aside for
     * the whole mapping. */
    mapping = mmap(NULL, pages->mapping_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        return -ENOMEM;
    pages->mapping = mapping;
    pages->data = (uint8_t *)mapping + (-(uintptr_t)mapping & (align - 1));
    return 0;
}

void speadi_pages_release(struct speadi_pages *pages)
{
    if (pages->data)
        munmap(pages->mapping, pages->mapping_bytes);
    pages->data = NULL;
}

void speadi_pages_keep_small(uint8_t *data, size_t bytes)
{
    /* If the kernel has no huge pages, this fails with EINVAL and does no harm. */
    madvise(data, bytes, MADV_NOHUGEPAGE);
}

void speadi_pages_make_huge(uint8_t *data, size_t bytes)
{
    madvise(data, bytes, MADV_HUGEPAGE);
}

void speadi_pages_touch(uint8_t *data, size_t bytes)
{
    size_t page = speadi_pages_size();

    /* The addition of 0 is one atomic operation. So no byte is lost that another thread, the kernel or a device writes
     * at the same time. relaxed: the addition publishes nothing. */
    for (size_t at = 0; at < bytes; at += page)
        (void)__atomic_fetch_add(data + at, 0, __ATOMIC_RELAXED);
}

void speadi_pages_fault_in(uint8_t *data, size_t bytes)
{
    /* Other errors than these say that there is no memory. Then a touch could end the process. */
    if (madvise(data, bytes, MADV_POPULATE_WRITE) < 0 &&
        (errno == EINVAL || errno == ENOSYS || errno == EPERM))
        speadi_pages_touch(data, bytes);
}

int speadi_pages_trim(uint8_t *data, size_t bytes)
{
    return madvise(data, bytes, MADV_DONTNEED) < 0 ? -errno : 0;
}
