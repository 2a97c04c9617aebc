/* A fixed set of memory blocks, made once, handed out most recently freed first (their memory is
 * still in cache). Bounded twice: by the number of blocks, and by the bytes of them ever touched.
 *
 * A block reserves address space at its full size and is *charged* for its touched prefix: beyond
 * block->charged_bytes no page has been touched since it was mapped or trimmed, so it reads as zero
 * and costs no memory. Charges of all blocks never exceed memory_bytes_max.
 *
 * Memory that a device knows, pinned or of an arena, is neither lazy nor trimmed: every block is charged
 * whole from the start. An arena's need not be the CPU's to touch: then block->data is NULL.
 *
 * Threads: one taker (take, grow, populate); release and unref from any thread. Returned blocks go on
 * an atomic list that the taker takes whole. */
#ifndef SPEADI_POOL_H
#define SPEADI_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/region.h>

struct speadi_pool; /* opaque, reference-counted: each block that is out holds one */

struct speadi_block {
    uint8_t *data;        /* block_bytes of address space, 4 KiB aligned; NULL: not the CPU's */
    uint64_t offset;      /* where it starts in the pool's memory */
    size_t bytes;         /* block_bytes of the pool */
    size_t charged_bytes; /* touched prefix that the pool pays for; taker only */
    void *meta; /* meta_bytes of the owner's, 64-byte aligned, kept between uses, zeroed once */
    struct speadi_pool *pool;
    struct speadi_block *next; /* the pool's */
    uint32_t index;
};

#define SPEADI_POOL_BLOCKS_MAX (1u << 20)

struct speadi_pool_config {
    uint32_t block_count;
    size_t block_bytes;        /* rounded up to a page */
    size_t meta_bytes;         /* per block */
    uint64_t memory_bytes_max; /* bound of charged bytes; 0: block_count x block_bytes */
    bool pinned;               /* a device will know the memory: charged whole, never trimmed */
    const struct spead_region_arena *arena; /* nullable: divide this, instead of own memory. Its
                                               ended() is for speadi_pool_at_end() */
};

/* A caller's arena, as this library knows it; see speadi_struct_read(). Its values are not checked. */
int speadi_region_arena_read(struct spead_region_arena *arena,
                             const struct spead_region_arena *from, struct spead_err *err);

int speadi_pool_create(struct speadi_pool **out, const struct speadi_pool_config *config,
                       struct spead_err *err);
/* The owner's reference, by the taker or once it is done: no take, charge or stats afterwards. NULL is
 * ignored. Memory goes when the last block that is out comes back. */
void speadi_pool_unref(struct speadi_pool *pool);

/* All of the pool's memory, for whoever registers it with a device; returns where its blocks end: what
 * follows is a part of the arena that the pool does not use. */
uint64_t speadi_pool_memory(const struct speadi_pool *pool, struct spead_region_info *memory);

/* To be called once, by the thread that ends the pool, when no block is out any more. */
void speadi_pool_at_end(struct speadi_pool *pool, void (*ended)(void *arg), void *arg);

/* A block, or NULL when none is free. The block holds a reference to the pool until released. */
struct speadi_block *speadi_pool_take(struct speadi_pool *pool);

/* Back to the pool; any thread. The caller has no further use of data or meta. */
void speadi_block_release(struct speadi_block *block);

/* Makes sure that the first bytes bytes are charged, taking the charge from free blocks (which are
 * trimmed) if need be. Returns 0, or -ENOMEM when the bound would be passed. Taker only. */
int speadi_block_charge(struct speadi_block *block, size_t bytes);

/* Charges and faults in the first bytes bytes, so that the data path meets no page fault. Returns as
 * speadi_block_charge; not being able to fault in ahead is no error. Taker only. */
int speadi_block_populate(struct speadi_block *block, size_t bytes);

/* Makes bytes [from, end) zero; where they were never touched, without touching them. For memory that the
 * CPU can touch. Taker only. */
void speadi_block_zero(struct speadi_block *block, uint64_t from, uint64_t end);

struct speadi_pool_stats {
    uint64_t memory_bytes; /* charged now */
    uint64_t memory_high_water_bytes;
    uint64_t memory_bytes_max;
    uint32_t blocks, blocks_out;
    uint64_t table_bytes; /* what the pool itself allocated: metas and lists */
};
/* Taker only. Walks the blocks that came back since the last take(). */
void speadi_pool_stats(const struct speadi_pool *pool, struct speadi_pool_stats *stats);

/* Taker only: what is charged now, and the most that ever was. Cheap. */
uint64_t speadi_pool_memory_bytes(const struct speadi_pool *pool, uint64_t *high_water_bytes);

#endif
