/* SPDX-License-Identifier: Apache-2.0 */
/* While the network sends one heap, the program makes the next one. usage: pipelined [HOST:PORT] */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <speadline/send_slots.h>

static struct spead_err error;

static void must(int ret)
{
    if (ret < 0)
        errx(1, "error %d: %s", ret, error.text);
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "127.0.0.1:8888";
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_slots_config shape = SPEAD_SEND_SLOTS_CONFIG_INIT;
    struct spead_send_stream *stream;
    struct spead_send_runner *runner;
    struct spead_send_slots *slots;
    struct spead_send_slot *slot;

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.heaps_max = shape.slot_count = 2; /* one that is sent, and one that is made */
    shape.slot_bytes = 1 << 20;
    shape.item_id = 0x1600;
    must(spead_send_stream_create(&stream, &config, &error));
    must(spead_send_runner_start(&runner, stream, -1 /* on any CPU */, &error));
    must(spead_send_slots_create(&slots, &shape, &error));
    for (int i = 0; i < 100; i++) {
        must(spead_send_slots_acquire(slots, &slot, SPEAD_DEADLINE_NEVER));
        memset(slot->data, i, slot->bytes); /* here the program makes its samples */
        must(spead_send_slot_submit(slot, stream, NULL));
    }
    spead_send_stream_stop(stream); /* sends what was submitted, then the runner ends */
    must(spead_send_runner_join(runner, NULL));
    printf("the last heap was number %d\n", (int)slot->result.counter);
    spead_send_stream_destroy(stream);
    spead_send_slots_destroy(slots);
}
