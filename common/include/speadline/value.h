/* SPDX-License-Identifier: Apache-2.0 */
/* Values: the items of heaps as numbers, texts and arrays of C.
 *
 * A descriptor (descriptor.h) says what the bytes of an item mean. The functions below read an item with it, and write
 * the bytes of an item for it:
 *
 *     struct spead_item item;
 *     int64_t time;
 *     int16_t samples[4096];
 *
 *     spead_heap_find_item(heap, 0x1600, &item);
 *     spead_item_get_i64(&item, time_descriptor, &time, &err);            // a number
 *     spead_heap_find_item(heap, 0x3300, &item);
 *     spead_item_read(&item, samples_descriptor, 0, SPEAD_CTYPE_I16, samples, 4096, &err); // an array, as int16_t
 *
 * spead_item_view() copies nothing: it says where each element of the array lies, and in which byte order.
 *
 * How many elements an item has: the shape of its descriptor says so. A longer item is accepted, and its surplus bytes
 * are ignored. A shorter item is an error. A variable dimension is as long as the bytes of the item allow: the number
 * of elements that they hold, divided by the product of the other dimensions and rounded down, or 0 if that product
 * is 0.
 *
 * Immediate items: an item of n bytes that travels in an item pointer is the n low bytes of the pointer's value. It can
 * be read like any other item. If its descriptor has a variable dimension, the item has N/8 bytes, where N is the
 * number of heap-address bits of the flavour in which the descriptor was received; the zero bytes at the beginning of a
 * text are not part of it. If the descriptor was not received but made, such an item is refused.
 *
 * Conversion: the caller chooses the C type (enum spead_ctype). An integer is converted to any integer type, and each
 * value that does not fit is an error. Integers and truth values are converted to floating point, and floating-point
 * numbers to other widths, rounded to the nearest number. Floating-point numbers are not converted to integers, and
 * complex numbers only to complex numbers. Truth values are written from SPEAD_CTYPE_B8 only.
 *
 * Errors: a function returns a negative errno, and *err says in one sentence what was expected and what is there. err
 * may be NULL. The same numbers mean the same everywhere:
 *     -EBADMSG  the bytes of the item do not fit the descriptor: the item is too short, or not ASCII
 *     -EINVAL   the request does not fit the descriptor: for example, a number was asked for, and the item is a text
 *     -ERANGE   a value does not fit the C type, or an index is past the end
 *     -ENOSPC   the memory of the caller is too small
 *     -ENOTSUP  the payload lies in memory that the CPU cannot touch
 * Threads: any thread; no function allocates, blocks or keeps a pointer. */
#ifndef SPEADLINE_VALUE_H
#define SPEADLINE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <speadline/descriptor.h>
#include <speadline/error.h>
#include <speadline/item.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a value lies in the memory of a program. */
enum spead_ctype {
    SPEAD_CTYPE_I8 = 0,
    SPEAD_CTYPE_I16 = 1,
    SPEAD_CTYPE_I32 = 2,
    SPEAD_CTYPE_I64 = 3,
    SPEAD_CTYPE_U8 = 4,
    SPEAD_CTYPE_U16 = 5,
    SPEAD_CTYPE_U32 = 6,
    SPEAD_CTYPE_U64 = 7,
    SPEAD_CTYPE_F32 = 8,   /* float */
    SPEAD_CTYPE_F64 = 9,   /* double */
    SPEAD_CTYPE_CF32 = 10, /* two floats: real part, imaginary part */
    SPEAD_CTYPE_CF64 = 11, /* two doubles */
    SPEAD_CTYPE_B8 = 12,   /* one byte, 0 or 1 */
    /* The bytes of the value as they are in the item, in its byte order. It exists for every field whose size is a
     * multiple of 8 bits: texts, opaque bytes, 128-bit numbers. */
    SPEAD_CTYPE_AS_IS = 13,
};

/* Returns the bytes that a value of this type takes in the memory of a program, or 0 for SPEAD_CTYPE_AS_IS and for
 * numbers that are no type. */
size_t spead_ctype_bytes(enum spead_ctype type);

