/* Regions: reference-counted pieces of memory from a pool that is made once.
 *
 * Memory may be the host's, or a device's that the CPU cannot touch; the region says which, so that a
 * network engine can register it without knowing the device. Operations on bytes go through the region.
 *
 * Threads:  one thread at a time takes from a pool and looks at its stats; everything about a region is
 *           for any thread.
 * Lifetime: a region keeps its pool alive. The last reference returns it, or parks it while devices
 *           still use it: a parked region comes back once all its events are done. */
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
    SPEAD_REGION_DEVICE = 2,  /* a device's: the CPU cannot touch it */
    SPEAD_REGION_DMA_BUF = 3, /* a device's, reachable for other devices through a descriptor */
};

/* What a region is, for whoever registers it somewhere. */
struct spead_region_info {
    uint32_t struct_size; /* set by _INIT; where the library calls operations, the library's own */
    enum spead_region_kind kind;
    int fd; /* dma-buf, owned by the pool's arena; -1: none */
    uint32_t reserved;
    uint64_t fd_offset;      /* where the region starts in it */
    void *data;              /* NULL where the CPU cannot touch it */
    uint64_t device_address; /* 0: none */
    size_t bytes;
};
/* clang-format off */
#define SPEAD_REGION_INFO_INIT { .struct_size = sizeof(struct spead_region_info) }
/* clang-format on */

/* How bytes of memory that is not plain are moved; supplied with the arena. All return 0 or -errno,
 * may block for the time of the copy, and see what a NIC has reported as written before the call. Plain host memory needs none of them. */
struct spead_region_ops {
    const char *name;
    int (*copy_in)(void *arg, const struct spead_region_info *to, size_t offset, const void *from,
                   size_t bytes);
    int (*copy_within)(void *arg, const struct spead_region_info *region, size_t to, size_t from,
                       size_t bytes);                                /* the ranges may overlap */
    int (*flush)(void *arg, const struct spead_region_info *region); /* see spead_region_flush() */
    int (*export_fd)(void *arg, const struct spead_region_info *region, uint64_t *offset);
    void *arg;
    /* Nullable: reads back. Used rarely, by receivers whose packets' heads landed among payload. */
    int (*copy_out)(void *arg, const struct spead_region_info *from, void *to, size_t offset,
                    size_t bytes);
};

/* Memory that somebody else made, for a pool to divide. Borrowed until the pool has ended. */
struct spead_region_arena {
    uint32_t struct_size; /* set by _INIT */
    enum spead_region_kind kind;
    void *data; /* NULL where the CPU cannot touch it */
    uint64_t device_address;
    size_t bytes;
    int fd; /* default -1: none */
    uint32_t reserved;
    const struct spead_region_ops *ops; /* required unless kind is HOST */
    void (*ended)(void *arg); /* nullable: the pool no longer uses the arena; any thread, once */
    void *arg;
};
/* clang-format off */
#define SPEAD_REGION_ARENA_INIT { .struct_size = sizeof(struct spead_region_arena), .fd = -1 }
/* clang-format on */

struct spead_region_pool_config {
    uint32_t struct_size; /* set by _INIT */
    uint32_t region_count;
    size_t region_bytes;
    uint64_t memory_bytes_max; /* bound of touched bytes, for memory of its own; 0: all of it */
    const struct spead_region_arena *arena;  /* NULL: host memory, made here */
    const struct spead_event_ops *event_ops; /* NULL: only event 0 can be given to release() */
};
/* clang-format off */
#define SPEAD_REGION_POOL_CONFIG_INIT { .struct_size = sizeof(struct spead_region_pool_config) }
/* clang-format on */

/* Returns 0 and gives *out to the caller, or -EINVAL (err names the field: also an arena too small)
 * or -ENOMEM. The arena's struct is copied, its ops and event_ops are borrowed. err may be NULL. */
int spead_region_pool_create(struct spead_region_pool **out,
                             const struct spead_region_pool_config *config, struct spead_err *err);

/* The owner's reference; no take or stats afterwards. Waits for the events of parked regions: a device must
 * not write into memory that is gone. NULL is ignored. */
void spead_region_pool_unref(struct spead_region_pool *pool);

/* A region with one reference and room for bytes bytes (<= region_bytes), or NULL: none is free, or the
 * bound of touched bytes is reached. Looks after parked regions first. What is in it is what its
 * last user left. Never blocks. */
struct spead_region *spead_region_take(struct spead_region_pool *pool, size_t bytes);

struct spead_region *spead_region_ref(struct spead_region *region); /* returns region */
/* No device uses it for us. NULL is ignored. */
void spead_region_unref(struct spead_region *region);

#define SPEAD_REGION_EVENTS_MAX 8 /* unfinished events that one region keeps */

/* Gives one reference back although a device still uses the memory until event is done (0: unref). The
 * share of the event passes to the region. Does not block, except that it waits for one of the region's events
 * when more than SPEAD_REGION_EVENTS_MAX are unfinished (counted as event_waits), or for all of them when the
 * pool has lost its owner: so no event may need a thread that releases for being done. Work queued on a
 * device does not; an event that a node completes in a later step does.
 * A pool without event_ops takes no event but 0. */
void spead_region_release(struct spead_region *region, uint64_t event);

/* Is the event of a message about this region done? 1 (also for event 0), 0: not yet, or -errno: it can never
 * be known any more, or the pool knows no events (-EINVAL). Any thread, never blocks. */
int spead_region_query(const struct spead_region *region, uint64_t event);

/* Takes back parked regions whose events are done; returns how many came. The taker's, as take() does it
 * too: for programs that wait for memory. */
uint32_t spead_region_pool_reap(struct spead_region_pool *pool);

void spead_region_info(const struct spead_region *region, struct spead_region_info *info);

/* The bytes, or NULL where the CPU cannot touch them; and how many there is room for. */
void *spead_region_data(const struct spead_region *region);
size_t spead_region_bytes(const struct spead_region *region);

/* Operations. -ERANGE: outside of the region. */
int spead_region_copy_in(struct spead_region *region, size_t offset, const void *from,
                         size_t bytes);
int spead_region_copy_within(struct spead_region *region, size_t to, size_t from, size_t bytes);

/* Makes what another device (a NIC) wrote into it visible to the device that owns it. */
int spead_region_flush(struct spead_region *region);

/* A dma-buf file descriptor and where the region starts in it. The descriptor belongs to the
 * arena. -ENOTSUP: this memory has none. */
int spead_region_export(struct spead_region *region, uint64_t *offset);

struct spead_region_pool_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t regions;
    uint32_t out;    /* taken and not back, parked ones included */
    uint32_t parked; /* released, a device still uses them */
    uint32_t lost;   /* their event failed: never given out again, as the device may still write */
    uint32_t reserved;
    uint64_t takes;
    uint64_t refused; /* takes that found nothing */
    uint64_t event_waits;
    uint64_t memory_bytes, memory_bytes_max;
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
