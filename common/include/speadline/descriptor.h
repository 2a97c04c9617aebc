/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: what an item is called, and what its bytes mean.
 *
 * A descriptor gives the name, the description, the shape and the type of the item with one identifier. It travels in a
 * heap as an item with the identifier SPEAD_ID_DESCRIPTOR, usually in the first heap of a stream. The type has one of
 * two styles:
 *   format  SPEAD's own style: a list of fields, each with a kind and a number of bits. The fields are packed without
 *           padding, most significant bit first. The bytes are big-endian. One dimension may be variable.
 *   dtype   a type of numpy, such as "<i2", or a list of named fields. No dimension may be variable. The array may be
 *           in Fortran order.
 * An *element* is one member of the array that the shape describes. It has one field or, if it is a record, several.
 * value.h reads and writes the values that descriptors describe.
 *
 * Ownership: spead_descriptor_create(), spead_descriptor_decode() and spead_heap_next_descriptor() give the caller one
 * reference. The last spead_descriptor_unref() frees the descriptor. Strings and arrays that a function below returns
 * are borrowed from the descriptor.
 * Threads: a descriptor never changes. Any thread may call every function below.
 * Memory: one descriptor takes at most SPEAD_DESCRIPTOR_MEMORY_MAX bytes, whatever bytes it was decoded from. No number
 * in these bytes decides how much memory is allocated: the limits below do.
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "item descriptors"; the format of numpy's .npy files. */
#ifndef SPEADLINE_DESCRIPTOR_H
#define SPEADLINE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/flavour.h>
#include <speadline/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_descriptor; /* opaque */

/* Limits of a descriptor. A descriptor beyond one of them is refused, and the sentence names the limit. */
#define SPEAD_DESCRIPTOR_NAME_BYTES_MAX        1024u  /* bytes of the name */
#define SPEAD_DESCRIPTOR_DESCRIPTION_BYTES_MAX 16384u /* bytes of the description */
#define SPEAD_DESCRIPTOR_DTYPE_BYTES_MAX       16384u /* bytes of the numpy header on the wire */
#define SPEAD_DESCRIPTOR_FIELDS_MAX            256u   /* fields of an element */
#define SPEAD_DIMENSIONS_MAX                   32u /* dimensions of the item and of a field together */
#define SPEAD_DESCRIPTOR_MEMORY_MAX            131072u /* bytes of memory, with everything */

/* The length of the variable dimension in a shape. */
#define SPEAD_DIMENSION_VARIABLE (-1)

/* Deviations from the protocol that old senders and receivers have. They change how a descriptor travels. What the
 * functions below say of a received descriptor is free of them. The values are bits; a program combines them with "or".
 * All other bits are refused. */
enum spead_bug_compat {
    /* The fields of a format have 4 bytes and the dimensions of a shape have 8 bytes, in every flavour. */
    SPEAD_BUG_COMPAT_DESCRIPTOR_WIDTHS = 1,
    /* The mark of a variable dimension is 2, not 1. */
    SPEAD_BUG_COMPAT_SHAPE_BIT_1 = 2,
    /* A dtype travels with the byte order that is opposite to the one of its values. */
    SPEAD_BUG_COMPAT_SWAP_ENDIAN = 4,
    SPEAD_BUG_COMPAT_PYSPEAD_0_5_2 = 7, /* all three, as PySPEAD 0.5.2 has them */
};

/* What a field holds. A letter in quotes is the letter of the type in a format or in a dtype. */
enum spead_kind {
    SPEAD_KIND_UNSIGNED = 0, /* unsigned integer ("u") */
    SPEAD_KIND_SIGNED = 1,   /* integer in two's complement ("i") */
    SPEAD_KIND_FLOAT = 2,    /* IEEE number ("f"): 32 or 64 bits; in a dtype also 16 and 128 bits */
    SPEAD_KIND_BOOL = 3,     /* truth value ("b"): false if all bits are zero */
    SPEAD_KIND_CHAR = 4,     /* one ASCII character (format "c8") */
    SPEAD_KIND_COMPLEX = 5,  /* two IEEE numbers, real and imaginary part (dtype "c8" and "c16") */
    SPEAD_KIND_BYTES = 6,    /* string of bytes, filled up with zero bytes (dtype "S") */
    SPEAD_KIND_UNICODE = 7,  /* string of characters of 32 bits, filled up with zeros (dtype "U") */
    SPEAD_KIND_OPAQUE = 8,   /* bytes without a meaning (dtype "V") */
    SPEAD_KIND_DATETIME = 9, /* point in time, a signed integer of 64 bits (dtype "M8") */
    SPEAD_KIND_TIMEDELTA = 10 /* length of time, a signed integer of 64 bits (dtype "m8") */
};

