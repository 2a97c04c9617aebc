/* SPDX-License-Identifier: Apache-2.0 */
/* The stream as a source node. The thread that steps the node is the stream's owner thread. */
#include <errno.h>
#include <string.h>

#include <speadi/channel_internal.h>
#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/node_internal.h>
#include <speadi/struct_size.h>

#include "recv_stream.h"

/* While no packet comes, the node sleeps at most this long. After LOOK_EVERY_NS the node looks whether anybody still
 * reads its output. In a pulled graph one thread steps all nodes, so the node lets the other nodes go on after
 * PULLED_SLEEP_NS. */
#define LOOK_EVERY_NS   100000000u
#define PULLED_SLEEP_NS 1000000u

#define POLLS_MAX 4u /* most polls in one step, if the thread steps no other node */

/* ---- Coming into a graph and going -------------------------------------------------------- */

static bool makes_its_sender_wait(const struct spead_recv_stream *stream)
{
    return (stream->ops->caps & SPEADI_RX_CAP_LOSSLESS) != 0;
}

static bool blocks(const struct spead_channel *edge)
{
    return edge && speadi_channel_policy_of(edge) == SPEAD_ON_FULL_BLOCK;
}

/* start() of the node: lets the heaps go through the node's output. It is not called on the node's thread, so it does
 * not touch the engine. After an error nothing has changed. */
static int join_graph(void *state, struct spead_node *self, struct spead_err *err)
{
    struct spead_recv_stream *stream = state;

    if (stream->started || stream->outlet.node || stream->state != SPEADI_RECV_RUNNING)
        return speadi_err_set(err, -EBUSY, "the stream has been run before: it runs once");
    if (blocks(speadi_node_channel(self, 0)) && !makes_its_sender_wait(stream) &&
        !speadi_node_is_pulled(self))
        return speadi_err_set(
            err, -EINVAL,
            "its output is joined by a channel that blocks, but engine \"%s\" cannot "
            "make its sender wait: join it with spead_recv_stream_edge_config()",
            stream->ops->about.name);
    speadi_outlet_bind(&stream->outlet, self);
    return 0;
}

/* finish() of the node: ends the stream, if the stream has not ended yet. Called after the last step of the node. */
static void leave_graph(void *state)
{
    struct spead_recv_stream *stream = state;

    speadi_outlet_bind(&stream->outlet, NULL); /* heaps that are still pending are shed */
    if (!stream->started)
        speadi_recv_end(stream, -ESHUTDOWN);
    else
        (void)spead_recv_stream_poll(stream); /* ends the stream, because nobody receives */
}

/* ---- Steps --------------------------------------------------------------------------------- */

static int start(struct spead_recv_stream *stream, struct spead_node *self)
{
    struct spead_err err = {0};
    int ret = spead_recv_stream_start(stream, &err);

    if (ret < 0)
        spead_node_explain(self, "%s", err.text[0] != '\0' ? err.text : strerror(-ret));
    return ret;
}

static bool has_reader(struct spead_recv_stream *stream, struct spead_node *self)
{
    int ret;

    if (stream->outlet.receiver_gone)
        return false;
    /* The node has sent a heap after it last looked for a reader. If the receiving end had been closed, that send would
     * have failed and set receiver_gone. */
    if (stream->node_sequence != stream->outlet.sequence) {
        stream->node_sequence = stream->outlet.sequence;
        return true;
    }
    ret = spead_node_send(self, 0, NULL, 0);
    return ret != -EPIPE && ret != -ECANCELED;
}

static int sleep_in_engine(struct spead_recv_stream *stream, struct spead_node *self)
{
    uint64_t limit_ns = speadi_node_is_pulled(self) ? PULLED_SLEEP_NS : LOOK_EVERY_NS;

    stream->outlet.receiver_gone = !has_reader(stream, self);
    if (!stream->outlet.receiver_gone) {
        spead_recv_stream_wait(stream, spead_node_now_ns(self) + limit_ns);
        spead_node_waited_for(self, "packets");
    }
    return SPEAD_STEP_AGAIN;
}

