/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded channel of messages. Data pass between threads, nodes and event loops only through such channels.
 *
 * Ends:      A program opens sending ends (struct spead_sender) and receiving ends (struct spead_receiver) on a
 *            channel. Each end has a name and a message type, and the types of all ends must agree. Only one thread at
 *            a time may use an end.
 * Lifetime:  The code that creates the channel gets one reference, and each open end holds one reference. The channel
 *            is freed when the last reference is given back.
 * Forms:     The form says how many ends may be open on each side at a time (see enum spead_channel_form).
 * When full: Either the sending end waits (policy block), or the channel sheds a message by its policy and counts it.
 *            No message is lost in any other way: sent = received + shed + depth holds always.
 * The end:   When the last sending end has closed, receiving ends take the messages that are left. Then they get the
 *            end of stream: -ESHUTDOWN, or the error that a sending end closed with. When the last receiving end has
 *            closed, the channel releases the messages that are left, and sending ends get -EPIPE.
 *            spead_channel_cancel() ends both sides at the same time: all ends get -ECANCELED.
 * Waiting:   A thread waits with a deadline (functions _send and _receive). An event loop polls a descriptor (_fd). A
 *            node is woken by a callback (_announce). An end may use only one of these three ways at a time.
 * Memory:    Only create, open and the first call of _fd allocate memory. The channel allocates nothing per message. */
#ifndef SPEADLINE_CHANNEL_H
#define SPEADLINE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/deadline.h>
#include <speadline/error.h>
#include <speadline/message.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_channel;  /* opaque, reference-counted */
struct spead_sender;   /* opaque: a sending end */
struct spead_receiver; /* opaque: a receiving end */

/* The form of a channel says how many ends of each side may be open at the same time. If a program tries to open one
 * more end, the call returns -EBUSY. If many receiving ends are open, each message goes to one of them. With the policy
 * drop-oldest, or with more than one lane, a sending end must sometimes take old messages out of the channel, as a
 * receiving end does. Such a channel needs a form with many receiving ends. */
enum spead_channel_form {
    SPEAD_CHANNEL_SPSC = 0, /* one sending end, one receiving end: the cheapest form */
    SPEAD_CHANNEL_MPSC = 1, /* many sending ends, one receiving end */
    SPEAD_CHANNEL_SPMC = 2, /* one sending end, many receiving ends */
    SPEAD_CHANNEL_MPMC = 3, /* many sending ends, many receiving ends */
};

/* What happens when something is full: the policy of a channel, and the policy of a receive stream for the channel to
 * its consumer (speadline/recv.h). A part of the library that does not support a value refuses it by name. */
enum spead_on_full {
    /* The side that gives waits until there is room; nothing is shed. In a channel, the sending end waits. A receive
     * stream reads no packets until there is room. */
    SPEAD_ON_FULL_BLOCK = 0,
    /* What comes last is shed: the new message, or the heap that has just finished. */
    SPEAD_ON_FULL_DROP_NEWEST = 1,
    SPEAD_ON_FULL_DROP_OLDEST = 2, /* what has waited longest is shed */
    /* Only for channels. A sending end offers only every sample_n-th message to the channel, beginning with its first
     * message. The sending end sheds all other messages with the cause SAMPLED, even when the channel has room. An
     * offered message is shed too if the channel is full. */
    SPEAD_ON_FULL_SAMPLE = 3,
};

/* Why a message was shed. A cause that follows from a policy has the number of that policy in enum spead_on_full. */
enum spead_shed_cause {
    SPEAD_SHED_LANE = 0,    /* the message made room for a message of a higher lane */
    SPEAD_SHED_NEWEST = 1,  /* the channel was full, and the policy sheds the new message */
    SPEAD_SHED_OLDEST = 2,  /* the message was the oldest and made room for a newer message */
    SPEAD_SHED_SAMPLED = 3, /* policy SAMPLE: the message was not one of the samples */
    /* The message was still in the channel when the last receiving end had closed. */
    SPEAD_SHED_CANCELLED = 4,
    SPEAD_SHED_CAUSES /* the number of causes */
};
/* Returns the name of a cause, such as "newest", or NULL if there is no such cause. The name has static storage. Any
 * thread. */
const char *spead_shed_cause_name(unsigned cause);

/* The largest values of `capacity` and of `lanes` in struct spead_channel_config. */
#define SPEAD_CHANNEL_CAPACITY_MAX (1u << 24)
#define SPEAD_CHANNEL_LANES_MAX    8u

