/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that come from outside: packets inside items. The decoder trusts nothing in them.
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "item descriptors". */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <speadline/descriptor.h>

#include <speadi/err.h>
#include <speadi/heap_view.h>
#include <speadi/packet.h>

#include "bug_compat.h"
#include "descriptor_parts.h"

/* Item pointers of an inner packet. A descriptor needs ten. The limit bounds the memory on the stack. */
#define POINTERS_MAX 256u

/* The parts of a descriptor that are addressed items. */
enum part { NAME, DESCRIPTION, FORMAT, SHAPE, NUMPY, PARTS };

/* The bytes of a part. The bytes of an immediate item lie in `own`. */
struct part_bytes {
    const uint8_t *data;
    size_t bytes;
    uint8_t own[8];
};

/* What an inner packet says, as bytes. */
struct parts {
    uint64_t id; /* 0: the packet has none */
    uint8_t heap_address_bits;
    struct part_bytes part[PARTS];
};

static enum part part_of(uint64_t id)
{
    switch (id) {
    case SPEAD_ID_DESCRIPTOR_NAME:
        return NAME;
    case SPEAD_ID_DESCRIPTOR_DESCRIPTION:
        return DESCRIPTION;
    case SPEAD_ID_DESCRIPTOR_FORMAT:
        return FORMAT;
    case SPEAD_ID_DESCRIPTOR_SHAPE:
        return SHAPE;
    case SPEAD_ID_DESCRIPTOR_DTYPE:
        return NUMPY;
    default:
        return PARTS;
    }
}

/* ---- The inner packet ------------------------------------------------------------------------------ */

/* Returns where the inner packet ends, by its own words: bytes behind it are no error, as in spead2. */
static size_t packet_end(const uint8_t *data, size_t bytes)
{
    unsigned bits = 8u * data[3];
    size_t header_bytes = speadi_packet_header_bytes(data);
    uint64_t payload_bytes = bytes;

    if (bits < 8 || bits > 56 || header_bytes > bytes)
        return bytes; /* the decoder of packets finds the words for it */
    for (size_t at = SPEADI_HEADER_BYTES; at < header_bytes; at += SPEADI_POINTER_BYTES) {
        uint64_t pointer = speadi_load_be64(data + at);

        if (speadi_pointer_is_immediate(pointer) &&
            speadi_pointer_id(pointer, bits) == SPEAD_ID_PAYLOAD_LENGTH)
            payload_bytes = speadi_pointer_value(pointer, bits);
    }
    return payload_bytes < bytes - header_bytes ? header_bytes + (size_t)payload_bytes : bytes;
}

static int decode_packet(struct speadi_packet *packet, const uint8_t *data, size_t bytes,
                         struct spead_err *err)
{
    int bucket;

    if (bytes >= SPEADI_HEADER_BYTES)
        bytes = packet_end(data, bytes);
    if (bytes > UINT32_MAX)
        return speadi_err_set(err, -EBADMSG, "its packet has %zu bytes, which is too long", bytes);
    bucket = speadi_packet_decode(packet, data, (uint32_t)bytes, (uint32_t)bytes);
    if (bucket != 0)
        return speadi_err_set(err, -EBADMSG, "its packet is refused (%s)",
                              spead_recv_bucket_name((unsigned)bucket));
    if (packet->payload_offset != 0 ||
        (packet->has_heap_length && packet->heap_length != packet->payload_bytes))
        return speadi_err_set(err, -EBADMSG,
                              "its packet has the bytes %" PRIu64 " to %" PRIu64
                              " of a heap of %" PRIu64 ": it must have all",
                              packet->payload_offset,
                              packet->payload_offset + packet->payload_bytes, packet->heap_length);
    if (packet->pointer_count > POINTERS_MAX)
        return speadi_err_set(err, -EBADMSG,
                              "its packet has %" PRIu32 " item pointers, more than %u",
                              packet->pointer_count, POINTERS_MAX);
    return 0;
}

static void take_item(struct parts *parts, const struct spead_item *item)
{
    enum part part = part_of(item->id);
    unsigned bytes = parts->heap_address_bits / 8;
    struct part_bytes *to;

    if (item->id == SPEAD_ID_DESCRIPTOR_ID && item->is_immediate)
        parts->id = item->value;
    if (part == PARTS)
        return;
    to = &parts->part[part];
    *to = (struct part_bytes){.data = item->data, .bytes = item->bytes};
    if (!item->is_immediate)
        return;
    for (unsigned i = 0; i < bytes; i++)
        to->own[i] = (uint8_t)(item->value >> 8 * (bytes - 1 - i));
    to->bytes = bytes;
}

