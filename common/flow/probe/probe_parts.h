/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the probe source and of the probe sink that do the same work in a node of a graph and at the end of
 * a channel. */
#ifndef SPEADI_PROBE_PARTS_H
#define SPEADI_PROBE_PARTS_H

#include <stdint.h>

#include <speadline/probe.h>

#define SPEADI_PROBE_BATCH_MAX 64

/* Points *messages at the messages that the source sends next. These messages belong to the source and are valid until
 * the next call. Returns how many they are. When all messages have been sent, it returns 0 or the error of the
 * source. */
int speadi_probe_source_next(struct spead_probe_source *source,
                             const struct spead_message **messages);
/* Tells the source that the first `count` messages from speadi_probe_source_next() were sent. */
void speadi_probe_source_advance(struct spead_probe_source *source, uint32_t count);
/* Returns the time when the next batch is due (CLOCK_MONOTONIC), or 0 if it is due now. */
uint64_t speadi_probe_source_due_ns(const struct spead_probe_source *source);

/* Returns how many messages the sink wants now, or 0 if it has received config.stop_after messages. */
uint32_t speadi_probe_sink_wants(const struct spead_probe_sink *sink);
/* Records and releases `count` messages as one batch. Returns 0, or config.error if the message with the index
 * config.error_at is among them. */
int speadi_probe_sink_take(struct spead_probe_sink *sink, const struct spead_message *messages,
                           uint32_t count);
/* Records the code with which the input has ended. */
void speadi_probe_sink_ended(struct spead_probe_sink *sink, int reason);
/* Returns the time from which the sink is allowed to take the next batch (CLOCK_MONOTONIC), or 0 if it is allowed to
 * take the batch now. */
uint64_t speadi_probe_sink_due_ns(const struct spead_probe_sink *sink);

#endif
