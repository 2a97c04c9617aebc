/* SPDX-License-Identifier: Apache-2.0 */
#include <speadline/item_group.h>
#include <speadline/recv.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stream *stream;
    struct spead_recv_runner *runner;
    struct spead_item_group *group;
    struct spead_heap *heap;
    struct spead_err err;
    int16_t x[4096];

    config.endpoints = (const char *const[]){argc > 1 ? argv[1] : "127.0.0.1:7148"};
    config.endpoint_count = 1;
    if (spead_item_group_create(&group, NULL, &err) < 0 ||
        spead_recv_stream_create(&stream, &config, &err) < 0 ||
        spead_recv_runner_start(&runner, stream, -1, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    while (spead_recv_stream_take(stream, &heap, SPEAD_DEADLINE_NEVER) == 0) {
        spead_item_group_update(group, heap);
        spead_heap_unref(heap);
        long sum = 0, n = spead_item_group_read(group, "samples", SPEAD_CTYPE_I16, x, 4096, &err);
        for (long i = 0; i < n; i++)
            sum += x[i];
        if (n >= 0)
            printf("%ld samples, sum %ld\n", n, sum);
    }
    spead_recv_runner_join(runner, NULL);
    spead_recv_stream_destroy(stream);
    spead_item_group_destroy(group);
}
