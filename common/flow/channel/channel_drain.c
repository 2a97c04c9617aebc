/* Sheds messages that no receiving end takes: a single message, or all messages that are left when the last receiving
 * end has closed. */
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
    /* RING2 acquire: the last receiving end, or the drain before this one, has read the slots before the head. */
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

/* The last receiving end drains the channel when it closes. A sending end that has not seen the state STOPPED yet may
 * add messages after that, so the last sending end drains once more when it closes. The threads of these two ends may
 * call this function at the same time, but an SPSC ring allows only one reader. So only one of the two threads drains,
 * and it drains once for each of the two calls. */
void speadi_channel_drain(struct spead_channel *channel)
{
    uint64_t count = 0;

    /* CHANNEL3 release, acquire: the next drain sees how far this drain came. It also sees every message that was sent
     * before the call of this function that asked for the next drain. */
    if (atomic_fetch_add_explicit(&channel->drains, 1, memory_order_acq_rel) > 0)
        return;
    do
        count += drain_once(channel);
    while (atomic_fetch_sub_explicit(&channel->drains, 1, memory_order_acq_rel) > 1);
    pthread_mutex_lock(&channel->control);
    channel->closed.shed[SPEAD_SHED_CANCELLED] += count;
    pthread_mutex_unlock(&channel->control);
}