/* One field of an element. The strings and arrays are borrowed from the descriptor. */
struct spead_field {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    enum spead_kind kind;
    /* The name of the field; "" in a format, and in a dtype that is no record. The name of a field of an inner record
     * is the name of the outer field, a point, and the name of the inner field. */
    const char *name;
    uint64_t bits;       /* size of one value, in bits */
    uint64_t bit_offset; /* where the field begins in an element, in bits */
    /* The field is an array in each element (a subarray of numpy) if dimension_count is not 0. stride_bits[i] is the
     * distance of neighbours in dimension i. Both arrays have dimension_count members. */
    const uint64_t *shape;
    const uint64_t *stride_bits;
    uint32_t dimension_count;
    bool is_little_endian; /* byte order of a value; false for values of one byte and of a format */
    uint8_t reserved[3];
    /* The unit of SPEAD_KIND_DATETIME and SPEAD_KIND_TIMEDELTA, such as "ns" or "25s"; else "". */
    const char *unit;
};

/* clang-format off */
#define SPEAD_FIELD_INIT { .struct_size = sizeof(struct spead_field) }
/* clang-format on */
/* Does what SPEAD_FIELD_INIT does; `size` is sizeof *field. Any thread. See docs/abi.md. */
void spead_field_init(struct spead_field *field, size_t size);

/* ---- Making a descriptor ------------------------------------------------------------------- */

/* The configuration of a descriptor. Start from SPEAD_DESCRIPTOR_CONFIG_INIT. Everything is borrowed until create()
 * returns. */
struct spead_descriptor_config {
    uint32_t struct_size;     /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t dimension_count; /* the number of members of shape; 0 (default): a scalar */
    /* The identifier of the item, not 0. The protocol recommends SPEAD_ID_USER_MIN or more. Whether it fits a flavour
     * is checked when the descriptor is encoded. */
    uint64_t id;
    const char *name;        /* ASCII text; NULL (default): "" */
    const char *description; /* ASCII text; NULL (default): "" */

    /* The length of each dimension, the slowest first; SPEAD_DIMENSION_VARIABLE for the variable one. */
    const int64_t *shape;
    /* True: the bytes of the value are in Fortran order: the first index changes fastest. It needs a dtype. Default
     * false. */
    bool fortran_order;
    uint8_t reserved[7];

    /* Exactly one of the two is not NULL.
     * format: the fields with their numbers of bits, separated by spaces: "u12", "f32", or for a record "b1 i7 c8 f32".
     *         "u", "i" and "b" take any number of bits from 1 on, "f" 32 or 64, "c" 8.
     * dtype:  a type of numpy as its dtype.str writes it ("<i2", ">f4", "|S5", "<M8[ns]"), or a record as its
     *         dtype.descr writes it ("[('time', '<u8'), ('power', '>f4', (2,))]"). "<" is little-endian, ">"
     *         big-endian, "|" does not apply, and "=" is the order of this machine. Object types are refused. */
    const char *format;
    const char *dtype;
};

/* clang-format off */
#define SPEAD_DESCRIPTOR_CONFIG_INIT { .struct_size = sizeof(struct spead_descriptor_config) }
/* clang-format on */
/* Does what SPEAD_DESCRIPTOR_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_descriptor_config_init(struct spead_descriptor_config *config, size_t size);

/* Makes a descriptor. Returns 0 and gives *out to the caller, -EINVAL (err names the field) or -ENOMEM. On failure *out
 * is unchanged. err may be NULL. */
int spead_descriptor_create(struct spead_descriptor **out,
                            const struct spead_descriptor_config *config, struct spead_err *err);

/* Adds one reference to the descriptor. Returns `descriptor`. */
struct spead_descriptor *spead_descriptor_ref(struct spead_descriptor *descriptor);

/* Gives one reference back. The last one frees the descriptor. NULL is ignored. */
void spead_descriptor_unref(struct spead_descriptor *descriptor);

/* ---- Descriptors in heaps ------------------------------------------------------------------- */

/* Goes through the descriptors of a received heap. *at is a position that the function keeps; set it to 0 before the
 * first call. `bug_compat` is a combination of enum spead_bug_compat; no heap says whether its sender needs one.
 * Returns
 *    0         *out is the next descriptor, with one reference for the caller
 *    -ENOENT   the heap has no more descriptors. In an incomplete heap no descriptor can be found.
 *    -EBADMSG  the next descriptor is malformed. The sentence names the heap, the descriptor and what is wrong with it.
 *    -EINVAL   bug_compat has unknown bits
 *    -ENOTSUP  the payload lies in memory that the CPU cannot touch
 *    -ENOMEM
 * After 0 and after -EBADMSG the next call goes on behind this descriptor. After every failure *out is unchanged.
 * err may be NULL. */
