/* SPDX-License-Identifier: Apache-2.0 */
/* The failures of a send sink. When the sink fails on a message, it first waits until all submitted heaps have
 * completed. When the stream of the sink has failed or was stopped, the sink fails immediately. */
#include "send_sink.h"

#include <errno.h>
#include <string.h>

#include <speadi/err.h>

/* Makes the node fail because the stream has failed. The failure concerns no single message, so the failure policy has
 * no message that it could skip or divert. */
int speadi_sink_fail_stream(struct spead_send_sink *sink, struct spead_node *self)
{
    /* relaxed: the caller has already read `broken`, and it was not 0 */
    int broken = atomic_load_explicit(&sink->broken, memory_order_relaxed);

    if (broken == -ECANCELED)
        spead_node_explain(self, "the send stream was stopped before all messages were sent");
    else
        spead_node_explain(self, "the send stream has failed: %s", strerror(-broken));
    return broken;
}

/* Returns true when every submitted heap has completed. When it returns false, the node will be woken after the last of
 * these heaps has completed. */
static bool all_completed(struct spead_send_sink *sink)
{
    /* SINK1 acquire: the owner thread of the stream has finished with the slots of these heaps. */
    if (atomic_load_explicit(&sink->completed, memory_order_acquire) == sink->head)
        return true;
    speadi_sink_wake_when(sink, sink->head);
    /* The node reads `completed` after it has called watch() (PROGRESS1), because heaps can have completed just before
     * that call. SINK1 acquire: the owner thread of the stream has finished with the slots of these heaps. */
    return atomic_load_explicit(&sink->completed, memory_order_acquire) == sink->head;
}

int speadi_sink_fail_pending(struct spead_send_sink *sink, struct spead_node *self)
{
    const bool completed = all_completed(sink);
    int error = sink->pending_error.code;

    /* relaxed: the load of `completed` in all_completed() orders this load (SINK1) */
    if (atomic_load_explicit(&sink->broken, memory_order_relaxed) != 0)
        return speadi_sink_fail_stream(sink, self);
    if (!completed)
        return SPEAD_STEP_WAITING;
    sink->pending_error.code = 0;
    sink->failed_slot = sink->pending_slot;
    if (sink->failed_slot)
        spead_node_working_on(self, &sink->failed_slot->message);
    spead_node_explain(self, "%s", sink->pending_error.text);
    return error;
}

int speadi_sink_fail_later(struct spead_send_sink *sink, struct spead_node *self,
                           struct speadi_sink_slot *slot, int error, const char *what,
                           const char *why)
{
    sink->pending_slot = slot;
    speadi_err_set(&sink->pending_error, error, "%s: %s", what, why);
    return speadi_sink_fail_pending(sink, self);
}

int speadi_sink_surrender(void *state, struct spead_message *failed)
{
    struct spead_send_sink *sink = state;
    struct speadi_sink_slot *slot = sink->failed_slot;

    if (!slot)
        return -ENOENT;
    *failed = slot->message;
    slot->holds = slot->described = false;
    sink->failed_slot = NULL;
    speadi_sink_count(&sink->failed);
    return 0;
}
