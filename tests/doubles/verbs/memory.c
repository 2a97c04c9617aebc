/* SPDX-License-Identifier: Apache-2.0 */
/* Protection domains and registered memory. This file checks every address that a program gives to a device. */
#include "double.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KEY_INDEX_BITS = 12, PAGE_BYTES = 4096, LINE_BYTES = 64 };
static_assert(VD_MR_COUNT_MAX == 1 << KEY_INDEX_BITS, "a key holds the index of its region");

#define ACCESS_KNOWN                                                             \
    (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | \
     IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND | IBV_ACCESS_HUGETLB |        \
     (unsigned)IBV_ACCESS_OPTIONAL_RANGE)

VD_EXPORT struct ibv_pd *ibv_alloc_pd(struct ibv_context *ibv)
{
    struct vd_context *context = vd_context(ibv);
    int err = vd_call("alloc_pd");
    struct vd_pd *pd;

    if (err)
        return vd_null(err);
    pd = calloc(1, sizeof *pd);
    if (!pd)
        return vd_null(ENOMEM);
    pd->pd.context = ibv;
    pthread_mutex_lock(&context->lock);
    if (context->pd_count >= VD_SETTING(max_pd)) {
        pthread_mutex_unlock(&context->lock);
        free(pd);
        return vd_refuse_null(ENOMEM, "alloc_pd: the device has no more than max_pd");
    }
    context->pd_count++;
    pthread_mutex_unlock(&context->lock);
    VD_COUNT(pds, 1);
    return &pd->pd;
}

VD_EXPORT int ibv_dealloc_pd(struct ibv_pd *ibv)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_pd *pd = (struct vd_pd *)ibv;
    int err = vd_call("dealloc_pd");
    unsigned users;

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    users = pd->users;
    if (!users)
        context->pd_count--;
    pthread_mutex_unlock(&context->lock);
    if (users)
        return vd_refuse(EBUSY, "dealloc_pd: %u regions or queues are still in it", users);
    free(pd);
    VD_COUNT(pds, -1);
    return 0;
}

static int check_access(const char *verb, unsigned access, size_t length)
{
    if (access & ~ACCESS_KNOWN)
        return vd_refuse(EINVAL, "%s: access flags %#x are unknown or unsupported", verb, access);
    if ((access & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) &&
        !(access & IBV_ACCESS_LOCAL_WRITE))
        return vd_refuse(EINVAL, "%s: remote write needs local write", verb);
    if (length == 0 || length > VD_SETTING(max_mr_size))
        return vd_refuse(EINVAL, "%s: %zu bytes: not within 1..max_mr_size", verb, length);
    return 0;
}

/* Puts the memory into the table of registered memory. At this point the memory is already mapped or pinned, so this is
 * the last step that can fail. */
static int publish(struct vd_context *context, struct vd_pd *pd, struct vd_mr *mr)
{
    uint64_t pinned_max = VD_SETTING(max_pinned);
    uint32_t index = 1;

    if (context->mr_count >= VD_SETTING(max_mr))
        return vd_refuse(ENOMEM, "reg_mr: the device has no more than max_mr");
    if (context->pinned_bytes >= pinned_max || mr->mr.length > pinned_max - context->pinned_bytes)
        return vd_refuse(ENOMEM, "reg_mr: more than max_pinned bytes (RLIMIT_MEMLOCK)");
    while (index < VD_MR_COUNT_MAX && context->mrs[index])
        index++;
    if (index == VD_MR_COUNT_MAX)
        return vd_refuse(ENOMEM, "reg_mr: no more than %u", VD_MR_COUNT_MAX - 1);
    /* The key contains a generation number. So an old key stays invalid, even when the program registers other memory
     * in the same slot. */
    context->mr_generation++;
    mr->mr.handle = index;
    mr->mr.lkey = mr->mr.rkey = (context->mr_generation << KEY_INDEX_BITS) | index;
    context->mrs[index] = mr;
    context->mr_count++;
    context->pinned_bytes += mr->mr.length;
    pd->users++;
    return 0;
}

static struct ibv_mr *make(struct ibv_pd *ibv, struct vd_mr values)
{
    struct vd_context *context = vd_context(ibv->context);
    struct vd_mr *mr = malloc(sizeof *mr);
    int err;

