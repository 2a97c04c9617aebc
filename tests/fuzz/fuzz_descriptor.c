/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever bytes an item 0x5 has, decoding them touches no other byte, takes no more memory than the header
 * says, and gives a descriptor with which any item can be read. What was decoded can be encoded, and decoded again to
 * the same.
 * Method: libFuzzer. The first byte of the input is the deviations (enum spead_bug_compat). The second is the length of
 * an item that is read with the descriptor; its bytes are the last ones of the input. The other bytes are the
 * descriptor. All of them lie in allocations of exactly their size. Seeds: corpus/descriptor, see make_seeds.py. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/descriptor.h>
#include <speadline/value.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t *copy(const uint8_t *data, size_t bytes)
{
    uint8_t *own = malloc(bytes > 0 ? bytes : 1);

    check(own != NULL);
    memcpy(own, data, bytes);
    return own;
}

/* Encodes the descriptor in the usual flavours, decodes it and compares. */
static void check_round_trip(const struct spead_descriptor *descriptor, uint32_t bug_compat)
{
    for (unsigned bits = 40; bits <= 48; bits += 8) {
        const struct spead_flavour flavour = {(uint8_t)bits};
        int bytes = spead_descriptor_encode(descriptor, flavour, bug_compat, NULL, 0, NULL);
        struct spead_descriptor *again;
        struct spead_err err;
        uint8_t *own;

        if (bytes < 0)
            continue;
        own = malloc((size_t)bytes);
        check(own != NULL);
        check(spead_descriptor_encode(descriptor, flavour, bug_compat, own, (size_t)bytes, NULL) ==
              bytes);
        check(spead_descriptor_decode(&again, own, (size_t)bytes, bug_compat, &err) == 0);
        check(spead_descriptor_equal(descriptor, again));
        spead_descriptor_unref(again);
        free(own);
    }
}

/* Reads all values of the view as a type, and again those behind the middle: they must be the same. */
static void read_as(const struct spead_view *view, enum spead_ctype type)
{
    size_t bytes = type == SPEAD_CTYPE_AS_IS ? (size_t)(view->bits / 8) : spead_ctype_bytes(type);
    uint64_t half = view->count / 2;
    uint8_t *all, *part;

    if (view->count > 4096 || bytes > 4096)
        return;
    all = malloc((size_t)view->count * bytes + 1);
    part = malloc((size_t)(view->count - half) * bytes + 1);
    check(all != NULL && part != NULL);
    if (spead_view_read(view, 0, view->count, type, all, NULL) == 0) {
        check(spead_view_read(view, half, view->count - half, type, part, NULL) == 0);
        check(memcmp(all + half * bytes, part, (size_t)(view->count - half) * bytes) == 0);
    }
    check(spead_view_read(view, view->count, 1, type, part, NULL) < 0);
    free(all);
    free(part);
}

static void read_item(const struct spead_descriptor *descriptor, struct spead_item item)
{
    int64_t integer;
    double real;
    char text[64];

    (void)spead_item_get_i64(&item, descriptor, &integer, NULL);
    (void)spead_item_get_f64(&item, descriptor, &real, NULL);
    (void)spead_item_get_text(&item, descriptor, text, sizeof text, NULL, NULL);
    for (uint32_t f = 0; f < spead_descriptor_field_count(descriptor); f++) {
        struct spead_view view;
        struct spead_err err;

        if (spead_item_view(&view, &item, descriptor, f, &err) < 0) {
            check(err.code == -EBADMSG && memchr(err.text, 0, sizeof err.text) != NULL);
            return;
        }
        for (int type = 0; type <= SPEAD_CTYPE_AS_IS; type++)
            read_as(&view, (enum spead_ctype)type);
    }
}

static void check_accepted(const struct spead_descriptor *descriptor, uint32_t bug_compat,
                           const uint8_t *item, size_t item_bytes)
{
    uint8_t *own = copy(item, item_bytes);
    uint64_t value = 0;

    for (size_t i = 0; i < item_bytes && i < 5; i++)
        value = value << 8 | item[i];
    check(spead_descriptor_memory_bytes(descriptor) <= SPEAD_DESCRIPTOR_MEMORY_MAX);
    check(spead_descriptor_field_count(descriptor) >= 1);
    check(spead_descriptor_element_bits(descriptor) >= 1);
    check(spead_descriptor_id(descriptor) != 0);
    check(spead_descriptor_equal(descriptor, descriptor));
    check((spead_descriptor_format(descriptor) == NULL) !=
          (spead_descriptor_dtype(descriptor) == NULL));
    check_round_trip(descriptor, bug_compat);
    check_round_trip(descriptor, 0);
    read_item(descriptor, (struct spead_item){.id = 1, .data = own, .bytes = item_bytes});
    read_item(descriptor, (struct spead_item){.id = 1, .is_immediate = true, .value = value});
    free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spead_descriptor *descriptor = NULL;
    struct spead_err err = {0};
    uint32_t bug_compat;
    size_t item_bytes, bytes;
    uint8_t *own;
    int ret;

    if (size < 2)
        return 0;
    bug_compat = data[0] & 7;
    item_bytes = data[1] < size - 2 ? data[1] : size - 2;
    bytes = size - 2 - item_bytes;
    own = copy(data + 2, bytes);
    ret = spead_descriptor_decode(&descriptor, own, bytes, bug_compat, &err);
    free(own); /* the descriptor keeps nothing of it */
    if (ret == 0)
        check_accepted(descriptor, bug_compat, data + size - item_bytes, item_bytes);
    else
        check(ret == -EBADMSG && descriptor == NULL && err.text[0] != 0);
    spead_descriptor_unref(descriptor);
    return 0;
}
