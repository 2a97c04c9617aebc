/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: a pool is a fixed set of memory blocks that is made once. A pool gives out the free block that came back last,
 * because the memory of that block is still in the cache. A pool has two bounds: the number of blocks, and the number
 * of touched bytes in them.
 *
 * The blocks of a pool are of one size, or of several *size classes*. Class 0 has the largest blocks, and the blocks of
 * each next class are smaller. A block of a class above 0 that is smaller than 64 KiB shares its pages with its
 * neighbours. Such blocks lie side by side in a *slab* of 64 KiB, and the pool charges and trims whole slabs.
 *
 * A block reserves address space for its full size, but often only its beginning has been touched. The pool *charges*
 * this beginning, block->charged_bytes long. No page behind this beginning has been touched after the block was mapped
 * or trimmed. So the bytes there read as zero and use no memory. The charges of all blocks together never exceed
 * memory_bytes_max.
 *
 * Memory that a device knows (pinned memory, or an arena) is always charged whole, and is never trimmed. If the CPU
 * cannot touch the memory of an arena, block->data is NULL.
 *
 * A pool may set some blocks of a size class *aside*. take() never gives them out. While a device may still write to
 * the memory of a block, the block can exchange its memory with a block that was set aside, and its user can go on.
 * Free blocks of memory that a device knows can be *lent* for the same purpose.
 *
 * Threads: one thread, the *taker*, calls take(), charge(), populate(), zero(), stats() and unref(). The populator is a
 * thread of the pool itself. Any thread may release a block. The released block goes to an atomic list, and the taker
 * later empties that list in one operation. */
#ifndef SPEADI_POOL_H
#define SPEADI_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/region.h>

/* opaque; the pool lives until unref() was called and all blocks have come back */
struct speadi_pool;

struct speadi_block {
    /* The memory of the block; NULL if the CPU cannot touch it. It is 4 KiB aligned, or aligned to the size of the
     * block if that is smaller. */
    uint8_t *data;
    uint64_t offset;      /* offset of the block in the memory of the pool, in bytes */
    size_t bytes;         /* the size of the block */
    size_t charged_bytes; /* length of the charged beginning; only the taker uses it */
    /* Memory of meta_bytes bytes for the user of the block. The pool zeroes this memory once. The memory keeps its
     * contents when the block is free. */
    void *meta;
    struct speadi_pool *pool;
    struct speadi_block *next; /* only the pool uses it */
    /* Another block of the pool whose meta memory the user of this block needs too; NULL if there is none. The release
     * of this block releases that block first. */
    struct speadi_block *annex;
    uint32_t index;
    uint32_t size_class; /* 0 is the class of the largest blocks */
};

#define SPEADI_POOL_BLOCKS_MAX  (1u << 20) /* most blocks of a size class */
#define SPEADI_POOL_CLASSES_MAX 5u
#define SPEADI_POOL_SLAB_BYTES  ((size_t)64 << 10)

struct speadi_pool_class {
    uint32_t block_count; /* with the blocks that are set aside */
    /* A power of two, at least 64, and smaller than the block_bytes of the class before this one. */
    size_t block_bytes;
    size_t meta_bytes; /* as in struct speadi_pool_config */
    /* Blocks that are set aside; less than block_count. 0 if the blocks of the class share pages. */
    uint32_t aside_count;
};

struct speadi_pool_config {
    uint32_t block_count, aside_count; /* as in struct speadi_pool_class */
    size_t block_bytes;                /* size of a block; the pool rounds it up to whole pages */
    size_t meta_bytes; /* size of the meta memory of each block; the memory is 64-byte aligned */
    /* The size classes above 0, an array of class_count elements; block_count, aside_count, block_bytes and meta_bytes
     * describe class 0. NULL if the pool has only class 0. */
    const struct speadi_pool_class *classes;
    uint32_t class_count;
    uint32_t out_max;          /* most blocks of all classes that take() gives out; 0 means all */
    uint64_t memory_bytes_max; /* limit of charged bytes; 0 means the size of all blocks */
    /* The number of users who share the pool, and the size of the share that is kept for each user. A user can always
     * charge its share, whatever the other users have charged. All shares together must be at most half of the limit.
     * 0: no shares. */
    uint32_t user_count;
    uint64_t share_bytes;
    bool pinned; /* the memory is for a device: it is charged whole and never trimmed */
    /* The memory that the pool divides into blocks. NULL if the pool makes its own memory. The pool does not call the
     * arena's ended(). An owner that wants this call passes ended() to speadi_pool_at_end(). */
    const struct spead_region_arena *arena;
};

