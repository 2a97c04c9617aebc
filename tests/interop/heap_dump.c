/* SPDX-License-Identifier: Apache-2.0 */
/* Receives heaps until the stop item, and prints each heap with its items. Tests use it to see what another
 * implementation has sent:   interop-heap-dump ENDPOINT
 *
 * It prints a line of JSON for each heap: {"counter", "address_bits", "length", "complete", "items": [[id, value],
 * ...]}. The value of an addressed item is a string of hex digits. The last line is the ledger. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <speadline/recv.h>

static void print_item(const struct spead_item *item, bool first)
{
    printf("%s[%" PRIu64 ", ", first ? "" : ", ", item->id);
    if (item->is_immediate) {
        printf("%" PRIu64 "]", item->value);
        return;
    }
    putchar('"');
    for (size_t i = 0; i < item->bytes; i++)
        printf("%02x", item->data[i]);
    printf("\"]");
}

static void print_heap(const struct spead_heap *heap)
{
    size_t count = spead_heap_item_count(heap);

    printf("{\"counter\": %" PRIu64 ", \"address_bits\": %u, \"length\": %" PRIu64 ", "
           "\"complete\": %s, \"items\": [",
           spead_heap_counter(heap), spead_heap_flavour(heap).heap_address_bits,
           spead_heap_length(heap), spead_heap_is_complete(heap) ? "true" : "false");
    for (size_t i = 0; i < count; i++) {
        struct spead_item item;

        if (spead_heap_item(heap, i, &item) == 0)
            print_item(&item, i == 0);
    }
    printf("]}\n");
}

static void print_ledger(const struct spead_recv_stream *stream)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;

    spead_recv_stream_stats(stream, &stats);
    printf("{\"missing\": %" PRIu64 ", \"kernel_drops\": %" PRIu64, stats.counters.missing_packets,
           stats.counters.kernel_drops);
    for (unsigned i = 0; i < stats.bucket_count; i++) {
        if (stats.total.bucket[i].packets > 0)
            printf(", \"%s\": %" PRIu64, spead_recv_bucket_name(i), stats.total.bucket[i].packets);
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stream *stream = NULL;
    struct spead_recv_runner *runner = NULL;
    struct spead_err err;
    struct spead_heap *heap;

    if (argc != 2) {
        fprintf(stderr, "usage: interop-heap-dump ENDPOINT\n");
        return 2;
    }
    const char *endpoints[] = {argv[1]};
    config.endpoints = endpoints;
    config.endpoint_count = 1;
    if (spead_recv_stream_create(&stream, &config, &err) < 0 ||
        spead_recv_runner_start(&runner, stream, -1, &err) < 0) {
        fprintf(stderr, "interop-heap-dump: %s\n", err.text);
        spead_recv_stream_destroy(stream);
        return 1;
    }
    while (spead_recv_stream_take(stream, &heap, 0) == 0) {
        print_heap(heap);
        spead_heap_unref(heap);
    }
    int ret = spead_recv_runner_join(runner, NULL);
    print_ledger(stream);
    spead_recv_stream_destroy(stream);
    return ret < 0 ? 1 : 0;
}
