/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever heaps come, an item group finds its items, every value of an item can be read, no more than one heap is
 * held, memory stays within its bound, and what is refused is counted and named.
 * Method: libFuzzer. The first byte of the input is the configuration; after it come operations of one byte each, with
 * their arguments: they add items, descriptors and markers to a heap, and give the heap to the group. A heap is freed as
 * soon as the group does not hold it, so that a sanitizer finds a value that outlives its memory. Seeds:
 * corpus/item_group, see make_seeds.py. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/item_group.h>
#include <speadline/value.h>

#include "item_heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAPS_MAX = 64, ITEMS_MAX = 200, MEMORY = 3000 };

struct script {
    const uint8_t *at;
    size_t left;
};

struct run {
    struct spead_item_group *group;
    struct spead_item_group_config config;
    struct item_heap *heaps[HEAPS_MAX];
    unsigned heap_count;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t next(struct script *script)
{
    if (script->left == 0)
        return 0;
    script->left--;
    return *script->at++;
}

/* Takes up to `bytes` bytes. Returns how many. */
static size_t take(struct script *script, size_t bytes, const uint8_t **data)
{
    *data = script->at;
    if (bytes > script->left)
        bytes = script->left;
    script->at += bytes;
    script->left -= bytes;
    return bytes;
}

/* ---- Heaps ------------------------------------------------------------------------------------- */

/* Adds a descriptor that is well formed: one of few identifiers and names, so that they replace each other. */
static void add_descriptor(struct item_heap *made, struct script *script)
{
    static const char *const names[] = {"a", "b", "c", "d", "", "a longer name", "e", "f"};
    static const char *const formats[] = {"u8", "i12", "c8", "f32", "u1 u7", "b3", "u64", "u13 c8"};
    static const char *const dtypes[] = {
        "<i2", ">f8", "|S3", "<c8", "[('x', '<u2'), ('y', '|i1', (2,))]", "|b1", "<U2", "|V5"};
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    const uint8_t what = next(script), type = next(script), length = next(script);
    const int64_t shape = length == 255 && (type & 1) == 0 ? SPEAD_DIMENSION_VARIABLE : length % 32;
    struct spead_descriptor *descriptor;

    config.id = 0x1000 + (what & 7);
    config.name = names[what >> 3 & 7];
    config.description = what >> 6 ? "text" : "";
    if ((type & 1) == 0)
        config.format = formats[type >> 1 & 7];
    else
        config.dtype = dtypes[type >> 1 & 7];
    config.shape = &shape;
    config.dimension_count = type >> 7;
    check(spead_descriptor_create(&descriptor, &config, NULL) == 0);
    item_heap_descriptor(made, descriptor);
    spead_descriptor_unref(descriptor);
}

/* Adds one thing to the heap. Returns false when the operation ends the heap; *complete then says how. */
static bool add(struct item_heap *made, struct script *script, bool *complete)
{
    const uint8_t *data, what = next(script);
    const uint64_t id = (what >> 3) < 24 ? 0x1000 + (what >> 3 & 7) : what >> 3 & 7;
    size_t bytes;

    switch (what & 7) {
    case 0:
    case 1:
        *complete = (what & 7) == 0;
        return false;
    case 2:
        item_heap_immediate(made, id, next(script));
        return true;
    case 3: /* bytes as a descriptor, mostly malformed */
        bytes = take(script, next(script), &data);
        item_heap_bytes(made, SPEAD_ID_DESCRIPTOR, data, bytes);
        return true;
    case 4:
        item_heap_bytes(made, SPEAD_ID_NULL, "marker", next(script) % 7);
        return true;
    case 5:
        add_descriptor(made, script);
        return true;
    default:
        bytes = take(script, next(script), &data);
        item_heap_bytes(made, id, data, bytes);
        return true;
    }
}

static struct spead_heap *make_heap(struct run *run, struct script *script)
{
    struct item_heap *made = malloc(sizeof *made);
    bool complete = true;

