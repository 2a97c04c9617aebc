/* SPDX-License-Identifier: Apache-2.0 */
/* The operators: stages that a pipeline (pipeline.h) puts between a source and a sink. docs/operators.md explains them.
 *
 * Functions: The functions of the program get `arg` as their first argument. The thread that steps the node calls them,
 *            one call at a time. They must not block, unless the stage is declared as blocking. They are borrowed, as is
 *            `arg`, until the graph is destroyed. A negative errno from a function is a failure on that message; the
 *            field on_error of the stage decides what follows. With SPEAD_ON_ERROR_RETRY the function is called again
 *            with the same message.
 * Ownership: An operator owns the messages that it holds. A function that gets `const struct spead_message *` may only
 *            look, and must not release it. What else holds is said at the operator.
 * End:       An operator sends what it holds before its output ends. If a node upstream has failed, it still sends
 *            messages that came, but no result of a part of the messages.
 * Accounts:  Each message has one fate, and spead_operator_stats() counts it. */
#ifndef SPEADLINE_OPERATORS_H
#define SPEADLINE_OPERATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/pipeline.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Ends ----------------------------------------------------------------------------------- */

/* A source: make() makes the messages of stream 0, one with each call. *message comes with its sequence, its time and
 * its type; make() sets the rest, and the operator owns the reference. It returns 1, or 0 when there are no more
 * messages. A stop of the graph ends the source too.
 *
 *     static int count(void *arg, struct spead_message *message)
 *     {
 *         message->key = (*(uint64_t *)arg)++;
 *         return message->key < 1000;
 *     }
 *     spead_pipeline_source(p, SPEAD_STAGE("numbers"), count, &next); */
void spead_pipeline_source(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           int (*make)(void *arg, struct spead_message *message), void *arg);

/* A sink: calls use() for each message, and then releases it. use() returns 0. To keep the object it takes a reference
 * of its own.
 *
 *     static int print(void *arg, const struct spead_message *message)
 *     {
 *         return fprintf(arg, "%" PRIu64 "\n", message->key) < 0 ? -EIO : 0;
 *     }
 *     spead_pipeline_each(p, SPEAD_STAGE("printer"), print, stdout); */
void spead_pipeline_each(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         int (*use)(void *arg, const struct spead_message *message), void *arg);

/* ---- One message at a time ------------------------------------------------------------------ */

/* Makes a new message out of each message. *made comes with the identity of *message (spead_message_inherit()) and with
 * the type that the stage gives; map() sets the object, with a reference of its own, and returns 0. The operator then
 * moves the ticket and releases *message. map() may let *made share the object: spead_message_ref(message) takes the
 * reference, and *message shows no ticket during the call. If map() fails, *made must own nothing.
 *
 *     static int mean(void *arg, const struct spead_message *message, struct spead_message *made)
 *     {
 *         made->offset = mean_of_heap((const struct spead_heap *)(uintptr_t)message->reference);
 *         return 0;
 *     }
 *     spead_pipeline_map(p, SPEAD_STAGE("mean", .takes = "heap", .gives = "plain"), mean, NULL); */
void spead_pipeline_map(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        int (*map)(void *arg, const struct spead_message *message,
                                   struct spead_message *made),
                        void *arg);

/* Changes each message, or the bytes that it refers to, and copies nothing. change() returns 0. The message keeps its
 * reference; a function that puts another object into the message releases the old one.
 *
 *     static int invert(void *arg, struct spead_message *message)
 *     {
 *         uint8_t *bytes = spead_region_data((struct spead_region *)(uintptr_t)message->reference);
 *         for (uint64_t i = 0; i < message->length; i++)
 *             bytes[message->offset + i] ^= 0xff;
 *         return 0;
 *     }
 *     spead_pipeline_map_in_place(p, SPEAD_STAGE("invert"), invert, NULL); */
void spead_pipeline_map_in_place(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                                 int (*change)(void *arg, struct spead_message *message),
                                 void *arg);

