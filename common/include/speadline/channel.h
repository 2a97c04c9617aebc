/* A bounded channel of messages: the one road between threads, nodes and event loops.
 *
 * Ends:     senders and receivers are opened on a channel, each with a name and a type; types must agree.
 *           Each end is used by one thread at a time. The channel's owner keeps one reference, each
 *           end another: who comes last frees it.
 * Forms:    how many ends there may be on each side at a time (see enum spead_channel_form).
 * When full: the sender waits (block), or a message is shed by the policy and counted. Nothing else
 *           is lost: sent = received + shed + left, always.
 * The end:  when the last sender has closed, receivers take what is left and then see the end
 *           (-ESHUTDOWN), or the error that a sender closed with. When the last receiver has closed, what is
 *           left is released and senders see -EPIPE. spead_channel_cancel() ends both at once: -ECANCELED.
 * Waiting:  a thread waits with a deadline (_send, _receive); an event loop polls a descriptor (_fd); a
 *           node is woken by a hook (_announce). Use one of the three at an end, not two at a time.
 * Memory:   all of it is taken at create and open; nothing allocates per message. */
#ifndef SPEADLINE_CHANNEL_H
#define SPEADLINE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/message.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_channel;  /* opaque, reference-counted */
struct spead_sender;   /* opaque: one end */
struct spead_receiver; /* opaque: the other */

/* Ends that may be open at a time. A policy that takes from the sender's side (drop-oldest), and lanes,
 * need a form with many receivers; an end more than the form allows is refused with -EBUSY. */
enum spead_channel_form {
    SPEAD_CHANNEL_SPSC = 0, /* one sender, one receiver: the cheapest */
    SPEAD_CHANNEL_MPSC = 1, /* many senders, one receiver */
    SPEAD_CHANNEL_SPMC = 2, /* one sender, many receivers: each message goes to one of them */
    SPEAD_CHANNEL_MPMC = 3,
};

/* What happens to a message that finds the channel full. */
enum spead_channel_policy {
    SPEAD_CHANNEL_BLOCK = 0,       /* its sender waits: lossless */
    SPEAD_CHANNEL_DROP_NEWEST = 1, /* it is shed */
    SPEAD_CHANNEL_DROP_OLDEST = 2, /* the message that waited longest is shed instead */
    /* Each sender offers one message of sample_n, full or not, the others are shed as `sampled`; and one that
     * finds it full is shed. */
    SPEAD_CHANNEL_SAMPLE = 3,
};

/* Why a message was shed. */
enum spead_shed_cause {
    SPEAD_SHED_NEWEST,    /* it found the channel full */
    SPEAD_SHED_OLDEST,    /* it made room for a newer one */
    SPEAD_SHED_LANE,      /* it made room for one of a higher lane */
    SPEAD_SHED_SAMPLED,   /* not one of the samples */
    SPEAD_SHED_CANCELLED, /* left when the last receiver closed, or when the channel ended */
    SPEAD_SHED_CAUSES
};
const char *spead_shed_cause_name(unsigned cause); /* "newest", ...; NULL past the last */

#define SPEAD_CHANNEL_CAPACITY_MAX (1u << 24)
#define SPEAD_CHANNEL_LANES_MAX    8u

struct spead_channel_config {
    uint32_t struct_size; /* set by _INIT */
    const char *name;     /* copied; NULL: "channel" */
    uint32_t capacity;    /* messages, all lanes together; default 1 */
    enum spead_channel_form form;
    enum spead_channel_policy policy;
    uint32_t sample_n; /* for SAMPLE: >= 1 */

    /* Default 1. Lane = min(priority, lanes - 1); receivers take from the highest that has any. A message that finds
     * the channel full makes the oldest message of the lowest lane below its own go (`lane`); if there is none, the
     * policy has its say. With BLOCK nothing is shed. */
    uint32_t lanes;
    bool latency; /* keep a histogram of the time that messages spend inside */