/* Finds the items of an inner packet, as the items of a heap are found. */
static int take_items(struct parts *parts, const struct speadi_packet *packet,
                      struct spead_err *err)
{
    uint64_t pointers[POINTERS_MAX];
    struct speadi_block region = {
        .data =
            (uint8_t *)(uintptr_t)(packet->pointers - SPEADI_HEADER_BYTES + packet->header_bytes)};
    struct spead_heap heap = {.complete = true,
                              .heap_address_bits = packet->heap_address_bits,
                              .region = &region,
                              .length = packet->payload_bytes,
                              .pointers = pointers,
                              .pointer_count = packet->pointer_count};
    struct spead_item item;

    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        pointers[i] = speadi_packet_pointer(packet, i);
        if (!speadi_pointer_is_immediate(pointers[i]) &&
            speadi_pointer_value(pointers[i], heap.heap_address_bits) > heap.length)
            return speadi_err_set(err, -EBADMSG,
                                  "its item 0x%" PRIx64 " begins at byte %" PRIu64
                                  " of a payload of %" PRIu64 " bytes",
                                  speadi_pointer_id(pointers[i], heap.heap_address_bits),
                                  speadi_pointer_value(pointers[i], heap.heap_address_bits),
                                  heap.length);
    }
    speadi_heap_sort_items(&heap);
    for (size_t i = 0; spead_heap_item(&heap, i, &item) == 0; i++)
        take_item(parts, &item);
    /* the bytes of an immediate item moved with its part */
    for (int i = 0; i < PARTS; i++)
        if (!parts->part[i].data)
            parts->part[i].data = parts->part[i].own;
    return 0;
}

/* ---- The parts --------------------------------------------------------------------------------------- */

/* Reads a name or a description. The zero bytes before a text in an item pointer are no part of it. */
static int take_text(struct speadi_draft *draft, const char *what, const struct part_bytes *part,
                     size_t bytes_max, uint32_t *at, struct spead_err *err)
{
    size_t from = 0;

    while (part->data == part->own && from < part->bytes && part->own[from] == 0)
        from++;
    return speadi_draft_text(draft, what, part->data + from, part->bytes - from, bytes_max, at,
                             err);
}

static uint64_t big_endian(const uint8_t *from, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number = number << 8 | from[i];
    return number;
}

static int take_format(struct speadi_draft *draft, const struct part_bytes *part,
                       uint32_t bug_compat, struct spead_err *err)
{
    unsigned bytes = speadi_format_field_bytes(draft->heap_address_bits, bug_compat);

    for (size_t at = 0; part->bytes - at >= bytes; at += bytes)
        if (speadi_draft_format_field(draft, part->data[at],
                                      big_endian(part->data + at + 1, bytes - 1), err) < 0)
            return -EBADMSG;
    return speadi_draft_format_end(draft, err);
}

static int take_shape(struct speadi_draft *draft, const struct part_bytes *part,
                      uint32_t bug_compat, struct spead_err *err)
{
    unsigned bytes = speadi_dimension_bytes(draft->heap_address_bits, bug_compat);
    uint8_t variable = speadi_variable_mark(bug_compat);

    for (size_t at = 0; part->bytes - at >= bytes; at += bytes) {
        bool is_variable = part->data[at] & variable;

        if (draft->dimension_count == SPEAD_DIMENSIONS_MAX)
            return speadi_err_set(err, -EBADMSG, "the shape has more than %u dimensions",
                                  SPEAD_DIMENSIONS_MAX);
        draft->shape[draft->dimension_count++] =
            is_variable ? SPEAD_DIMENSION_VARIABLE
                        : (int64_t)big_endian(part->data + at + 1, bytes - 1);
    }
    return 0;
}

static int take_numpy(struct speadi_draft *draft, const struct part_bytes *part, bool swap,
                      struct spead_err *err)
{
    struct spead_err refused;

    if (speadi_draft_numpy_header(draft, (const char *)part->data, part->bytes, swap, &refused) < 0)
        return speadi_err_set(err, -EBADMSG, "numpy header: %s", refused.text);
    return 0;
}

