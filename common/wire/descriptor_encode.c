/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that go out: the bytes of a packet that is the value of an item.
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "item descriptors"; the order of the pointers is that of spead2. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/descriptor.h>

#include <speadi/err.h>
#include <speadi/packet.h>

#include "bug_compat.h"
#include "descriptor_parts.h"

/* A packet that is being written. Both places move on, also if there is no room: then nothing is written, and the
 * length is known at the end. */
struct writer {
    uint8_t *pointer_to, *payload_to; /* NULL: only count */
    uint64_t payload_bytes;
    unsigned heap_address_bits;
};

static void put_pointer(struct writer *writer, uint64_t pointer)
{
    if (!writer->pointer_to)
        return;
    speadi_store_be64(writer->pointer_to, pointer);
    writer->pointer_to += SPEADI_POINTER_BYTES;
}

static void put_immediate(struct writer *writer, uint64_t id, uint64_t value)
{
    put_pointer(writer, speadi_pointer_immediate(writer->heap_address_bits, id, value));
}

/* Begins an addressed item: what is put into the payload from here on belongs to it. */
static void begin_item(struct writer *writer, uint64_t id)
{
    put_pointer(writer,
                speadi_pointer_addressed(writer->heap_address_bits, id, writer->payload_bytes));
}

static void put_bytes(struct writer *writer, const void *bytes, size_t count)
{
    if (writer->payload_to)
        memcpy(writer->payload_to + writer->payload_bytes, bytes, count);
    writer->payload_bytes += count;
}

/* Puts a byte, and behind it a number that takes the other bytes - 1 bytes. */
static void put_byte_and_number(struct writer *writer, uint8_t byte, uint64_t number,
                                unsigned bytes)
{
    uint8_t big_endian[8];

    speadi_store_be64(big_endian, number);
    put_bytes(writer, &byte, 1);
    put_bytes(writer, big_endian + (9 - bytes), bytes - 1);
}

/* ---- The parts --------------------------------------------------------------------------------------- */

static bool fits(uint64_t number, unsigned bytes)
{
    return bytes >= 8 || number >> 8 * bytes == 0;
}

static int put_format(struct writer *writer, const struct spead_descriptor *descriptor,
                      uint32_t bug_compat, struct spead_err *err)
{
    static const char letters[] = "uifbc"; /* by enum spead_kind */
    unsigned bytes = speadi_format_field_bytes(writer->heap_address_bits, bug_compat);

    for (uint32_t i = 0; i < descriptor->field_count; i++) {
        const struct spead_field *field = &descriptor->fields[i];

        if (!fits(field->bits, bytes - 1))
            return speadi_err_set(err, -ERANGE,
                                  "field %" PRIu32 " of the format has %" PRIu64
                                  " bits, but only %u bytes for this number in the flavour 64-%u",
                                  i, field->bits, bytes - 1, writer->heap_address_bits);
        put_byte_and_number(writer, (uint8_t)letters[field->kind], field->bits, bytes);
    }
    return 0;
}

static int put_shape(struct writer *writer, const struct spead_descriptor *descriptor,
                     uint32_t bug_compat, struct spead_err *err)
{
    unsigned bytes = speadi_dimension_bytes(writer->heap_address_bits, bug_compat);

    for (uint32_t i = 0; i < descriptor->dimension_count; i++) {
        bool variable = descriptor->shape[i] == SPEAD_DIMENSION_VARIABLE;
        uint64_t length = variable ? 0 : (uint64_t)descriptor->shape[i];

        if (!fits(length, bytes - 1))
            return speadi_err_set(err, -ERANGE,
                                  "dimension %" PRIu32 " of the shape is %" PRIu64
                                  ", but has only %u bytes in the flavour 64-%u",
                                  i, length, bytes - 1, writer->heap_address_bits);
        put_byte_and_number(writer, variable ? speadi_variable_mark(bug_compat) : 0, length, bytes);
    }
    return 0;
}

static void put_numpy(struct writer *writer, const struct spead_descriptor *descriptor,
                      const char *words)
{
    const char *quote = words[0] == '[' ? "" : "'";
    char text[SPEAD_DESCRIPTOR_DTYPE_BYTES_MAX];
    int used = snprintf(text, sizeof text, "{'descr': %s%s%s, 'fortran_order': %s, 'shape': (",
                        quote, words, quote, descriptor->is_fortran ? "True" : "False");

    /* WORDS_BYTES_MAX in numpy_dtype.c leaves enough room. */
    for (uint32_t i = 0; i < descriptor->dimension_count; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, i ? ", %" PRId64 : "%" PRId64,
                         descriptor->shape[i]);
    used += snprintf(text + used, sizeof text - (size_t)used,
                     descriptor->dimension_count == 1 ? ",)}" : ")}");
    put_bytes(writer, text, (size_t)used);
}

