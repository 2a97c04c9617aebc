/* Regions: reference-counted pieces of memory from a pool that is made once.
 *
 * The memory may be host memory, or the memory of a device, which the CPU cannot touch. The region says which kind it
 * is, so that a network engine can register the memory without knowing the device. Operations on the region copy its
 * bytes.
 *
 * Threads: One thread at a time takes from a pool and reads its stats. Every function on a region may be called on
 * any thread.
 *
 * Lifetime: A region keeps its pool alive. The last unref returns the region to the pool. If devices still use the
 * region then, it is parked, and returns to the pool once all its events are done. */
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

enum spead_region_kind {
    SPEAD_REGION_HOST = 0,    /* plain memory of this process */
    SPEAD_REGION_PINNED = 1,  /* host memory that a device reads and writes in place */
    SPEAD_REGION_DEVICE = 2,  /* memory of a device: the CPU cannot touch it */
    SPEAD_REGION_DMA_BUF = 3, /* as DEVICE; other devices reach it through a descriptor */
};

/* What a region is, for code that registers it with a device. When the library passes this struct to one of
 * spead_region_ops, struct_size is the size that the library knows. */
struct spead_region_info {
    uint32_t struct_size; /* set by _INIT */
    enum spead_region_kind kind;
    int fd; /* descriptor of the dma-buf; the owner of the arena closes it; -1: none */
    uint32_t reserved;
    uint64_t fd_offset;      /* where the region begins in the dma-buf */
    void *data;              /* NULL: the CPU cannot touch the memory */
    uint64_t device_address; /* 0: none */
    size_t bytes;
};
/* clang-format off */
#define SPEAD_REGION_INFO_INIT { .struct_size = sizeof(struct spead_region_info) }
/* clang-format on */

/* Functions that move bytes in memory that is not plain host memory. The owner of the arena supplies them. They return
 * 0 (export_fd() returns the descriptor) or -errno, and may block for as long as the copy takes. Before the call a NIC
 * may have reported bytes as written; the functions see these bytes. Plain host memory needs none of these
 * functions. */
struct spead_region_ops {
    const char *name;
    int (*copy_in)(void *arg, const struct spead_region_info *to, size_t offset, const void *from,
                   size_t bytes);
    /* The two ranges may overlap. */
    int (*copy_within)(void *arg, const struct spead_region_info *region, size_t to, size_t from,
                       size_t bytes);
    int (*flush)(void *arg, const struct spead_region_info *region); /* see spead_region_flush() */
    /* See spead_region_export(). */
    int (*export_fd)(void *arg, const struct spead_region_info *region, uint64_t *offset);
    void *arg;
    /* Copies bytes out of the region to host memory. May be NULL. A receive stream calls it rarely: when the head of
     * a packet has landed where payload belongs. */
    int (*copy_out)(void *arg, const struct spead_region_info *from, void *to, size_t offset,
                    size_t bytes);
};

/* Memory that other code made, and that a pool divides. It is borrowed until the pool calls ended(). */
struct spead_region_arena {
    uint32_t struct_size; /* set by _INIT */
    enum spead_region_kind kind;
    void *data;              /* NULL: the CPU cannot touch the memory */
    uint64_t device_address; /* 0: none */
    size_t bytes;
    int fd; /* descriptor of a dma-buf; default -1: none */
    uint32_t reserved;
    const struct spead_region_ops *ops; /* required unless kind is HOST */
    /* Says that the pool no longer uses the arena. Called once, on any thread. May be NULL. */
    void (*ended)(void *arg);
    void *arg; /* passed to ended() */
};
/* clang-format off */
#define SPEAD_REGION_ARENA_INIT { .struct_size = sizeof(struct spead_region_arena), .fd = -1 }
/* clang-format on */

struct spead_region_pool_config {
    uint32_t struct_size; /* set by _INIT */
    uint32_t region_count;
    size_t region_bytes;
    uint64_t memory_bytes_max; /* limit for the touched bytes of memory made here; 0: no limit */
    const struct spead_region_arena *arena;  /* NULL: host memory, made here */
    const struct spead_event_ops *event_ops; /* NULL: release() accepts only event 0 */
};
/* clang-format off */
#define SPEAD_REGION_POOL_CONFIG_INIT { .struct_size = sizeof(struct spead_region_pool_config) }
/* clang-format on */

/* Makes a pool of regions. Returns 0 and gives *out to the caller, or -EINVAL (err names the field; an arena that is
 * too small is refused too) or -ENOMEM. The pool copies the struct of the arena; it borrows the arena's ops and
 * event_ops. err may be NULL. */
