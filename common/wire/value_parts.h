/* SPDX-License-Identifier: Apache-2.0 */
/* How values are converted between the bytes of an item and the memory of a program.
 *
 * Values go through a block of numbers in the widest type of their class: bytes of the item <-> block <-> memory of the
 * program. So there is one loop for each form in the item, and one for each C type, and not one for each pair. The
 * block stays in the L1 cache. Values without gaps skip the block if they differ from the C type in nothing but their
 * byte order, or if int16_t becomes int32_t or float: value_vector.h converts them in one pass. */
#ifndef SPEADI_VALUE_PARTS_H
#define SPEADI_VALUE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/value.h>

#define SPEADI_BLOCK_VALUES 512u

#define SPEADI_HOST_IS_LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* The class of a number: the member of the block that holds it. */
enum speadi_class {
    SPEADI_CLASS_SIGNED,
    SPEADI_CLASS_UNSIGNED,
    SPEADI_CLASS_REAL,
    SPEADI_CLASS_NONE, /* no number: only its bytes can be copied */
};

union speadi_block_values {
    int64_t i[SPEADI_BLOCK_VALUES];
    uint64_t u[SPEADI_BLOCK_VALUES];
    double d[SPEADI_BLOCK_VALUES];
};

/* ---- The bytes of an item ------------------------------------------------------------------------ */

/* How one value lies in an item. A complex number is two of them. */
struct speadi_form {
    enum spead_kind kind;
    uint64_t bits;
    bool is_little_endian;
};

/* Values at equal distances in the bytes of an item. */
struct speadi_run {
    const uint8_t *data;
    uint64_t bytes;  /* the bytes of `data` that may be touched */
    uint64_t bit;    /* where the first value begins, counted from `data` */
    uint64_t stride; /* distance of two values, in bits */
    size_t count;
};

/* Where the next values of a view lie. Dimensions that follow each other without a gap are one. */
struct speadi_walk {
    const uint8_t *data;
    uint64_t bytes;
    uint64_t bit; /* of the next value */
    uint32_t dimension_count;
    uint64_t shape[SPEAD_DIMENSIONS_MAX + 1], stride[SPEAD_DIMENSIONS_MAX + 1];
    uint64_t index[SPEAD_DIMENSIONS_MAX + 1];
};

/* Begins at the value number `first`. The parts of complex numbers are counted as values of their own. */
void speadi_walk_begin(struct speadi_walk *walk, const struct spead_view *view, uint64_t first);
/* Returns a run of at most `max` values (max is at least 1), and goes behind it. The caller does not ask for more
 * values than the view has. */
struct speadi_run speadi_walk_next(struct speadi_walk *walk, uint64_t max);

/* The form of the values of a view; for complex numbers that of their parts. */
struct speadi_form speadi_form_of(const struct spead_view *view);
/* Returns SPEADI_CLASS_NONE if the values are no numbers that C has. */
enum speadi_class speadi_form_class(const struct speadi_form *form);

/* Reads the values of a run, at most SPEADI_BLOCK_VALUES, into the block. */
void speadi_load(union speadi_block_values *block, const struct speadi_form *form,
                 const struct speadi_run *run);
/* Writes the block to the values of a run, at most SPEADI_BLOCK_VALUES. The values fit (speadi_store_check()). Other
 * bits in the same bytes are not changed. run->data is written although it is const. */
void speadi_store(const union speadi_block_values *block, const struct speadi_form *form,
                  const struct speadi_run *run);
/* Returns the index of the first of `count` values of this class that does not fit the form, or `count`. */
size_t speadi_store_check(const union speadi_block_values *block, enum speadi_class class,
                          const struct speadi_form *form, size_t count);

/* Copies the values of a run as they are, to or from an array without gaps. bits is a multiple of 8. */
void speadi_load_bytes(uint8_t *to, uint64_t bits, const struct speadi_run *run);
void speadi_store_bytes(const uint8_t *from, uint64_t bits, const struct speadi_run *run);
/* Copies `count` values of 1, 2, 4 or 8 bytes, each with its bytes in the opposite order. */
void speadi_copy_swapped(void *to, const void *from, size_t value_bytes, size_t count);

/* ---- The memory of a program ---------------------------------------------------------------------- */

/* Returns the class of a C type; for a complex type that of its parts. */
enum speadi_class speadi_ctype_class(enum spead_ctype type);
bool speadi_ctype_is_complex(enum spead_ctype type);
/* Returns the bytes of a value; for a complex type those of a part. */
size_t speadi_ctype_part_bytes(enum spead_ctype type);

/* Writes `count` numbers of the block to an array of `type`. Returns the index of the first one that does not fit, or
 * `count`. */
size_t speadi_give(void *to, enum spead_ctype type, const union speadi_block_values *block,
                   enum speadi_class class, size_t count);
/* Reads `count` numbers of an array of `type` into the block. */
void speadi_take(union speadi_block_values *block, enum spead_ctype type, const void *from,
                 size_t count);

/* Returns true if an array of `type` and values of this form differ in nothing but their byte order. */
bool speadi_ctype_has_form(enum spead_ctype type, const struct speadi_form *form);

/* Returns 0, or -EINVAL if values of the view cannot become values of the type. If `write` is true: if values of the
 * type cannot become values of the view. */
int speadi_check_types(const struct spead_view *view, enum spead_ctype type, bool write,
                       struct spead_err *err);

/* ---- Words ------------------------------------------------------------------------------------------ */

#define SPEADI_WORDS_MAX 80
/* Writes what the values of a view are, as in "12-bit unsigned integers". Returns `words`. */
const char *speadi_view_words(char words[SPEADI_WORDS_MAX], const struct spead_view *view);
/* Returns the name of the C type, as in "int16_t". */
const char *speadi_ctype_name(enum spead_ctype type);
/* Writes one number of a block. Returns `words`. */
const char *speadi_number_words(char words[SPEADI_WORDS_MAX],
                                const union speadi_block_values *block, enum speadi_class class,
                                size_t index);

/* ---- Views -------------------------------------------------------------------------------------------- */

/* Lays out a field of an array that begins at view->data. The variable dimension has `variable` elements. Sets all of
 * *view but data, offset and immediate, and returns how many bytes behind view->data the field begins. */
uint64_t speadi_view_lay_out(struct spead_view *view, const struct spead_descriptor *descriptor,
                             uint32_t field, uint64_t variable);

/* Sets *err to a sentence that begins with the item. Returns code. */
__attribute__((format(printf, 4, 5))) int speadi_item_err(struct spead_err *err, int code,
                                                          const struct spead_descriptor *descriptor,
                                                          const char *format, ...);

#endif
