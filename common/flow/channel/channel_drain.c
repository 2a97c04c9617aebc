/* SPDX-License-Identifier: Apache-2.0 */
/* Sheds messages that no receiving end takes. One function sheds a single message. Another function sheds all messages
 * that are left after the last receiving end has closed. */
#include "channel_parts.h"
#include "taking.h"

void speadi_channel_shed(const struct spead_channel *channel, const struct spead_message *message,
                         enum spead_shed_cause cause)
{
    if (channel->on_shed)
        channel->on_shed(channel->on_shed_arg, message, cause);
    spead_message_unref(message);
}

static uint64_t drain_once(struct spead_channel *channel)
{
    /* RING2 acquire: the last receiving end, or an earlier drain, has read the slots before the head. */
    struct spead_receiver last = {.head =
                                      atomic_load_explicit(&channel->head, memory_order_acquire)};
    struct spead_message message;
    uint64_t count = 0;

    last.tail_seen = last.head;
    while ((channel->shared ? speadi_shared_take(channel, &message, 1, false)
                            : speadi_spsc_take(&last, channel, &message, 1, false)) == 1) {
        speadi_channel_shed(channel, &message, SPEAD_SHED_CANCELLED);
        count++;
    }
    return count;
}

/* The last receiving end drains the channel when it closes. A sending end that does not see the state STOPPED yet can
 * put in messages after that. So the last sending end drains the channel once more when it closes. These two ends can
 * call this function on two threads at the same time, but an SPSC ring allows only one reader. So only one of the two
 * threads drains, and it drains once for each of the two calls. */
void speadi_channel_drain(struct spead_channel *channel)
{
    uint64_t count = 0;

    /* CHANNEL3 release, acquire: the next drain continues where this drain stopped. It also sees every message that was
     * sent before the call that asked for this drain. */
    if (atomic_fetch_add_explicit(&channel->drains, 1, memory_order_acq_rel) > 0)
        return;
    do
        count += drain_once(channel);
    while (atomic_fetch_sub_explicit(&channel->drains, 1, memory_order_acq_rel) > 1);
    pthread_mutex_lock(&channel->control);
    channel->closed.shed[SPEAD_SHED_CANCELLED] += count;
    pthread_mutex_unlock(&channel->control);
}
