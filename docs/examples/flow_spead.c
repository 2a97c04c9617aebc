/* SPDX-License-Identifier: Apache-2.0 */
/* SPEAD in a graph: heaps come over a memory link. The program pulls the mean of each heap when it
 * wants the mean. */
#include <inttypes.h>
#include <string.h>

#include <speadline/recv.h>
#include <speadline/send.h>

#include "build.h"
#include "stage.h"

#define HEAPS   6
#define SAMPLES 1000

/* An instrument: sends its heaps and ends. To use a network endpoint in place of the link, change two
 * lines. */
static void send_heaps(struct spead_mem_link *link)
{
    static uint8_t samples[HEAPS][SAMPLES];
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_heap *heap[HEAPS];
    struct spead_send_stream *stream;

    config.links = &link;
    config.link_count = 1;
    config.heaps_max = HEAPS;
    must(spead_send_stream_create(&stream, &config, &err));
    must(spead_send_stream_start(stream, &err));
    for (int i = 0; i < HEAPS; i++) {
        memset(samples[i], 10 * i, SAMPLES);
        must(spead_send_heap_create(&heap[i], (struct spead_flavour)SPEAD_FLAVOUR_64_48));
        must(spead_send_heap_add_item(heap[i], 0x1000, samples[i], SAMPLES, false));
        must(spead_send_stream_submit(stream, heap[i], NULL));
    }
    spead_send_stream_stop(stream);
    while (spead_send_stream_poll(stream) >= 0)
        ;
    spead_send_stream_destroy(stream);
    for (int i = 0; i < HEAPS; i++)
        spead_send_heap_destroy(heap[i]);
    spead_mem_link_close(link);
}

/* Replaces a heap by a number. The stream, sequence, time and key of the message stay the same. */
static int mean(struct spead_message *message)
{
    const struct spead_heap *heap = (const struct spead_heap *)(uintptr_t)message->reference;
    struct spead_message number = {.type = SPEAD_TYPE_PLAIN};
    uint64_t sum = 0;

    for (uint64_t i = 0; i < spead_heap_length(heap); i++)
        sum += spead_heap_payload(heap)[i];
    number.offset = sum / spead_heap_length(heap);
    spead_message_inherit(&number, message);
    spead_message_unref(message);
    *message = number;
    return 1;
}

int main(void)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_graph_config graph_config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_channel_config edge;
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;
    struct stage averaging = {.work = mean};
    struct spead_message number;

    must(spead_mem_link_create(&link, 64, 1472, &err));
    send_heaps(link);
    config.links = &link;
    config.link_count = 1;
    /* A full memory link makes its sender wait. A UDP sender cannot wait, so with a UDP endpoint the
     * library refuses SPEAD_ON_FULL_BLOCK. */
    config.on_full = SPEAD_ON_FULL_BLOCK;
    must(spead_recv_stream_create(&stream, &config, &err));
    must(spead_graph_create(&graph, &graph_config, &err));

    struct spead_graph_end heaps = {add(spead_recv_stream_node(stream, "stream")), "heaps"};
    struct spead_graph_end means = {
        add(stage_node(&averaging, "mean", SPEAD_TYPE_HEAP, SPEAD_TYPE_PLAIN, SPEAD_ON_ERROR_FAIL)),
        "out"};
    edge = spead_recv_stream_edge_config(stream);
    must(spead_graph_join(graph, heaps, (struct spead_graph_end){means.node, "in"}, &edge, &err));

    int ret = spead_graph_next(graph, means, &number, &err);
    for (; ret == 0; ret = spead_graph_next(graph, means, &number, &err))
        printf("heap %" PRIu64 ": mean %" PRIu64 "\n", number.key, number.offset);
    must(ret == -ESHUTDOWN ? 0 : ret);
    spead_graph_destroy(graph);
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(link);
    return 0;
}
