/* SPDX-License-Identifier: Apache-2.0 */
/* Sends one heap with the items of the command line, then a stop heap. Tests use it to see what another implementation
 * receives:   interop-heap-send ENDPOINT ADDRESS_BITS PACKET ITEM...
 *
 * ITEM is i:ID:VALUE for an immediate item, or d:ID:BYTES for an addressed item. Byte k of an addressed item is (ID + 7
 * k) modulo 256. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadline/send.h>

static int fail(const char *what)
{
    fprintf(stderr, "interop-heap-send: %s\n", what);
    return -1;
}

/* The data of all items. The heap borrows this memory until it has been sent. */
static uint8_t memory[1 << 20];
static size_t memory_used;

static int add_item(struct spead_send_heap *heap, const char *text)
{
    char kind;
    unsigned long long id, number;

    if (sscanf(text, "%c:%llu:%llu", &kind, &id, &number) != 3)
        return fail("an item is i:ID:VALUE or d:ID:BYTES");
    if (kind == 'i')
        return spead_send_heap_add_immediate(heap, id, number);
    if (number > sizeof memory - memory_used)
        return fail("the items are larger than 1 MiB together");

    uint8_t *data = memory + memory_used;
    memory_used += number;
    for (size_t k = 0; k < number; k++)
        data[k] = (uint8_t)(id + 7 * k);
    return spead_send_heap_add_item(heap, id, data, number, false);
}

static int send_heap(struct spead_send_stream *stream, const struct spead_send_heap *heap)
{
    if (spead_send_stream_submit_wait(stream, heap, NULL, 0) < 0)
        return fail("the heap was refused");
    return spead_send_stream_flush(stream, 0);
}

static int send_all(struct spead_send_stream *stream, struct spead_flavour flavour, char **items)
{
    struct spead_send_heap *heap = NULL, *stop = NULL;
    int ret = -1;

    if (spead_send_heap_create(&heap, flavour) < 0 || spead_send_heap_create(&stop, flavour) < 0)
        goto out;
    for (; *items != NULL; items++) {
        if (add_item(heap, *items) < 0) {
            fail(*items);
            goto out;
        }
    }
    if (spead_send_heap_add_control(stop, SPEAD_CONTROL_STOP) < 0 || send_heap(stream, heap) < 0)
        goto out;
    ret = send_heap(stream, stop);
out:
    spead_send_heap_destroy(stop);
    spead_send_heap_destroy(heap);
    return ret;
}

int main(int argc, char **argv)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream = NULL;
    struct spead_send_runner *runner = NULL;
    struct spead_err err;

    if (argc < 4) {
        fprintf(stderr, "usage: interop-heap-send ENDPOINT ADDRESS_BITS PACKET ITEM...\n");
        return 2;
    }
    const char *endpoints[] = {argv[1]};
    struct spead_flavour flavour = {(uint8_t)atoi(argv[2])};
    config.endpoints = endpoints;
    config.endpoint_count = 1;
    config.packet_bytes_max = (uint32_t)atoi(argv[3]);
    config.rate_bytes_per_s = 20e6;
    if (spead_send_stream_create(&stream, &config, &err) < 0 ||
        spead_send_runner_start(&runner, stream, -1, &err) < 0) {
        fail(err.text);
        spead_send_stream_destroy(stream);
        return 1;
    }
    int ret = send_all(stream, flavour, argv + 4);
    spead_send_stream_stop(stream);
    if (spead_send_runner_join(runner, NULL) < 0)
        ret = -1;
    spead_send_stream_destroy(stream);
    return ret < 0 ? 1 : 0;
}
