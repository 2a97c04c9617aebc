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

/* ---- Accounts ------------------------------------------------------------------------------- */

/* What became of the messages that an operator has received. At every moment received = passed + folded + left_out +
 * duplicate + late + shed + failed + released + held. */
struct spead_operator_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t reserved;
    uint64_t received;
    uint64_t passed; /* went on, or were replaced by what was made of them; in a sink: were used */
    uint64_t folded; /* became part of a result of several messages */
    uint64_t left_out; /* a function of the program did not want them */
    uint64_t duplicate;
    uint64_t late;     /* came after the result that they belong to */
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