/* Stops the stream as one call of spead_recv_stream_stop() does. If that function was called already, this does
 * nothing, because a second call would end the stream immediately. */
static void stop(struct spead_recv_stream *stream)
{
    unsigned none = 0;

    /* relaxed: the next poll reads this number, on this same thread */
    atomic_compare_exchange_strong_explicit(&stream->stop_calls, &none, 1, memory_order_relaxed,
                                            memory_order_relaxed);
}

/* Polls until nothing comes, but at most POLLS_MAX times, and only once in a pulled graph. Usually one poll reads a
 * burst and the next one finds nothing. This loop does both in one step. */
static int poll(struct spead_recv_stream *stream, const struct spead_node *self)
{
    unsigned left = speadi_node_is_pulled(self) ? 1 : POLLS_MAX;
    int ret;

    do
        ret = spead_recv_stream_poll(stream);
    while (ret > 0 && --left > 0);
    return ret;
}

/* Tells whether the node itself waits for room in the hand-over. The channel resumes a suspended node only if the
 * channel blocks and is full of messages. It does not resume the node if heaps wait because of the bound of the bytes,
 * or if the node pauses. While the node pauses, its source goes on filling. */
static bool must_look_again(const struct spead_recv_stream *stream)
{
    return !stream->outlet.waits || (stream->outlet.counted && stream->outlet.bound.weights);
}

static int look_again(struct spead_recv_stream *stream, const struct spead_node *self)
{
    if (!speadi_node_is_pulled(self))
        spead_recv_stream_wait(stream, 0);
    return SPEAD_STEP_AGAIN;
}

/* Tells the graph how long no chunk was free although one was needed: the nodes behind this one hold all of them. */
static void tell_shortage(struct spead_recv_stream *stream, struct spead_node *self)
{
    uint64_t ns = stream->tally.totals->chunk_shortage_ns;

    if (ns > stream->chunks->told_short_ns)
        speadi_node_was_short_of(self, "chunk", ns - stream->chunks->told_short_ns);
    stream->chunks->told_short_ns = ns;
}

static int step(void *state, struct spead_node *self)
{
    struct spead_recv_stream *stream = state;
    int ret = stream->started ? 0 : start(stream, self);

    if (ret < 0)
        return ret;
    if (spead_node_is_stopping(self))
        stop(stream);
    ret = poll(stream, self);
    if (stream->chunks)
        tell_shortage(stream, self);
    if (ret == -ESHUTDOWN)
        return SPEAD_STEP_DONE;
    if (ret < 0)
        spead_node_explain(self, "receiving with engine \"%s\" failed: %s", stream->ops->about.name,
                           strerror(-ret));
    if (ret != 0)
        return ret < 0 ? ret : SPEAD_STEP_AGAIN;
    if (stream->counting_unread)
        return SPEAD_STEP_AGAIN;
    if (stream->chunks && stream->chunks->starving)
        return look_again(stream, self);
    if (stream->outlet.pending_count == 0)
        return sleep_in_engine(stream, self);
    return must_look_again(stream) ? look_again(stream, self) : SPEAD_STEP_WAITING;
}

static void interrupt(void *state)
{
    struct spead_recv_stream *stream = state;

    stream->ops->wake(stream->engine);
    speadi_wake_fd_signal(&stream->outlet.stop_wake);
}

void spead_recv_stream_fill_node(struct spead_recv_stream *stream, const char *name,
                                 struct spead_node_config *out)
{
    static const struct spead_port heaps = {.name = "heaps", .type = SPEAD_TYPE_HEAP};
    static const struct spead_node_ops ops = {
        .kind = "receive-stream",
        .start = join_graph,
        .step = step,
        .finish = leave_graph,
        .interrupt = interrupt,
    };
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = stream;
    config.outputs = stream->chunks ? &stream->chunks->port : &heaps;
    config.output_count = 1;
    config.blocking = true;
    config.memory_bytes = stream->plan.memory_bytes + stream->plan.table_bytes;
    (void)speadi_struct_write(out, &config, sizeof config);
}
