/* A probe source and a probe sink, for tests of your own nodes. The source decides which messages go in and how fast;
 * the sink records which messages came out, in which order and when.
 *
 * Both are nodes: they fill a config for spead_graph_add(). Both also work without a graph, on an end of a channel.
 *
 * Threads: The rules for nodes apply (node.h). The record of a sink may be read by the thread that steps the sink, or
 * by any thread once the graph has ended. */
#ifndef SPEADLINE_PROBE_H
#define SPEADLINE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>
#include <speadline/error.h>
#include <speadline/node.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_probe_source; /* opaque */
struct spead_probe_sink;   /* opaque */

struct spead_probe_source_config {
    uint32_t struct_size; /* set by _INIT */

    /* The messages to send, in this order and unchanged; borrowed. NULL: the source makes plain messages; message i
     * has stream i % streams, sequence i / streams and key i. */
    const struct spead_message *messages;
    uint64_t count;    /* how many messages to send */
    uint32_t streams;  /* for messages that the source makes; default 1 */
    uint32_t batch;    /* messages in one send, at most 64; default 64 */
    uint64_t pause_ns; /* pause between two batches; 0: none */
    int type;          /* type of its output; default SPEAD_TYPE_PLAIN */
    int error;         /* what the source ends with: 0, or a negative errno */

    /* Only used if `error` is not 0: the source sends this many messages, or `count` if that is fewer, and then
     * fails. */
    uint64_t error_at;
};
/* clang-format off */
#define SPEAD_PROBE_SOURCE_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_probe_source_config), .streams = 1, .batch = 64 }
/* clang-format on */
/* Makes a source. Returns 0, -EINVAL (err names the field) or -ENOMEM. err may be NULL. */
int spead_probe_source_create(struct spead_probe_source **out,
                              const struct spead_probe_source_config *config,
                              struct spead_err *err);
void spead_probe_source_destroy(struct spead_probe_source *source); /* NULL is ignored */

/* Fills *config with a node that has one output, "out". The caller sets config->struct_size before the call. The source
 * still belongs to the caller, and must live as long as the graph. */
void spead_probe_source_fill_node(struct spead_probe_source *source, const char *name,
                                  struct spead_node_config *config);

/* Does the same as spead_probe_source_fill_node(), but returns the config. */
static inline struct spead_node_config spead_probe_source_node(struct spead_probe_source *source,
                                                               const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_probe_source_fill_node(source, name, &config);
    return config;
}

/* Does one step of a source without a graph. Sleeps until the pause is over, then sends up to one batch to the sending
 * end. Returns SPEAD_STEP_AGAIN, SPEAD_STEP_WAITING (the end answered -EAGAIN), SPEAD_STEP_DONE (all messages are sent,
 * or the last receiving end has closed) or the error. */
int spead_probe_source_step(struct spead_probe_source *source, struct spead_sender *sender);

/* Returns how many messages the source has sent. */
uint64_t spead_probe_source_sent(const struct spead_probe_source *source);

struct spead_probe_sink_config {
    uint32_t struct_size; /* set by _INIT */
    uint32_t record_max;  /* messages to record; later ones are only counted; default 4096 */
    uint32_t batch;       /* messages in one receive, at most 64; default 64 */
    uint64_t pause_ns;    /* pause after each batch, which makes the sink slow; 0: none */
    uint64_t stop_after;  /* the sink is done after this many messages; 0: it takes all */
    int type;             /* type of its input; default SPEAD_CHANNEL_ANY_TYPE */
    int error;            /* a negative errno to fail with at message error_at; 0: never */
    uint64_t error_at;    /* counted from 0 */
};
/* clang-format off */
#define SPEAD_PROBE_SINK_CONFIG_INIT { .struct_size = sizeof(struct spead_probe_sink_config), \
    .record_max = 4096, .batch = 64, .type = SPEAD_CHANNEL_ANY_TYPE }
/* clang-format on */
/* Makes a sink. Returns 0, -EINVAL (err names the field) or -ENOMEM. err may be NULL. */
int spead_probe_sink_create(struct spead_probe_sink **out,
                            const struct spead_probe_sink_config *config, struct spead_err *err);
void spead_probe_sink_destroy(struct spead_probe_sink *sink); /* NULL is ignored */

/* Does what spead_probe_source_fill_node() does, for a node that has one input, "in". */
void spead_probe_sink_fill_node(struct spead_probe_sink *sink, const char *name,
                                struct spead_node_config *config);

/* Does the same as spead_probe_sink_fill_node(), but returns the config. */
static inline struct spead_node_config spead_probe_sink_node(struct spead_probe_sink *sink,
                                                             const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_probe_sink_fill_node(sink, name, &config);
    return config;
}

/* Does one step of a sink without a graph. Sleeps until the pause is over, then takes up to one batch from the
 * receiving end, records it and releases it. Returns SPEAD_STEP_AGAIN, SPEAD_STEP_WAITING (no message was there),
 * SPEAD_STEP_DONE (the end of stream has come, or stop_after is reached) or the error. */
int spead_probe_sink_step(struct spead_probe_sink *sink, struct spead_receiver *receiver);

/* One message as it came. The sink does not keep its object, so its reference must not be used as a pointer. */
struct spead_probe_arrival {
    struct spead_message message;
    uint64_t arrived_ns; /* when its batch came (CLOCK_MONOTONIC) */
    uint32_t batch;      /* which batch that was, counted from 0 */
    uint32_t reserved;
};

struct spead_probe_record {
    uint32_t struct_size;                       /* set by _INIT */
    uint32_t recorded;                          /* entries of arrivals */
    const struct spead_probe_arrival *arrivals; /* borrowed */
    uint64_t received;                          /* all messages, also those not recorded */

    /* Messages that came after a message of the same stream with the same or a higher sequence. Only streams below 1024
     * are checked. */
    uint64_t out_of_order;
    uint64_t skipped; /* sequence numbers that were left out, added up over these streams */
    uint32_t batches;
    int end; /* 0: still open; else the code of the end of stream, or the error, that came */
};
/* clang-format off */
#define SPEAD_PROBE_RECORD_INIT { .struct_size = sizeof(struct spead_probe_record) }
/* clang-format on */
/* Fills *record. Its arrivals are valid until the sink is destroyed. */
void spead_probe_sink_record(const struct spead_probe_sink *sink,
                             struct spead_probe_record *record);

#ifdef __cplusplus
}
#endif
#endif
