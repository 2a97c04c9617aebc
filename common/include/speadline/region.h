/* SPDX-License-Identifier: Apache-2.0 */
/* Regions: pieces of memory with a reference count. They come from a pool that is made once.
 *
 * The memory is either host memory, or the memory of a device, which the CPU cannot touch. The region says which kind
 * of memory it is. So a network engine can register the memory although it does not know the device. The functions
 * below copy bytes into a region and inside it, for every kind of memory.
 *
 * Threads: One thread at a time takes regions from a pool and reads the stats of the pool. Any thread may call every
 * function on a region.
 *
 * Lifetime: A region keeps its pool alive. When the last reference is given back, the region returns to the pool. If
 * devices still use the region at that moment, it is parked: it returns to the pool when all its events are done. */
#ifndef SPEADLINE_REGION_H
#define SPEADLINE_REGION_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/event.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_region;      /* opaque */
struct spead_region_pool; /* opaque */

/* What kind of memory a region is. */
enum spead_region_kind {
    SPEAD_REGION_HOST = 0,   /* normal memory of this process */
    SPEAD_REGION_PINNED = 1, /* host memory that a device can read and write */
    SPEAD_REGION_DEVICE = 2, /* memory of a device: the CPU cannot touch it */
    /* The memory of a device, as DEVICE. Other devices reach it through a file descriptor (dma-buf). */
    SPEAD_REGION_DMA_BUF = 3,
};

/* Describes the memory of a region, for code that registers the memory with a device. When the library passes this
 * struct to a function of spead_region_ops, struct_size is the size that the library knows. */
struct spead_region_info {
    uint32_t struct_size;        /* size of this struct in bytes; its _INIT macro sets it */
    enum spead_region_kind kind; /* kind of the memory */
    /* The file descriptor of the dma-buf that the memory belongs to. The owner of the arena closes it. -1 if there is
     * no dma-buf. */
    int fd;
    uint32_t reserved;
    uint64_t fd_offset;      /* where the region begins in the dma-buf, in bytes */
    void *data;              /* address of the first byte; NULL: the CPU cannot touch it */
    uint64_t device_address; /* address of the first byte in the device; 0: it has none */
    size_t bytes;            /* size of the region */
};
/* clang-format off */
#define SPEAD_REGION_INFO_INIT { .struct_size = sizeof(struct spead_region_info) }
/* clang-format on */
/* Does what SPEAD_REGION_INFO_INIT does; `size` is sizeof *info. Any thread. See docs/abi.md. */
void spead_region_info_init(struct spead_region_info *info, size_t size);

/* Functions that copy bytes in memory that is not normal host memory. The owner of the arena supplies them. Each
 * returns 0 or -errno; export_fd() returns a descriptor instead of 0. They may block as long as the copy takes. It is
 * possible that a NIC has written bytes into the memory and has reported them before such a call. The function must see
 * these bytes. Normal host memory needs none of these functions. */
struct spead_region_ops {
    const char *name;
    /* Copies bytes from host memory into the region, to this offset. See spead_region_copy_in(). */
    int (*copy_in)(void *arg, const struct spead_region_info *to, size_t offset, const void *from,
                   size_t bytes);
    /* Copies bytes inside the region, from one offset to another. The two ranges may overlap. */
    int (*copy_within)(void *arg, const struct spead_region_info *region, size_t to, size_t from,
                       size_t bytes);
    /* Makes bytes visible to the device that owns the memory. See spead_region_flush(). A receive stream calls it once
     * for each heap, after all payload has come and before it hands the heap over.
     *
     * GPU: the completion of a packet, which the CPU reads, does not order the writes of the NIC for the GPU. So for
     * CUDA this function calls cuFlushGPUDirectRDMAWrites(CURRENT_CTX, TO_OWNER), with the context of the memory current
     * on the calling thread. If CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WRITES_ORDERING is at least
     * CU_GPU_DIRECT_RDMA_WRITES_ORDERING_OWNER, the flush does nothing and may be left out. A kernel must be launched
     * after the flush; docs/engines.md says what a kernel that runs already sees. */
    int (*flush)(void *arg, const struct spead_region_info *region);
    /* Returns a dma-buf descriptor and sets *offset. See spead_region_export(). */
    int (*export_fd)(void *arg, const struct spead_region_info *region, uint64_t *offset);
    void *arg; /* first argument of each function in this struct */
    /* Copies bytes from the region, at this offset, to host memory. May be NULL. A receive stream calls it rarely: only
     * when the header of a packet has landed where payload belongs. */
    int (*copy_out)(void *arg, const struct spead_region_info *from, void *to, size_t offset,
                    size_t bytes);
};

