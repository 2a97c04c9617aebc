/* SPDX-License-Identifier: Apache-2.0 */
#include <speadline/send_items.h>
#include <stdio.h>
#include <stdlib.h>

static struct spead_err err;

static int must(int ret)
{
    if (ret < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return ret;
}

/* Adds an item whose shape has one dimension, or none if `length` is 0. Returns its handle. */
static int add(struct spead_send_items *items, uint64_t id, const char *name, const char *dtype,
               int64_t length)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;
    int handle;

    config.id = id;
    config.name = name;
    config.dtype = dtype;
    config.shape = &length;
    config.dimension_count = length > 0;
    must(spead_descriptor_create(&descriptor, &config, &err));
    handle = must(spead_send_items_add(items, descriptor, &err));
    spead_descriptor_unref(descriptor);
    return handle;
}

int main(int argc, char **argv)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    const struct spead_flavour flavour = SPEAD_FLAVOUR_64_40;
    struct spead_send_stream *stream;
    struct spead_send_runner *runner;
    struct spead_send_items *items;
    struct spead_send_heap *heap;
    static int16_t values[1000];

    config.endpoints = (const char *const[]){argc > 1 ? argv[1] : "127.0.0.1:7148"};
    config.endpoint_count = 1;
    must(spead_send_stream_create(&stream, &config, &err));
    must(spead_send_runner_start(&runner, stream, -1, &err));
    must(spead_send_items_create(&items, NULL, &err));
    must(spead_send_heap_create(&heap, flavour));
    int time = add(items, 0x1600, "timestamp", ">u4", 0);
    int samples = add(items, 0x3300, "samples", ">i2", 1000);

    for (uint32_t number = 0; number < 5; number++) {
        for (int i = 0; i < 1000; i++)
            values[i] = (int16_t)(number + (uint32_t)i);
        must(spead_send_items_write(items, time, SPEAD_CTYPE_U32, &number, 1, &err));
        must(spead_send_items_write(items, samples, SPEAD_CTYPE_I16, values, 1000, &err));
        must(spead_send_items_fill(items, heap, SPEAD_SEND_ITEMS_STALE, SPEAD_SEND_ITEMS_STALE,
                                   &err));
        must(spead_send_stream_submit_wait(stream, heap, NULL, SPEAD_DEADLINE_NEVER));
        must(spead_send_stream_flush(
            stream, SPEAD_DEADLINE_NEVER)); /* only then is the heap filled again */
    }
    must(spead_send_heap_reset(heap, flavour));
    must(spead_send_heap_add_control(heap, SPEAD_CONTROL_STOP));
    must(spead_send_stream_submit_wait(stream, heap, NULL, SPEAD_DEADLINE_NEVER));
    spead_send_stream_stop(stream); /* sends what was submitted */
    spead_send_runner_join(runner, NULL);
    spead_send_stream_destroy(stream);
    spead_send_items_destroy(items);
    spead_send_heap_destroy(heap);
}
