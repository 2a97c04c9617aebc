/* A bounded channel of messages: the one way by which data pass between threads, nodes and event loops.
 *
 * Ends:      Sending ends (struct spead_sender) and receiving ends (struct spead_receiver) are opened on a channel.
 *            Each has a name and a message type, and the types must agree. One thread at a time uses an end.
 * Lifetime:  The code that creates the channel gets one reference, and each open end holds one. The channel is freed
 *            with its last reference.
 * Forms:     The form says how many ends may be open on each side at a time (see enum spead_channel_form).
 * When full: Either the sending end waits (policy block), or the channel sheds a message by its policy and counts it.
 *            No message is lost in any other way: sent = received + shed + depth holds always.
 * The end:   When the last sending end has closed, receiving ends take the messages that are left and then get the end
 *            of stream: -ESHUTDOWN, or the error that a sending end closed with. When the last receiving end has
 *            closed, the channel releases the messages that are left, and sending ends get -EPIPE.
 *            spead_channel_cancel() ends both sides at the same time: they get -ECANCELED.
 * Waiting:   A thread waits with a deadline (_send, _receive), an event loop polls a descriptor (_fd), and a node is
 *            woken by a callback (_announce). An end may use only one of these three ways at a time.
 * Memory:    Only create, open and the first call of _fd allocate memory. Nothing allocates per message. */
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
struct spead_sender;   /* opaque: a sending end */
struct spead_receiver; /* opaque: a receiving end */

/* Says how many ends of each side may be open at the same time. Opening one more is refused with -EBUSY. If many
 * receiving ends are open, each message goes to one of them. With the policy drop-oldest, or with more than one lane, a
 * sending end may take messages out of the channel. Such a channel needs a form with many receiving ends. */
enum spead_channel_form {
    SPEAD_CHANNEL_SPSC = 0, /* one sending end, one receiving end: the cheapest form */
    SPEAD_CHANNEL_MPSC = 1, /* many sending ends, one receiving end */
    SPEAD_CHANNEL_SPMC = 2, /* one sending end, many receiving ends */
    SPEAD_CHANNEL_MPMC = 3, /* many sending ends, many receiving ends */
};

/* What happens to a message that finds the channel full. */
enum spead_channel_policy {
    SPEAD_CHANNEL_BLOCK = 0,       /* its sending end waits; no message is shed */
    SPEAD_CHANNEL_DROP_NEWEST = 1, /* this message is shed */
    SPEAD_CHANNEL_DROP_OLDEST = 2, /* the message that has waited longest is shed instead */
    /* A sending end offers only every sample_n-th message to the channel, beginning with its first message. It sheds
     * the others with the cause SAMPLED, whether the channel is full or not. An offered message that finds the channel
     * full is shed too. */
    SPEAD_CHANNEL_SAMPLE = 3,
};

/* Why a message was shed. */
enum spead_shed_cause {
    SPEAD_SHED_NEWEST,    /* it found the channel full */
    SPEAD_SHED_OLDEST,    /* it made room for a newer message */
    SPEAD_SHED_LANE,      /* it made room for a message of a higher lane */
    SPEAD_SHED_SAMPLED,   /* it was not one of the samples */
    SPEAD_SHED_CANCELLED, /* it was still inside when all receiving ends had closed */
    SPEAD_SHED_CAUSES
};
const char *spead_shed_cause_name(unsigned cause); /* such as "newest"; NULL: no such cause */

#define SPEAD_CHANNEL_CAPACITY_MAX (1u << 24)
#define SPEAD_CHANNEL_LANES_MAX    8u

struct spead_channel_config {
    uint32_t struct_size; /* set by _INIT */
    const char *name;     /* copied; NULL: "channel" */
    uint32_t capacity;    /* messages in all lanes together; default 1 */
    enum spead_channel_form form;
    enum spead_channel_policy policy;
    uint32_t sample_n; /* only for SAMPLE, which needs at least 1 */

    /* The number of lanes; default 1. The lane of a message is min(priority, lanes - 1). Receiving ends take from the
     * highest lane that has messages. A message that finds the channel full displaces an older message of a lower lane.
     * The displaced message is the oldest one of the lowest lane that has messages; it is shed with the cause LANE. If
     * all lower lanes are empty, the policy decides. With the policy BLOCK no message is displaced: the sending end
     * waits, whatever the lane. */
    uint32_t lanes;
    bool latency; /* keep a histogram of the time that messages spend inside */

    /* The channel calls this function before it sheds a message, so that the program can keep an account of its own.
     * During the call the message still holds its reference. The function runs on the thread of the sending end. With
     * the cause CANCELLED it runs on the thread that closes an end or gives up a reference to the channel. NULL: no
     * call. */
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause);
    void *on_shed_arg;
};
/* clang-format off */
#define SPEAD_CHANNEL_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_channel_config), .capacity = 1, .lanes = 1 }
/* clang-format on */

/* Makes a channel. Returns 0, and *out holds one reference; or -EINVAL (err names the field, or the form that the
 * policy or the lanes need) or -ENOMEM. err may be NULL. */
