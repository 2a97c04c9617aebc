/* SPDX-License-Identifier: Apache-2.0 */
/* Registers memory with a device, and allocates arenas to be registered. */
#include <speadi/verbs_device.h>

#include <assert.h>
#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#include "pages.h"

static struct ibv_mr *register_host(const struct speadi_verbs_device *device,
                                    const struct speadi_verbs_span *span, int access)
{
    if (device->verbs->reg_mr_iova2)
        return device->verbs->reg_mr_iova2(device->pd, span->data, span->bytes,
                                           (uintptr_t)span->data,
                                           (unsigned)access | IBV_ACCESS_RELAXED_ORDERING);
    return device->verbs->reg_mr(device->pd, span->data, span->bytes, access);
}

static int register_dma_buf(struct speadi_verbs_device *device, struct speadi_verbs_memory *memory,
                            const struct speadi_verbs_span *span, int access, struct spead_err *err)
{
    if (!device->verbs->reg_dmabuf_mr)
        return speadi_err_set(err, -ENOTSUP,
                              "this libibverbs cannot register a dma-buf: 1.12 (rdma-core 34) can");
    memory->mr = device->verbs->reg_dmabuf_mr(device->pd, span->fd_offset, span->bytes, span->iova,
                                              span->fd, access);
    if (!memory->mr)
        return speadi_verbs_failed(err, "reg_dmabuf_mr", device->report.device, errno);
    memory->address = span->iova;
    return 0;
}

int speadi_verbs_register(struct speadi_verbs_device *device, struct speadi_verbs_memory *memory,
                          const struct speadi_verbs_span *span, struct spead_err *err)
{
    int access = span->write ? IBV_ACCESS_LOCAL_WRITE : 0;
    int ret;

    *memory = (struct speadi_verbs_memory){.address = (uintptr_t)span->data};
    if (span->fd >= 0) {
        ret = register_dma_buf(device, memory, span, access, err);
        if (ret < 0)
            return ret;
    } else {
        memory->mr = register_host(device, span, access);
        if (!memory->mr)
            return speadi_verbs_failed(err, "reg_mr", device->report.device, errno);
    }
    memory->key = memory->mr->lkey;
    device->registrations++;
    return 0;
}

void speadi_verbs_deregister(struct speadi_verbs_device *device, struct speadi_verbs_memory *memory)
{
    int code;

    if (!memory->mr)
        return;
    code = device->verbs->dereg_mr(memory->mr);
    assert(code != EBUSY); /* EBUSY would mean that a posted request still uses the memory */
    /* Any other error means that the device is gone. Then the registration is gone too. */
    (void)code;
    *memory = (struct speadi_verbs_memory){0};
    device->registrations--;
}

/* ---- Arenas -------------------------------------------------------------------------------------- */

static bool map_huge(struct speadi_verbs_arena *arena, size_t bytes)
{
    void *data;

    if (bytes % SPEADI_HUGE_PAGE_BYTES != 0)
        return false;
    /* MAP_HUGE_2MB: without a size the kernel takes pages of its default size. On a host whose default is 1 GiB, a
     * smaller arena would then get no huge page. */
    data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB | MAP_POPULATE, -1, 0);
    if (data == MAP_FAILED)
        return false;
    *arena = (struct speadi_verbs_arena){data, bytes, SPEADI_ARENA_HUGETLB};
    return true;
}

/* Maps `bytes` bytes of memory, aligned to `align`. The function maps more bytes than that, and then unmaps the surplus
 * at both ends. So speadi_verbs_arena_destroy() needs only the fields `data` and `bytes`. */
static int map_pages(struct speadi_verbs_arena *arena, size_t bytes, size_t align)
{
    uint8_t *mapping =
        mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before, after;

    if (mapping == MAP_FAILED)
        return -ENOMEM;
    before = -(uintptr_t)mapping & (align - 1);
    after = align - before;
    if (before)
        munmap(mapping, before);
    munmap(mapping + before + bytes, after);
    *arena = (struct speadi_verbs_arena){mapping + before, bytes, SPEADI_ARENA_SMALL};
    return 0;
}

int speadi_verbs_arena_create(struct speadi_verbs_arena *arena, size_t bytes, struct spead_err *err)
{
    bool large = bytes >= SPEADI_HUGE_PAGE_BYTES;
    size_t unit = large ? SPEADI_HUGE_PAGE_BYTES : speadi_pages_size();
    size_t whole = speadi_round_up(bytes, unit);

    *arena = (struct speadi_verbs_arena){0};
    if (whole < bytes || whole == 0)
        return speadi_err_set(err, -ENOMEM, "no memory for %zu bytes of packets", bytes);
    if (!large || !map_huge(arena, whole)) {
        if (map_pages(arena, whole, unit) < 0)
            return speadi_err_set(err, -ENOMEM, "no memory for %zu bytes of packets", bytes);
        if (large && madvise(arena->data, whole, MADV_HUGEPAGE) == 0)
            arena->pages = SPEADI_ARENA_THP;
        speadi_pages_fault_in(arena->data, whole);
    }
    /* Before Linux 5.12, the parent could lose the pages that the device uses: after a fork() the child kept these
     * pages, and the parent got a copy at its next write. This call excludes the pages from the child. */
    madvise(arena->data, whole, MADV_DONTFORK);
    return 0;
}

int speadi_verbs_arena_register(struct speadi_verbs_arena *arena,
                                struct speadi_verbs_memory *memory,
                                struct speadi_verbs_device *device, size_t bytes, bool write,
                                struct spead_err *err)
{
    struct speadi_verbs_span span = {.fd = -1, .write = write};
    int ret = speadi_verbs_arena_create(arena, bytes, err);

    if (ret < 0)
        return ret;
    span.data = arena->data;
    span.bytes = arena->bytes;
    return speadi_verbs_register(device, memory, &span, err);
}

void speadi_verbs_arena_destroy(struct speadi_verbs_arena *arena)
{
    if (arena->data)
        munmap(arena->data, arena->bytes);
    *arena = (struct speadi_verbs_arena){0};
}

const char *speadi_arena_pages_name(enum speadi_arena_pages pages)
{
    static const char *const names[] = {
        [SPEADI_ARENA_HUGETLB] = "reserved huge pages",
        [SPEADI_ARENA_THP] = "transparent huge pages where the system has them",
        [SPEADI_ARENA_SMALL] = "small pages",
    };

    return names[pages];
}
