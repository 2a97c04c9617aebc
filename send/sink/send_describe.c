/* SPDX-License-Identifier: Apache-2.0 */
/* Describes the heap that the sink sends for a message. If the configuration has a function `describe`, that function
 * describes the heap. Otherwise the functions of this file do it, for messages that are received heaps or regions. */
#include <errno.h>
#include <string.h>

#include <speadline/heap.h>
#include <speadline/region.h>

#include <speadi/bytes.h>

#include "send_sink.h"

static int copy_item(struct spead_send_heap *to, const struct spead_item *item)
{
    if (item->is_immediate)
        return spead_send_heap_add_immediate(to, item->id, item->value);
    return spead_send_heap_add_item(to, item->id, item->data, item->bytes, false);
}

static int describe_heap(const struct spead_send_sink *sink, struct speadi_sink_slot *slot)
{
    const struct spead_heap *heap = (const struct spead_heap *)(uintptr_t)slot->message.reference;
    const size_t count = spead_heap_item_count(heap);
    int ret;

    if (!spead_heap_is_complete(heap))
        return sink->config.incomplete == SPEAD_SEND_INCOMPLETE_SKIP ? 1 : -EBADMSG;
    ret = spead_send_heap_reset(slot->heap, spead_heap_flavour(heap));
    for (size_t i = 0; i < count && ret >= 0; i++) {
        struct spead_item item;

        ret = spead_heap_item(heap, i, &item);
        if (ret == 0)
            ret = copy_item(slot->heap, &item);
    }
    slot->options.explicit_counter = true;
    slot->options.counter = spead_heap_counter(heap);
    return ret < 0 ? ret : 0;
}

static int add_data(const struct spead_send_sink *sink, struct speadi_sink_slot *slot)
{
    const struct spead_message *message = &slot->message;
    const struct spead_region *region = (const struct spead_region *)(uintptr_t)message->reference;
    const uint64_t room = spead_region_bytes(region);
    const uint8_t *data = spead_region_data(region);

    if (message->offset > room || message->length > room - message->offset)
        return -ERANGE;
    if (!data)
        return -ENOTSUP;
    return spead_send_heap_add_item(slot->heap, sink->config.data_id, data + message->offset,
                                    message->length, false);
}

static int describe_region(const struct spead_send_sink *sink, struct speadi_sink_slot *slot)
{
    const struct spead_send_sink_config *config = &sink->config;
    const struct spead_message *message = &slot->message;
    int ret = spead_region_query((const struct spead_region *)(uintptr_t)message->reference,
                                 message->event);

    if (ret == 0)
        return -EAGAIN;
    if (ret > 0)
        ret = add_data(sink, slot);
    if (ret >= 0 && config->sequence_id != 0)
        ret = spead_send_heap_add_immediate(slot->heap, config->sequence_id,
                                            message->sequence &
                                                spead_flavour_value_max(config->flavour));
    if (ret >= 0 && config->time_id != 0) {
        speadi_store_be64(slot->time, message->time_ns);
        ret = spead_send_heap_add_item(slot->heap, config->time_id, slot->time, sizeof slot->time,
                                       false);
    }
    return ret < 0 ? ret : 0;
}

int speadi_sink_describe(const struct spead_send_sink *sink, struct speadi_sink_slot *slot)
{
    const struct spead_send_sink_config *config = &sink->config;
    int ret = spead_send_heap_reset(slot->heap, config->flavour);

    slot->options = (struct spead_send_options){.destination = config->destination};
    if (ret < 0)
        return ret;
    if (config->describe) {
        ret = config->describe(config->describe_arg, &slot->message, slot->heap, &slot->options);
        return ret < 0 ? ret : 0;
    }
    /* A sending end without a declared type can send messages of every type. So this function checks the type of the
     * message. */
    if (slot->message.type != config->type || slot->message.reference == 0)
        return -EPROTOTYPE;
    return config->type == SPEAD_TYPE_HEAP ? describe_heap(sink, slot)
                                           : describe_region(sink, slot);
}

const char *speadi_sink_error_text(const struct spead_send_sink *sink, int code)
{
    if (!sink->config.describe && code == -EPROTOTYPE)
        return "the message is of another type, or has no object";
    if (!sink->config.describe && sink->config.type == SPEAD_TYPE_HEAP && code == -EBADMSG)
        return "the heap is incomplete, and where its items end cannot be known";
    if (!sink->config.describe && code == -ENOTSUP)
        return "the region is in memory that the CPU cannot read";
    if (!sink->config.describe && code == -ERANGE)
        return "its bytes are outside of the region, or too many for the flavour";
    return strerror(-code);
}
