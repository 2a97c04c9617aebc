/* SPDX-License-Identifier: Apache-2.0 */
/* An item group takes heaps of a few items: two immediate ones and the rest addressed, over and over, each from another
 * heap than before. It is for counting instructions:
 *
 *     valgrind --tool=callgrind --toggle-collect=spead_item_group_update bench-item-group UPDATES [ITEMS]
 *
 * The heaps travel over a memory link first, as those of a program do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/item_group.h>
#include <speadline/recv.h>
#include <speadline/send.h>

#define HEAPS     2u
#define ITEMS_MAX 64u

static struct spead_err err;

static void must(int ret)
{
    if (ret >= 0)
        return;
    fprintf(stderr, "bench-item-group: %s\n", err.text[0] ? err.text : strerror(-ret));
    exit(1);
}

/* Item number `index` of a heap: a number, or an array of 64 bytes. */
static struct spead_descriptor *descriptor_of(unsigned index)
{
    static const int64_t shape = 64;
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;
    char name[16];

    snprintf(name, sizeof name, "item%u", index);
    config.id = 0x1000 + index;
    config.name = name;
    config.format = index < 2 ? "u32" : "u8";
    config.shape = &shape;
    config.dimension_count = index < 2 ? 0 : 1;
    must(spead_descriptor_create(&descriptor, &config, &err));
    return descriptor;
}

static void add_items(struct spead_item_group *group, struct spead_send_heap *heap, unsigned items)
{
    static const uint8_t bytes[64];

    for (unsigned i = 0; i < items; i++) {
        struct spead_descriptor *descriptor = descriptor_of(i);

        must(spead_item_group_add(group, descriptor, &err));
        must(spead_send_heap_add_item(heap, 0x1000 + i, bytes, i < 2 ? 4 : 64, i < 2));
        spead_descriptor_unref(descriptor);
    }
}

/* Sends the heap HEAPS times and takes what comes. */
static void pass(struct spead_send_heap *sent, struct spead_heap **taken)
{
    struct spead_recv_stream_config recv_config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_send_stream_config send_config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_recv_stream *receiver;
    struct spead_send_stream *sender;
    struct spead_mem_link *link;

    must(spead_mem_link_create(&link, 64, 2000, &err));
    recv_config.links = send_config.links = &link;
    recv_config.link_count = send_config.link_count = 1;
    recv_config.heap_bytes_max = 65536;
    must(spead_recv_stream_create(&receiver, &recv_config, &err));
    must(spead_send_stream_create(&sender, &send_config, &err));
    must(spead_recv_stream_start(receiver, &err));
    must(spead_send_stream_start(sender, &err));
    for (unsigned i = 0; i < HEAPS; i++)
        must(spead_send_stream_submit(sender, sent, NULL));
    while (spead_send_stream_poll(sender) > 0)
        ;
    while (spead_recv_stream_poll(receiver) > 0)
        ;
    for (unsigned i = 0; i < HEAPS; i++)
        must(spead_recv_stream_try_take(receiver, &taken[i]));
    spead_send_stream_destroy(sender);
    spead_recv_stream_destroy(receiver);
    spead_mem_link_unref(link);
}

int main(int argc, char **argv)
{
    const unsigned long updates = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    const unsigned items = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
    struct spead_item_group *group;
    struct spead_send_heap *sent;
    struct spead_heap *heap[HEAPS];
    unsigned long values = 0;

    if (items < 1 || items > ITEMS_MAX || updates < 1) {
        fprintf(stderr, "usage: bench-item-group UPDATES [ITEMS]\n");
        return 2;
    }
    must(spead_item_group_create(&group, NULL, &err));
    must(spead_send_heap_create(&sent, (struct spead_flavour)SPEAD_FLAVOUR_64_48));
    add_items(group, sent, items);
    pass(sent, heap);
    for (unsigned long i = 0; i < updates; i++)
        values += (unsigned long)spead_item_group_update(group, heap[i % HEAPS]);
    printf("{\"updates\": %lu, \"items\": %u, \"values\": %lu}\n", updates, items, values);
    for (unsigned i = 0; i < HEAPS; i++)
        spead_heap_unref(heap[i]);
    spead_item_group_destroy(group);
    spead_send_heap_destroy(sent);
    return values == updates * items ? 0 : 1;
}
