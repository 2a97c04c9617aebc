/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing an end of a channel: the checks, the list of ends, the type, and the counters of closed ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "channel_parts.h"

static const char *type_name(int type)
{
    const struct spead_message_type *known =
        type == SPEAD_CHANNEL_ANY_TYPE ? NULL : spead_message_type_get((uint16_t)type);

    return known ? known->name : "any";
}

static int check_type(struct spead_channel *channel, const char *side, const char *name, int type,
                      struct spead_err *err)
{
    if (type != SPEAD_CHANNEL_ANY_TYPE &&
        (type < 0 || type >= SPEAD_TYPES_MAX || !spead_message_type_get((uint16_t)type)))
        return speadi_err_set(err, -EINVAL,
                              "channel \"%s\": type %d of %s \"%s\" is not registered",
                              channel->name, type, side, name);
    if (type == SPEAD_CHANNEL_ANY_TYPE || channel->type == SPEAD_CHANNEL_ANY_TYPE ||
        type == channel->type)
        return 0;
    return speadi_err_set(
        err, -EPROTOTYPE,
        "channel \"%s\": %s \"%s\" has messages of type \"%s\", but %s has type \"%s\"",
        channel->name, side, name, type_name(type), channel->type_from, type_name(channel->type));
}

static int check_state(const struct spead_channel *channel, bool is_sender, struct spead_err *err)
{
    uint32_t state = atomic_load(&channel->state);

    if (state & SPEADI_CANCELLED)
        return speadi_err_set(err, -ECANCELED, "channel \"%s\" was cancelled", channel->name);
    if (state & SPEADI_STOPPED)
        return speadi_err_set(err, -EPIPE, "channel \"%s\": its last receiving end has closed",
                              channel->name);
    if (is_sender && state & SPEADI_ENDED)
        return speadi_err_set(
            err, -ESHUTDOWN,
            "channel \"%s\": its last sending end has closed: open all sending ends first",
            channel->name);
    return 0;
}

static int check_form(const struct spead_channel *channel, bool is_sender, struct spead_err *err)
{
    static const char *const forms[] = {"spsc", "mpsc", "spmc", "mpmc"};
    bool many = is_sender ? channel->waiting_senders.many : channel->waiting_receivers.many;

    if (many || (is_sender ? channel->sender_count : channel->receiver_count) == 0)
        return 0;
    return speadi_err_set(
        err, -EBUSY, "channel \"%s\": form %s allows one %s, and it is already open: use %s",
        channel->name, forms[channel->form], is_sender ? "sending end" : "receiving end",
        is_sender ? "mpsc or mpmc" : "spmc or mpmc");
}

/* The first end that has a type decides the type of the channel. */
static int decide_type(struct spead_channel *channel, const char *side, const char *name, int type)
{
    if (channel->type != SPEAD_CHANNEL_ANY_TYPE || type == SPEAD_CHANNEL_ANY_TYPE)
        return 0;
    if (asprintf(&channel->type_from, "%s \"%s\"", side, name) < 0) {
        channel->type_from = NULL;
        return -ENOMEM;
    }
    channel->type = type;
    return 0;
}

static void link_end(struct speadi_end **first, struct speadi_end *end)
{
    end->previous = NULL;
    end->next = *first;
    if (*first)
        (*first)->previous = end;
    *first = end;
}

/* Checks whether the end fits the channel, and adds it to the channel. The caller must hold channel->control. */
static int attach(struct speadi_end *end, struct spead_channel *channel, const char *name, int type,
                  bool is_sender, struct spead_err *err)
{
    const char *side = is_sender ? "sending end" : "receiving end";
    int ret = check_state(channel, is_sender, err);

    if (ret == 0)
        ret = check_form(channel, is_sender, err);
    if (ret == 0)
        ret = check_type(channel, side, name, type, err);
    if (ret < 0)
        return ret;
    if (decide_type(channel, side, name, type) < 0)
        return speadi_err_set(err, -ENOMEM, "channel \"%s\": no memory for an end", channel->name);
    link_end(is_sender ? &channel->senders : &channel->receivers, end);
    *(is_sender ? &channel->sender_count : &channel->receiver_count) += 1;
    end->channel = spead_channel_ref(channel);
    return 0;
}

int speadi_end_open(struct speadi_end *end, struct spead_channel *channel, const char *name,
                    int type, bool is_sender, struct spead_err *err)
{
    int ret;

    end->is_sender = is_sender;
    pthread_mutex_lock(&channel->control);
    ret = attach(end, channel, name ? name : "unnamed", type, is_sender, err);
    pthread_mutex_unlock(&channel->control);
    if (ret == 0)
        end->plain = speadi_end_is_plain(end);
    return ret;
}

/* Adds the counters of an end that closes to the totals of its channel. */
static void add_to_totals(struct speadi_end *end, struct speadi_channel_totals *closed)
{
    uint64_t moved = speadi_counter_read(&end->moved);
    uint64_t waited_ns = speadi_counter_read(&end->waited_ns);
    uint64_t waits = speadi_counter_read(&end->waits);

    if (!end->is_sender) {
        closed->received += moved;
        closed->starved_ns += waited_ns;
        closed->starved += waits;
        return;
    }
    closed->sent += moved;
    closed->blocked_ns += waited_ns;
    closed->blocked += waits;
    for (unsigned i = 0; i < SPEAD_SHED_CAUSES; i++)
        closed->shed[i] += speadi_counter_read(&((struct spead_sender *)end)->shed[i]);
}

bool speadi_end_leave(struct speadi_end *end)
{
    struct spead_channel *channel = end->channel;
    struct speadi_end **first = end->is_sender ? &channel->senders : &channel->receivers;
    bool last;

    speadi_end_close_fd(end);
    pthread_mutex_lock(&channel->control);
    if (end->previous)
        end->previous->next = end->next;
    else
        *first = end->next;
    if (end->next)
        end->next->previous = end->previous;
    add_to_totals(end, &channel->closed);
    last = --*(end->is_sender ? &channel->sender_count : &channel->receiver_count) == 0;
    pthread_mutex_unlock(&channel->control);
    return last;
}

void speadi_end_release(struct speadi_end *end)
{
    spead_channel_unref(end->channel);
}