    if (!mr)
        return vd_null(ENOMEM);
    *mr = values;
    mr->mr.context = ibv->context;
    mr->mr.pd = ibv;
    pthread_mutex_lock(&context->lock);
    err = publish(context, (struct vd_pd *)ibv, mr);
    pthread_mutex_unlock(&context->lock);
    if (err) {
        free(mr);
        return vd_null(err);
    }
    VD_COUNT(mrs, 1);
    return &mr->mr;
}

/* Reads or writes each page, because a registration pins the pages. Refuses memory that the process is not allowed to
 * access, as the kernel does. */
static int pin(const char *verb, void *address, size_t length, bool write)
{
    uintptr_t first = (uintptr_t)address & ~(uintptr_t)(PAGE_BYTES - 1);
    uintptr_t end = ((uintptr_t)address + length + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);

    if (madvise((void *)first, end - first, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0)
        return 0;
    return vd_refuse(EFAULT, "%s: the memory is not mapped %s", verb,
                     write ? "writable" : "readable");
}

static struct ibv_mr *register_host(const char *verb, struct ibv_pd *pd, void *address,
                                    size_t length, uint64_t iova, unsigned access)
{
    int err = vd_call(verb);

    if (!err)
        err = check_access(verb, access, length);
    if (!err)
        err = pin(verb, address, length, access & IBV_ACCESS_LOCAL_WRITE);
    if (err)
        return vd_null(err);
    return make(pd, (struct vd_mr){
                        .mr = {.addr = address, .length = length}, .iova = iova, .access = access});
}

VD_EXPORT struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access)
{
    return register_host("reg_mr", pd, address, length, (uintptr_t)address, (unsigned)access);
}

VD_EXPORT struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *address, size_t length,
                                         uint64_t iova, int access)
{
    return register_host("reg_mr", pd, address, length, iova, (unsigned)access);
}

/* The macro ibv_reg_mr() calls this function if its flags are not a constant, or if they contain an optional flag. */
VD_EXPORT struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *address, size_t length,
                                          uint64_t iova, unsigned access)
{
    return register_host("reg_mr", pd, address, length, iova, access);
}

/* A test can use any descriptor that can be mapped, such as a memfd, as a dma-buf. The double never touches the mapping
 * of the caller. So that mapping can be PROT_NONE, like device memory that the CPU cannot read. */
VD_EXPORT struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length,
                                           uint64_t iova, int fd, int access)
{
    uint64_t lead = offset % PAGE_BYTES;
    struct ibv_mr *made;
    void *mapping;
    int err = vd_call("reg_dmabuf_mr");

    if (!err)
        err = check_access("reg_dmabuf_mr", (unsigned)access, length);
    if (!err && iova % PAGE_BYTES != lead)
        err = vd_refuse(EINVAL, "reg_dmabuf_mr: offset and iova differ within a page");
    if (!err && (lseek(fd, 0, SEEK_END) < 0 || (uint64_t)lseek(fd, 0, SEEK_END) < offset + length))
        err = vd_refuse(EINVAL, "reg_dmabuf_mr: the buffer ends before offset + length");
    if (err)
        return vd_null(err);
    mapping =
        mmap(NULL, length + lead, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(offset - lead));
    if (mapping == MAP_FAILED)
        return vd_null(errno);
    made = make(pd, (struct vd_mr){.mr = {.addr = (void *)(uintptr_t)iova, .length = length},
                                   .iova = iova,
                                   .access = (unsigned)access,
                                   .mapping = mapping,
                                   .mapping_bytes = length + lead});
    if (!made)
        munmap(mapping, length + lead);
    return made;
}

static void unpin(struct vd_mr *mr)
{
    if (mr->mapping)
        munmap(mr->mapping, mr->mapping_bytes);
    free(mr);
}

void vd_mr_unuse(struct vd_mr *mr)
{
    if (--mr->users == 0 && mr->gone)
        unpin(mr);
}