/* The configuration of a channel. Start from SPEAD_CHANNEL_CONFIG_INIT. */
struct spead_channel_config {
    uint32_t struct_size;         /* size of this struct in bytes; its _INIT macro sets it */
    const char *name;             /* create() copies the name; NULL (default) means "channel" */
    uint32_t capacity;            /* messages that all lanes together can hold; default 1 */
    enum spead_channel_form form; /* how many ends may be open; default SPEAD_CHANNEL_SPSC */
    /* What happens when the channel is full; default SPEAD_ON_FULL_BLOCK. */
    enum spead_on_full on_full;
    /* Only for SPEAD_ON_FULL_SAMPLE: every sample_n-th message is offered to the channel; at least 1. */
    uint32_t sample_n;

    /* The number of lanes, 1 to 8; default 1. The lane of a message is min(priority, lanes - 1). Receiving ends take
     * from the highest lane that has messages. If the channel is full, a new message pushes out an older message of a
     * lower lane. That older message is the oldest one of the lowest lane that has messages, and the channel sheds it
     * with the cause LANE. If all lower lanes are empty, the policy decides. With the policy BLOCK no message is pushed
     * out: the sending end waits, whatever the lane is. */
    uint32_t lanes;
    /* True: the channel keeps a histogram of the times that messages spend inside. Default false. */
    bool latency;

    /* The channel calls this function before it sheds a message, so that the program itself can count the shed
     * messages. During the call the message still owns its reference. The function runs on the thread of the sending
     * end. With the cause CANCELLED it runs on the thread that closes an end or gives back a reference to the channel.
     * NULL (default): no call. */
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause);
    void *on_shed_arg; /* first argument of on_shed() */
};
/* clang-format off */
#define SPEAD_CHANNEL_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_channel_config), .capacity = 1, .lanes = 1 }
/* clang-format on */
/* Does what SPEAD_CHANNEL_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_channel_config_init(struct spead_channel_config *config, size_t size);

/* Makes a channel. Returns 0 and gives the caller one reference in *out, or -ENOMEM, or -EINVAL. After -EINVAL, err
 * names the field, or the form that the policy or the lanes need. err may be NULL. Any thread. */
int spead_channel_create(struct spead_channel **out, const struct spead_channel_config *config,
                         struct spead_err *err);
/* Adds one reference to the channel. Returns channel. Any thread; never blocks. */
struct spead_channel *spead_channel_ref(struct spead_channel *channel);
/* Gives one reference back. Any thread. NULL is ignored. */
void spead_channel_unref(struct spead_channel *channel);

/* The two functions are for plans: they say how much memory a channel takes. spead_channel_bytes() returns the bytes of
 * a channel with this configuration, without its ends. It returns 0 if the struct_size of the configuration is not
 * valid. spead_channel_end_bytes() returns how many bytes one end takes at most. Any thread. */
size_t spead_channel_bytes(const struct spead_channel_config *config);
size_t spead_channel_end_bytes(void);

/* Ends the channel immediately: after this call it delivers no message. Every call that waits at an end returns
 * -ECANCELED, and so does every later attempt to send, to receive or to open an end. When the last receiving end
 * closes, the channel releases the messages that are left. Any thread. */
void spead_channel_cancel(struct spead_channel *channel);

/* ---- Sending ------------------------------------------------------------------------------- */

/* Opens a sending end for messages of the given type. The name is copied; NULL means "unnamed". The first end that has
 * a type decides the type of the channel. SPEAD_CHANNEL_ANY_TYPE agrees with every type. Any thread. err may be NULL.
 * Returns 0 and gives *out to the caller, or
 *   -EPROTOTYPE  the types differ; err names both ends and their types
 *   -EINVAL      the type is not registered
 *   -EBUSY       the form allows no more sending ends; err names the form
 *   -EPIPE       the last receiving end has closed
 *   -ESHUTDOWN   the last sending end has closed
 *   -ECANCELED   the channel was cancelled
 *   -ENOMEM      there is no memory */
#define SPEAD_CHANNEL_ANY_TYPE (-1)
int spead_sender_open(struct spead_sender **out, struct spead_channel *channel, const char *name,
                      int type, struct spead_err *err);

/* Closes and frees a sending end. `error` is 0, or a negative errno. If `error` is not 0, receiving ends get it as
 * their end of stream, in place of -ESHUTDOWN. If several sending ends close with an error, receiving ends get the
 * first of these errors. Only the thread that uses the end may call this function. NULL is ignored. Never blocks. */
void spead_sender_close(struct spead_sender *sender, int error);

