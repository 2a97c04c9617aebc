/* SPDX-License-Identifier: Apache-2.0 */
/* Sends one group of heaps. Tests compare its packets with those of another implementation:
 *     interop-heap-group ORDER ADDRESS_BITS PACKET ENDPOINT[,ENDPOINT...] BYTES...
 *
 * ORDER is 0 (serial) or 1 (round robin). Heap i has one item with the identifier 0x1000 + i and BYTES bytes, of which
 * byte k is (identifier + 7 k) modulo 256. It goes to the endpoints in turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/send.h>

enum { HEAPS_MAX = 16, ENDPOINTS_MAX = 4, BYTES_MAX = 1 << 16 };

static uint8_t memory[HEAPS_MAX][BYTES_MAX];
static struct spead_send_group_heap group[HEAPS_MAX];

static struct spead_send_heap *make_heap(unsigned number, size_t bytes, unsigned bits)
{
    const uint64_t id = 0x1000 + number;
    struct spead_send_heap *heap = NULL;

    if (bytes > BYTES_MAX || spead_send_heap_create(&heap, (struct spead_flavour){(uint8_t)bits}))
        return NULL;
    for (size_t k = 0; k < bytes; k++)
        memory[number][k] = (uint8_t)(id + 7 * k);
    if (spead_send_heap_add_item(heap, id, memory[number], bytes, false) < 0)
        return NULL;
    return heap;
}

static int send_group(struct spead_send_stream *stream, uint32_t count,
                      enum spead_send_group_order order)
{
    struct spead_send_runner *runner = NULL;
    int ret = spead_send_stream_submit_group(stream, group, count, order);

    if (ret == 0)
        ret = spead_send_runner_start(&runner, stream, -1, NULL);
    spead_send_stream_stop(stream);
    return ret < 0 ? ret : spead_send_runner_join(runner, NULL);
}

int main(int argc, char **argv)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream = NULL;
    const char *endpoints[ENDPOINTS_MAX];
    struct spead_err err = {0};
    uint32_t count = 0;
    int ret;

    if (argc < 6) {
        fprintf(stderr, "usage: interop-heap-group ORDER ADDRESS_BITS PACKET ENDPOINTS BYTES...\n");
        return 2;
    }
    for (char *name = strtok(argv[4], ","); name && config.endpoint_count < ENDPOINTS_MAX;
         name = strtok(NULL, ","))
        endpoints[config.endpoint_count++] = name;
    config.endpoints = endpoints;
    config.packet_bytes_max = (uint32_t)atoi(argv[3]);
    config.heaps_max = HEAPS_MAX;
    config.rate_bytes_per_s = 20e6;
    ret = spead_send_stream_create(&stream, &config, &err);
    for (; ret == 0 && count < HEAPS_MAX && argv[5 + count]; count++) {
        group[count].heap =
            make_heap(count, strtoul(argv[5 + count], NULL, 0), (unsigned)atoi(argv[2]));
        group[count].options.destination = count % config.endpoint_count;
    }
    if (ret == 0)
        ret = send_group(stream, count, (enum spead_send_group_order)atoi(argv[1]));
    if (ret < 0)
        fprintf(stderr, "interop-heap-group: %s (%d)\n", err.text, ret);
    spead_send_stream_destroy(stream);
    for (uint32_t i = 0; i < count; i++)
        spead_send_heap_destroy((struct spead_send_heap *)(uintptr_t)group[i].heap);
    return ret < 0 ? 1 : 0;
}