VD_EXPORT int ibv_dereg_mr(struct ibv_mr *ibv)
{
    const bool lenient = VD_SETTING(lenient);
    struct vd_context *context = vd_context(ibv->context);
    struct vd_mr *mr = (struct vd_mr *)ibv;
    int err = vd_call("dereg_mr");
    unsigned users;

    if (err)
        return err;
    pthread_mutex_lock(&context->lock);
    users = mr->users;
    if (!users || lenient) {
        context->mrs[ibv->handle] = NULL;
        mr->gone = true;
        context->mr_count--;
        context->pinned_bytes -= ibv->length;
        ((struct vd_pd *)ibv->pd)->users--;
    }
    pthread_mutex_unlock(&context->lock);
    if (users && !lenient)
        return vd_refuse(EBUSY, "dereg_mr: %u pieces of posted work still name it", users);
    if (!users)
        unpin(mr);
    VD_COUNT(mrs, -1);
    return 0;
}

struct vd_mr *vd_mr_resolve(struct vd_context *context, const struct ibv_pd *pd,
                            const struct ibv_sge *sge, bool write)
{
    struct vd_mr *mr = context->mrs[sge->lkey % VD_MR_COUNT_MAX];

    if (!mr || mr->mr.lkey != sge->lkey)
        return vd_refuse_null(EINVAL, "lkey %#x names no region", sge->lkey);
    if (mr->mr.pd != pd)
        return vd_refuse_null(EINVAL, "lkey %#x is of another protection domain", sge->lkey);
    if (sge->addr < mr->iova || sge->addr - mr->iova > mr->mr.length ||
        sge->length > mr->mr.length - (sge->addr - mr->iova))
        return vd_refuse_null(EINVAL, "%u bytes at %#lx lie outside their region", sge->length,
                              (unsigned long)sge->addr);
    if (write && !(mr->access & IBV_ACCESS_LOCAL_WRITE))
        return vd_refuse_null(EINVAL, "lkey %#x was registered without LOCAL_WRITE", sge->lkey);
    return mr;
}

void *vd_mr_at(const struct vd_mr *mr, uint64_t address)
{
    char *base = mr->mr.addr;

    if (mr->mapping)
        base = (char *)mr->mapping + (mr->mapping_bytes - mr->mr.length);
    return base + (address - mr->iova);
}

static void write_at(struct vd_mr *mr, uint64_t address, const void *from, size_t bytes)
{
    if (mr->mapping)
        vd_copy_device(vd_mr_at(mr, address), from, bytes);
    else
        memcpy(vd_mr_at(mr, address), from, bytes);
}

static size_t common_factor(size_t a, size_t b)
{
    return b == 0 ? a : common_factor(b, a % b);
}

/* Writes whole lines, the last line first. A step that has no factor in common with the number of lines visits each
 * line once. */
static void write_lines(struct vd_mr *mr, uint64_t address, const uint8_t *from, size_t bytes)
{
    const uint64_t base = address / LINE_BYTES;
    const size_t lines = (size_t)((address + bytes - 1) / LINE_BYTES - base) + 1;
    size_t step = lines / 2 + 1, line = lines - 1;

    while (common_factor(step, lines) != 1)
        step++;
    for (size_t i = 0; i < lines; i++, line = (line + step) % lines) {
        uint64_t first = (base + line) * LINE_BYTES, end = first + LINE_BYTES;

        if (first < address)
            first = address;
        if (end > address + bytes)
            end = address + bytes;
        write_at(mr, first, from + (first - address), (size_t)(end - first));
    }
}

void vd_mr_write(struct vd_mr *mr, uint64_t address, const void *from, size_t bytes)
{
    if (bytes == 0)
        return;
    if (VD_SETTING(dma_lines))
        write_lines(mr, address, from, bytes);
    else
        write_at(mr, address, from, bytes);
}

void vd_mr_read(void *to, struct vd_mr *mr, uint64_t address, size_t bytes)
{
    if (mr->mapping)
        vd_copy_device(to, vd_mr_at(mr, address), bytes);
    else
        memcpy(to, vd_mr_at(mr, address), bytes);
}

/* Overwrites memory of a posted receive, which belongs to the device now. A program that makes the mistake to read this
 * memory then reads wrong data. */
void vd_mr_poison(struct vd_mr *mr, uint64_t address, size_t bytes)
{
    if (VD_SETTING(poison))
        memset(vd_mr_at(mr, address), VD_POISON, bytes);
}