/* Puts the parts behind the identifier. `words` is the dtype as it travels, or NULL for a format. */
static int put_parts(struct writer *writer, const struct spead_descriptor *descriptor,
                     uint32_t bug_compat, const char *words, struct spead_err *err)
{
    put_immediate(writer, SPEAD_ID_DESCRIPTOR_ID, descriptor->id);
    begin_item(writer, SPEAD_ID_DESCRIPTOR_NAME);
    put_bytes(writer, descriptor->name, strlen(descriptor->name));
    begin_item(writer, SPEAD_ID_DESCRIPTOR_DESCRIPTION);
    put_bytes(writer, descriptor->description, strlen(descriptor->description));
    begin_item(writer, SPEAD_ID_DESCRIPTOR_FORMAT);
    if (!words && put_format(writer, descriptor, bug_compat, err) < 0)
        return -ERANGE;
    begin_item(writer, SPEAD_ID_DESCRIPTOR_SHAPE);
    if (put_shape(writer, descriptor, bug_compat, err) < 0)
        return -ERANGE;
    if (words) {
        begin_item(writer, SPEAD_ID_DESCRIPTOR_DTYPE);
        put_numpy(writer, descriptor, words);
    }
    return 0;
}

/* ---- Encoding ------------------------------------------------------------------------------------------ */

static int encode(const struct spead_descriptor *descriptor, unsigned bits, uint32_t bug_compat,
                  const char *words, uint8_t *to, size_t size, struct spead_err *err)
{
    const unsigned count = words ? 10 : 9;
    const size_t header_bytes = SPEADI_HEADER_BYTES + count * SPEADI_POINTER_BYTES;
    struct writer writer = {.heap_address_bits = bits};
    uint64_t payload_bytes;

    if (put_parts(&writer, descriptor, bug_compat, words, err) < 0)
        return -ERANGE;
    payload_bytes = writer.payload_bytes;
    if (payload_bytes > spead_flavour_value_max((struct spead_flavour){(uint8_t)bits}))
        return speadi_err_set(err, -ERANGE,
                              "its texts, format and shape have %" PRIu64
                              " bytes together, more than the flavour 64-%u can address",
                              payload_bytes, bits);
    if (header_bytes + payload_bytes > size)
        return (int)(header_bytes + payload_bytes);
    speadi_store_be64(to, speadi_header_word(bits, count));
    writer = (struct writer){.heap_address_bits = bits,
                             .pointer_to = to + SPEADI_HEADER_BYTES,
                             .payload_to = to + header_bytes};
    put_immediate(&writer, SPEAD_ID_HEAP_COUNTER, 1);
    put_immediate(&writer, SPEAD_ID_HEAP_LENGTH, payload_bytes);
    put_immediate(&writer, SPEAD_ID_PAYLOAD_OFFSET, 0);
    put_immediate(&writer, SPEAD_ID_PAYLOAD_LENGTH, payload_bytes);
    (void)put_parts(&writer, descriptor, bug_compat, words, NULL);
    return (int)(header_bytes + payload_bytes);
}

/* As encode(), with the dtype in the opposite byte order. */
static int encode_swapped(const struct spead_descriptor *descriptor, unsigned bits,
                          uint32_t bug_compat, uint8_t *to, size_t size, struct spead_err *err)
{
    struct speadi_draft *draft = speadi_draft_new();
    int ret;

    if (!draft)
        return speadi_err_set(err, -ENOMEM, "no memory for the dtype");
    ret = speadi_draft_dtype_words(draft, descriptor->type, true, err);
    if (ret == 0)
        ret = encode(descriptor, bits, bug_compat, draft->text + draft->type_at, to, size, err);
    free(draft);
    return ret;
}

int spead_descriptor_encode(const struct spead_descriptor *descriptor, struct spead_flavour flavour,
                            uint32_t bug_compat, void *to, size_t size, struct spead_err *err)
{
    unsigned bits = flavour.heap_address_bits;
    struct spead_err refused;
    int ret;

    if (speadi_bug_compat_check(bug_compat, err) < 0)
        return -EINVAL;
    if (!spead_flavour_is_valid(flavour))
        return speadi_err_set(err, -EINVAL, "there is no flavour SPEAD-64-%u", bits);
    if (descriptor->id > spead_flavour_id_max(flavour))
        ret = speadi_err_set(&refused, -ERANGE,
                             "the identifier is larger than 0x%" PRIx64
                             ", the largest of the flavour 64-%u",
                             spead_flavour_id_max(flavour), bits);
    else if (descriptor->id > spead_flavour_value_max(flavour)) /* it travels in an item pointer */
        ret = speadi_err_set(&refused, -ERANGE,
                             "the identifier is larger than 0x%" PRIx64
                             ", the largest that a descriptor of the flavour 64-%u can hold",
                             spead_flavour_value_max(flavour), bits);
    else if (descriptor->is_dtype && bug_compat & SPEAD_BUG_COMPAT_SWAP_ENDIAN)
        ret = encode_swapped(descriptor, bits, bug_compat, to, size, &refused);
    else
        ret = encode(descriptor, bits, bug_compat, descriptor->is_dtype ? descriptor->type : NULL,
                     to, size, &refused);
    if (ret < 0)
        return speadi_err_set(err, ret, "descriptor of item 0x%" PRIx64 " (\"%.40s\"): %s",
                              descriptor->id, descriptor->name, refused.text);
    return ret;
}
