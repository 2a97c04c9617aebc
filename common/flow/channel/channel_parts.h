/* SPDX-License-Identifier: Apache-2.0 */
/* The structs of a channel, of its sending ends and of its receiving ends. Also the functions that the files of this
 * room share. */
#ifndef SPEADI_CHANNEL_PARTS_H
#define SPEADI_CHANNEL_PARTS_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/cache_line.h>
#include <speadi/channel_internal.h>
#include <speadi/count.h>
#include <speadi/latency.h>
#include <speadline/channel.h>

#include "membarrier.h"
#include "shared_ring.h"
#include "thread_waker.h"
#include "wait_queue.h"

/* Bits of channel->state. A bit that is set is never cleared. */
enum {
    /* The last sending end has closed. From now on channel->end is the code that receiving ends return after the last
     * message. */
    SPEADI_ENDED = 1u << 0,
    SPEADI_STOPPED = 1u << 1,   /* the last receiving end has closed */
    SPEADI_CANCELLED = 1u << 2, /* spead_channel_cancel() was called */
};

/* The part that sending ends and receiving ends have in common. Only one thread at a time may use an end. */
struct speadi_end {
    struct spead_channel *channel; /* the end holds one reference to the channel */

    /* True if this end is allowed to use the short path of sender.c or receiver.c. There are three conditions. The
     * channel has the form SPSC and no latency log. The end has no descriptor. If it is a sending end, the policy of
     * the channel is BLOCK or DROP_NEWEST. */
    bool plain;
    bool is_sender;

    /* The neighbours of this end in the list channel->senders or channel->receivers. The lock channel->control protects
     * them. */
    struct speadi_end *next, *previous;

    /* The channel calls this function when it is stopped or cancelled, if the pointer is not NULL. The lock
     * channel->control protects both fields. */
    void (*stopped)(void *arg);
    void *stopped_arg;

    /* This waker signals the descriptor of the end, which an event loop polls. NULL if the end has no descriptor. */
    struct speadi_thread_waker *thread_waker;

    /* Only the thread that uses the end writes these counters. Any thread may read them for statistics. `moved` is the
     * number of messages that this end has put in or taken out. It stays 0 in a channel of form SPSC, where `head` and
     * `tail` of the channel count the messages. */
    _Atomic uint64_t moved;
    _Atomic uint64_t waiting_since_ns; /* when the present wait began; 0 if the end does not wait */
    /* `waited_ns` is the sum of the lengths of all waits that have ended. `waits` is how many waits have begun. */
    _Atomic uint64_t waited_ns, waits;
};

/* `end` must be the first field of both structs below, because the code casts a pointer to `end` to a pointer to the
 * whole struct. */
struct spead_sender {
    struct speadi_end end;
    uint64_t tail;      /* only form SPSC: the value of channel->tail that this end wrote last */
    uint64_t head_seen; /* only form SPSC: the value of channel->head that this end read last */
    uint64_t offered;   /* only policy SAMPLE: how many messages the caller has offered so far */
    /* The lane of the last message that this end tried to put in. If the end must wait, it waits for a free place in
     * this lane. */
    uint32_t full_lane;
    _Atomic uint64_t shed[SPEAD_SHED_CAUSES];
};

struct spead_receiver {
    struct speadi_end end;
    uint64_t head;      /* only form SPSC: the value of channel->head that this end wrote last */
    uint64_t tail_seen; /* only form SPSC: the value of channel->tail that this end read last */
};

/* The sums of the counters of all ends that have closed. */
struct speadi_channel_totals {
    uint64_t sent, received, shed[SPEAD_SHED_CAUSES];
    uint64_t starved_ns, blocked_ns, starved, blocked;
};

struct spead_channel {
    /* These fields do not change after the first end was opened. The exceptions are `state` and `end`: they change a
     * few times in the life of the channel. `slots` is the ring of a channel of form SPSC; it is NULL for other
     * forms. */
    alignas(SPEADI_CACHE_LINE) struct spead_message *slots;
    uint64_t mask;
    uint32_t capacity;
    _Atomic uint32_t state;
    /* The code that receiving ends return after the last message. It is valid as soon as SPEADI_ENDED is set in
     * `state`. */
    _Atomic int32_t end;
    /* The ring of a channel of the form MPSC, SPMC or MPMC. It is NULL in a channel of the form SPSC. */
    struct speadi_shared_ring *shared;
    /* The latency log of a channel of the form SPSC. It is NULL if the channel keeps no times, or if the channel has
     * another form. */
    struct speadi_latency_log *latency;
    enum speadi_channel_sync sync;
    enum spead_on_full policy;
    enum spead_channel_form form;
    uint32_t sample_n, lanes;
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause);
    void *on_shed_arg;
    char *name;

    /* The indices of form SPSC. The sending end writes `tail` and `full`, which share a cache line. The receiving end
     * writes `head` and `high_water`, which share another cache line. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail;
    _Atomic uint64_t full; /* 1 if a sending end has ever found the channel full, else 0 */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t head;
    /* The largest number of messages that a receiving end has found in the channel. */
    _Atomic uint64_t high_water;

    /* The ends that wait. A sending end wakes receiving ends, and a receiving end wakes sending ends. */
    alignas(SPEADI_CACHE_LINE) struct speadi_wait_queue waiting_receivers;
    alignas(SPEADI_CACHE_LINE) struct speadi_wait_queue waiting_senders;

    pthread_mutex_t control; /* this lock protects the fields from `senders` to `closed` */
    struct speadi_end *senders, *receivers;
    uint32_t sender_count, receiver_count;
    int type;        /* SPEAD_CHANNEL_ANY_TYPE if no end has decided the type yet */
    char *type_from; /* which end decided the type, for example: sending end "capture" */
    int error;       /* the first error with which a sending end closed, or 0 */
    /* The counters of closed ends. Messages that speadi_channel_drain() sheds are counted here too. */
    struct speadi_channel_totals closed;

    _Atomic uint32_t references;
    _Atomic uint32_t drains; /* how many calls of speadi_channel_drain() are not done yet */
};