/* Lets messages through for which keep() returns 1, and releases those for which it returns 0 (`left_out`).
 *
 *     static int is_bright(void *arg, const struct spead_message *message)
 *     {
 *         return message->offset > *(const uint64_t *)arg;
 *     }
 *     spead_pipeline_filter(p, SPEAD_STAGE("bright"), is_bright, &level); */
void spead_pipeline_filter(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           int (*keep)(void *arg, const struct spead_message *message), void *arg);

/* Does what map and filter do in one call. map() returns 1 if it has made a message, as for spead_pipeline_map(), or 0
 * if there is none to be made (`left_out`); then *made must own nothing.
 *
 *     static int parse(void *arg, const struct spead_message *message, struct spead_message *made)
 *     {
 *         return parse_frame(message->reference, &made->offset) ? 1 : 0;
 *     }
 *     spead_pipeline_filter_map(p, SPEAD_STAGE("parse", .gives = "plain"), parse, NULL); */
void spead_pipeline_filter_map(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                               int (*map)(void *arg, const struct spead_message *message,
                                          struct spead_message *made),
                               void *arg);

/* Lets all messages through, and shows each one to look() before. look() returns 0.
 *
 *     static int count(void *arg, const struct spead_message *message)
 *     {
 *         *(uint64_t *)arg += message->length;
 *         return 0;
 *     }
 *     spead_pipeline_tap(p, SPEAD_STAGE("bytes"), count, &bytes); */
void spead_pipeline_tap(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        int (*look)(void *arg, const struct spead_message *message), void *arg);

/* Makes any number of messages out of each message. The operator calls next() with at = 0, 1, 2 and so on. next()
 * returns 1 when it has made message number `at`, as for spead_pipeline_map(), or 0 when there is none. So a message may
 * become more messages than any channel holds. All of them inherit the same sequence. The ticket stays with *message,
 * which is released after the last one. If next() fails, the messages before have been sent already; a retry goes on
 * with the same `at`.
 *
 *     static int row(void *arg, const struct spead_message *image, uint64_t at, struct spead_message *made)
 *     {
 *         if (at == 512)
 *             return 0;
 *         spead_message_ref(image);
 *         made->reference = image->reference;
 *         made->offset = image->offset + at * 1024;
 *         made->length = 1024;
 *         return 1;
 *     }
 *     spead_pipeline_flat_map(p, SPEAD_STAGE("rows"), row, NULL); */
void spead_pipeline_flat_map(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                             int (*next)(void *arg, const struct spead_message *message,
                                         uint64_t at, struct spead_message *made),
                             void *arg);

/* ---- Several messages at a time -------------------------------------------------------------- */

/* Limits of what is held: 0 means that this kind of limit does not exist. */
struct spead_limits {
    uint64_t messages;
    uint64_t bytes;  /* the sum of the lengths of the messages */
    uint64_t age_ns; /* since the first message came, by the clock of the stage */
};

/* What a message of the type "batch" refers to. The messages belong to the batch, and are released with it. To keep one
 * of them longer, take a reference (spead_message_ref()). */
struct spead_batch {
    uint32_t count; /* at least 1 */
    const struct spead_message *messages;
};
static inline const struct spead_batch *spead_message_batch(const struct spead_message *message)
{
#ifdef __cplusplus
    return reinterpret_cast<const struct spead_batch *>(static_cast<uintptr_t>(message->reference));
#else
    return (const struct spead_batch *)(uintptr_t)message->reference;
#endif
}

/* Puts messages together into batches. A batch is sent when it has limits.messages messages (1 to
 * SPEAD_BATCH_MESSAGES_MAX, required), when the next message would make it larger than limits.bytes, when limits.age_ns
 * have passed since its first message came, or at the end. A message that is larger than limits.bytes is a batch alone.
 * The batch has the identity of its first message, and `length` is the sum of the lengths. All batches, `batches` of
 * them, are made at the start; when all are under way the operator waits until one is released.
 *
 *     spead_pipeline_batch(p, SPEAD_STAGE("blocks"),
 *                          (struct spead_limits){.messages = 64, .age_ns = 10000000}, 4);
 *     spead_pipeline_each(p, SPEAD_STAGE("writer"), write_batch, file); */
