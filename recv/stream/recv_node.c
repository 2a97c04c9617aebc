/* The stream as a source node: its thread is the stream's owner. */
#include <errno.h>
#include <string.h>

#include <speadi/channel_internal.h>
#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/node_internal.h>

#include "recv_stream.h"

/* How long a silent source may keep the node from seeing that nobody reads its output any more; and, where
 * the thread has other nodes to step, from them. */
#define LOOK_EVERY_NS   100000000u
#define PULLED_SLEEP_NS 1000000u

#define POLLS_MAX 4u /* in a step, on a thread that has nothing else to do */

/* ---- Coming into a graph and going -------------------------------------------------------- */

static bool makes_its_sender_wait(const struct spead_recv_stream *s)
{
    return (s->ops->caps & SPEADI_RX_CAP_LOSSLESS) != 0;
}

static bool blocks(const struct spead_channel *edge)
{
    return edge != NULL && speadi_channel_policy(edge) == SPEAD_CHANNEL_BLOCK;
}

/* Not on the node's thread: nothing of the engine is touched. What is refused is as it was. */
static int enter(void *state, struct spead_node *self, struct spead_err *err)
{
    struct spead_recv_stream *s = state;

    if (s->started || s->outlet.node != NULL || s->state != SPEADI_RECV_RUNNING)
        return speadi_err_set(err, -EBUSY, "the stream has been run before: it runs once");
    if (blocks(speadi_node_channel(self, 0)) && !makes_its_sender_wait(s) &&
        !speadi_node_is_pulled(self))
        return speadi_err_set(
            err, -EINVAL,
            "its output is joined by a channel that blocks, but engine \"%s\" cannot "
            "make its sender wait: join it with spead_recv_stream_edge_config()",
            s->ops->about.name);
    speadi_outlet_bind(&s->outlet, self);
    return 0;
}

/* After the last step, which need not have been the stream's last. */
static void leave(void *state)
{
    struct spead_recv_stream *s = state;

    speadi_outlet_bind(&s->outlet, NULL); /* what is still pending is shed */
    if (!s->started)
        speadi_recv_end(s, -ECANCELED);
    else
        (void)spead_recv_stream_poll(s); /* ends it: nobody receives */
}

/* ---- Steps --------------------------------------------------------------------------------- */

static int start(struct spead_recv_stream *s, struct spead_node *self)
{
    struct spead_err err = {0};
    int ret = spead_recv_stream_start(s, &err);

    if (ret < 0)
        spead_node_explain(self, "%s", err.text[0] != '\0' ? err.text : strerror(-ret));
    return ret;
}

static bool is_read(struct spead_recv_stream *s, struct spead_node *self)
{
    int ret;

    if (s->outlet.gone)
        return false;
    if (s->node_sequence !=
        s->outlet.sequence) { /* a heap was sent meanwhile, and that would have told */
        s->node_sequence = s->outlet.sequence;
        return true;
    }
    ret = spead_node_send(self, 0, NULL, 0);
    return ret != -EPIPE && ret != -ECANCELED;
}

static int sleep_in_engine(struct spead_recv_stream *s, struct spead_node *self)
{
    uint64_t limit_ns = speadi_node_is_pulled(self) ? PULLED_SLEEP_NS : LOOK_EVERY_NS;

    s->outlet.gone = !is_read(s, self);
    if (!s->outlet.gone)
        spead_recv_stream_wait(s, spead_node_now_ns(self) + limit_ns);
    return SPEAD_STEP_AGAIN;
}

/* Unless somebody has: a second call means now. */
static void stop(struct spead_recv_stream *s)
{
    unsigned none = 0;

    /* relaxed: this thread will look itself */
    atomic_compare_exchange_strong_explicit(&s->stop_calls, &none, 1, memory_order_relaxed,
                                            memory_order_relaxed);
}

/* Mostly a burst, and the poll that finds nothing: one step for both. */
static int poll(struct spead_recv_stream *s, const struct spead_node *self)
{
    unsigned left = speadi_node_is_pulled(self) ? 1 : POLLS_MAX;
    int ret;

    do
        ret = spead_recv_stream_poll(s);
    while (ret > 0 && --left > 0);
    return ret;
}

static int step(void *state, struct spead_node *self)
{
    struct spead_recv_stream *s = state;
    int ret = s->started ? 0 : start(s, self);

    if (ret < 0)
        return ret;
    if (spead_node_is_stopping(self))
        stop(s);
    ret = poll(s, self);
    if (ret == -ESHUTDOWN)
        return SPEAD_STEP_DONE;
    if (ret < 0)
        spead_node_explain(self, "receiving with engine \"%s\" failed: %s", s->ops->about.name,
                           strerror(-ret));
    if (ret != 0)
        return ret < 0 ? ret : SPEAD_STEP_AGAIN;
    return s->outlet.pending_count > 0 ? SPEAD_STEP_WAITING : sleep_in_engine(s, self);
}

static void interrupt(void *state)
{
    struct spead_recv_stream *s = state;

    s->ops->wake(s->engine);
}

struct spead_node_config spead_recv_stream_node(struct spead_recv_stream *s, const char *name)
{
    static const struct spead_port output = {.name = "heaps", .type = SPEAD_TYPE_HEAP};
    static const struct spead_node_ops ops = {
        .kind = "receive-stream",
        .start = enter,
        .step = step,
        .finish = leave,
        .interrupt = interrupt,
    };
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = s;
    config.outputs = &output;
    config.output_count = 1;
    config.blocking = true;
    config.memory_bytes = s->plan.memory_bytes + s->plan.table_bytes;
    return config;
}