/* Memory that other code has made, and that a pool divides into regions. The pool borrows the memory until it calls
 * ended(). */
struct spead_region_arena {
    uint32_t struct_size;        /* size of this struct in bytes; its _INIT macro sets it */
    enum spead_region_kind kind; /* kind of the memory; default SPEAD_REGION_HOST */
    void *data;                  /* address of the first byte; NULL: the CPU cannot touch it */
    uint64_t device_address;     /* address of the first byte in the device; 0: it has none */
    size_t bytes;                /* size of the memory */
    int fd;                      /* file descriptor of the dma-buf; default -1: there is none */
    uint32_t reserved;
    /* The functions that copy bytes; borrowed until ended(). They must be set if `kind` is not SPEAD_REGION_HOST. */
    const struct spead_region_ops *ops;
    /* The pool calls this function when it no longer uses the memory: once, on any thread. May be NULL. */
    void (*ended)(void *arg);
    void *arg; /* argument of ended() */
};
/* clang-format off */
#define SPEAD_REGION_ARENA_INIT { .struct_size = sizeof(struct spead_region_arena), .fd = -1 }
/* clang-format on */
/* Does what SPEAD_REGION_ARENA_INIT does; `size` is sizeof *arena. Any thread. See docs/abi.md. */
void spead_region_arena_init(struct spead_region_arena *arena, size_t size);

/* The configuration of a region pool. Start from SPEAD_REGION_POOL_CONFIG_INIT. */
struct spead_region_pool_config {
    uint32_t struct_size;  /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t region_count; /* number of regions; at least 1 */
    size_t region_bytes;   /* size of each region; at least 1 */
    /* The largest number of touched bytes in the memory that the pool itself has made. Touched bytes are those that use
     * memory of the machine. 0 (default) means no limit. */
    uint64_t memory_bytes_max;
    /* The memory that the pool divides into regions. NULL (default): the pool makes host memory. */
    const struct spead_region_arena *arena;
    /* The operations on the events that release() gets. NULL (default): release() accepts only event 0. */
    const struct spead_event_ops *event_ops;
};
/* clang-format off */
#define SPEAD_REGION_POOL_CONFIG_INIT { .struct_size = sizeof(struct spead_region_pool_config) }
/* clang-format on */
/* Does what SPEAD_REGION_POOL_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_region_pool_config_init(struct spead_region_pool_config *config, size_t size);

/* Makes a pool of regions. Returns 0 and gives *out to the caller, or -EINVAL (err says what is wrong; for example, the
 * arena is too small) or -ENOMEM. The pool copies the struct of the arena. It borrows the ops of the arena, and
 * event_ops. err may be NULL. Any thread. */
int spead_region_pool_create(struct spead_region_pool **out,
                             const struct spead_region_pool_config *config, struct spead_err *err);

/* Gives back the reference of the owner to the pool. After that the owner must not take a region or read the stats. The
 * call blocks until the events of all parked regions are done, because a device must not write into memory that is
 * gone. Regions that are still in use keep the pool alive. NULL is ignored. */
void spead_region_pool_unref(struct spead_region_pool *pool);

/* Takes a region with room for `bytes` bytes (at most region_bytes). The caller gets one reference. Returns NULL if no
 * region is free, or if the limit of touched bytes is reached. If no region is free at first, the function takes back
 * parked regions whose events are done. The region still contains what its last user wrote into it. Never blocks. */
struct spead_region *spead_region_take(struct spead_region_pool *pool, size_t bytes);

/* Adds one reference to the region. Returns region. Never blocks. */
struct spead_region *spead_region_ref(struct spead_region *region);
/* Gives one reference back. The caller must know that no device still uses the memory because of this reference;
 * otherwise it must call spead_region_release(). NULL is ignored. */
void spead_region_unref(struct spead_region *region);

/* The largest number of unfinished events that one region can keep. */
#define SPEAD_REGION_EVENTS_MAX 8

