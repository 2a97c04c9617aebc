/* Messages that no receiver takes: they are shed, one by one, or drained when nobody receives any more. */
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
    /* RING2 acquire: the last receiver, or the drain before this one, is done with the slots before head. */
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

/* At most the capacity is left when the last receiver closes. A sender that had not heard of it may add a little after
 * that, which the last sender sees to when it closes. Should both do so at a time, one of them drains again for the
 * other: an SPSC ring has one reader. */
void speadi_channel_drain(struct spead_channel *channel)
{
    uint64_t count = 0;

    /* CHANNEL3 release, acquire: the next to drain sees how far this one came, and what was sent before it was
     * asked. */
    if (atomic_fetch_add_explicit(&channel->drains, 1, memory_order_acq_rel) > 0)
        return;
    do
        count += drain_once(channel);
    while (atomic_fetch_sub_explicit(&channel->drains, 1, memory_order_acq_rel) > 1);
    pthread_mutex_lock(&channel->control);
    channel->closed.shed[SPEAD_SHED_CANCELLED] += count;
    pthread_mutex_unlock(&channel->control);
}