#define SPEAD_BATCH_MESSAGES_MAX 65536u
#define SPEAD_BATCHES_MAX        4096u
void spead_pipeline_batch(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                          struct spead_limits limits, uint32_t batches);

/* Holds messages until the output takes them, at most limits.messages (required) and limits.bytes. The channel in front
 * of a stage limits only the number of messages. limits.age_ns must be 0. When the buffer is full, on_full says what
 * happens: SPEAD_ON_FULL_BLOCK lets the input wait; DROP_NEWEST and DROP_OLDEST shed (`shed`). A message that is larger
 * than limits.bytes fits into an empty buffer.
 *
 *     spead_pipeline_buffer(p, SPEAD_STAGE("second"),
 *                           (struct spead_limits){.messages = 1000, .bytes = 1 << 30},
 *                           SPEAD_ON_FULL_DROP_OLDEST); */
void spead_pipeline_buffer(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           struct spead_limits limits, enum spead_on_full on_full);

/* How messages become a result. All functions get the `arg` of the operator and the state, which is `bytes` bytes,
 * zeroed. */
struct spead_fold {
    size_t bytes; /* size of the state; aligned as malloc() does */
    /* Begins a state, before the first message. NULL: zeroes are a good beginning. */
    void (*begin)(void *arg, void *state);
    /* Adds a message; returns 0. To keep its object, take a reference and release it in end(). After -errno the state must
     * be as before. */
    int (*add)(void *arg, void *state, const struct spead_message *message);
    /* Makes a message out of the state, as for spead_pipeline_map(); returns 0. */
    int (*result)(void *arg, const void *state, struct spead_message *made);
    /* Releases what the state holds. Called once for each begin(). NULL: nothing. */
    void (*end)(void *arg, void *state);
};

/* Makes one message out of all messages, and sends it at the end. The result has the identity of the first message.
 * Without a message, and after a failure upstream, there is no result.
 *
 *     static int add(void *arg, void *sum, const struct spead_message *message)
 *     {
 *         *(uint64_t *)sum += message->key;
 *         return 0;
 *     }
 *     static int total(void *arg, const void *sum, struct spead_message *made)
 *     {
 *         made->key = *(const uint64_t *)sum;
 *         return 0;
 *     }
 *     static const struct spead_fold sum = {.bytes = sizeof(uint64_t), .add = add, .result = total};
 *     spead_pipeline_reduce(p, SPEAD_STAGE("sum"), &sum, NULL); */
void spead_pipeline_reduce(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           const struct spead_fold *fold, void *arg);

/* Sends a result after each message: of this message and of all before it. The result has the identity of this message.
 *
 *     spead_pipeline_scan(p, SPEAD_STAGE("running sum"), &sum, NULL); */
void spead_pipeline_scan(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         const struct spead_fold *fold, void *arg);

/* Leaves out messages whose stream and sequence came before (`duplicate`). It remembers the last `messages` messages that
 * it let through (1 to SPEAD_DEDUPLICATE_MAX); a copy that comes later than that passes. Each of them takes about 32
 * bytes.
 *
 *     spead_pipeline_deduplicate(p, SPEAD_STAGE("once"), 4096); */
#define SPEAD_DEDUPLICATE_MAX (1u << 28)
void spead_pipeline_deduplicate(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                                uint32_t messages);

/* ---- Time ----------------------------------------------------------------------------------- */

enum spead_rate_unit {
    SPEAD_RATE_MESSAGES = 0,
    SPEAD_RATE_LENGTHS = 1, /* bytes: the lengths of the messages */
};
struct spead_rate {
    uint64_t per_second; /* at least 1 */
    enum spead_rate_unit unit;
    /* How much may go at once after a pause, besides the message that is due. 0: the messages are spaced evenly. */
    uint64_t burst;
};