/* Offers messages to the channel, in order. Returns how many messages the channel has accepted; these are the first
 * messages of the array. With the policy BLOCK, the channel accepts as many messages as it has room for. With any other
 * policy it accepts all messages, and can shed some of them. If it accepts no message, the call returns -EAGAIN (policy
 * BLOCK: no room), -EPIPE (the last receiving end has closed) or -ECANCELED. The references of accepted messages pass
 * to the channel; the caller keeps the references of the other messages. This call never blocks. */
int spead_sender_try_send(struct spead_sender *sender, const struct spead_message *messages,
                          uint32_t count);

/* Does what spead_sender_try_send() does, but waits until the channel has accepted all messages. deadline_ns is a
 * deadline (deadline.h). If the wait ends early, the call returns how many messages were accepted. If no message was
 * accepted, it returns -ETIMEDOUT, -EPIPE, -ECANCELED or -EINVAL (deadline_ns is a duration). */
int spead_sender_send(struct spead_sender *sender, const struct spead_message *messages,
                      uint32_t count, uint64_t deadline_ns);

/* ---- Receiving ----------------------------------------------------------------------------- */

/* Opens a receiving end. The arguments and errors are those of spead_sender_open(), but this call never returns
 * -ESHUTDOWN. A receiving end can be opened even after the last sending end has closed; it then takes the messages that
 * are left in the channel. */
int spead_receiver_open(struct spead_receiver **out, struct spead_channel *channel,
                        const char *name, int type, struct spead_err *err);

/* Closes and frees a receiving end. When the last receiving end closes, the channel releases the messages that are
 * left, and from then on sending ends get -EPIPE. Only the thread that uses the end may call this function. NULL is
 * ignored. Never blocks. */
void spead_receiver_close(struct spead_receiver *receiver);

/* Takes up to `max` messages: first the messages of the highest lane, and within a lane in order. So the messages of
 * one sending end in one lane come in the order in which it sent them. The caller gets their references. Never blocks.
 * Returns
 *   >= 1         how many messages it took
 *   -EAGAIN      no message is there now
 *   -ESHUTDOWN   the end of stream; every later call returns it too
 *   other        the error that a sending end closed with; every later call returns it too
 *   -ECANCELED   the channel was cancelled */
int spead_receiver_try_receive(struct spead_receiver *receiver, struct spead_message *messages,
                               uint32_t max);

/* Does what spead_receiver_try_receive() does, but waits until there is at least one message. deadline_ns is a
 * deadline (deadline.h). Returns -ETIMEDOUT when the deadline has passed, -EINVAL when deadline_ns is a duration, and
 * never -EAGAIN. */
int spead_receiver_receive(struct spead_receiver *receiver, struct spead_message *messages,
                           uint32_t max, uint64_t deadline_ns);

/* ---- Event loops --------------------------------------------------------------------------- */

/* Returns a file descriptor for event loops, or -errno. poll() reports the descriptor as readable (POLLIN) when the end
 * can go on. This is also true for a sending end: its descriptor becomes readable, never writable. A receiving end can
 * go on when a message or the end of stream is there. A sending end can go on when there is room, or when the last
 * receiving end has closed. Ends of both kinds can go on when the channel was cancelled. Call the _try_ function until
 * it returns -EAGAIN, and only then poll() again. The first call makes the descriptor; closing the end closes it. Only
 * the thread that uses the end may call these functions. */
int spead_sender_fd(struct spead_sender *sender);
int spead_receiver_fd(struct spead_receiver *receiver);

/* ---- Nodes --------------------------------------------------------------------------------- */

/* A waker: a callback by which one side of a channel lets a waiting end of the other side go on. A throttle uses wakers
 * in the same way. Put this struct into a struct of your own; your wake() can then find your struct from the address of
 * the waker. */
struct spead_waker {
    /* Tells the waiting end that it can go on. wake() runs on the thread of another end, or on the thread that cancels
     * the channel. That thread can hold a lock which announce() and retract() take. So wake() must be short, must not
     * block, and must not call any function of the channel or of the throttle. */
    void (*wake)(struct spead_waker *waker);
    /* Links of the list of wakers. The channel uses them from announce() until wake() or retract(). */
    struct spead_waker *next, *previous;
};

/* Announces a waker at this end of the channel. The caller calls this function after a _try_ function has returned
 * -EAGAIN, and before it suspends itself. Returns 0 when the waker is announced: wake() will be called once, as soon as
 * the end can go on. Returns 1 when the end can go on now; then no waker is announced. The function announces the waker
 * first and then looks at the channel again, so that no change in between is missed. now_ns is the time of
 * CLOCK_MONOTONIC from which the end counts as starved or blocked. If now_ns is 0, the function reads the clock. */
int spead_sender_announce(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns);
int spead_receiver_announce(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns);

