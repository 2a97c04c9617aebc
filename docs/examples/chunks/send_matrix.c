/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: send_matrix ENDPOINT CHANNEL. Sends 8 heaps of one channel, and leaves out time CHANNEL. */
#include <speadline/send.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct spead_err err;

static void must(int ret)
{
    if (ret < 0) {
        fprintf(stderr, "error %d: %s\n", ret, err.text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    const struct spead_flavour flavour = SPEAD_FLAVOUR_64_48;
    uint64_t channel = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    uint8_t samples[1024];
    struct spead_send_stream *stream;
    struct spead_send_runner *runner;
    struct spead_send_heap *heap;

    config.endpoints = (const char *const[]){argc > 1 ? argv[1] : "127.0.0.1:7148"};
    config.endpoint_count = 1;
    must(spead_send_stream_create(&stream, &config, &err));
    must(spead_send_runner_start(&runner, stream, -1, &err));
    must(spead_send_heap_create(&heap, flavour));
    memset(samples, 1, sizeof samples);
    for (uint64_t time = 0; time < 8; time++) {
        if (time == channel)
            continue;
        must(spead_send_heap_reset(heap, flavour));
        must(spead_send_heap_add_immediate(heap, 0x1600, time * 4096));
        must(spead_send_heap_add_immediate(heap, 0x4101, channel));
        must(spead_send_heap_add_item(heap, 0x3300, samples, sizeof samples, false));
        must(spead_send_stream_submit_wait(stream, heap, NULL, SPEAD_DEADLINE_NEVER));
        must(spead_send_stream_flush(stream, SPEAD_DEADLINE_NEVER));
    }
    must(spead_send_heap_reset(heap, flavour));
    must(spead_send_heap_add_control(heap, SPEAD_CONTROL_STOP));
    must(spead_send_stream_submit_wait(stream, heap, NULL, SPEAD_DEADLINE_NEVER));
    spead_send_stream_stop(stream);
    spead_send_runner_join(runner, NULL);
    spead_send_stream_destroy(stream);
    spead_send_heap_destroy(heap);
}
