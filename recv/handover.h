/* Finished heaps on their way from the stream's thread to the consumer: a bounded ring.
 *
 * Threads: push, room and end belong to the owner; take and its kin to one consumer. The lock protects
 * everything; it is taken once a burst, not once a packet, and a consumer is woken only if it waits. */
#ifndef SPEADLINE_RECV_HANDOVER_H
#define SPEADLINE_RECV_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/heap.h>

#include <speadi/wakeup.h>

struct speadi_handover {
    pthread_mutex_t lock;
    pthread_cond_t ready; /* CLOCK_MONOTONIC */
    struct spead_heap **slot;
    uint32_t capacity, first, count;
    uint32_t high_water; /* most heaps ever inside; the owner's, read without the lock */
    bool ended;
    bool consumer_waits;
    bool owner_waits; /* ring room_bell at the next take */
    struct speadi_wakeup
        ready_bell; /* readable while a heap or the end waits; closed until asked for */
    struct speadi_wakeup room_bell;
};

/* Returns 0, -ENOMEM or another -errno; on failure there is nothing to release. */
int speadi_handover_init(struct speadi_handover *handover, uint32_t capacity);

/* Gives back the heaps still inside. Neither thread may use it any more. */
void speadi_handover_release(struct speadi_handover *handover);

/* Owner: how many heaps fit now. Only the owner fills, so they still fit at the next push. */
uint32_t speadi_handover_room(struct speadi_handover *handover);

/* Owner: pushes heaps in order. Those that do not fit come back in shed (room for count): the last of
 * them, or with drop_oldest those that waited longest, which may have been pushed before. Returns how
 * many came back. */
uint32_t speadi_handover_push(struct speadi_handover *handover, struct spead_heap *const *heaps,
                              uint32_t count, bool drop_oldest, struct spead_heap **shed);

/* Owner: end-of-stream, after everything pushed so far. */
void speadi_handover_end(struct speadi_handover *handover);

/* Owner: sleeps until there is room, the room bell is rung, or deadline_ns (UINT64_MAX: no limit). */
void speadi_handover_wait_room(struct speadi_handover *handover, uint64_t deadline_ns);

/* Consumer: up to max heaps; with wait, sleeps for the first until deadline_ns (CLOCK_MONOTONIC; 0: no
 * limit). Returns how many, -EAGAIN (not waiting), -ETIMEDOUT, or -ESHUTDOWN at the end. */
int speadi_handover_take(struct speadi_handover *handover, struct spead_heap **heaps, uint32_t max,
                         bool wait, uint64_t deadline_ns);

/* Consumer: the descriptor that polls readable while take() would not wait, or -errno. */
int speadi_handover_fd(struct speadi_handover *handover);

#endif