/* Ends an announcement, whether wake() has been called or not. Returns true when the waker is taken back: wake() will
 * not be called. Returns false when wake() has been called, or another thread is calling it at this moment. If another
 * thread is calling wake(), the waker must stay valid until wake() has returned. From now_ns on, the end no longer
 * counts as starved or blocked. If now_ns is 0, the function reads the clock.
 *
 * After false, the caller must call the _try_ function again, or close the end. The reason: if many ends wait at one
 * side, a change of the channel wakes only one of them. The _try_ function, or the close, then wakes the next waiting
 * end if the channel still has something for that end to do. An end must not be closed as long as its waker is
 * announced. */
bool spead_sender_retract(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns);
bool spead_receiver_retract(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns);

/* ---- Accounts ------------------------------------------------------------------------------ */

/* The statistics of a channel since it was made. */
struct spead_channel_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t capacity;    /* the capacity that the configuration names */

    /* Messages that sending ends gave to the channel. At every moment sent = received + sum of shed[] + depth. But
     * spead_channel_stats() reads these numbers one after the other, so in *stats the equation is exact only if no end
     * was inside a call. */
    uint64_t sent;
    uint64_t received; /* messages that receiving ends took */
    uint64_t shed[8];  /* shed messages, indexed by enum spead_shed_cause */
    uint64_t depth;    /* messages that are in the channel now */

    /* The largest `depth` that an end has seen. An end sees the depth only when it reads how far the other side is. The
     * value equals `capacity` if a sending end has ever found the channel full. */
    uint64_t high_water;
    /* The time that receiving ends have waited, in nanoseconds, added up over all ends. Waits that still last count
     * too. */
    uint64_t starved_ns;
    uint64_t blocked_ns;         /* the same for sending ends: the time that they have waited */
    uint64_t starved;            /* how often a receiving end waited */
    uint64_t blocked;            /* how often a sending end waited */
    uint32_t senders, receivers; /* number of ends that are open now */
    /* 0 as long as the channel has not ended. Otherwise the code that receiving ends get when the channel is empty. */
    int32_t end;
    /* The type of the messages. SPEAD_CHANNEL_ANY_TYPE means that no end has decided the type yet. */
    int32_t type;
};
/* clang-format off */
#define SPEAD_CHANNEL_STATS_INIT { .struct_size = sizeof(struct spead_channel_stats) }
/* clang-format on */
/* Does what SPEAD_CHANNEL_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_channel_stats_init(struct spead_channel_stats *stats, size_t size);

/* Fills *stats. The caller must have set stats->struct_size by SPEAD_CHANNEL_STATS_INIT. The call takes a lock that is
 * also taken when an end opens or closes. Sending and receiving do not take this lock. Any thread. */
void spead_channel_stats(struct spead_channel *channel, struct spead_channel_stats *stats);

/* A histogram of the times that messages spent inside the channel. Bucket 0 counts the times below
 * spead_latency_bound_ns(0). Each later bucket i counts the times that are below spead_latency_bound_ns(i) and not
 * below spead_latency_bound_ns(i - 1). */
#define SPEAD_LATENCY_BUCKETS 128
struct spead_latency {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t reserved;
    uint64_t count[SPEAD_LATENCY_BUCKETS]; /* number of messages in each bucket */
    /* Over all buckets: the number of messages, the sum of their times and the longest time, in nanoseconds. */
    uint64_t total, sum_ns, max_ns;
};
/* clang-format off */
#define SPEAD_LATENCY_INIT { .struct_size = sizeof(struct spead_latency) }
/* clang-format on */
/* Does what SPEAD_LATENCY_INIT does; `size` is sizeof *latency. Any thread. See docs/abi.md. */
void spead_latency_init(struct spead_latency *latency, size_t size);

/* Fills *latency. Returns 0, -ENOTSUP when the configuration of the channel has latency = false, or -EINVAL when
 * latency->struct_size is not valid. Any thread. */
int spead_channel_latency(struct spead_channel *channel, struct spead_latency *latency);
/* Returns the upper bound of a bucket, in nanoseconds; UINT64_MAX from the last bucket on. Any thread. */
uint64_t spead_latency_bound_ns(unsigned bucket);
/* Returns the time, in nanoseconds, below which the fraction `share` (0 to 1) of all times lies. For example, a `share`
 * of 0.5 gives the median. The result is as exact as the buckets allow. Any thread. */
uint64_t spead_latency_quantile_ns(const struct spead_latency *latency, double share);

/* Returns the name of the channel, which lives as long as the channel. Any thread. */
const char *spead_channel_name(const struct spead_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