/* Lets so many messages or bytes through in a second; the others wait, and so does the input. A message is never split:
 * if it is larger than the burst, it goes when nothing is owed, and the next one waits longer. The long mean is exact.
 *
 *     spead_pipeline_rate(p, SPEAD_STAGE("100 MB/s"),
 *                         &(struct spead_rate){.per_second = 100000000, .unit = SPEAD_RATE_LENGTHS}); */
void spead_pipeline_rate(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         const struct spead_rate *rate);

/* Holds the newest message, and sends it when no other one has come for quiet_ns. A message that another one replaces is
 * released (`left_out`). At the end the newest one is sent.
 *
 *     spead_pipeline_debounce(p, SPEAD_STAGE("settled"), 500000000); */
void spead_pipeline_debounce(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                             uint64_t quiet_ns);

/* Lets all messages through. If none has come for silence_ns, make() makes one, and again after each further silence_ns;
 * *made has the identity of the last message. make() returns 0. If make is NULL, the node fails with -ETIMEDOUT.
 *
 *     spead_pipeline_timeout(p, SPEAD_STAGE("alive"), 5000000000, NULL, NULL); */
void spead_pipeline_timeout(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                            uint64_t silence_ns, int (*make)(void *arg, struct spead_message *made),
                            void *arg);

/* ---- Branches ------------------------------------------------------------------------------- */

/* Sends each message to one of output_count outputs (2 to 63), which outputs[] names; NULL: they are "out0", "out1" and
 * so on. choose() returns the index of the output, or SPEAD_ROUTE_NONE: the message is released (`left_out`). choose NULL:
 * the output is the key modulo output_count. The messages stay in order, so an output that is full holds the others up,
 * unless its channel sheds. Messages for an output that nobody reads any more are released (`shed`). Go to an output with
 * spead_pipeline_from().
 *
 *     static const char *const ways[] = {"clean", "dirty"};
 *     spead_pipeline_route(p, SPEAD_STAGE("sort"), ways, 2, is_dirty, NULL);
 *     spead_pipeline_from(p, "sort", "clean"); */
#define SPEAD_ROUTE_NONE (-1000000)
void spead_pipeline_route(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                          const char *const *outputs, uint32_t output_count,
                          int (*choose)(void *arg, const struct spead_message *message), void *arg);

enum spead_merge_order {
    /* Each input in its turn, as much as the others. */
    SPEAD_MERGE_FAIR = 0,
    /* An input is read only when the inputs before it have nothing. */
    SPEAD_MERGE_PRIORITY = 1,
    /* The message with the lowest sequence first; of equal ones that of the first input. Each input must be in order.
     * The operator waits until each input has a message or has ended, so an input that is silent holds the others up.
     * If the inputs come from one route, their channels must hold as many messages as can come between two messages of
     * one way: otherwise the route waits for a way that is full while this operator waits for one that is empty. */
    SPEAD_MERGE_SEQUENCE = 2,
};

/* Sends the messages of 2 to 64 inputs, which are called "in0", "in1" and so on, to one output. The call joins "in0"; the
 * other branches are joined with spead_pipeline_into(). The end comes when all inputs have ended. Outputs that are joined
 * to one input without this operator come in the order in which they are sent.
 *
 *     spead_pipeline_merge(p, SPEAD_STAGE("both"), 2, SPEAD_MERGE_SEQUENCE);
 *     spead_pipeline_from(p, "other", NULL);
 *     spead_pipeline_into(p, NULL, "both", "in1");
 *     spead_pipeline_from(p, "both", NULL); */
void spead_pipeline_merge(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                          uint32_t inputs, enum spead_merge_order order);

