/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of struct spead_descriptor, and the draft from which one is made.
 *
 * A draft has fixed arrays that are as large as the limits allow. What a program or a packet says is written into the
 * draft and checked there; speadi_draft_finish() then copies what is used into one block of memory. */
#ifndef SPEADI_DESCRIPTOR_PARTS_H
#define SPEADI_DESCRIPTOR_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/descriptor.h>

/* The words of a dtype, the names of its fields and their units, the words of a format, the name and the
 * description. */
#define SPEADI_DRAFT_TEXT_MAX 65536u
/* Dimensions of all fields together. */
#define SPEADI_DRAFT_DIMENSIONS_MAX 512u
/* Neither an element nor an array of them can have more bits: no heap is as long. */
#define SPEADI_DESCRIPTOR_BITS_MAX (1ull << 62)

/* The arrays and strings lie behind the struct, in the same block of memory. */
struct spead_descriptor {
    atomic_uint references;
    /* of the flavour in which the descriptor was received; 0: it was made by create() */
    uint8_t heap_address_bits;
    bool is_dtype; /* the style: a dtype or a format */
    bool is_fortran;
    int32_t variable; /* the index of the variable dimension; -1: none */
    uint32_t dimension_count, field_count;
    uint64_t id;
    uint64_t element_bits;
    /* The product of all dimensions except the variable one. This times element_bits is at most
     * SPEADI_DESCRIPTOR_BITS_MAX. */
    uint64_t known_elements;
    size_t memory_bytes;
    const char *name, *description;
    const char *type; /* the words of the dtype or of the format */
    int64_t *shape;
    struct spead_field *fields;
};

struct speadi_draft_field {
    enum spead_kind kind;
    bool is_little_endian;
    uint32_t name_at, unit_at; /* in the text of the draft */
    uint32_t dimension_count;
    uint64_t bits, bit_offset;
    uint64_t shape[SPEAD_DIMENSIONS_MAX], stride_bits[SPEAD_DIMENSIONS_MAX];
};

struct speadi_draft {
    uint64_t id;
    uint8_t heap_address_bits;
    bool is_dtype, is_fortran;
    uint32_t dimension_count, field_count;
    uint64_t element_bits;
    int64_t shape[SPEAD_DIMENSIONS_MAX];
    struct speadi_draft_field fields[SPEAD_DESCRIPTOR_FIELDS_MAX];
    uint32_t name_at, description_at, type_at;
    uint32_t text_bytes; /* used bytes of `text`; text[0] is the empty string */
    char text[SPEADI_DRAFT_TEXT_MAX];
};

/* Makes an empty draft of a scalar without fields, or returns NULL. free() frees it. */
struct speadi_draft *speadi_draft_new(void);

/* The functions below return 0 or -EBADMSG. The sentence in *err then says what is wrong, and the caller says where. */

/* Adds a string to the text. `what` names it in the sentence. Zero bytes and bytes above 0x7f are refused. *at becomes
 * its place in the text. */
int speadi_draft_text(struct speadi_draft *draft, const char *what, const void *text, size_t bytes,
                      size_t bytes_max, uint32_t *at, struct spead_err *err);

/* Adds a field behind the others. Its name, its offset and its dimensions are the caller's to set. */
int speadi_draft_field(struct speadi_draft *draft, enum spead_kind kind, uint64_t bits,
                       struct spead_err *err);

/* Adds the field that a letter and a number of bits describe, behind the last one, without padding. */
int speadi_draft_format_field(struct speadi_draft *draft, uint8_t letter, uint64_t bits,
                              struct spead_err *err);
/* Ends a format: writes its words. */
int speadi_draft_format_end(struct speadi_draft *draft, struct spead_err *err);
/* Reads the words of a format ("u12 i4"). */
int speadi_draft_format_words(struct speadi_draft *draft, const char *words, struct spead_err *err);

/* Reads the words of a dtype: a plain type ("<i2"), or a list of fields. If `swap` is true, each value has the other
 * byte order than the words say. */
int speadi_draft_dtype_words(struct speadi_draft *draft, const char *words, bool swap,
                             struct spead_err *err);
/* Reads a dtype as it stands in a numpy header: a string or a list. */
struct speadi_literal;
int speadi_draft_dtype_literal(struct speadi_draft *draft, struct speadi_literal *text, bool swap);

/* Reads a numpy header: type, order and shape. */
int speadi_draft_numpy_header(struct speadi_draft *draft, const char *header, size_t bytes,
                              bool swap, struct spead_err *err);

/* Checks what concerns all fields: their dimensions, and names that come twice. */
int speadi_draft_check_fields(const struct speadi_draft *draft, struct spead_err *err);
/* Checks the shape, and the size of the array. */
int speadi_draft_check_shape(const struct speadi_draft *draft, struct spead_err *err);

/* Makes the descriptor. Returns NULL if there is no memory. */
struct spead_descriptor *speadi_draft_finish(const struct speadi_draft *draft);

#endif
