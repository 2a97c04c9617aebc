/* SPDX-License-Identifier: Apache-2.0 */
#include "channel_rig.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int ret, const struct spead_err *err)
{
    if (ret == 0)
        return;
    fprintf(stderr, "channel rig: %s\n", err->text);
    abort();
}

static struct channel_rig open_rig(const struct spead_channel_config *config, int type)
{
    struct channel_rig rig = {0};
    struct spead_err err = {0};

    must(spead_channel_create(&rig.channel, config, &err), &err);
    must(spead_sender_open(&rig.sender, rig.channel, "in", type, &err), &err);
    must(spead_receiver_open(&rig.receiver, rig.channel, "out", type, &err), &err);
    return rig;
}

struct channel_rig channel_rig_open(const struct spead_channel_config *config)
{
    return open_rig(config, SPEAD_TYPE_PLAIN);
}

struct channel_rig channel_rig_open_any(const struct spead_channel_config *config)
{
    return open_rig(config, SPEAD_CHANNEL_ANY_TYPE);
}

bool channel_rig_is_readable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, 0) == 1;
}

void channel_rig_close(struct channel_rig *rig)
{
    spead_sender_close(rig->sender, 0);
    spead_receiver_close(rig->receiver);
    spead_channel_unref(rig->channel);
    *rig = (struct channel_rig){0};
}

struct spead_channel_config channel_rig_config(enum spead_channel_form form,
                                               enum spead_on_full policy, uint32_t capacity)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.form = form;
    config.on_full = policy;
    config.capacity = capacity;
    config.sample_n = 1;
    return config;
}

struct channel_rig channel_rig_open_form(enum spead_channel_form form, uint32_t capacity)
{
    struct spead_channel_config config = channel_rig_config(form, SPEAD_ON_FULL_BLOCK, capacity);

    return channel_rig_open(&config);
}

int channel_rig_send(struct spead_sender *sender, uint64_t first, uint32_t count)
{
    struct spead_message messages[256];

    memset(messages, 0, sizeof messages);
    for (uint32_t i = 0; i < count; i++)
        messages[i].sequence = first + i;
    return spead_sender_try_send(sender, messages, count);
}

int channel_rig_send_to_lane(struct spead_sender *sender, uint64_t sequence, uint8_t priority)
{
    struct spead_message message = {.sequence = sequence, .priority = priority};

    return spead_sender_try_send(sender, &message, 1);
}

int channel_rig_receive(struct spead_receiver *receiver, uint64_t first, uint32_t max)
{
    struct spead_message messages[256];
    int count = spead_receiver_try_receive(receiver, messages, max);

    for (int i = 0; i < count; i++)
        if (messages[i].sequence != first + (uint64_t)i)
            return -EBADMSG;
    return count;
}

int channel_rig_receive_one(struct spead_receiver *receiver)
{
    struct spead_message message;
    int ret = spead_receiver_try_receive(receiver, &message, 1);

    return ret == 1 ? (int)message.sequence : ret;
}

struct spead_channel_stats channel_rig_stats(struct spead_channel *channel)
{
    struct spead_channel_stats stats = SPEAD_CHANNEL_STATS_INIT;

    spead_channel_stats(channel, &stats);
    return stats;
}

bool channel_rig_adds_up(const struct spead_channel_stats *stats)
{
    uint64_t sum = stats->received + stats->depth;

    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        sum += stats->shed[i];
    return stats->sent == sum;
}
