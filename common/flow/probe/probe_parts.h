/* What a test source and a test sink do, apart from where they send to and receive from. */
#ifndef SPEADI_PROBE_PARTS_H
#define SPEADI_PROBE_PARTS_H

#include <stdint.h>

#include <speadline/probe.h>

#define SPEADI_PROBE_BATCH_MAX 64

/* The source's next messages: how many (*messages is the source's), 0 when all is sent, or its error. */
int speadi_test_source_next(struct spead_probe_source *source,
                            const struct spead_message **messages);
/* The receiver took the first count of them. */
void speadi_test_source_advance(struct spead_probe_source *source, uint32_t count);
/* When the next batch is due (CLOCK_MONOTONIC); 0: now. */
uint64_t speadi_test_source_due_ns(const struct spead_probe_source *source);

/* How many messages the sink would take now; 0: it has had enough. */
uint32_t speadi_test_sink_wants(const struct spead_probe_sink *sink);
/* Records and releases them, as one batch. Returns 0 or the error that the sink was told to have. */
int speadi_test_sink_take(struct spead_probe_sink *sink, const struct spead_message *messages,
                          uint32_t count);
/* Nothing more comes, for this reason. */
void speadi_test_sink_ended(struct spead_probe_sink *sink, int reason);
uint64_t speadi_test_sink_due_ns(const struct spead_probe_sink *sink);

#endif
