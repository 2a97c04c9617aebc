/* SPDX-License-Identifier: Apache-2.0 */
/* A probe source and a probe sink, for tests of your own nodes. The source decides which messages go into your nodes
 * and how fast. The sink records which messages come out, in which order and when.
 *
 * Both are nodes: each fills a configuration for spead_graph_add(). Both also work without a graph, on an end of a
 * channel.
 *
 * Threads: The rules for nodes apply (node.h). The thread that steps the sink may read the record of the sink. When the
 * graph has ended, any thread may read it. */
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

/* The configuration of a probe source. Start from SPEAD_PROBE_SOURCE_CONFIG_INIT. */
struct spead_probe_source_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */

    /* The messages that the source sends, in this order and unchanged; borrowed as long as the source exists. NULL
     * (default): the source makes messages of the type "plain". The source counts them as i = 0, 1, ... and gives
     * message i the stream i % streams, the sequence i / streams and the key i. */
    const struct spead_message *messages;
    uint64_t count; /* how many messages the source sends; default 0 */
    /* If `messages` is NULL: the number of streams that the source divides its messages into; default 1. */
    uint32_t streams;
    /* The number of messages that the source sends in one call; 1 to 64, default 64. */
    uint32_t batch;
    uint64_t pause_ns; /* pause between two batches, in nanoseconds; default 0 */
    int type;          /* type of the source's output port; default SPEAD_TYPE_PLAIN */
    /* The negative errno with which the source fails. 0 (default): the source does not fail. */
    int error;

    /* The number of messages after which the source fails, if `error` is not 0. If `count` is smaller than this number,
     * the source fails after `count` messages. */
    uint64_t error_at;
};
/* clang-format off */
#define SPEAD_PROBE_SOURCE_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_probe_source_config), .streams = 1, .batch = 64 }
/* clang-format on */
/* Does what SPEAD_PROBE_SOURCE_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_probe_source_config_init(struct spead_probe_source_config *config, size_t size);
/* Makes a source. Returns 0 and gives *out to the caller, or -EINVAL (err names the field) or -ENOMEM. err may be
 * NULL. Any thread. */
int spead_probe_source_create(struct spead_probe_source **out,
                              const struct spead_probe_source_config *config,
                              struct spead_err *err);
/* Frees the source. No graph may use it any more. Any thread. NULL is ignored. */
void spead_probe_source_destroy(struct spead_probe_source *source);

/* Fills *config with the configuration of a node that has one output, "out". The caller must have set
 * config->struct_size. The source still belongs to the caller, and must exist as long as the graph. */
void spead_probe_source_fill_node(struct spead_probe_source *source, const char *name,
                                  struct spead_node_config *config);

/* Returns the configuration that spead_probe_source_fill_node() fills. */
static inline struct spead_node_config spead_probe_source_node(struct spead_probe_source *source,
                                                               const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_probe_source_fill_node(source, name, &config);
    return config;
}

/* Does one step of a source that is in no graph. It sleeps until the pause is over, and then sends up to one batch to
 * the sending end. Returns SPEAD_STEP_AGAIN (there is more to send), SPEAD_STEP_WAITING (the end answered -EAGAIN),
 * SPEAD_STEP_DONE (all messages are sent, or the last receiving end has closed) or the error with which the source
 * fails. */
int spead_probe_source_step(struct spead_probe_source *source, struct spead_sender *sender);

/* Returns how many messages the source has sent. Only the thread that steps the source may call it, or any thread when
 * the graph has ended. */
uint64_t spead_probe_source_sent(const struct spead_probe_source *source);

