/* SPDX-License-Identifier: Apache-2.0 */
#include <speadline/item_group.h>
#include <speadline/recv.h>
#include <speadline/value.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stream *stream;
    struct spead_recv_runner *runner;
    struct spead_item_group *group;
    const struct spead_group_item *item;
    struct spead_heap *heap;
    struct spead_err err;
    static int16_t sample[4096];
    size_t count;

    config.endpoints = (const char *const[]){argc > 1 ? argv[1] : "127.0.0.1:7148"};
    config.endpoint_count = 1;
    if (spead_item_group_create(&group, NULL, &err) < 0 ||
        spead_recv_stream_create(&stream, &config, &err) < 0 ||
        spead_recv_runner_start(&runner, stream, -1, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    while (spead_recv_stream_take(stream, &heap, SPEAD_DEADLINE_NEVER) == 0) {
        spead_item_group_update(group, heap);
        spead_heap_unref(heap);
        item = spead_item_group_find(group, "samples");
        if (item && spead_item_read(&item->value, item->descriptor, 0, SPEAD_CTYPE_I16, sample,
                                    4096, &count, &err) == 0) {
            long sum = 0;
            for (size_t i = 0; i < count; i++)
                sum += sample[i];
            printf("%zu samples, sum %ld\n", count, sum);
        }
    }
    spead_recv_runner_join(runner, NULL);
    spead_recv_stream_destroy(stream);
    spead_item_group_destroy(group);
}