static int take_parts(struct speadi_draft *draft, const struct parts *parts, uint32_t bug_compat,
                      struct spead_err *err)
{
    const struct part_bytes *part = parts->part;
    int ret;

    draft->id = parts->id;
    draft->heap_address_bits = parts->heap_address_bits;
    if (take_text(draft, "the name", &part[NAME], SPEAD_DESCRIPTOR_NAME_BYTES_MAX, &draft->name_at,
                  err) < 0 ||
        take_text(draft, "the description", &part[DESCRIPTION],
                  SPEAD_DESCRIPTOR_DESCRIPTION_BYTES_MAX, &draft->description_at, err) < 0)
        return -EBADMSG;
    if (part[NUMPY].bytes > 0) {
        ret = take_numpy(draft, &part[NUMPY], bug_compat & SPEAD_BUG_COMPAT_SWAP_ENDIAN, err);
    } else {
        ret = take_format(draft, &part[FORMAT], bug_compat, err);
        if (ret == 0)
            ret = take_shape(draft, &part[SHAPE], bug_compat, err);
    }
    if (ret == 0)
        ret = speadi_draft_check_fields(draft, err);
    return ret == 0 ? speadi_draft_check_shape(draft, err) : ret;
}

/* ---- Decoding ------------------------------------------------------------------------------------------ */

static int make_descriptor(struct spead_descriptor **out, const struct parts *parts,
                           uint32_t bug_compat, struct spead_err *err)
{
    struct speadi_draft *draft = speadi_draft_new();
    struct spead_descriptor *descriptor = NULL;
    struct spead_err refused;
    int ret = 0;

    if (draft) {
        ret = take_parts(draft, parts, bug_compat, &refused);
        if (ret < 0)
            speadi_err_set(err, ret, "descriptor of item 0x%" PRIx64 " (\"%.40s\"): %s", parts->id,
                           draft->text + draft->name_at, refused.text);
        else
            descriptor = speadi_draft_finish(draft);
        free(draft);
    }
    if (ret < 0)
        return ret;
    if (!descriptor)
        return speadi_err_set(err, -ENOMEM, "no memory for a descriptor");
    *out = descriptor;
    return 0;
}

int spead_descriptor_decode(struct spead_descriptor **out, const void *data, size_t bytes,
                            uint32_t bug_compat, struct spead_err *err)
{
    struct parts parts = {0};
    struct speadi_packet packet;
    struct spead_err refused;

    if (speadi_bug_compat_check(bug_compat, err) < 0)
        return -EINVAL;
    if (decode_packet(&packet, data, bytes, &refused) < 0)
        return speadi_err_set(err, -EBADMSG, "a descriptor: %s", refused.text);
    parts.heap_address_bits = packet.heap_address_bits;
    if (take_items(&parts, &packet, &refused) < 0)
        return speadi_err_set(err, -EBADMSG, "a descriptor: %s", refused.text);
    if (parts.id == 0)
        return speadi_err_set(err, -EBADMSG,
                              "a descriptor: it has no identifier, which is an immediate item "
                              "0x14 that is not 0");
    return make_descriptor(out, &parts, bug_compat, err);
}

int spead_heap_next_descriptor(const struct spead_heap *heap, size_t *at, uint32_t bug_compat,
                               struct spead_descriptor **out, struct spead_err *err)
{
    struct spead_err refused;
    struct spead_item item;
    int ret;

    if (speadi_bug_compat_check(bug_compat, err) < 0)
        return -EINVAL;
    do {
        if (spead_heap_item(heap, *at, &item) < 0)
            return speadi_err_set(err, -ENOENT, "heap %" PRIu64 " has no more descriptors",
                                  heap->counter);
        ++*at;
    } while (item.id != SPEAD_ID_DESCRIPTOR || item.is_immediate);
    if (!item.data)
        return speadi_err_set(err, -ENOTSUP,
                              "heap %" PRIu64 ": the CPU cannot touch the memory of its payload",
                              heap->counter);
    ret = spead_descriptor_decode(out, item.data, item.bytes, bug_compat, &refused);
    if (ret < 0)
        return speadi_err_set(err, ret, "heap %" PRIu64 ", payload byte %" PRIu64 ": %s",
                              heap->counter, item.value, refused.text);
    return 0;
}
