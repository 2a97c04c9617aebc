/* How a send sink fails: on a message, once all that was submitted before has ended; on the stream, at once. */
#include "send_sink.h"

#include <errno.h>
#include <string.h>

#include <speadi/err.h>

#include "send_stream.h"

/* No message is to blame: no policy can mend it. */
int speadi_sink_fail_stream(struct spead_send_sink *sink, struct spead_node *self)
{
    /* relaxed: the caller has seen it before */
    int broken = atomic_load_explicit(&sink->broken, memory_order_relaxed);

    if (broken == -ECANCELED)
        spead_node_explain(self, "the send stream was stopped while messages still came");
    else
        spead_node_explain(self, "the send stream has failed: %s", strerror(-broken));
    return broken;
}

/* Everything that was submitted has completed, or the node will be stepped again. */
static bool is_alone(struct spead_send_sink *sink)
{
    /* SINK1 acquire: as in reap(). */
    if (atomic_load_explicit(&sink->completed, memory_order_acquire) == sink->head)
        return true;
    speadi_sink_wake_when(sink, sink->head);
    /* After PROGRESS1: they may have come before. SINK1 acquire: as in reap(). */
    return atomic_load_explicit(&sink->completed, memory_order_acquire) == sink->head;
}

int speadi_sink_convict(struct spead_send_sink *sink, struct spead_node *self)
{
    const bool alone = is_alone(sink);
    int error = sink->verdict.code;

    /* relaxed: SINK1, in is_alone(), orders it */
    if (atomic_load_explicit(&sink->broken, memory_order_relaxed) != 0)
        return speadi_sink_fail_stream(sink, self);
    if (!alone)
        return SPEAD_STEP_WAITING;
    sink->verdict.code = 0;
    sink->blamed = sink->accused;
    if (sink->blamed != NULL)
        spead_node_working_on(self, &sink->blamed->message);
    spead_node_explain(self, "%s", sink->verdict.text);
    return error;
}

int speadi_sink_accuse(struct spead_send_sink *sink, struct spead_node *self,
                       struct speadi_sink_slot *slot, int error, const char *what, const char *why)
{
    sink->accused = slot;
    speadi_err_set(&sink->verdict, error, "%s: %s", what, why);
    return speadi_sink_convict(sink, self);
}

int speadi_sink_surrender(void *state, struct spead_message *failed)
{
    struct spead_send_sink *sink = state;
    struct speadi_sink_slot *slot = sink->blamed;

    if (slot == NULL)
        return -ENOENT;
    *failed = slot->message;
    slot->holds = slot->described = false;
    sink->blamed = NULL;
    speadi_sink_count(&sink->failed);
    return 0;
}