/* ---- Publishing and looking (docs/adr/0013) ------------------------------------------------- */

/* Publishes a new value of an index (head or tail) of an SPSC ring. After this call the caller must look whether an end
 * of the other side waits (WAIT1). The load of that look must come after the store in this function. WAIT2 store: this
 * is the exchange, or the plain store together with the membarrier of the thread that sleeps. */
static inline void speadi_publish_index(const struct spead_channel *channel,
                                        _Atomic uint64_t *index, uint64_t value)
{
    if (channel->sync == SPEADI_SYNC_FENCED) {
        atomic_exchange(index, value); /* RING1, RING2 release: as below */
        return;
    }
    /* RING1, RING2 release: this thread has written or read the slots before the other side sees the index. */
    atomic_store_explicit(index, value, memory_order_release);
    /* This fence only stops the compiler from moving a load across it. It is the light half of an asymmetric barrier.
     * The thread that is about to sleep executes the heavy half (speadi_membarrier_heavy()). With SPEADI_SYNC_LOCAL one
     * thread uses both ends, and program order is enough. */
    atomic_signal_fence(memory_order_seq_cst);
}

/* An end that is about to wait calls this function after it has announced its waker (WAIT1), and before it looks at the
 * channel for the last time (WAIT2). */
static inline void speadi_before_look(const struct spead_channel *channel)
{
    if (channel->sync == SPEADI_SYNC_BARRIER)
        speadi_membarrier_heavy();
}

/* ---- Functions that the files of this room share -------------------------------------------- */

/* In channel.c: sets bits of channel->state, and then wakes all ends that wait. Any thread may call it. */
void speadi_channel_set_state(struct spead_channel *channel, uint32_t bits);

/* In channel_drain.c: sheds one message. It calls on_shed() of the channel, if there is one, and then releases the
 * message. The caller must count the message. */
void speadi_channel_shed(const struct spead_channel *channel, const struct spead_message *message,
                         enum spead_shed_cause cause);
/* In channel_drain.c: sheds all messages that are left in the channel, with the cause CANCELLED. Any thread may call
 * it, but only when no end can receive any more. If another thread is already draining the channel, this call returns
 * immediately, and the other thread drains once more. So when several threads call this function, the messages are
 * certainly gone only when all of the calls have returned. */
void speadi_channel_drain(struct spead_channel *channel);

/* In end.c: speadi_end_open() opens an end; speadi_end_leave() and then speadi_end_release() close it.
 * speadi_end_open() returns 0, or an error as spead_sender_open() does. speadi_end_leave() takes the end out of its
 * channel and adds the counters of the end to channel->closed. It returns true if the end was the last open end of its
 * side. speadi_end_release() drops the reference of the end to the channel. */
int speadi_end_open(struct speadi_end *end, struct spead_channel *channel, const char *name,
                    int type, bool is_sender, struct spead_err *err);
bool speadi_end_leave(struct speadi_end *end);
void speadi_end_release(struct speadi_end *end);

/* In end_wait.c. Only the thread that uses the end may call the functions below. speadi_end_announce() and
 * speadi_end_retract() work as spead_sender_announce() and spead_sender_retract() do, but for an end of either side. */
int speadi_end_announce(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns);
bool speadi_end_retract(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns);
/* Ends the wait in the statistics, as speadi_end_retract() does, but does not touch the waker. The caller must know
 * that wake() was called. */
void speadi_end_woken(struct speadi_end *end, uint64_t now_ns);
/* Sleeps until the end can probably send or receive, or until deadline_ns (CLOCK_MONOTONIC; 0 means no deadline).
 * Returns 0 if the caller should try again, or -ETIMEDOUT. */
int speadi_end_sleep(struct speadi_end *end, uint64_t deadline_ns);
/* Returns the descriptor of the end, or -errno. The first call makes the descriptor. */
int speadi_end_fd(struct speadi_end *end);
void speadi_end_close_fd(struct speadi_end *end); /* does nothing if the end has no descriptor */
/* These two functions are only for an end with a descriptor. The thread that uses the end must call
 * speadi_end_before_try() before it tries to send or receive. If it then finds nothing to do, it must call
 * speadi_end_rearm(). If speadi_end_rearm() returns true, there is something to do now, and the thread must try
 * again. */
void speadi_end_before_try(struct speadi_end *end);
bool speadi_end_rearm(struct speadi_end *end);

static inline bool speadi_end_polls(const struct speadi_end *end)
{
    return end->thread_waker;
}

/* Returns the value that end->plain must have. */
static inline bool speadi_end_is_plain(const struct speadi_end *end)
{
    const struct spead_channel *channel = end->channel;

    return !channel->shared && !channel->latency && !speadi_end_polls(end) &&
           (!end->is_sender || channel->policy == SPEAD_ON_FULL_BLOCK ||
            channel->policy == SPEAD_ON_FULL_DROP_NEWEST);
}

#endif