/* The configuration of a probe sink. Start from SPEAD_PROBE_SINK_CONFIG_INIT. */
struct spead_probe_sink_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    /* The number of messages that the sink records; default 4096. The sink counts later messages too, but does not
     * record them. */
    uint32_t record_max;
    uint32_t batch; /* the largest number of messages in one receive; 1 to 64, default 64 */
    /* pause after each batch, in nanoseconds; it makes the sink slow; default 0 */
    uint64_t pause_ns;
    uint64_t stop_after; /* messages after which the sink is done; 0 (default): it takes all */
    int type;            /* type of the sink's input port; default SPEAD_CHANNEL_ANY_TYPE */
    /* The negative errno with which the sink fails. 0 (default): the sink does not fail. */
    int error;
    uint64_t error_at; /* index of the message at which the sink fails, counted from 0 */
};
/* clang-format off */
#define SPEAD_PROBE_SINK_CONFIG_INIT { .struct_size = sizeof(struct spead_probe_sink_config), \
    .record_max = 4096, .batch = 64, .type = SPEAD_CHANNEL_ANY_TYPE }
/* clang-format on */
/* Does what SPEAD_PROBE_SINK_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_probe_sink_config_init(struct spead_probe_sink_config *config, size_t size);
/* Makes a sink. Returns 0 and gives *out to the caller, or -EINVAL (err names the field) or -ENOMEM. err may be
 * NULL. Any thread. */
int spead_probe_sink_create(struct spead_probe_sink **out,
                            const struct spead_probe_sink_config *config, struct spead_err *err);
/* Frees the sink. No graph may use it any more. Any thread. NULL is ignored. */
void spead_probe_sink_destroy(struct spead_probe_sink *sink);

/* Fills *config with the configuration of a node that has one input, "in". The caller must have set
 * config->struct_size. The sink still belongs to the caller, and must exist as long as the graph. */
void spead_probe_sink_fill_node(struct spead_probe_sink *sink, const char *name,
                                struct spead_node_config *config);

/* Returns the configuration that spead_probe_sink_fill_node() fills. */
static inline struct spead_node_config spead_probe_sink_node(struct spead_probe_sink *sink,
                                                             const char *name)
{
    struct spead_node_config config;

    config.struct_size = sizeof config;
    spead_probe_sink_fill_node(sink, name, &config);
    return config;
}

/* Does one step of a sink that is in no graph. It sleeps until the pause is over. Then it takes up to one batch from
 * the receiving end, records these messages and releases them. Returns SPEAD_STEP_AGAIN (it took messages),
 * SPEAD_STEP_WAITING (no message was there), SPEAD_STEP_DONE (the end of stream has come, or stop_after is reached) or
 * the error with which the sink fails. */
int spead_probe_sink_step(struct spead_probe_sink *sink, struct spead_receiver *receiver);

/* One message as the sink received it. The sink has released the object of the message, so `reference` must not be used
 * as a pointer. */
struct spead_probe_arrival {
    struct spead_message message;
    uint64_t arrived_ns; /* when the batch of this message came (CLOCK_MONOTONIC) */
    uint32_t batch;      /* index of the batch of this message, counted from 0 */
    uint32_t reserved;
};

/* What a probe sink has received. */
struct spead_probe_record {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t recorded;    /* number of entries in `arrivals` */
    const struct spead_probe_arrival *arrivals; /* the recorded messages; borrowed from the sink */
    uint64_t received; /* all messages that came, also those that were not recorded */

    /* Messages that came out of order: a message of the same stream with the same or a higher sequence came before
     * them. The sink checks only streams with a number below 1024. */
    uint64_t out_of_order;
    /* How many sequence numbers were left out. This is the sum over the streams with a number below 1024. */
    uint64_t skipped;
    uint32_t batches; /* batches that the sink took */
    /* 0 if the input has not ended. Otherwise the code with which it ended: -ESHUTDOWN for the end of stream, or an
     * error. */
    int end;
};
/* clang-format off */
#define SPEAD_PROBE_RECORD_INIT { .struct_size = sizeof(struct spead_probe_record) }
/* clang-format on */
/* Does what SPEAD_PROBE_RECORD_INIT does; `size` is sizeof *record. Any thread. See docs/abi.md. */
void spead_probe_record_init(struct spead_probe_record *record, size_t size);
/* Fills *record with what the sink has received so far. The caller must have set record->struct_size by
 * SPEAD_PROBE_RECORD_INIT. record->arrivals is valid until the sink is destroyed. */
void spead_probe_sink_record(const struct spead_probe_sink *sink,
                             struct spead_probe_record *record);

#ifdef __cplusplus
}
#endif
#endif
