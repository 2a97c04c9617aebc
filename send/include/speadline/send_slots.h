/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: heaps with memory of their own, for a program that prepares heap n + 1 while heap n is in flight.
 *
 *     acquire a slot -> write into its memory -> submit it -> acquire the next one ...
 *
 * There is a fixed number of slots. A slot is free, or the program has acquired it, or its heap is in flight. acquire()
 * gives a free slot to the program. If there is none, it waits until the oldest heap in flight has completed. submit()
 * gives the heap of the slot to a send stream; when the heap completes, the slot is free again. So the program never
 * writes into memory that is still being sent, and it needs no completion function.
 *
 * Threads:  Any thread may call any function here; a slot that was acquired belongs to one thread at a time. Completed
 *           slots come from the owner thread of the stream. If that thread itself acquires slots, it must not wait.
 * Lifetime: create -> [acquire -> submit] again and again -> flush -> destroy. The slots may be made before the stream,
 *           so that the stream can be told where their memory is (spead_send_slots_memory()). Slots may be in flight on
 *           several streams at a time. */
#ifndef SPEADLINE_SEND_SLOTS_H
#define SPEADLINE_SEND_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/deadline.h>
#include <speadline/error.h>
#include <speadline/flavour.h>
#include <speadline/send.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_send_slots; /* opaque */

/* One slot. The library makes it. While the program has acquired the slot, it may write `user` and the memory at `data`,
 * and use `heap` like any other heap: add items, or change them. It must not destroy the heap. */
struct spead_send_slot {
    struct spead_send_heap *heap;
    void *data;     /* the memory of the slot, aligned to 64 bytes; NULL if the slots have none */
    uint64_t bytes; /* its size in bytes */
    int32_t item; /* the handle of the item that the configuration names, or -1 if it names none */
    uint32_t index; /* the number of the slot: 0 to slot_count - 1 */
    void *user;     /* for the program; NULL at first */
    uint64_t sent;  /* how often the heap of the slot has completed */
    /* How the last send of the slot has ended. All zero if `sent` is 0. */
    struct spead_send_result result;
};

/* The configuration of slots. Start from SPEAD_SEND_SLOTS_CONFIG_INIT. */
struct spead_send_slots_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    /* The number of slots, 1 to 2^20, default 4. If it is at most heaps_max of the stream, and nothing else submits
     * heaps to the stream, a submit never finds the stream full. */
    uint32_t slot_count;
    /* The size of the memory of each slot, in bytes; up to 2^40. 0 (default): the slots have no memory, and the program
     * adds items whose data it owns itself. */
    uint64_t slot_bytes;
    /* The identifier of an item that each heap has from the beginning: the whole memory of its slot.
     * spead_send_heap_set_item() with the handle `item` of the slot makes the item shorter. 0 (default): the heaps have
     * no items, and the program adds them. */
    uint64_t item_id;
    struct spead_flavour flavour; /* the flavour of the heaps; default SPEAD-64-40 */
    uint8_t reserved[7];
};

/* clang-format off */
#define SPEAD_SEND_SLOTS_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_send_slots_config), \
    .slot_count = SPEAD_SEND_HEAPS_DEFAULT, .flavour = SPEAD_FLAVOUR_64_40 }
/* clang-format on */
/* Does what SPEAD_SEND_SLOTS_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_send_slots_config_init(struct spead_send_slots_config *config, size_t size);

/* Makes slots, which are all free. Their memory is zero at first. Returns 0 and gives *out to the caller, -EINVAL (err
 * names the field) or -ENOMEM. err may be NULL. */
int spead_send_slots_create(struct spead_send_slots **out,
                            const struct spead_send_slots_config *config, struct spead_err *err);

/* Frees the slots, their heaps and their memory. No heap of a slot may be in flight: that is certain after
 * spead_send_slots_flush() has returned 0, and after the streams were destroyed. Acquired slots need not be given back.
 * NULL is ignored. */
void spead_send_slots_destroy(struct spead_send_slots *slots);

/* Fills *memory with the place of the memory of all slots, for the field `memory` of the configuration of a stream. An
 * engine that bypasses the kernel then sends from there without a copy. The slots must then live until the stream is
 * destroyed. If the slots have no memory, `bytes` is 0. */
void spead_send_slots_memory(const struct spead_send_slots *slots,
                             struct spead_send_memory *memory);

/* Gives the slot that has been free for the longest time to the caller. If none is free, it waits until one is, or until
 * deadline_ns, which is a deadline (deadline.h). It returns 0 and sets *slot, or it returns
 *     -ETIMEDOUT: the deadline has passed. With SPEAD_DEADLINE_NOW the function never waits.
 *     -EINVAL:    deadline_ns is a duration
 *     -EDEADLK:   the caller is the owner thread of the streams of all heaps in flight, and would wait for itself
 * A program must look at slot->result.error, if it wants to know how the last send of the slot has ended. The function
 * waits as long as the stream does not run: start the stream, or its runner, before. */
int spead_send_slots_acquire(struct spead_send_slots *slots, struct spead_send_slot **slot,
                             uint64_t deadline_ns);

/* Takes the slots that are free now, at most `max` of them, as spead_send_slots_acquire() would one after another. Sets
 * slot[0] and so on. Never waits. Returns how many slots it took. */
uint32_t spead_send_slots_take(struct spead_send_slots *slots, struct spead_send_slot **slot,
                               uint32_t max);

/* Submits the heap of an acquired slot. *options is as for spead_send_stream_submit(), but `done` must be NULL, because
 * the slots use it; NULL means the defaults. The call never blocks. Returns 0: the slot now belongs to the stream, and
 * becomes free when its heap has completed, also with an error. Or it returns an error of spead_send_stream_submit(),
 * or -EINVAL when `done` is not NULL. After an error the caller still has the slot. */
int spead_send_slot_submit(struct spead_send_slot *slot, struct spead_send_stream *stream,
                           const struct spead_send_options *options);

/* Gives an acquired slot back that the caller will not submit. The slot is free then; its result does not change. */
void spead_send_slot_give_back(struct spead_send_slot *slot);

/* Waits until no heap of a slot is in flight, or until deadline_ns, which is a deadline (deadline.h). Returns 0,
 * -ETIMEDOUT or -EINVAL, as spead_send_slots_acquire() does, or -EDEADLK: the caller is the owner thread of a stream of
 * which a heap is in flight, and would wait for itself. */
int spead_send_slots_flush(struct spead_send_slots *slots, uint64_t deadline_ns);

/* Returns a file descriptor that is readable while a slot is free, for poll() and epoll in an event loop of the program.
 * The program then calls spead_send_slots_take(); it must not read from the descriptor or close it. The first call makes
 * the descriptor. Without such a call, completions make no system call. Returns the descriptor, which is valid until
 * destroy(), or the -errno of eventfd(). */
int spead_send_slots_fd(struct spead_send_slots *slots);

#ifdef __cplusplus
}
#endif
#endif
