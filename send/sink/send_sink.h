/* What a send sink is made of. Private to its four files: send_sink.c (its life), send_sink_step.c (its steps
 * and completions), send_sink_fail.c (how it fails) and send_describe.c (what messages become).
 *
 * A message travels in a slot. `ring` holds the slots in order of acceptance, which is the order of
 * completion too:
 *
 *     reaped ..... completed ..... head .....
 *       ended, for    in flight      free
 *       the node
 *
 * Two slots are outside of it: `hand`, whose message is being given to the stream, and `refused`, whose
 * heap the network has refused and whose message waits for the policy's verdict. They change places with
 * a slot of the ring, so that a message is never moved. */
#ifndef SPEADLINE_SEND_SINK_H
#define SPEADLINE_SEND_SINK_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/send_node.h>

#include <speadi/cache_line.h>

#include "progress.h"

enum { SPEADI_SINK_BATCH = 16 }; /* messages taken in a step */

struct speadi_sink_slot {
    struct spead_message message;
    struct spead_send_heap *heap;
    struct spead_send_options options;
    uint8_t time[8]; /* an item of the heap */
    int error;       /* the owner's, until completed: why the message is still held; 0: it is not */
    bool holds, described;
};

struct spead_send_sink {
    struct spead_send_sink_config config;
    struct spead_port input, error_port;
    struct speadi_watcher watcher;
    struct speadi_sink_slot *slots, **ring;
    uint64_t mask;
    uint32_t slot_count, in_flight_max;

    /* The node's; after its end, those of whoever holds the progress' lock. */
    alignas(SPEADI_CACHE_LINE) struct speadi_sink_slot *hand, *refused;
    struct speadi_sink_slot *blamed;  /* of the two: what the step failed on; NULL: none */
    struct speadi_sink_slot *accused; /* what it will fail on; NULL: on the stream's end */
    struct spead_err verdict; /* with this, once all in flight has ended; code 0: it will not */
    struct spead_message inbox[SPEADI_SINK_BATCH];
    uint32_t inbox_at, inbox_count;
    uint64_t head, reaped;
    uint64_t flush_target; /* what the stream must have finished before the end */
    bool ended, flushing;
    struct spead_send_runner *runner;
    struct spead_node *_Atomic node; /* NULL: has finished, or not started; see leave() */
    _Atomic bool leaving;            /* has finished, with heaps in flight */
    _Atomic uint64_t wake_at;        /* how many must have completed for the node to go on */
    _Atomic uint64_t in, failed, skipped, waits;

    /* The stream's owner's. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t completed;
    _Atomic uint64_t sent;
    bool alarmed;       /* the node shall know of a heap that was not sent */
    _Atomic int broken; /* the stream has failed with this, or was stopped */

    _Atomic uint64_t abandoned; /* both */
    _Atomic unsigned users;     /* the caller, and what was started and has not left the stream */
};

/* ---- send_describe.c ---- */

/* Describes slot->message in slot->heap and slot->options. Returns 0, 1: to be skipped, or as
 * spead_send_describe_fn. */
int speadi_sink_describe(const struct spead_send_sink *sink, struct speadi_sink_slot *slot);

/* The sentence for what it answered. */
const char *speadi_sink_why(const struct spead_send_sink *sink, int code);

/* ---- send_sink_step.c ---- */

int speadi_sink_step(void *state, struct spead_node *self);
/* Releases what a slot holds. */
void speadi_sink_drop(struct speadi_sink_slot *slot);

/* One writer at a time. A thread that reads the count sees that the message was counted in `in` before (SINK3). */
void speadi_sink_count(_Atomic uint64_t *counter);

/* The node is stepped when so many have completed, and then asks again. */
void speadi_sink_wake_when(struct spead_send_sink *sink, uint64_t completed);

/* Everything that was submitted has finished. */
bool speadi_sink_is_flushed(const struct spead_send_sink *sink);

/* ---- send_sink_fail.c: each answers for the step ---- */

/* Fails on a slot, or, NULL, on a stream that takes no more; but what was submitted before leaves first: until
 * then WAITING, and the next step convicts. */
int speadi_sink_accuse(struct spead_send_sink *sink, struct spead_node *self,
                       struct speadi_sink_slot *slot, int error, const char *what, const char *why);
int speadi_sink_convict(struct spead_send_sink *sink, struct spead_node *self);

/* The stream is broken: nothing more will leave. */
int speadi_sink_fail_stream(struct spead_send_sink *sink, struct spead_node *self);

int speadi_sink_surrender(void *state, struct spead_message *failed);

#endif
