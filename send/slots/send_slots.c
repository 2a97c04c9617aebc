/* SPDX-License-Identifier: Apache-2.0 */
/* Heaps with memory of their own. The free slots wait in a ring under a lock. The lock is taken once for each heap when
 * it is acquired and once when it completes, and held for a few instructions. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <speadline/send_slots.h>

#include <speadi/deadline.h>
#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/struct_size.h>
#include <speadi/wake_fd.h>

#include "send_progress.h"

#define SLOTS_MAX      (1u << 20)
#define SLOT_BYTES_MAX (UINT64_C(1) << 40)
#define ALIGNMENT      64u /* of the memory of each slot */

/* A slot, and the slots that it belongs to. */
struct owned_slot {
    struct spead_send_slot slot; /* must be the first member */
    struct spead_send_slots *slots;
    /* The stream on which the heap of the slot is in flight, or NULL. The lock of the slots protects it. */
    const struct spead_send_stream *stream;
};

struct spead_send_slots {
    struct owned_slot *slot;
    uint32_t count;
    uint8_t *memory;
    size_t memory_bytes;

    struct speadi_progress progress; /* for the threads that wait for a free slot */
    pthread_mutex_t lock;            /* protects all fields below */
    struct owned_slot **free;        /* a ring: free[first] has been free for the longest time */
    uint32_t first, free_count;
    uint32_t in_flight;
    struct speadi_wake_fd
        free_fd; /* signalled while free_count is not 0; closed until it is asked for */
};

SPEADI_STRUCT_INIT(spead_send_slots_config, SPEAD_SEND_SLOTS_CONFIG_INIT)

/* ---- Making -------------------------------------------------------------------------------- */

static int read_config(struct spead_send_slots_config *config,
                       const struct spead_send_slots_config *from, struct spead_err *err)
{
    static const struct spead_send_slots_config defaults = SPEAD_SEND_SLOTS_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "send slots",
        .init = "SPEAD_SEND_SLOTS_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_send_slots_config, slot_bytes),
    };
    int ret = speadi_struct_read(config, from, &kind, err);

    if (ret < 0)
        return ret;
    if (config->slot_count == 0 || config->slot_count > SLOTS_MAX)
        return speadi_err_range(err, "slot_count", config->slot_count, 1, SLOTS_MAX);
    if (config->slot_bytes > SLOT_BYTES_MAX)
        return speadi_err_range(err, "slot_bytes", config->slot_bytes, 0, SLOT_BYTES_MAX);
    if (!spead_flavour_is_valid(config->flavour))
        return speadi_err_field(err, -EINVAL, "flavour", ": %u heap address bits, use 8, 16 ... 56",
                                config->flavour.heap_address_bits);
    return 0;
}

static int make_slot(struct spead_send_slots *slots, uint32_t i,
                     const struct spead_send_slots_config *config, struct spead_err *err)
{
    struct spead_send_slot *slot = &slots->slot[i].slot;
    const size_t stride = slots->memory_bytes / slots->count;
    int ret = spead_send_heap_create(&slot->heap, config->flavour);

    slots->slot[i].slots = slots;
    slot->data = slots->memory ? slots->memory + i * stride : NULL;
    slot->bytes = config->slot_bytes;
    slot->index = i;
    slot->item = -1;
    slots->free[i] = &slots->slot[i];
    if (ret == 0 && config->item_id != 0)
        ret = slot->item = spead_send_heap_add_item(slot->heap, config->item_id, slot->data,
                                                    config->slot_bytes, false);
    if (ret == -EINVAL)
        return speadi_err_field(err, ret, "item_id",
                                ": 0x%llx is no identifier of an item of this flavour",
                                (unsigned long long)config->item_id);
    if (ret == -ERANGE)
        return speadi_err_field(err, -EINVAL, "slot_bytes",
                                ": %llu bytes are more than this flavour can express",
                                (unsigned long long)config->slot_bytes);
    return ret < 0 ? ret : 0;
}

/* Allocates everything. After a failure the caller must call spead_send_slots_destroy(). */
static int make_slots(struct spead_send_slots *slots, const struct spead_send_slots_config *config,
                      struct spead_err *err)
{
    int ret = 0;