/* Reads a caller's arena. The rule of speadi_struct_read() for structs of older and newer callers applies. The function
 * does not check the values. */
int speadi_region_arena_read(struct spead_region_arena *arena,
                             const struct spead_region_arena *from, struct spead_err *err);

int speadi_pool_create(struct speadi_pool **out, const struct speadi_pool_config *config,
                       struct spead_err *err);
/* Ends the pool for its owner. The taker must call this function. Another thread may call it only after the taker's
 * last call. After this call nobody may take, charge or ask for stats. The function ignores NULL. The memory is freed
 * when every block that somebody still has comes back. */
void speadi_pool_unref(struct speadi_pool *pool);

/* Describes all memory of the pool in *memory, for a caller that registers the memory with a device. Returns the offset
 * at which the blocks end. The pool does not use the part of an arena behind that offset. */
uint64_t speadi_pool_memory(const struct speadi_pool *pool, struct spead_region_info *memory);

/* Sets the function ended(). The thread that frees the pool calls ended() once, after all blocks have come back. */
void speadi_pool_at_end(struct speadi_pool *pool, void (*ended)(void *arg), void *arg);

/* Returns a block of class 0, or NULL when none is free. The pool lives at least until the caller releases the block.
 * Only the taker may call this function. */
struct speadi_block *speadi_pool_take(struct speadi_pool *pool);

/* As speadi_pool_take(), for a block of this size class. A block that shares its pages is charged whole. The function
 * returns NULL too when there is no memory for such a block. */
struct speadi_block *speadi_pool_take_class(struct speadi_pool *pool, uint32_t size_class);

/* As speadi_pool_take_class(), but does not look for blocks that came back after the last call of that function. */
struct speadi_block *speadi_pool_take_known(struct speadi_pool *pool, uint32_t size_class);

/* Says for which user (0 to user_count - 1) the block was taken. Until the block is released, its charge counts for
 * that user. The block can still have a charge from its last use. If the shares of the other users do not allow this
 * charge, the function trims the block. Does nothing if the pool has no shares. Only the taker may call this function,
 * once after each take(). */
void speadi_block_set_user(struct speadi_block *block, uint32_t user);

/* Returns how many blocks of this size class are free, without the blocks that have come back after the last call of
 * speadi_pool_take_class(). Only the taker may call this function. */
uint32_t speadi_pool_free_blocks(const struct speadi_pool *pool, uint32_t size_class);

/* Returns how many blocks of all size classes are out. Only the taker may call this function. */
uint32_t speadi_pool_out_blocks(struct speadi_pool *pool);

/* Gives the block back to its pool. Any thread may call this function. After the call the caller must not use `data` or
 * `meta` of the block. */
void speadi_block_release(struct speadi_block *block);

/* Makes sure that the first `bytes` bytes of the block are charged. When the charge would exceed the limit of the pool,
 * the function first trims free blocks. Returns 0, or -ENOMEM when the charge would exceed the limit even then. Only
 * the taker may call this function. */
int speadi_block_charge(struct speadi_block *block, size_t bytes);

/* Charges and populates the first `bytes` bytes, so that the data path has no page faults there. Returns what
 * speadi_block_charge() returns. It is not an error when the kernel cannot supply the pages early. Only the taker may
 * call this function. */
int speadi_block_populate(struct speadi_block *block, size_t bytes);

/* ---- Populating ahead -------------------------------------------------------------------------------------
 *
 * A pool may have a *populator*: a thread that populates blocks before they are used. It works on one block at a time.
 * What it populates is charged first, so it never exceeds the limit. It changes no byte of a block. */

/* Starts the populator of the pool. speadi_pool_unref() stops it, and waits until it has ended. Returns 0, or -errno
 * with a sentence in err. Control plane. */