/* ---- One value ------------------------------------------------------------------------------ */

/* The functions read a scalar: an item with one element and one field. A shape such as [1] is no scalar; use
 * spead_item_read(). get_i64() and get_u64() read integers, truth values and times. get_f64() reads these too, and
 * floating-point numbers. Return 0, or an error of the list above. On failure *value is unchanged. */
int spead_item_get_i64(const struct spead_item *item, const struct spead_descriptor *descriptor,
                       int64_t *value, struct spead_err *err);
int spead_item_get_u64(const struct spead_item *item, const struct spead_descriptor *descriptor,
                       uint64_t *value, struct spead_err *err);
int spead_item_get_f64(const struct spead_item *item, const struct spead_descriptor *descriptor,
                       double *value, struct spead_err *err);

/* Reads a text (spead_descriptor_is_text()) into `text`, which has room for `size` bytes, and ends it by a zero byte.
 * Characters of SPEAD_KIND_CHAR must be ASCII. Zero bytes at the end of SPEAD_KIND_BYTES and SPEAD_KIND_UNICODE are not
 * part of the text. SPEAD_KIND_UNICODE becomes UTF-8. *length, if `length` is not NULL, becomes the length of the text
 * without the final zero byte; a text that has zero bytes in it is longer than strlen() says. Returns 0, or an error of
 * the list above. -ENOSPC says how large `size` must be. On failure the bytes in `text` are undefined. */
int spead_item_get_text(const struct spead_item *item, const struct spead_descriptor *descriptor,
                        char *text, size_t size, size_t *length, struct spead_err *err);

/* ---- Arrays ---------------------------------------------------------------------------------- */

/* Where the values of one field of an item lie. The value with the index (i, j, ...) begins data_bit + i *
 * stride_bits[0] + j * stride_bits[1] + ... bits behind `data`, counted from the most significant bit of each byte. If
 * is_packed is false, every such number is a multiple of 8, and data_bit is 0; so the value has an address. */
struct spead_view {
    /* Borrowed from the heap. NULL: the payload lies in memory that the CPU cannot touch, and the distances still hold
     * from `offset` on. In an immediate item it points to `immediate` below; then a copy of the struct points into the
     * struct that it was copied from. */
    const uint8_t *data;
    uint64_t offset; /* where `data` lies in the payload of the heap, in bytes; immediate item: 0 */
    uint32_t data_bit;     /* 0 to 7: the first bit of the first value */
    bool is_packed;        /* true: the values do not begin, or do not end, at whole bytes */
    bool is_little_endian; /* byte order of each value */
    /* True: the values lie directly one behind another, in C order (the last index changes fastest). */
    bool is_contiguous;
    uint8_t reserved;
    enum spead_kind kind;
    uint32_t dimension_count; /* dimensions of the item, and then those of the field */
    uint64_t bits;            /* size of one value, in bits */
    uint64_t count;           /* number of values: the product of the shape */
    uint8_t immediate[8];     /* the bytes of an immediate item */
    /* Only the first dimension_count members of the arrays are set. */
    uint64_t shape[SPEAD_DIMENSIONS_MAX];
    int64_t stride_bits[SPEAD_DIMENSIONS_MAX];
};

/* Fills *view with the field of this index (0 if the element is no record). It copies no value, except that of an
 * immediate item. The view is valid as long as the caller holds a reference to the heap. Returns 0, -EBADMSG (too
 * short), -EINVAL, or -ERANGE (no such field). On failure *view is undefined. */
int spead_item_view(struct spead_view *view, const struct spead_item *item,
                    const struct spead_descriptor *descriptor, uint32_t field,
                    struct spead_err *err);

/* Converts `count` values of the view, from the value number `first` on, to an array of `type` in `to`. The values are
 * numbered in C order, whatever order the item has. So a program can convert a large array in blocks that stay in the
 * cache. Values that lie one behind another in whole bytes are converted with vector instructions. `to` must be aligned
 * for the type. Returns 0 or an error of the list above; -ERANGE names the first value that does not fit. After an
 * error the contents of `to` are undefined. */