int spead_channel_create(struct spead_channel **out, const struct spead_channel_config *config,
                         struct spead_err *err);
struct spead_channel *spead_channel_ref(struct spead_channel *channel); /* returns channel */
void spead_channel_unref(struct spead_channel *channel); /* any thread; NULL is ignored */

/* These two are for plans. spead_channel_bytes() returns how many bytes of memory a channel with this config takes,
 * without its ends. It returns 0 if the struct_size of the config is not valid. spead_channel_end_bytes() returns how
 * many bytes one end takes at most. */
size_t spead_channel_bytes(const struct spead_channel_config *config);
size_t spead_channel_end_bytes(void);

/* Ends the channel immediately: after this call it delivers no message. A call that waits at an end returns -ECANCELED,
 * and so does every later attempt to send, to receive or to open an end. The messages that are left inside are released
 * when the last receiving end closes. Any thread. */
void spead_channel_cancel(struct spead_channel *channel);

/* ---- Sending ------------------------------------------------------------------------------- */

/* Opens a sending end for messages of the given type. The name is copied; NULL: "unnamed". The first end that has a
 * type decides the type of the channel. SPEAD_CHANNEL_ANY_TYPE agrees with every type. Returns 0, or
 *   -EPROTOTYPE  the types differ; err names both ends and their types
 *   -EINVAL      the type is not registered
 *   -EBUSY       the form allows no further sending end; err names the form
 *   -EPIPE       the last receiving end has closed
 *   -ESHUTDOWN   the last sending end has closed
 *   -ECANCELED   the channel was cancelled
 *   -ENOMEM
 * Any thread. err may be NULL. */
#define SPEAD_CHANNEL_ANY_TYPE (-1)
int spead_sender_open(struct spead_sender **out, struct spead_channel *channel, const char *name,
                      int type, struct spead_err *err);

/* Closes and frees a sending end. error is 0, or a negative errno that receiving ends get in place of -ESHUTDOWN. If
 * several sending ends close with an error, receiving ends get the first of these errors. Only the thread that uses the
 * end may call this function. NULL is ignored. Never blocks. */
void spead_sender_close(struct spead_sender *sender, int error);

/* Offers messages to the channel, in order. Returns how many messages the channel has accepted; these are the first
 * ones. With BLOCK the channel accepts as many as there is room for. With any other policy it accepts all, and may shed
 * some of them. If the channel accepts none, the call returns -EAGAIN (BLOCK: no room), -EPIPE (the last receiving end
 * has closed) or -ECANCELED. The references of accepted messages pass to the channel; the caller keeps the references
 * of the others. This call never blocks. */
int spead_sender_try_send(struct spead_sender *sender, const struct spead_message *messages,
                          uint32_t count);

/* As spead_sender_try_send(), but waits until the channel has accepted all messages. deadline_ns is a time of
 * CLOCK_MONOTONIC; 0 means no limit. If the wait ends early, the call returns how many messages were accepted. If none
 * was accepted, the call returns -ETIMEDOUT, -EPIPE or -ECANCELED. */
int spead_sender_send(struct spead_sender *sender, const struct spead_message *messages,
                      uint32_t count, uint64_t deadline_ns);

/* ---- Receiving ----------------------------------------------------------------------------- */

/* Opens a receiving end. The arguments and errors are those of spead_sender_open(), except that this call never returns
 * -ESHUTDOWN: after the last sending end has closed, a receiving end can still be opened, and takes the messages that
 * are left in the channel. */
int spead_receiver_open(struct spead_receiver **out, struct spead_channel *channel,
                        const char *name, int type, struct spead_err *err);

/* Closes and frees a receiving end. When the last receiving end closes, the messages that are left are released, and
 * sending ends get -EPIPE afterwards. Only the thread that uses the end may call this function. NULL is ignored. Never
 * blocks. */
void spead_receiver_close(struct spead_receiver *receiver);

/* Takes up to max messages: those of the highest lane first, and within a lane in order, so that the messages of one
 * sending end come in the order in which it sent them. The caller gets their references. Returns
 *   >= 1         how many messages it took
 *   -EAGAIN      no message is there now
 *   -ESHUTDOWN   the end of stream; every later call returns it too
 *   other        the error that a sending end closed with; every later call returns it too
 *   -ECANCELED   the channel was cancelled
 * Never blocks. */
int spead_receiver_try_receive(struct spead_receiver *receiver, struct spead_message *messages,
                               uint32_t max);

/* As spead_receiver_try_receive(), but waits until there is at least one message. deadline_ns is a time of
 * CLOCK_MONOTONIC; 0 means no limit. Returns -ETIMEDOUT when the deadline passes, and never -EAGAIN. */
int spead_receiver_receive(struct spead_receiver *receiver, struct spead_message *messages,
                           uint32_t max, uint64_t deadline_ns);

/* ---- Event loops --------------------------------------------------------------------------- */