int spead_region_pool_create(struct spead_region_pool **out,
                             const struct spead_region_pool_config *config, struct spead_err *err);

/* Gives back the reference of the owner, who must not call take or stats afterwards. It blocks until the events of
 * all parked regions are done, because a device must not write into memory that is gone. Regions that are still in
 * use keep the pool alive. NULL is ignored. */
void spead_region_pool_unref(struct spead_region_pool *pool);

/* Takes a region with one reference and room for `bytes` bytes (at most region_bytes). Returns NULL if no region is
 * free, or if the limit of touched bytes is reached. It first takes back parked regions whose events are done. The
 * region still contains what its last user left in it. Never blocks. */
struct spead_region *spead_region_take(struct spead_region_pool *pool, size_t bytes);

struct spead_region *spead_region_ref(struct spead_region *region); /* returns region */
/* Gives one reference back. No device may still work on the region for this reference. NULL is ignored. */
void spead_region_unref(struct spead_region *region);

#define SPEAD_REGION_EVENTS_MAX 8 /* unfinished events that one region keeps */

/* Gives one reference back while a device still uses the memory. The device is done with it when the event is done
 * (event 0: it is done already, as with spead_region_unref()). The caller's share of the event passes to the region.
 *
 * This call can block in two cases. When the region has more than SPEAD_REGION_EVENTS_MAX unfinished events, it waits
 * for one of them (counted as event_waits). When the owner has given its reference to the pool back, the last release
 * waits for all events of the region. Therefore an event must not wait for a thread that releases regions. An event of
 * work that is queued on a device does not wait for such a thread. An event that a node completes in a later step does
 * wait for one.
 *
 * A pool without event_ops accepts only event 0. */
void spead_region_release(struct spead_region *region, uint64_t event);

/* Asks whether the event of a message about this region is done. Returns 1: it is done (event 0 always is). Returns 0:
 * it is not done yet. Returns -errno: nobody can tell any more, or the pool has no event_ops (-EINVAL). Any thread;
 * never blocks. */
int spead_region_query(const struct spead_region *region, uint64_t event);

/* Takes back parked regions whose events are done, and returns how many came back. It is for programs that wait for
 * memory; spead_region_take() does the same. Only the thread that takes from the pool calls it. */
uint32_t spead_region_pool_reap(struct spead_region_pool *pool);

/* Fills *info with the description of a region. */
void spead_region_info(const struct spead_region *region, struct spead_region_info *info);

/* spead_region_data() returns the address of the bytes, or NULL if the CPU cannot touch them. spead_region_bytes()
 * returns the region_bytes of the pool. */
void *spead_region_data(const struct spead_region *region);
size_t spead_region_bytes(const struct spead_region *region);

/* Copy bytes into a region, and within a region (the two ranges may overlap). Return 0, -ERANGE (a range is not
 * inside the region), -ENOTSUP (neither the CPU nor the ops of the arena can do it), or the error of the ops. */
int spead_region_copy_in(struct spead_region *region, size_t offset, const void *from,
                         size_t bytes);
int spead_region_copy_within(struct spead_region *region, size_t to, size_t from, size_t bytes);

/* Makes bytes that another device (a NIC) has written into the region visible to the device that owns the memory.
 * Returns 0 or -errno. */
int spead_region_flush(struct spead_region *region);

/* Returns a dma-buf file descriptor, and sets *offset to the offset in the dma-buf at which the region begins. The
 * descriptor belongs to the arena. Returns -ENOTSUP if the memory has no such descriptor. */
int spead_region_export(struct spead_region *region, uint64_t *offset);

struct spead_region_pool_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t regions;
    uint32_t out;    /* regions that are taken and not back in the pool; parked ones count too */
    uint32_t parked; /* regions that are released, but not back: a device still uses them */
    /* Regions whose event has failed. They are never given out again, because the device may still write. */
    uint32_t lost;
    uint32_t reserved;
    uint64_t takes;       /* takes that returned a region */
    uint64_t refused;     /* takes that returned NULL */
    uint64_t event_waits; /* releases that waited because a region had too many events */
    uint64_t memory_bytes, memory_bytes_max; /* touched bytes and limit; arena: its size */
};
/* clang-format off */
#define SPEAD_REGION_POOL_STATS_INIT { .struct_size = sizeof(struct spead_region_pool_stats) }
/* clang-format on */
void spead_region_pool_stats(const struct spead_region_pool *pool,
                             struct spead_region_pool_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