/* Gives one reference back when it is possible that a device still uses the memory. The device has finished with the
 * memory when the event is done. Event 0 means that the device has finished already; then the call does the same as
 * spead_region_unref(). The share of the event that the caller owns passes to the region.
 *
 * This call can block in two cases. In the first case the region already keeps SPEAD_REGION_EVENTS_MAX events that are
 * not done; then the call waits for one of these events (and counts it as event_waits). In the second case the owner
 * has given its reference to the pool back; then the last release of a region waits for all events of this region.
 * Therefore an event must not depend on a thread that releases regions. Work that is queued on a device does not depend
 * on such a thread. An event that a node completes in a later step does depend on such a thread.
 *
 * A pool without event_ops accepts only event 0. */
void spead_region_release(struct spead_region *region, uint64_t event);

/* Asks whether the event of a message about this region is done. Returns 1 when it is done (event 0 always is), and 0
 * when it is not done yet. Returns -errno when the device has failed, so that the event can never be done. Returns
 * -EINVAL when the pool has no event_ops. Any thread; never blocks. */
int spead_region_query(const struct spead_region *region, uint64_t event);

/* Takes back parked regions whose events are done. Returns how many regions came back. It is for programs that wait for
 * memory; spead_region_take() takes parked regions back by itself. Only the thread that takes from the pool may call
 * this function. */
uint32_t spead_region_pool_reap(struct spead_region_pool *pool);

/* Fills *info with the description of a region. The caller must have set info->struct_size by
 * SPEAD_REGION_INFO_INIT. */
void spead_region_info(const struct spead_region *region, struct spead_region_info *info);

/* spead_region_data() returns the address of the first byte, or NULL if the CPU cannot touch the memory.
 * spead_region_bytes() returns the size of the region in bytes: region_bytes of its pool. */
void *spead_region_data(const struct spead_region *region);
size_t spead_region_bytes(const struct spead_region *region);

/* spead_region_copy_in() copies bytes from host memory into a region. spead_region_copy_within() copies bytes from one
 * place of a region to another; the two ranges may overlap. Both return 0, -ERANGE (a range is not inside the region),
 * -ENOTSUP (neither the CPU nor the ops of the arena can copy), or the error of the ops. */
int spead_region_copy_in(struct spead_region *region, size_t offset, const void *from,
                         size_t bytes);
int spead_region_copy_within(struct spead_region *region, size_t to, size_t from, size_t bytes);

/* Makes bytes visible to the device that owns the memory, after another device (a NIC) has written them into the
 * region. Returns 0 or -errno. */
int spead_region_flush(struct spead_region *region);

/* Returns a dma-buf file descriptor for the region, and sets *offset to the place in the dma-buf at which the region
 * begins, in bytes. The descriptor belongs to the arena; the caller must not close it. Returns -ENOTSUP if the memory
 * has no such descriptor. */
int spead_region_export(struct spead_region *region, uint64_t *offset);

/* The statistics of a region pool. */
struct spead_region_pool_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t regions;     /* regions of the pool in all */
    uint32_t out;         /* regions that are not in the pool; parked regions count too */
    uint32_t parked;      /* regions that have no reference, but that a device still uses */
    /* Regions whose event has failed. The pool never gives them out again, because the device can still write into
     * them. */
    uint32_t lost;
    uint32_t reserved;
    uint64_t takes;   /* calls of take() that returned a region */
    uint64_t refused; /* calls of take() that returned NULL */
    /* calls of release() that had to wait, because a region kept too many events */
    uint64_t event_waits;
    /* The touched bytes of the memory, and their limit. If the pool has an arena, both are the size of the arena. */
    uint64_t memory_bytes, memory_bytes_max;
};
/* clang-format off */
#define SPEAD_REGION_POOL_STATS_INIT { .struct_size = sizeof(struct spead_region_pool_stats) }
/* clang-format on */
/* Does what SPEAD_REGION_POOL_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_region_pool_stats_init(struct spead_region_pool_stats *stats, size_t size);
/* Fills *stats. The caller must have set stats->struct_size by SPEAD_REGION_POOL_STATS_INIT. Only the thread that takes
 * from the pool may call this function. */
void spead_region_pool_stats(const struct spead_region_pool *pool,
                             struct spead_region_pool_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