    /* Called before a message is shed, on the thread that sheds it (the sender's, except for CANCELLED), while
     * its reference still holds; for owners that keep accounts. NULL: nobody asks. */
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause);
    void *on_shed_arg;
};
/* clang-format off */
#define SPEAD_CHANNEL_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_channel_config), .capacity = 1, .lanes = 1 }
/* clang-format on */

/* Returns 0 and gives *out one reference, or -EINVAL (err names the field, or the form that the policy
 * needs) or -ENOMEM. err may be NULL. */
int spead_channel_create(struct spead_channel **out, const struct spead_channel_config *config,
                         struct spead_err *err);
struct spead_channel *spead_channel_ref(struct spead_channel *channel); /* returns channel */
void spead_channel_unref(struct spead_channel *channel); /* any thread; NULL is ignored */

/* Bytes that a channel of this config takes, for plans; ends come on top (spead_channel_end_bytes). 0: the config
 * has no valid struct_size. */
size_t spead_channel_bytes(const struct spead_channel_config *config);
size_t spead_channel_end_bytes(void);

/* Any thread: nothing is delivered any more, every waiting end returns -ECANCELED, and so does all that
 * is tried later. What is left is released when the last receiver closes. */
void spead_channel_cancel(struct spead_channel *channel);

/* ---- Sending ------------------------------------------------------------------------------- */

/* Opens a sending end called name (copied) for messages of a type. The first end decides the type of the
 * channel; SPEAD_CHANNEL_ANY_TYPE agrees with every other. Returns 0, -EPROTOTYPE (err names both ends and
 * their types), -EBUSY (err names the form), -EPIPE, -ESHUTDOWN (its last sender has closed),
 * -ECANCELED or -ENOMEM. Any thread. */
#define SPEAD_CHANNEL_ANY_TYPE (-1)
int spead_sender_open(struct spead_sender **out, struct spead_channel *channel, const char *name,
                      int type, struct spead_err *err);

/* Nothing more comes from this end; frees it. error: 0, or the negative errno that receivers shall see in
 * place of the ordinary end (of several senders the first to say one is heard). Its thread. NULL is
 * ignored. Never blocks. */
void spead_sender_close(struct spead_sender *sender, int error);

/* Never blocks. Returns how many of the first messages were taken, in order: with BLOCK as many as there is
 * room for, else all. Or -EAGAIN (no room), -EPIPE (the last receiver has closed), -ECANCELED. Messages
 * taken are the channel's, the others stay the caller's. */
int spead_sender_try_send(struct spead_sender *sender, const struct spead_message *messages,
                          uint32_t count);

/* The same, but waits until all are taken. deadline_ns is CLOCK_MONOTONIC; 0 waits without limit. A
 * short count means that the wait ended early; -ETIMEDOUT, -EPIPE or -ECANCELED when none was taken. */
int spead_sender_send(struct spead_sender *sender, const struct spead_message *messages,
                      uint32_t count, uint64_t deadline_ns);

/* ---- Receiving ----------------------------------------------------------------------------- */

/* As spead_sender_open(). A channel may end and still be opened for what is left in it; -EPIPE: its last
 * receiver has closed. */
int spead_receiver_open(struct spead_receiver **out, struct spead_channel *channel,
                        const char *name, int type, struct spead_err *err);

/* Takes no more; frees the end. The last receiver releases what is left and stops the senders (-EPIPE).
 * Its thread. NULL is ignored. Never blocks. */
void spead_receiver_close(struct spead_receiver *receiver);

/* Never blocks. Up to max messages, those of the highest lane first, in order within a lane (and, of one
 * sender, across its sends). Returns how many (>= 1), -EAGAIN (none now), -ESHUTDOWN (the end, from
 * now on), the error a sender closed with (from now on), or -ECANCELED. */
int spead_receiver_try_receive(struct spead_receiver *receiver, struct spead_message *messages,
                               uint32_t max);

/* The same, but waits for the first. deadline_ns as above; -ETIMEDOUT. */
int spead_receiver_receive(struct spead_receiver *receiver, struct spead_message *messages,
                           uint32_t max, uint64_t deadline_ns);