int spead_heap_next_descriptor(const struct spead_heap *heap, size_t *at, uint32_t bug_compat,
                               struct spead_descriptor **out, struct spead_err *err);

/* Decodes a descriptor from the bytes of an item SPEAD_ID_DESCRIPTOR. The descriptor does not keep `data`. Returns 0
 * and gives *out to the caller, or -EBADMSG, -EINVAL or -ENOMEM, as spead_heap_next_descriptor() does. As in spead2,
 * items of the inner packet that are unknown are ignored, and so are bytes behind the last whole field of a format or
 * shape. err may be NULL. */
int spead_descriptor_decode(struct spead_descriptor **out, const void *data, size_t bytes,
                            uint32_t bug_compat, struct spead_err *err);

/* Writes the descriptor, as the bytes of an item SPEAD_ID_DESCRIPTOR of this flavour, into `to`, which has room for
 * `size` bytes. `bug_compat` is a combination of enum spead_bug_compat, 0 for receivers that follow the protocol.
 * Returns how many bytes the descriptor takes. If that is more than `size`, nothing was written; `to` may be NULL if
 * `size` is 0. Returns -ENOMEM, -EINVAL (the flavour is not valid, or bug_compat has unknown bits) or -ERANGE (the
 * identifier, which must also fit the value of an item pointer, a number of bits, a dimension or the length of the texts does not fit the flavour); the sentence says
 * what does not fit. err may be NULL. spead_send_heap_add_descriptor() in send.h does this and adds the item to a heap.
 * */
int spead_descriptor_encode(const struct spead_descriptor *descriptor, struct spead_flavour flavour,
                            uint32_t bug_compat, void *to, size_t size, struct spead_err *err);

/* ---- What a descriptor says ----------------------------------------------------------------- */

/* The three functions return the identifier of the item, its name and its description. Texts that are not given are
 * "". */
uint64_t spead_descriptor_id(const struct spead_descriptor *descriptor);
const char *spead_descriptor_name(const struct spead_descriptor *descriptor);
const char *spead_descriptor_description(const struct spead_descriptor *descriptor);

/* Returns the number of dimensions of the item. *shape, if `shape` is not NULL, becomes the array of their lengths, the
 * slowest first; SPEAD_DIMENSION_VARIABLE is the length of the variable one. */
uint32_t spead_descriptor_shape(const struct spead_descriptor *descriptor, const int64_t **shape);

/* Returns true when one dimension is variable. */
bool spead_descriptor_is_variable(const struct spead_descriptor *descriptor);

/* Returns true when an item of this descriptor may travel in its item pointer if it is short enough. It is false if a
 * dimension is variable, because the length of such an item would be lost, and if the bits of an element do not fill
 * whole bytes. This is the rule of spead2. */
bool spead_descriptor_allows_immediate(const struct spead_descriptor *descriptor);

/* Returns true when the bytes of the value are in Fortran order. */
bool spead_descriptor_is_fortran(const struct spead_descriptor *descriptor);

/* Returns true when the value is a text: a format "c8" with at most one dimension, or a scalar of SPEAD_KIND_BYTES or
 * SPEAD_KIND_UNICODE. spead_item_get_text() reads such a value. */
bool spead_descriptor_is_text(const struct spead_descriptor *descriptor);

/* Returns the size of one element, in bits. */
uint64_t spead_descriptor_element_bits(const struct spead_descriptor *descriptor);

/* Returns the number of fields of an element: 1, or more for a record. */
uint32_t spead_descriptor_field_count(const struct spead_descriptor *descriptor);

/* Fills *field with the field of this index. The indexes count from 0. The caller must have set field->struct_size by
 * SPEAD_FIELD_INIT. Returns 0, -ERANGE (`index` is past the last field) or -EINVAL (struct_size is not set). */
int spead_descriptor_field(const struct spead_descriptor *descriptor, uint32_t index,
                           struct spead_field *field);

/* Returns the index of the field with this name, or -ENOENT. */
int spead_descriptor_find_field(const struct spead_descriptor *descriptor, const char *name);

/* Returns the type in the words of its style, for people and for programs that make the descriptor again: the `format`
 * or the `dtype` of a configuration. The one that the descriptor does not have is NULL. */
const char *spead_descriptor_format(const struct spead_descriptor *descriptor);
const char *spead_descriptor_dtype(const struct spead_descriptor *descriptor);

/* Returns true when the two descriptors say the same: identifier, name, description, shape, order and type. Types are
 * compared by their fields, not by the words with which they were made. */
bool spead_descriptor_equal(const struct spead_descriptor *a, const struct spead_descriptor *b);

/* Returns the bytes of memory that the descriptor takes. */
size_t spead_descriptor_memory_bytes(const struct spead_descriptor *descriptor);

#ifdef __cplusplus
}
#endif
#endif