    slots->memory_bytes =
        (size_t)speadi_round_up(config->slot_bytes, ALIGNMENT) * config->slot_count;
    slots->slot = calloc(config->slot_count, sizeof *slots->slot);
    slots->free = calloc(config->slot_count, sizeof(struct owned_slot *));
    if (slots->memory_bytes != 0) {
        slots->memory = mmap(NULL, slots->memory_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (slots->memory == MAP_FAILED)
            slots->memory = NULL;
        else /* a failure does no harm: the call is only advice to the kernel */
            madvise(slots->memory, slots->memory_bytes, MADV_HUGEPAGE);
    }
    if (!slots->slot || !slots->free || (slots->memory_bytes != 0 && !slots->memory))
        return -ENOMEM;
    slots->count = slots->free_count = config->slot_count;
    for (uint32_t i = 0; i < slots->count && ret == 0; i++)
        ret = make_slot(slots, i, config, err);
    return ret;
}

int spead_send_slots_create(struct spead_send_slots **out,
                            const struct spead_send_slots_config *config, struct spead_err *err)
{
    struct spead_send_slots_config own;
    struct spead_send_slots *slots;
    int ret = read_config(&own, config, err);

    if (ret < 0)
        return ret;
    slots = calloc(1, sizeof *slots);
    if (slots) {
        speadi_progress_init(&slots->progress);
        pthread_mutex_init(&slots->lock, NULL);
        slots->free_fd.fd = -1;
        ret = make_slots(slots, &own, err);
    }
    if (!slots || ret == -ENOMEM)
        ret = speadi_err_set(err, -ENOMEM, "no memory for %u send slots of %llu bytes",
                             own.slot_count, (unsigned long long)own.slot_bytes);
    if (ret < 0) {
        spead_send_slots_destroy(slots);
        return ret;
    }
    *out = slots;
    return 0;
}

void spead_send_slots_destroy(struct spead_send_slots *slots)
{
    if (!slots)
        return;
    for (uint32_t i = 0; i < slots->count; i++)
        spead_send_heap_destroy(slots->slot[i].slot.heap);
    if (slots->memory)
        munmap(slots->memory, slots->memory_bytes);
    speadi_wake_fd_close(&slots->free_fd);
    speadi_progress_release(&slots->progress);
    pthread_mutex_destroy(&slots->lock);
    free(slots->free);
    free(slots->slot);
    free(slots);
}

void spead_send_slots_memory(const struct spead_send_slots *slots, struct spead_send_memory *memory)
{
    *memory =
        (struct spead_send_memory){.data = slots->memory, .bytes = slots->memory_bytes, .fd = -1};
}

/* ---- Free slots ---------------------------------------------------------------------------- */

/* Takes the slot that has been free for the longest time. There must be a free slot. The caller holds the lock. */
static struct spead_send_slot *pop(struct spead_send_slots *slots)
{
    struct owned_slot *slot = slots->free[slots->first];