int spead_view_read(const struct spead_view *view, uint64_t first, uint64_t count,
                    enum spead_ctype type, void *to, struct spead_err *err);

/* Converts all values of a field of an item to an array of `type` in `to`, which has room for `max` values, in C order.
 * *count, if `count` is not NULL, becomes their number. Returns 0 or an error of the list above; -ENOSPC if the item
 * has more than `max` values. */
int spead_item_read(const struct spead_item *item, const struct spead_descriptor *descriptor,
                    uint32_t field, enum spead_ctype type, void *to, size_t max, size_t *count,
                    struct spead_err *err);

/* The six functions spead_load_*() read one number at any address, for loops over the values of a view that is not
 * packed. A compiler makes vector instructions of such a loop:
 *
 *     for (uint64_t i = 0; i < view.count; i++) // contiguous, big-endian, 16 bits
 *         sum += (int16_t)spead_load_be16(view.data + 2 * i);
 */
static inline uint16_t spead_load_be16(const void *from)
{
    const uint8_t *b = (const uint8_t *)from;

    return (uint16_t)(b[0] << 8 | b[1]);
}

/* Returns the big-endian number of 32 bits at `from`. */
static inline uint32_t spead_load_be32(const void *from)
{
    const uint8_t *b = (const uint8_t *)from;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Returns the big-endian number of 64 bits at `from`. */
static inline uint64_t spead_load_be64(const void *from)
{
    const uint8_t *b = (const uint8_t *)from;

    return (uint64_t)spead_load_be32(b) << 32 | spead_load_be32(b + 4);
}

/* Returns the little-endian number of 16 bits at `from`. */
static inline uint16_t spead_load_le16(const void *from)
{
    const uint8_t *b = (const uint8_t *)from;

    return (uint16_t)(b[1] << 8 | b[0]);
}

/* Returns the little-endian number of 32 bits at `from`. */
static inline uint32_t spead_load_le32(const void *from)
{
    const uint8_t *b = (const uint8_t *)from;

    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/* Returns the little-endian number of 64 bits at `from`. */
static inline uint64_t spead_load_le64(const void *from)
{
    const uint8_t *b = (const uint8_t *)from;

    return (uint64_t)spead_load_le32(b + 4) << 32 | spead_load_le32(b);
}

/* ---- Building the bytes of an item ----------------------------------------------------------- */

/* Computes the bytes of an item: *bytes becomes the size of an array of this descriptor, rounded up to whole bytes.
 * `variable` is the length of the variable dimension; it is ignored if there is none. Returns 0, or -ERANGE (the array
 * has more bytes than any heap). */
int spead_value_bytes(const struct spead_descriptor *descriptor, uint64_t variable, size_t *bytes,
                      struct spead_err *err);

/* Writes one field of all elements into the bytes of an item: byte order, packed bits and Fortran order as the
 * descriptor says. `from` is an array of `count` values of `type` in C order. `to` has room for `size` bytes, as many
 * as spead_value_bytes() says for this count. Before the first field of a record, and before an array whose bits do not
 * fill the last byte, the caller sets `to` to zeros; other bits are not changed. Returns 0 or an error:
 *     -EINVAL  the type does not fit the field, or `count` does not fit the shape
 *     -ERANGE  a value does not fit the bits of the field; the sentence names the first one. Or there is no such field.
 *     -ENOSPC  `size` is too small
 *     -EBADMSG a character is not ASCII
 * After an error the contents of `to` are undefined. A text is a SPEAD_CTYPE_AS_IS array: of its characters for
 * SPEAD_KIND_CHAR, of one value for SPEAD_KIND_BYTES.
 *
 * To add the item to a heap, so that it travels in the item pointer if it can:
 *     spead_send_heap_add_item(heap, spead_descriptor_id(d), to, size, spead_descriptor_allows_immediate(d)); */
int spead_value_write(const struct spead_descriptor *descriptor, uint32_t field,
                      enum spead_ctype type, const void *from, size_t count, void *to, size_t size,
                      struct spead_err *err);

#ifdef __cplusplus
}
#endif
#endif
