/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one operator between a source and a sink, in many circumstances, and checks what must hold for every operator:
 * each message has one fate, no object is lost or released twice, and what comes out is what a plain loop computes. */
#ifndef OP_RIG_H
#define OP_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/operators.h>

/* The most messages of one run, in and out. */
#define OP_RIG_MAX 4096u

/* How the run ends. */
enum op_end {
    OP_TO_ITS_END,
    OP_SOURCE_FAILS, /* the source fails after half of its messages */
    OP_SINK_STOPS,   /* the sink takes OP_RIG_STOP_AFTER messages and ends */
    OP_STOPPED,      /* the graph is stopped at once */
    OP_CANCELLED,    /* the graph is cancelled at once */
    OP_ENDS
};
#define OP_RIG_STOP_AFTER 3u

struct op_run {
    /* Adds the operator to the pipeline, which stands at the source. Afterwards it stands at the output. */
    void (*add)(struct spead_pipeline *pipeline, const struct spead_stage *stage);
    /* The plain loop: it computes the keys that come out for `count` keys that go in. `whole` is false if the input did
     * not end in order. Returns how many come out. */
    uint32_t (*loop)(const uint64_t *in, uint32_t count, bool whole, uint64_t *out);

    uint32_t count; /* messages of the source; their keys are 0, 1, 2 ... if make_key is NULL */
    uint64_t (*make_key)(uint32_t number);
    uint64_t (*make_sequence)(uint32_t number); /* NULL: 0, 1, 2 ... */
    uint32_t capacity, lanes, batch, workers;
    bool pulled; /* the test pulls the results on its own thread */
    enum op_end end;
    /* the policies of the operator; the rig sets its name and its channel */
    struct spead_stage stage;

    /* Results. */
    int outcome;
    uint32_t made;     /* how many the source has made */
    uint32_t received; /* how many came to the sink */
    uint64_t keys[OP_RIG_MAX];
    uint64_t sequences[OP_RIG_MAX];
    uint32_t diverted;
    struct spead_operator_stats stats;
};

/* Runs it, and gives up with a sentence if something does not hold that must always hold. */
void op_run(struct op_run *run);

/* Runs the operator in all circumstances, and compares what comes out with the loop. */
void op_run_all(struct op_run run);

/* A function of an operator calls this for each message that it works on. It returns -EIO for the key that the test has
 * chosen, as often as the test has chosen, and 0 otherwise. */
struct op_fault {
    uint64_t key;
    uint32_t times; /* how often it fails; UINT32_MAX: always */
};
extern struct op_fault op_fault;
int op_fate(const struct spead_message *message);

/* The type "counted": each message of the source refers to an object that counts its references. */
void op_counted_ref(const struct spead_message *message);

#endif