    slots->first = (slots->first + 1) % slots->count;
    slots->free_count--;
    if (slots->free_count == 0 && slots->free_fd.fd >= 0)
        speadi_wake_fd_clear(&slots->free_fd);
    return &slot->slot;
}

/* Makes a slot free and wakes the threads that wait. `in_flight` is 1 if the heap of the slot was in flight, else 0. */
static void push(struct owned_slot *slot, uint32_t in_flight)
{
    struct spead_send_slots *slots = slot->slots;

    pthread_mutex_lock(&slots->lock);
    slots->free[(slots->first + slots->free_count) % slots->count] = slot;
    if (slots->free_count++ == 0 && slots->free_fd.fd >= 0)
        speadi_wake_fd_signal(&slots->free_fd);
    slots->in_flight -= in_flight;
    slot->stream = NULL;
    /* notify() is inside of the lock: behind it, a thread that has flushed may destroy the slots. */
    (void)speadi_progress_notify(&slots->progress);
    pthread_mutex_unlock(&slots->lock);
}

uint32_t spead_send_slots_take(struct spead_send_slots *slots, struct spead_send_slot **slot,
                               uint32_t max)
{
    uint32_t count = 0;

    pthread_mutex_lock(&slots->lock);
    while (count < max && slots->free_count != 0)
        slot[count++] = pop(slots);
    pthread_mutex_unlock(&slots->lock);
    return count;
}

/* Returns true if no heap is in flight. */
static bool is_idle(struct spead_send_slots *slots, struct spead_send_slot **slot)
{
    bool idle;

    (void)slot;
    pthread_mutex_lock(&slots->lock);
    idle = slots->in_flight == 0;
    pthread_mutex_unlock(&slots->lock);
    return idle;
}

static bool take_one(struct spead_send_slots *slots, struct spead_send_slot **slot)
{
    return spead_send_slots_take(slots, slot, 1) == 1;
}

/* What a thread waits for. */
struct wish {
    bool (*is_true)(struct spead_send_slots *, struct spead_send_slot **);
    bool needs_all; /* true: all heaps in flight must complete; false: one of them is enough */
};

static const struct wish free_slot = {take_one, false}, no_flight = {is_idle, true};

/* Returns true if the calling thread itself completes heaps that the wish needs. A stream lives as long as one of its
 * heaps is in flight. */
static bool would_wait_for_itself(struct spead_send_slots *slots, const struct wish *wish)
{
    bool own = false;

    pthread_mutex_lock(&slots->lock);
    for (uint32_t i = 0; i < slots->count; i++) {
        if (!slots->slot[i].stream)
            continue;
        own = speadi_send_progress_is_owner(slots->slot[i].stream);
        if (own == wish->needs_all)
            break;
    }
    pthread_mutex_unlock(&slots->lock);
    return own;
}

static int wait_for(struct spead_send_slots *slots, const struct wish *wish,
                    struct spead_send_slot **slot, uint64_t deadline_ns)
{
    int waited = 0;
    bool done;

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    if (wish->is_true(slots, slot))
        return 0;
    if (deadline_ns == SPEAD_DEADLINE_NOW)
        return -ETIMEDOUT;
    if (would_wait_for_itself(slots, wish))
        return -EDEADLK;
    speadi_progress_begin(&slots->progress);
    for (;;) {
        uint32_t epoch = speadi_progress_epoch(&slots->progress);

        done = wish->is_true(slots, slot);
        if (done || waited < 0)
            break;
        waited = speadi_progress_wait(&slots->progress, epoch, deadline_ns);
    }
    speadi_progress_end(&slots->progress);
    return done ? 0 : waited;
}

int spead_send_slots_acquire(struct spead_send_slots *slots, struct spead_send_slot **slot,
                             uint64_t deadline_ns)
{
    struct spead_send_slot *taken = NULL;
    int ret = wait_for(slots, &free_slot, &taken, deadline_ns);

    if (ret == 0)
        *slot = taken;
    return ret;
}

int spead_send_slots_flush(struct spead_send_slots *slots, uint64_t deadline_ns)
{
    return wait_for(slots, &no_flight, NULL, deadline_ns);
}

int spead_send_slots_fd(struct spead_send_slots *slots)
{
    int ret = 0;

    pthread_mutex_lock(&slots->lock);
    if (slots->free_fd.fd < 0) {
        ret = speadi_wake_fd_open(&slots->free_fd);
        if (ret == 0 && slots->free_count != 0)
            speadi_wake_fd_signal(&slots->free_fd);
    }
    if (ret == 0)
        ret = slots->free_fd.fd;
    pthread_mutex_unlock(&slots->lock);
    return ret;
}

/* ---- Sending ------------------------------------------------------------------------------- */

static void on_done(void *arg, const struct spead_send_result *result)
{
    struct owned_slot *slot = arg;

    slot->slot.result = *result;
    slot->slot.sent++;
    push(slot, 1);
}

/* Counts the heap of a slot as in flight. This comes before the submit, because the heap can complete before
 * spead_send_stream_submit() returns. */
static void begin_flight(struct owned_slot *slot, const struct spead_send_stream *stream)
{
    pthread_mutex_lock(&slot->slots->lock);
    slot->slots->in_flight++;
    slot->stream = stream;
    pthread_mutex_unlock(&slot->slots->lock);
}

/* Takes this back after the stream has refused the heap. */
static void cancel_flight(struct owned_slot *slot)
{
    pthread_mutex_lock(&slot->slots->lock);
    slot->slots->in_flight--;
    slot->stream = NULL;
    /* a thread that flushes has perhaps seen the heap as in flight */
    (void)speadi_progress_notify(&slot->slots->progress);
    pthread_mutex_unlock(&slot->slots->lock);
}

int spead_send_slot_submit(struct spead_send_slot *slot, struct spead_send_stream *stream,
                           const struct spead_send_options *options)
{
    struct owned_slot *owned = (struct owned_slot *)(void *)slot;
    struct spead_send_options own = SPEAD_SEND_OPTIONS_INIT;
    int ret;

    if (options)
        own = *options;
    if (own.done)
        return -EINVAL;
    own.done = on_done;
    own.done_arg = owned;
    begin_flight(owned, stream);
    ret = spead_send_stream_submit(stream, slot->heap, &own);
    if (ret < 0)
        cancel_flight(owned);
    return ret;
}

void spead_send_slot_give_back(struct spead_send_slot *slot)
{
    push((struct owned_slot *)(void *)slot, 0);
}