int speadi_pool_start_populator(struct speadi_pool *pool, struct spead_err *err);

/* Charges the first `bytes` bytes of a block that was taken, and lets the populator populate them. It trims no other
 * block for this, and leaves room below the limit to charge one more block in the same way. Returns false if there is
 * nothing to do, if there is no such room, or if the populator is still busy. Only the taker may call this function. */
bool speadi_block_populate_ahead(struct speadi_block *block, size_t bytes);

/* Does the same for one free block of class 0. It looks at the next `blocks` free blocks, in the order in which
 * speadi_pool_take() gives them out, and chooses the first block that is not populated yet. It trims no other block for
 * this, and leaves room below the limit to charge one more block in the same way. Only the taker may call this
 * function. */
bool speadi_pool_populate_ahead(struct speadi_pool *pool, uint32_t blocks, size_t bytes);

/* Returns true if the populator has done its work. Only the taker may call this function. */
bool speadi_pool_populator_is_idle(struct speadi_pool *pool);

/* Makes the bytes [from, end) of the block zero. If the function can give a large part of these bytes back to the
 * kernel, it gives the part back and does not touch it. The CPU must be able to touch the memory. Only the taker may
 * call this function. */
void speadi_block_zero(struct speadi_block *block, uint64_t from, uint64_t end);

/* Returns a block that was set aside, of the size class and for the user of `like`, with the first `bytes` bytes
 * charged. Returns NULL if no such block is left, or if the charge would exceed a limit. Only the taker may call this
 * function. */
struct speadi_block *speadi_pool_take_aside(struct speadi_block *like, size_t bytes);

/* The same for a size class, without a user. */
struct speadi_block *speadi_pool_take_aside_of(struct speadi_pool *pool, uint32_t size_class,
                                               size_t bytes);

/* Lends a free block of fixed memory (pinned, or an arena) for what blocks are set aside for. While it is lent, it is not
 * free, and it does not count as out. At least as many blocks of the class stay free as are lent. Returns NULL if that
 * would not hold, or if the blocks of the class share pages. speadi_pool_take_aside() lends a block too if none is left
 * that was set aside, and there the last free block. Only the taker may call this function. */
struct speadi_block *speadi_pool_lend(struct speadi_pool *pool, uint32_t size_class);

/* Returns how many blocks of the class are lent. Only the taker may call this function. */
uint32_t speadi_pool_lent_blocks(const struct speadi_pool *pool, uint32_t size_class);

/* Gives back a block that speadi_pool_take_aside(), speadi_pool_take_aside_of() or speadi_pool_lend() has returned. Only
 * the taker may call this function. */
void speadi_pool_put_aside(struct speadi_block *block);

/* Tells whether the block shares its pages with its neighbours. */
static inline bool speadi_block_shares_pages(const struct speadi_block *block)
{
    return block->size_class > 0 && block->bytes < SPEADI_POOL_SLAB_BYTES;
}

/* Exchanges the memory of two blocks of one size class and one user, with the charges of the memory. `meta`, `annex`
 * and `index` of each block stay. Blocks that share pages cannot exchange their memory. Only the taker may call this
 * function. */
void speadi_block_swap_memory(struct speadi_block *a, struct speadi_block *b);

struct speadi_pool_stats {
    uint64_t memory_bytes; /* bytes that are charged at this moment */
    uint64_t memory_high_water_bytes;
    uint64_t memory_bytes_max;
    uint32_t blocks, blocks_out; /* without the blocks that are set aside */
    uint64_t table_bytes; /* bytes that the pool allocated for itself: meta memory and lists */
};
/* Fills *stats. The function walks the list of the blocks that have come back after the last take(). Only the taker may
 * call this function. */
void speadi_pool_stats(const struct speadi_pool *pool, struct speadi_pool_stats *stats);

/* Returns how many bytes are charged at this moment. Sets *high_water_bytes to the largest number of bytes that ever
 * were charged at one time. The function is fast. Only the taker may call it. */
uint64_t speadi_pool_memory_bytes(const struct speadi_pool *pool, uint64_t *high_water_bytes);

#endif
