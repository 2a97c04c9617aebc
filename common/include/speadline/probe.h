/* A test source and a test sink, for the tests of one's own nodes: what goes in and how fast, what came out,
 * in which order and when.
 *
 * Both are nodes: configs for spead_graph_add(). They also work without a graph, on an end of a channel.
 * Threads: as nodes; the record of a sink may be read once the graph has ended, or by its own thread. */
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
    uint32_t struct_size;                 /* set by _INIT */
    const struct spead_message *messages; /* borrowed: sent in order, as they are; or NULL: */
    uint64_t count;    /* this many plain messages, numbered: sequence i / streams, key i */
    uint32_t streams;  /* of these, in turn; default 1 */
    uint32_t batch;    /* messages in one send, at most 64; default 64 */
    uint64_t pause_ns; /* between two batches; 0: none */
    int type;          /* of its output; default SPEAD_TYPE_PLAIN */
    int error;         /* what it ends with: 0, or a negative errno */

    /* After how many messages the error comes (then nothing more); ignored if error is 0. */
    uint64_t error_at;
};
/* clang-format off */
#define SPEAD_PROBE_SOURCE_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_probe_source_config), .streams = 1, .batch = 64 }
/* clang-format on */
int spead_probe_source_create(struct spead_probe_source **out,
                              const struct spead_probe_source_config *config,
                              struct spead_err *err);
void spead_probe_source_destroy(struct spead_probe_source *source); /* NULL is ignored */

/* Fills *config (its struct_size is set) with the node, whose output is "out"; the source stays the caller's. */
void spead_probe_source_fill_node(struct spead_probe_source *source, const char *name,
                                  struct spead_node_config *config);

/* The same as an expression. */
static inline struct spead_node_config spead_probe_source_node(struct spead_probe_source *source,
                                                               const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_probe_source_fill_node(source, name, &config);
    return config;
}

/* Without a graph: sends up to one batch on an end, sleeping for the pause that is due. Returns enum spead_step
 * (WAITING: the end answered -EAGAIN; DONE: all is sent, or nobody receives any more) or the error. */
int spead_probe_source_step(struct spead_probe_source *source, struct spead_sender *sender);

uint64_t spead_probe_source_sent(const struct spead_probe_source *source);

struct spead_probe_sink_config {
    uint32_t struct_size; /* set by _INIT */
    uint32_t record_max;  /* messages remembered; later ones are only counted. default 4096 */
    uint32_t batch;       /* messages in one receive, at most 64; default 64 */
    uint64_t pause_ns;    /* after each batch: a slow consumer */
    uint64_t stop_after;  /* takes no more after this many; 0: takes all */
    int type;             /* of its input; default SPEAD_CHANNEL_ANY_TYPE */
    int error; /* fails with this (a negative errno) at message error_at, counted from 0 */
    uint64_t error_at;
};
/* clang-format off */
#define SPEAD_PROBE_SINK_CONFIG_INIT { .struct_size = sizeof(struct spead_probe_sink_config), \
    .record_max = 4096, .batch = 64, .type = SPEAD_CHANNEL_ANY_TYPE }
/* clang-format on */
int spead_probe_sink_create(struct spead_probe_sink **out,
                            const struct spead_probe_sink_config *config, struct spead_err *err);
void spead_probe_sink_destroy(struct spead_probe_sink *sink); /* NULL is ignored */

/* As spead_probe_source_fill_node(); its input is "in". */
void spead_probe_sink_fill_node(struct spead_probe_sink *sink, const char *name,
                                struct spead_node_config *config);

/* The same as an expression. */
static inline struct spead_node_config spead_probe_sink_node(struct spead_probe_sink *sink,
                                                             const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_probe_sink_fill_node(sink, name, &config);
    return config;
}

/* Without a graph: takes up to one batch, records and releases it, and sleeps for the pause. Returns enum
 * spead_step (WAITING: nothing was there; DONE: the end has come, or stop_after was reached) or the error. */
int spead_probe_sink_step(struct spead_probe_sink *sink, struct spead_receiver *receiver);

/* One message as it came. Its object is not kept: reference, offset and length are numbers only. */
struct spead_probe_arrival {
    struct spead_message message;
    uint64_t arrived_ns; /* CLOCK_MONOTONIC, of its batch */
    uint32_t batch;      /* number of the receive it came in */
    uint32_t reserved;
};

struct spead_probe_record {
    uint32_t struct_size;                       /* set by _INIT */
    uint32_t recorded;                          /* entries of arrivals */
    const struct spead_probe_arrival *arrivals; /* borrowed */
    uint64_t received;                          /* all of them */

    /* Sequence not above the one before of its stream (streams below 1024). */
    uint64_t out_of_order;
    uint64_t skipped; /* sequence numbers left out, per stream, added up */
    uint32_t batches;
    int end; /* 0: still open; else what the channel ended with (-ESHUTDOWN: in order) */
};
/* clang-format off */
#define SPEAD_PROBE_RECORD_INIT { .struct_size = sizeof(struct spead_probe_record) }
/* clang-format on */
void spead_probe_sink_record(const struct spead_probe_sink *sink,
                             struct spead_probe_record *record);

#ifdef __cplusplus
}
#endif
#endif