/* ---- Event loops --------------------------------------------------------------------------- */

/* A descriptor that polls readable (also for a sender) while the end could go on: a message or the end is
 * there; there is room or no receiver. Try until -EAGAIN, then poll. Made at the first call, owned by the end.
 * Its thread. -errno on failure. */
int spead_sender_fd(struct spead_sender *sender);
int spead_receiver_fd(struct spead_receiver *receiver);

/* ---- Nodes --------------------------------------------------------------------------------- */

/* A hook by which the other side makes a suspended end go on. Embed it; wake() finds its owner. */
struct spead_waker {
    /* Called on the thread of the other end, possibly with a lock held that end-waiting takes: it must be
     * short, never block, and call nothing of the channel. */
    void (*wake)(struct spead_waker *waker);
    struct spead_waker *next, *previous; /* the channel's while announced */
};

/* "I found nothing to do here and am about to sleep." Returns 0: announced: wake() will be called once,
 * as soon as the end can go on. Returns 1: it can go on now, nothing was announced. The look that
 * follows the announcement happens inside, so that no wake-up can be lost between the two.
 * now_ns (CLOCK_MONOTONIC; 0: read the clock here) starts the time starved or blocked. */
int spead_sender_announce(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns);
int spead_receiver_announce(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns);

/* Ends an announcement, after wake() or in place of it; ends the time starved or blocked. true: it was taken
 * back, wake() will not be called. false: it has been called, or is being called right now: until it
 * has returned the waker must stay. Who was woken tries again or closes the end: of many ends only one is
 * woken for a change, and both hand what is left to the next. An announced end is retracted before it closes. */
bool spead_sender_retract(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns);
bool spead_receiver_retract(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns);

/* ---- Accounts ------------------------------------------------------------------------------ */

struct spead_channel_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t capacity;

    /* Taken from senders: = received + all shed + depth (each read at its own moment: exact while no end is in a
     * call). */
    uint64_t sent;
    uint64_t received;
    uint64_t shed[8]; /* by enum spead_shed_cause */
    uint64_t depth;   /* inside now */

    /* Largest depth that an end met when it looked at the other's side; full is always seen. */
    uint64_t high_water;
    uint64_t starved_ns; /* receivers waited for messages, all added up, waits under way included */
    uint64_t blocked_ns; /* senders waited for room */
    uint64_t starved;    /* how often they did */
    uint64_t blocked;
    uint32_t senders, receivers; /* open now */
    int32_t end;                 /* 0: open; else what receivers see once it is empty */
    int32_t type;                /* SPEAD_CHANNEL_ANY_TYPE: not decided */
};
/* clang-format off */
#define SPEAD_CHANNEL_STATS_INIT { .struct_size = sizeof(struct spead_channel_stats) }
/* clang-format on */

/* Any thread; locks against opening and closing ends, never against the data path. */
void spead_channel_stats(struct spead_channel *channel, struct spead_channel_stats *stats);

/* Times that messages spent inside: bucket i counts those below spead_latency_bound_ns(i) and not below the
 * bound before. */
#define SPEAD_LATENCY_BUCKETS 128
struct spead_latency {
    uint32_t struct_size; /* set by _INIT */
    uint32_t reserved;
    uint64_t count[SPEAD_LATENCY_BUCKETS];
    uint64_t total, sum_ns, max_ns;
};
/* clang-format off */
#define SPEAD_LATENCY_INIT { .struct_size = sizeof(struct spead_latency) }
/* clang-format on */

/* Fills *latency. Returns 0, -ENOTSUP when the config did not ask for it, or -EINVAL (struct_size). Any thread. */
int spead_channel_latency(struct spead_channel *channel, struct spead_latency *latency);
uint64_t spead_latency_bound_ns(unsigned bucket);
/* The time that a share (0..1) of the messages stayed below, to the resolution of the buckets. */
uint64_t spead_latency_quantile_ns(const struct spead_latency *latency, double share);

const char *spead_channel_name(const struct spead_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