    check(made != NULL);
    item_heap_begin(made, 48);
    for (unsigned i = 0; i < ITEMS_MAX && script->left > 0 && add(made, script, &complete); i++)
        ;
    run->heaps[run->heap_count++] = made;
    return item_heap_end(made, run->heap_count, complete);
}

/* Frees the heaps that the group does not hold. Returns how many it holds. */
static unsigned free_heaps(struct run *run)
{
    unsigned held = 0;

    for (unsigned i = 0; i < run->heap_count; i++) {
        if (!run->heaps[i])
            continue;
        if (item_heap_references(run->heaps[i]) > 1) {
            held++;
            continue;
        }
        item_heap_free(run->heaps[i]);
        free(run->heaps[i]);
        run->heaps[i] = NULL;
    }
    return held;
}

/* ---- What must hold ----------------------------------------------------------------------------- */

static void read_value(const struct spead_group_item *item)
{
    static volatile uint8_t sum;
    struct spead_view view;

    for (uint32_t i = 0; i < spead_descriptor_field_count(item->descriptor); i++)
        check(spead_item_view(&view, &item->value, item->descriptor, i, NULL) == 0);
    for (size_t i = 0; i < item->value.bytes; i++)
        sum = (uint8_t)(sum + item->value.data[i]);
}

static void check_items(const struct spead_item_group *group)
{
    for (size_t i = 0; i < spead_item_group_count(group); i++) {
        const struct spead_group_item *item = spead_item_group_at(group, i);

        check(item == spead_item_group_find_id(group, spead_descriptor_id(item->descriptor)));
        check(item == spead_item_group_find(group, spead_descriptor_name(item->descriptor)));
        check(item->version > 0);
        if (item->has_value)
            read_value(item);
    }
}

static void check_changes(const struct spead_item_group *group, int updated)
{
    const struct spead_item_change *change;
    const size_t count = spead_item_group_changes(group, &change);
    int listed = 0;

    for (size_t i = 0; i < count; i++) {
        const bool is_refusal = change[i].kind == SPEAD_ITEM_DESCRIPTOR_REFUSED ||
                                change[i].kind == SPEAD_ITEM_VALUE_REFUSED ||
                                change[i].kind == SPEAD_ITEM_VALUE_DROPPED;

        check(is_refusal == (change[i].error < 0));
        check(is_refusal || spead_item_group_sentence(group, i)[0] == '\0');
        listed += change[i].kind == SPEAD_ITEM_UPDATED;
    }
    check(listed <= updated && updated <= (int)spead_item_group_count(group));
}

static void check_bounds(struct run *run)
{
    struct spead_item_group_stats stats = SPEAD_ITEM_GROUP_STATS_INIT;

    spead_item_group_stats(run->group, &stats);
    check(stats.memory_bytes <= run->config.memory_bytes_max);
    check(stats.items <= run->config.items_max);
    check(free_heaps(run) <= (run->config.copy_values ? 0 : 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {data, size};
    struct run run = {.config = SPEAD_ITEM_GROUP_CONFIG_INIT};
    const uint8_t how = next(&script);

    run.config.items_max = 1 + (how & 7);
    run.config.copy_values = how >> 3 & 1;
    if (how >> 4 & 1)
        run.config.memory_bytes_max = MEMORY;
    run.config.bug_compat = how >> 5;
    check(spead_item_group_create(&run.group, &run.config, NULL) == 0);
    while (script.left > 0 && run.heap_count < HEAPS_MAX) {
        struct spead_heap *heap = make_heap(&run, &script);

        check_changes(run.group, spead_item_group_update(run.group, heap));
        check_bounds(&run);
        check_items(run.group);
        if (script.left > 0 && *script.at == 0xff)
            spead_item_group_drop_values(run.group);
    }
    spead_item_group_destroy(run.group);
    check(free_heaps(&run) == 0);
    return 0;
}
