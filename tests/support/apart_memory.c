/* SPDX-License-Identifier: Apache-2.0 */
/* Makes memory that the CPU must not touch, and its operations. */
#include "apart_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool fails(struct apart_memory *memory, unsigned *count)
{
    ++*count;
    return memory->fail_at != 0 &&
           memory->copies_in + memory->copies_within + memory->copies_out + memory->flushes >=
               memory->fail_at;
}

static uint8_t *reach(const struct apart_memory *memory, const struct spead_region_info *info,
                      size_t offset, size_t bytes)
{
    uint64_t at = info->device_address - memory->arena.device_address + offset;

    if (info->fd != memory->arena.fd || info->data != NULL || offset + bytes > info->bytes ||
        at + bytes > memory->arena.bytes) {
        fprintf(stderr, "apart memory: %zu bytes at %zu are not in it\n", bytes, offset);
        abort();
    }
    return memory->view + at;
}

static int copy_in(void *arg, const struct spead_region_info *to, size_t offset, const void *from,
                   size_t bytes)
{
    struct apart_memory *memory = arg;

    memcpy(reach(memory, to, offset, bytes), from, bytes);
    return fails(memory, &memory->copies_in) ? memory->fail_with : 0;
}

static int copy_within(void *arg, const struct spead_region_info *region, size_t to, size_t from,
                       size_t bytes)
{
    struct apart_memory *memory = arg;

    memmove(reach(memory, region, to, bytes), reach(memory, region, from, bytes), bytes);
    return fails(memory, &memory->copies_within) ? memory->fail_with : 0;
}

static int copy_out(void *arg, const struct spead_region_info *from, void *to, size_t offset,
                    size_t bytes)
{
    struct apart_memory *memory = arg;

    memcpy(to, reach(memory, from, offset, bytes), bytes);
    return fails(memory, &memory->copies_out) ? memory->fail_with : 0;
}

static int flush(void *arg, const struct spead_region_info *region)
{
    struct apart_memory *memory = arg;

    (void)reach(memory, region, 0, region->bytes);
    return fails(memory, &memory->flushes) ? memory->fail_with : 0;
}

static void count_end(void *arg)
{
    struct apart_memory *memory = arg;

    atomic_fetch_add(&memory->ended, 1);
}

void apart_memory_open(struct apart_memory *memory, size_t bytes)
{
    int fd = memfd_create("apart", MFD_CLOEXEC);
    void *forbidden = MAP_FAILED, *view = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0) {
        forbidden = mmap(NULL, bytes, PROT_NONE, MAP_SHARED, fd, 0);
        view = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (forbidden == MAP_FAILED || view == MAP_FAILED) {
        perror("apart memory");
        abort();
    }
    /* Sets all bytes to a value that is not zero, as if an earlier heap had used the memory. */
    memset(view, 0xa5, bytes);
    *memory = (struct apart_memory){.view = view, .fail_with = -EIO};
    memory->ops = (struct spead_region_ops){.name = "apart",
                                            .copy_in = copy_in,
                                            .copy_within = copy_within,
                                            .copy_out = copy_out,
                                            .flush = flush,
                                            .arg = memory};
    memory->arena = (struct spead_region_arena){.struct_size = sizeof memory->arena,
                                                .kind = SPEAD_REGION_DMA_BUF,
                                                .device_address = (uint64_t)(uintptr_t)forbidden,
                                                .bytes = bytes,
                                                .fd = fd,
                                                .ops = &memory->ops,
                                                .ended = count_end,
                                                .arg = memory};
}

void apart_memory_close(struct apart_memory *memory)
{
    munmap(memory->view, memory->arena.bytes);
    munmap((void *)(uintptr_t)memory->arena.device_address, memory->arena.bytes);
    close(memory->arena.fd);
}

const uint8_t *apart_memory_payload(const struct apart_memory *memory,
                                    const struct spead_heap *heap)
{
    struct spead_region_info info = SPEAD_REGION_INFO_INIT;

    spead_heap_region_info(heap, &info);
    return reach(memory, &info, 0, info.bytes);
}