/* Sends a copy of each message to each output that wants it: wants() returns 1; NULL: all want all. There are 0 to 63
 * outputs, named as for spead_pipeline_route(). The channel of each output says whether the others wait for it (block:
 * lock-step) or not (the other policies: lossy). The copies share the object, so nobody may change it. An output that
 * nobody reads any more is left out; when all are, the operator ends. Besides, subscribers come and go while it runs
 * (spead_fan_out_subscribe()).
 *
 *     spead_pipeline_fan_out(p, SPEAD_STAGE("copies"), NULL, 2, NULL, NULL);
 *     spead_pipeline_from(p, "copies", "out0");
 *     spead_pipeline_each(p, SPEAD_STAGE("writer"), write_heap, file);
 *     spead_pipeline_from(p, "copies", "out1");
 *     spead_pipeline_each(p, SPEAD_STAGE("display", .on_full = SPEAD_ON_FULL_DROP_OLDEST), show, NULL); */
void spead_pipeline_fan_out(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                            const char *const *outputs, uint32_t output_count,
                            int (*wants)(void *arg, uint32_t output,
                                         const struct spead_message *message),
                            void *arg);

/* What a subscriber of a fan-out gets. Start from SPEAD_SUBSCRIPTION_INIT. */
struct spead_subscription {
    uint32_t struct_size;       /* size of this struct in bytes; its _INIT macro sets it */
    const char *name;           /* name of the channel and of its end; default "subscriber" */
    uint32_t capacity;          /* of the channel; default 16 */
    enum spead_on_full on_full; /* default SPEAD_ON_FULL_DROP_OLDEST; not BLOCK */
    uint32_t sample_n;          /* for SPEAD_ON_FULL_SAMPLE */
    /* Returns 1 for messages that the subscriber wants. The thread that steps the fan-out calls it, until the receiving
     * end is closed and the fan-out has noticed that, or has ended. NULL: all messages. */
    int (*wants)(void *arg, const struct spead_message *message);
    void *arg; /* first argument of wants() */
};
/* clang-format off */
#define SPEAD_SUBSCRIPTION_INIT { .struct_size = sizeof(struct spead_subscription), \
    .name = "subscriber", .capacity = 16, .on_full = SPEAD_ON_FULL_DROP_OLDEST }
/* clang-format on */
/* Does what SPEAD_SUBSCRIPTION_INIT does; `size` is sizeof *subscription. Any thread. See docs/abi.md. */
void spead_subscription_init(struct spead_subscription *subscription, size_t size);

/* Subscribes to a fan-out: from now on its messages come to *receiver, which the caller owns. To unsubscribe, close it
 * (spead_receiver_close()). The stream of the subscriber ends when the fan-out ends. Any thread, at any time until the
 * graph is destroyed. Returns 0, -EINVAL (err names the field, or the node is no fan-out), -ESHUTDOWN (the fan-out has
 * ended) or -ENOMEM. err may be NULL. */
int spead_fan_out_subscribe(struct spead_node *node, const struct spead_subscription *subscription,
                            struct spead_receiver **receiver, struct spead_err *err);

/* ---- Accounts ------------------------------------------------------------------------------- */

/* What became of the messages that an operator has received. At every moment received = passed + folded + left_out +
 * duplicate + shed + failed + released + held. */
struct spead_operator_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t reserved;
    uint64_t received;
    uint64_t passed; /* went on, or were replaced by what was made of them; in a sink: were used */
    uint64_t folded; /* became part of a result of several messages */
    uint64_t left_out; /* a function of the program, or a debounce, did not want them */
    uint64_t duplicate;
    uint64_t shed;     /* found no room */
    uint64_t failed;   /* a function failed on them, and on_error took them */
    uint64_t released; /* were held when the node ended, because nobody took them any more */
    uint64_t held;     /* are held now */
    uint64_t sent;     /* messages that went out, of whatever kind */
};
/* clang-format off */
#define SPEAD_OPERATOR_STATS_INIT { .struct_size = sizeof(struct spead_operator_stats) }
/* clang-format on */
/* Does what SPEAD_OPERATOR_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_operator_stats_init(struct spead_operator_stats *stats, size_t size);
/* Fills *stats. The caller must have set stats->struct_size by SPEAD_OPERATOR_STATS_INIT. Returns 0, or -EINVAL if the
 * node is no operator. spead_graph_find() gives the node. Any thread; exact when the graph has ended. */
int spead_operator_stats(const struct spead_node *node, struct spead_operator_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
