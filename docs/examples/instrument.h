/* SPDX-License-Identifier: Apache-2.0 */
/* An instrument for the examples: it sends heaps of 1000 bytes over a memory link, and ends. To receive
 * from the network, leave this file out, and set config.endpoints and config.endpoint_count. */
#include <stdlib.h>
#include <string.h>

#include <speadline/recv.h>
#include <speadline/send.h>

#define HEAPS   6
#define SAMPLES 1000

static struct spead_mem_link *instrument;

static void send_heaps(void)
{
    static unsigned char samples[HEAPS][SAMPLES];
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_heap *heap[HEAPS];
    struct spead_send_stream *stream;

    config.links = &instrument;
    config.link_count = 1;
    config.heaps_max = HEAPS;
    if (spead_send_stream_create(&stream, &config, NULL) < 0 ||
        spead_send_stream_start(stream, NULL) < 0)
        abort();
    for (int i = 0; i < HEAPS; i++) {
        memset(samples[i], i, SAMPLES);
        spead_send_heap_create(&heap[i], (struct spead_flavour)SPEAD_FLAVOUR_64_48);
        spead_send_heap_add_item(heap[i], 0x1000, samples[i], SAMPLES, false);
        spead_send_stream_submit(stream, heap[i], NULL);
    }
    spead_send_stream_stop(stream);
    while (spead_send_stream_poll(stream) >= 0)
        ;
    spead_send_stream_destroy(stream);
    for (int i = 0; i < HEAPS; i++)
        spead_send_heap_destroy(heap[i]);
    spead_mem_link_close(instrument);
}

/* Returns the configuration of a receiver that gets these heaps. */
static struct spead_recv_stream_config instrument_config(void)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    if (spead_mem_link_create(&instrument, 64, 1472, NULL) < 0)
        abort();
    send_heaps();
    config.links = &instrument;
    config.link_count = 1;
    config.on_full = SPEAD_ON_FULL_BLOCK; /* a memory link can wait; a network cannot */
    return config;
}

static void instrument_release(void)
{
    spead_mem_link_unref(instrument);
}
