/* The parts of a channel and of its ends, for the files that work on them. */
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

/* What a channel has come to; bits of channel->state, only ever set. */
enum {
    SPEADI_ENDED = 1u << 0,   /* the last sender has closed; channel->end says how */
    SPEADI_STOPPED = 1u << 1, /* the last receiver has closed */
    SPEADI_CANCELLED = 1u << 2,
};

/* What senders and receivers have in common. */
struct speadi_end {
    struct spead_channel *channel; /* one reference */
    bool plain; /* messages only go into or out of an SPSC ring, or are shed: no times, no fd */
    bool is_sender;
    struct speadi_end *next, *previous;       /* in channel->senders or receivers, under control */
    struct speadi_thread_waker *thread_waker; /* of an event loop that polls; NULL: none does */

    /* The end's thread writes, stats() reads. */
    _Atomic uint64_t moved; /* messages taken or given; an SPSC ring's indices say it themselves */
    _Atomic uint64_t waiting_since_ns; /* 0: not waiting */
    _Atomic uint64_t waited_ns, waits;
};

struct spead_sender {
    struct speadi_end end;    /* first: a sender is its end; and so below */
    uint64_t tail, head_seen; /* SPSC: ours, and the other side's when last looked at */
    uint64_t offered;         /* SAMPLE: messages so far */
    uint32_t full_lane;       /* the lane that had no room, for announce() */
    _Atomic uint64_t shed[SPEAD_SHED_CAUSES];
};

struct spead_receiver {
    struct speadi_end end;
    uint64_t head, tail_seen;
};

/* What ends count, added up when they close. */
struct speadi_channel_totals {
    uint64_t sent, received, shed[SPEAD_SHED_CAUSES];
    uint64_t starved_ns, blocked_ns, starved, blocked;
};

struct spead_channel {
    /* Constant once ends are open; state is written a few times in a channel's life. */
    alignas(SPEADI_CACHE_LINE) struct spead_message *slots; /* SPSC */
    uint64_t mask;
    uint32_t capacity;
    _Atomic uint32_t state;
    _Atomic int32_t end;                /* what receivers see after SPEADI_ENDED */
    struct speadi_shared_ring *shared;  /* every other form; NULL: SPSC */
    struct speadi_latency_log *latency; /* NULL: not kept */
    enum speadi_channel_sync sync;
    enum spead_channel_policy policy;
    enum spead_channel_form form;
    uint32_t sample_n, lanes;
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause);
    void *on_shed_arg;
    char *name;

    /* SPSC: each index with what its writer counts beside it. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail;
    _Atomic uint64_t full; /* 1: a sender met it full */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t head;
    _Atomic uint64_t high_water;

    alignas(SPEADI_CACHE_LINE) struct speadi_wait_queue waiting_receivers; /* senders look here */
    alignas(SPEADI_CACHE_LINE) struct speadi_wait_queue waiting_senders;   /* receivers look here */

    pthread_mutex_t control; /* of what follows */
    struct speadi_end *senders, *receivers;
    uint32_t sender_count, receiver_count;
    int type;                            /* SPEAD_CHANNEL_ANY_TYPE: not decided */
    char *type_from;                     /* "sender capture": the end that decided it */
    int error;                           /* the first that a sender closed with */
    struct speadi_channel_totals closed; /* what closed ends and the channel itself had counted */
    _Atomic uint32_t references;
    _Atomic uint32_t drains; /* asked for and not done */
};

/* ---- Publishing and looking (docs/adr/0013) ------------------------------------------------- */

/* Makes an index of an SPSC ring visible, in one order with the look for a waker that follows (WAIT1). WAIT2 store: the
 * exchange, or the store together with the barrier of the sleeper. */
static inline void speadi_publish_index(const struct spead_channel *channel,
                                        _Atomic uint64_t *index, uint64_t value)
{
    if (channel->sync == SPEADI_SYNC_FENCED) {
        atomic_exchange(index, value); /* RING1, RING2 release */
        return;
    }
    /* RING1, RING2 release: the slots are written, or read, before the other side sees the index. */
    atomic_store_explicit(index, value, memory_order_release);
    /* The light half of the barrier whose heavy half the sleeper makes; with LOCAL, program order. */
    atomic_signal_fence(memory_order_seq_cst);
}

/* Between the announcement (WAIT1) and the last look (WAIT2). */
static inline void speadi_before_look(const struct spead_channel *channel)
{
    if (channel->sync == SPEADI_SYNC_BARRIER)
        speadi_membarrier_heavy();
}

/* ---- Between the files --------------------------------------------------------------------- */

/* channel.c: sets bits of state, after which nobody may sleep on. */
void speadi_channel_set_state(struct spead_channel *channel, uint32_t bits);

/* channel_drain.c: tells the owner, gives the reference up. The caller counts. */
void speadi_channel_shed(const struct spead_channel *channel, const struct spead_message *message,
                         enum spead_shed_cause cause);
/* channel_drain.c: releases what is left, as CANCELLED. Only where nobody receives any more; any thread. What was there
 * before the call is gone once every thread that called this has returned. */
void speadi_channel_drain(struct spead_channel *channel);

/* end.c: coming and going. The last one of its side to go gets `last` of the channel's bits turned. */
int speadi_end_open(struct speadi_end *end, struct spead_channel *channel, const char *name,
                    int type, bool is_sender, struct spead_err *err);
bool speadi_end_leave(struct speadi_end *end); /* true: it was the last of its side */
void speadi_end_release(struct speadi_end *end);

/* end_wait.c */
int speadi_end_announce(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns);
bool speadi_end_retract(struct speadi_end *end, struct spead_waker *waker, uint64_t now_ns);
/* In place of retract where the waker is known to have been woken. */
void speadi_end_woken(struct speadi_end *end, uint64_t now_ns);
int speadi_end_sleep(struct speadi_end *end, uint64_t deadline_ns); /* 0: try again; -ETIMEDOUT */
int speadi_end_fd(struct speadi_end *end);
void speadi_end_poll_no_more(struct speadi_end *end); /* if it has a descriptor: closes it */
/* For an end with a descriptor: before a try, and after one that found nothing (true: try again). */
void speadi_end_before_try(struct speadi_end *end);
bool speadi_end_rearm(struct speadi_end *end);

static inline bool speadi_end_polls(const struct speadi_end *end)
{
    return end->thread_waker;
}

/* What end->plain is to be. */
static inline bool speadi_end_is_plain(const struct speadi_end *end)
{
    const struct spead_channel *channel = end->channel;

    return !channel->shared && !channel->latency && !speadi_end_polls(end) &&
           (!end->is_sender || channel->policy == SPEAD_CHANNEL_BLOCK ||
            channel->policy == SPEAD_CHANNEL_DROP_NEWEST);
}

#endif
