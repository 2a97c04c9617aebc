/* The structs behind a channel and its two kinds of ends, and the functions that the files of this room share. */
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
    SPEADI_ENDED = 1u << 0,     /* the last sending end has closed; channel->end says how */
    SPEADI_STOPPED = 1u << 1,   /* the last receiving end has closed */
    SPEADI_CANCELLED = 1u << 2, /* spead_channel_cancel() was called */
};

/* The part that sending ends and receiving ends have in common. One thread at a time uses an end. */
struct speadi_end {
    struct spead_channel *channel; /* the end holds one reference */

    /* True if the short path of sender.c and receiver.c is enough: the channel is an SPSC ring without a latency log,
     * the end has no descriptor, and a sending end either waits or sheds the newest message. */
    bool plain;
    bool is_sender;

    /* Links in channel->senders or channel->receivers, under channel->control. */
    struct speadi_end *next, *previous;

    /* Signals the descriptor that an event loop polls. NULL: the end has no descriptor. */
    struct speadi_thread_waker *thread_waker;

    /* The thread that uses the end writes these counters, and any thread reads them for statistics. */
    _Atomic uint64_t moved; /* messages put in or taken out; 0 for SPSC, where the indices count */
    _Atomic uint64_t waiting_since_ns; /* 0: not waiting */
    _Atomic uint64_t waited_ns, waits; /* time of finished waits; number of waits begun */
};

/* `end` must be the first field of both structs below: a pointer to it is cast to a pointer to the whole. */
struct spead_sender {
    struct speadi_end end;
    uint64_t tail;      /* SPSC: the tail that this end has published */
    uint64_t head_seen; /* SPSC: the head when this end last read it */
    uint64_t offered;   /* SAMPLE: messages that the caller has offered so far */
    uint32_t full_lane; /* the lane that the last message was for; announce() looks at it */
    _Atomic uint64_t shed[SPEAD_SHED_CAUSES];
};

struct spead_receiver {
    struct speadi_end end;
    uint64_t head;      /* SPSC: the head that this end has published */
    uint64_t tail_seen; /* SPSC: the tail when this end last read it */
};

/* The counters of all ends that have closed, added up. */
struct speadi_channel_totals {
    uint64_t sent, received, shed[SPEAD_SHED_CAUSES];
    uint64_t starved_ns, blocked_ns, starved, blocked;
};

struct spead_channel {
    /* These fields do not change once an end is open, except `state` and `end`: they change a few times in the life of
     * the channel. */
    alignas(SPEADI_CACHE_LINE) struct spead_message *slots; /* SPSC */
    uint64_t mask;
    uint32_t capacity;
    _Atomic uint32_t state;
    _Atomic int32_t end;                /* once SPEADI_ENDED is set: what receiving ends return */
    struct speadi_shared_ring *shared;  /* the ring of every form but SPSC; NULL: SPSC */
    struct speadi_latency_log *latency; /* SPSC only; NULL: no times are kept */
    enum speadi_channel_sync sync;
    enum spead_channel_policy policy;
    enum spead_channel_form form;
    uint32_t sample_n, lanes;
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause);
    void *on_shed_arg;
    char *name;

    /* SPSC: each index shares its cache line with a counter of the thread that writes the index. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail;
    _Atomic uint64_t full; /* 1: a sending end has found the channel full */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t head;
    _Atomic uint64_t high_water; /* largest depth that a receiving end has found */

    /* The ends that wait. A sending end wakes receiving ends, and a receiving end wakes sending ends. */
    alignas(SPEADI_CACHE_LINE) struct speadi_wait_queue waiting_receivers;
    alignas(SPEADI_CACHE_LINE) struct speadi_wait_queue waiting_senders;

    pthread_mutex_t control; /* protects the fields from here to `closed` */
    struct speadi_end *senders, *receivers;
    uint32_t sender_count, receiver_count;
    int type;        /* SPEAD_CHANNEL_ANY_TYPE: not decided yet */
    char *type_from; /* which end decided the type, e.g. sending end "capture" */
    int error;       /* the first error that a sending end closed with, or 0 */
    struct speadi_channel_totals closed; /* counters of closed ends, and drained messages */

    _Atomic uint32_t references;
    _Atomic uint32_t drains; /* calls of speadi_channel_drain() that are not done */
};