/* Returns a descriptor that poll() reports as readable while the end can go on. (It is "readable" for a sending end
 * too.) A receiving end can go on when a message or the end of stream is there. A sending end can go on when there is
 * room, or when the last receiving end has closed. Both can go on when the channel was cancelled. Call the _try_
 * function until it returns -EAGAIN, and only then poll() again. The first call makes the descriptor; the descriptor is
 * closed when the end closes. Only the thread that uses the end may call this function. Returns -errno on failure. */
int spead_sender_fd(struct spead_sender *sender);
int spead_receiver_fd(struct spead_receiver *receiver);

/* ---- Nodes --------------------------------------------------------------------------------- */

/* A callback by which one side of a channel lets a waiting end of the other side go on. A throttle uses it in the same
 * way. Embed the waker in a struct of your own; your wake() finds that struct from the address of the waker. */
struct spead_waker {
    /* The thread of another end calls wake(), or the thread that cancels the channel. That thread may hold a lock which
     * announce() and retract() take. So wake() must be short, must not block, and must not call any function of the
     * channel or of the throttle. */
    void (*wake)(struct spead_waker *waker);
    struct spead_waker *next, *previous; /* used by the channel while the waker is announced */
};

/* Announces a waker at this end of the channel. The caller calls this after a try has returned -EAGAIN, and before it
 * suspends itself. Returns 0: the waker is announced, and wake() will be called once, as soon as the end can go on.
 * Returns 1: the end can go on now, and no waker is announced. The function announces the waker first and then looks at
 * the channel again, so that no wake-up is lost in between. now_ns is the time of CLOCK_MONOTONIC from which the end
 * counts as starved or blocked; 0: the function reads the clock. */
int spead_sender_announce(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns);
int spead_receiver_announce(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns);

/* Ends an announcement, whether wake() has been called or not. At now_ns the end stops counting as starved or blocked;
 * 0: the function reads the clock. Returns true: the waker is taken back, and wake() will not be called. Returns false:
 * wake() has been called, or another thread is calling it at this moment; the waker must stay valid until that call has
 * returned.
 *
 * After this function has returned false, the caller must try again or close the end. If many ends wait at one side, a
 * change wakes only one of them. The try or the close then wakes the next end, if there is more to do. An end must not
 * be closed while its waker is announced. */
bool spead_sender_retract(struct spead_sender *sender, struct spead_waker *waker, uint64_t now_ns);
bool spead_receiver_retract(struct spead_receiver *receiver, struct spead_waker *waker,
                            uint64_t now_ns);

/* ---- Accounts ------------------------------------------------------------------------------ */

struct spead_channel_stats {
    uint32_t struct_size; /* set by _INIT */
    uint32_t capacity;

    /* `sent` counts the messages that sending ends gave to the channel: sent = received + sum of shed[] + depth. The
     * numbers are read one after the other, so the equation is exact only while no end is inside a call. */
    uint64_t sent;
    uint64_t received;
    uint64_t shed[8]; /* indexed by enum spead_shed_cause */
    uint64_t depth;   /* messages inside now */

    /* Largest depth that an end has seen when it looked at the other side. It equals capacity if a sending end has
     * ever found the channel full. */
    uint64_t high_water;
    uint64_t starved_ns; /* time that receiving ends have waited; waits that still last count too */
    uint64_t blocked_ns; /* time that sending ends have waited, counted in the same way */
    uint64_t starved;    /* how often a receiving end waited */
    uint64_t blocked;    /* how often a sending end waited */
    uint32_t senders, receivers; /* ends that are open now */
    int32_t end;  /* 0: open; else the code that receiving ends get once the channel is empty */
    int32_t type; /* SPEAD_CHANNEL_ANY_TYPE: not decided yet */
};
/* clang-format off */
#define SPEAD_CHANNEL_STATS_INIT { .struct_size = sizeof(struct spead_channel_stats) }
/* clang-format on */

/* Fills *stats. The call takes a lock that is also taken when an end opens or closes. Sending and receiving do not take
 * this lock. Any thread. */
void spead_channel_stats(struct spead_channel *channel, struct spead_channel_stats *stats);

/* A histogram of the times that messages spent inside the channel. Bucket i counts the times that are below
 * spead_latency_bound_ns(i) and not below spead_latency_bound_ns(i - 1). */
#define SPEAD_LATENCY_BUCKETS 128
struct spead_latency {
    uint32_t struct_size; /* set by _INIT */
    uint32_t reserved;
    uint64_t count[SPEAD_LATENCY_BUCKETS];
    uint64_t total, sum_ns, max_ns; /* number, sum and maximum of all the times */
};
/* clang-format off */
#define SPEAD_LATENCY_INIT { .struct_size = sizeof(struct spead_latency) }
/* clang-format on */

/* Fills *latency. Returns 0, -ENOTSUP when the config of the channel did not ask for it, or -EINVAL when struct_size
 * is not valid. Any thread. */
int spead_channel_latency(struct spead_channel *channel, struct spead_latency *latency);
uint64_t spead_latency_bound_ns(unsigned bucket);
/* Returns the time in ns below which a share (0 to 1) of the times lies, as exactly as the buckets can tell. */
uint64_t spead_latency_quantile_ns(const struct spead_latency *latency, double share);

const char *spead_channel_name(const struct spead_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