/* ---- Publishing and looking (docs/adr/0013) ------------------------------------------------- */

/* Publishes an index of an SPSC ring. The caller then looks for a waker (WAIT1), and that load must come after this
 * store. WAIT2 store: this is the exchange, or the plain store together with the membarrier of the thread that
 * sleeps. */
static inline void speadi_publish_index(const struct spead_channel *channel,
                                        _Atomic uint64_t *index, uint64_t value)
{
    if (channel->sync == SPEADI_SYNC_FENCED) {
        atomic_exchange(index, value); /* RING1, RING2 release */
        return;
    }
    /* RING1, RING2 release: this thread has written or read the slots before the other side sees the index. */
    atomic_store_explicit(index, value, memory_order_release);
    /* This is the light half of an asymmetric barrier; the thread that sleeps executes the heavy half. With
     * SPEADI_SYNC_LOCAL one thread uses both ends, and program order is enough. */
    atomic_signal_fence(memory_order_seq_cst);
}

/* An end calls this between its announcement (WAIT1) and its last look at the channel (WAIT2). */
static inline void speadi_before_look(const struct spead_channel *channel)
{
    if (channel->sync == SPEADI_SYNC_BARRIER)
        speadi_membarrier_heavy();
}

/* ---- Functions that the files of this room share -------------------------------------------- */

/* channel.c: sets bits of the state and wakes all ends that wait. Any thread. */
void speadi_channel_set_state(struct spead_channel *channel, uint32_t bits);

/* channel_drain.c: tells the owner of the channel (on_shed) and then releases the message. The caller counts it. */
void speadi_channel_shed(const struct spead_channel *channel, const struct spead_message *message,
                         enum spead_shed_cause cause);
/* channel_drain.c: sheds all messages that are left, with the cause CANCELLED. Any thread may call it, but only when no
 * end can receive any more. If another thread drains at this moment, that thread drains once more, and this call
 * returns immediately. So the messages that were there before the call are gone only when every thread that called this
 * function has returned. */
void speadi_channel_drain(struct spead_channel *channel);

/* end.c: open and close an end. open() returns 0, or the errors of spead_sender_open(). leave() takes the end out of
 * its channel and adds the counters of the end to channel->closed. It returns true if the end was the last one of its
 * side. release() then gives up the reference to the channel. */
int speadi_end_open(struct speadi_end *end, struct spead_channel *channel, const char *name,
                    int type, bool is_sender, struct spead_err *err);
bool speadi_end_leave(struct speadi_end *end);
void speadi_end_release(struct speadi_end *end);

/* end_wait.c: only the thread that uses the end calls these functions. announce() and retract() do for an end of either
 * side what spead_sender_announce() and spead_sender_retract() do. */
int speadi_end_announce(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns);
bool speadi_end_retract(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns);
/* Ends the measured wait, as retract() does. It is for a caller that knows already that wake() was called. */
void speadi_end_woken(struct speadi_end *end, uint64_t now_ns);
/* Sleeps until the end can go on. Returns 0 (the caller tries again) or -ETIMEDOUT. */
int speadi_end_sleep(struct speadi_end *end, uint64_t deadline_ns);
/* Returns the descriptor of the end, which the first call makes, or -errno. */
int speadi_end_fd(struct speadi_end *end);
void speadi_end_close_fd(struct speadi_end *end); /* does nothing if the end has no descriptor */
/* These two are only for an end with a descriptor. The end calls before_try() before it tries to send or receive, and
 * rearm() after a try that found nothing to do. rearm() returns true if something has come meanwhile: then the end
 * tries again. */
void speadi_end_before_try(struct speadi_end *end);
bool speadi_end_rearm(struct speadi_end *end);

static inline bool speadi_end_polls(const struct speadi_end *end)
{
    return end->thread_waker;
}

/* The value for end->plain. */
static inline bool speadi_end_is_plain(const struct speadi_end *end)
{
    const struct spead_channel *channel = end->channel;

    return !channel->shared && !channel->latency && !speadi_end_polls(end) &&
           (!end->is_sender || channel->policy == SPEAD_CHANNEL_BLOCK ||
            channel->policy == SPEAD_CHANNEL_DROP_NEWEST);
}

#endif
