/* SPDX-License-Identifier: Apache-2.0 */
/* C types: which numbers they hold, and arrays of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#include "value_parts.h"

/* What is known of a C type. */
struct ctype {
    const char *name;
    size_t part_bytes;
    enum speadi_class class;
    bool is_complex;
};

static const struct ctype ctypes[] = {
    [SPEAD_CTYPE_I8] = {"int8_t", 1, SPEADI_CLASS_SIGNED, false},
    [SPEAD_CTYPE_I16] = {"int16_t", 2, SPEADI_CLASS_SIGNED, false},
    [SPEAD_CTYPE_I32] = {"int32_t", 4, SPEADI_CLASS_SIGNED, false},
    [SPEAD_CTYPE_I64] = {"int64_t", 8, SPEADI_CLASS_SIGNED, false},
    [SPEAD_CTYPE_U8] = {"uint8_t", 1, SPEADI_CLASS_UNSIGNED, false},
    [SPEAD_CTYPE_U16] = {"uint16_t", 2, SPEADI_CLASS_UNSIGNED, false},
    [SPEAD_CTYPE_U32] = {"uint32_t", 4, SPEADI_CLASS_UNSIGNED, false},
    [SPEAD_CTYPE_U64] = {"uint64_t", 8, SPEADI_CLASS_UNSIGNED, false},
    [SPEAD_CTYPE_F32] = {"float", 4, SPEADI_CLASS_REAL, false},
    [SPEAD_CTYPE_F64] = {"double", 8, SPEADI_CLASS_REAL, false},
    [SPEAD_CTYPE_CF32] = {"two floats", 4, SPEADI_CLASS_REAL, true},
    [SPEAD_CTYPE_CF64] = {"two doubles", 8, SPEADI_CLASS_REAL, true},
    [SPEAD_CTYPE_B8] = {"bool", 1, SPEADI_CLASS_UNSIGNED, false},
    [SPEAD_CTYPE_AS_IS] = {"bytes as they are", 0, SPEADI_CLASS_NONE, false},
};

#define CTYPES (sizeof ctypes / sizeof *ctypes)

static const struct ctype *find(enum spead_ctype type)
{
    return (unsigned)type < CTYPES ? &ctypes[type] : &ctypes[SPEAD_CTYPE_AS_IS];
}

size_t spead_ctype_bytes(enum spead_ctype type)
{
    const struct ctype *its = find(type);

    return its->is_complex ? 2 * its->part_bytes : its->part_bytes;
}

enum speadi_class speadi_ctype_class(enum spead_ctype type)
{
    return find(type)->class;
}

bool speadi_ctype_is_complex(enum spead_ctype type)
{
    return find(type)->is_complex;
}

size_t speadi_ctype_part_bytes(enum spead_ctype type)
{
    return find(type)->part_bytes;
}

const char *speadi_ctype_name(enum spead_ctype type)
{
    return find(type)->name;
}

/* ---- The class of values in an item ----------------------------------------------------------------------- */

struct speadi_form speadi_form_of(const struct spead_view *view)
{
    bool is_complex = view->kind == SPEAD_KIND_COMPLEX;

    return (struct speadi_form){
        .kind = is_complex ? SPEAD_KIND_FLOAT : view->kind,
        .bits = is_complex ? view->bits / 2 : view->bits,
        .is_little_endian = view->is_little_endian,
    };
}

enum speadi_class speadi_form_class(const struct speadi_form *form)
{
    if (form->bits == 0 || form->bits > 64)
        return SPEADI_CLASS_NONE;
    switch (form->kind) {
    case SPEAD_KIND_SIGNED:
    case SPEAD_KIND_DATETIME:
    case SPEAD_KIND_TIMEDELTA:
        return SPEADI_CLASS_SIGNED;
    case SPEAD_KIND_UNSIGNED:
    case SPEAD_KIND_BOOL:
        return SPEADI_CLASS_UNSIGNED;
    case SPEAD_KIND_FLOAT:
    case SPEAD_KIND_COMPLEX:
        return SPEADI_CLASS_REAL;
    case SPEAD_KIND_CHAR:
    case SPEAD_KIND_BYTES:
    case SPEAD_KIND_UNICODE:
    case SPEAD_KIND_OPAQUE:
        break;
    }
    return SPEADI_CLASS_NONE;
}

bool speadi_ctype_has_form(enum spead_ctype type, const struct speadi_form *form)
{
    return 8 * find(type)->part_bytes == form->bits &&
           find(type)->class == speadi_form_class(form) &&
           (type == SPEAD_CTYPE_B8) == (form->kind == SPEAD_KIND_BOOL);
}

/* Returns true if numbers of the view can become numbers of the type, or the other way round if `write` is true. */
static bool converts(const struct spead_view *view, enum spead_ctype type, bool write)
{
    struct speadi_form form = speadi_form_of(view);
    enum speadi_class item = speadi_form_class(&form), own = speadi_ctype_class(type);

    if (item == SPEADI_CLASS_NONE ||
        speadi_ctype_is_complex(type) != (view->kind == SPEAD_KIND_COMPLEX))
        return false;
    if (type == SPEAD_CTYPE_B8 || (write && form.kind == SPEAD_KIND_BOOL))
        return type == SPEAD_CTYPE_B8 && form.kind == SPEAD_KIND_BOOL;
    return (write ? own : item) != SPEADI_CLASS_REAL || (write ? item : own) == SPEADI_CLASS_REAL;
}

int speadi_check_types(const struct spead_view *view, enum spead_ctype type, bool write,
                       struct spead_err *err)
{
    char words[SPEADI_WORDS_MAX];

    if ((unsigned)type >= CTYPES)
        return speadi_err_set(err, -EINVAL, "type %d is no C type", (int)type);
    if (type == SPEAD_CTYPE_AS_IS && view->bits % 8 == 0)
        return 0;
    if (type == SPEAD_CTYPE_AS_IS)
        return speadi_err_set(err, -EINVAL, "%s do not have whole bytes",
                              speadi_view_words(words, view));
    if (converts(view, type, write))
        return 0;
    if (write)
        return speadi_err_set(err, -EINVAL, "%s does not become %s", speadi_ctype_name(type),
                              speadi_view_words(words, view));
    return speadi_err_set(err, -EINVAL, "%s do not become %s", speadi_view_words(words, view),
                          speadi_ctype_name(type));
}

/* ---- Blocks and arrays --------------------------------------------------------------------------------------- */

/* Writes numbers of the block to an array. The first loop only looks whether all fit, so that the compiler can make
 * vector instructions of both. The names of integers that the type has must hold for all of it: `fits` is a condition
 * of `value`. */
#define GIVE(type, member, fits)                                   \
    do {                                                           \
        type *array = to;                                          \
        int bad = 0;                                               \
                                                                   \
        for (size_t k = 0; k < count; k++) {                       \
            __typeof__(block->member[0]) value = block->member[k]; \
                                                                   \
            bad |= !(fits);                                        \
            array[k] = (type)value;                                \
        }                                                          \
        for (size_t k = 0; bad && k < count; k++) {                \
            __typeof__(block->member[0]) value = block->member[k]; \
                                                                   \
            if (!(fits))                                           \
                return k;                                          \
        }                                                          \
        return count;                                              \
    } while (0)

static size_t give_signed(void *to, enum spead_ctype type, const union speadi_block_values *block,
                          size_t count)
{
    switch (type) {
    case SPEAD_CTYPE_I8:
        GIVE(int8_t, i, value >= INT8_MIN && value <= INT8_MAX);
    case SPEAD_CTYPE_I16:
        GIVE(int16_t, i, value >= INT16_MIN && value <= INT16_MAX);
    case SPEAD_CTYPE_I32:
        GIVE(int32_t, i, value >= INT32_MIN && value <= INT32_MAX);
    case SPEAD_CTYPE_I64:
        GIVE(int64_t, i, ((void)value, true));
    case SPEAD_CTYPE_U8:
        GIVE(uint8_t, i, value >= 0 && value <= UINT8_MAX);
    case SPEAD_CTYPE_U16:
        GIVE(uint16_t, i, value >= 0 && value <= UINT16_MAX);
    case SPEAD_CTYPE_U32:
        GIVE(uint32_t, i, value >= 0 && value <= UINT32_MAX);
    case SPEAD_CTYPE_U64:
        GIVE(uint64_t, i, value >= 0);
    case SPEAD_CTYPE_F32:
        GIVE(float, i, ((void)value, true));
    default:
        GIVE(double, i, ((void)value, true));
    }
}

static size_t give_unsigned(void *to, enum spead_ctype type, const union speadi_block_values *block,
                            size_t count)
{
    switch (type) {
    case SPEAD_CTYPE_I8:
        GIVE(int8_t, u, value <= INT8_MAX);
    case SPEAD_CTYPE_I16:
        GIVE(int16_t, u, value <= INT16_MAX);
    case SPEAD_CTYPE_I32:
        GIVE(int32_t, u, value <= INT32_MAX);
    case SPEAD_CTYPE_I64:
        GIVE(int64_t, u, value <= INT64_MAX);
    case SPEAD_CTYPE_B8:
    case SPEAD_CTYPE_U8:
        GIVE(uint8_t, u, value <= UINT8_MAX);
    case SPEAD_CTYPE_U16:
        GIVE(uint16_t, u, value <= UINT16_MAX);
    case SPEAD_CTYPE_U32:
        GIVE(uint32_t, u, value <= UINT32_MAX);
    case SPEAD_CTYPE_U64:
        GIVE(uint64_t, u, ((void)value, true));
    case SPEAD_CTYPE_F32:
        GIVE(float, u, ((void)value, true));
    default:
        GIVE(double, u, ((void)value, true));
    }
}

size_t speadi_give(void *to, enum spead_ctype type, const union speadi_block_values *block,
                   enum speadi_class class, size_t count)
{
    if (class == SPEADI_CLASS_SIGNED)
        return give_signed(to, type, block, count);
    if (class == SPEADI_CLASS_UNSIGNED)
        return give_unsigned(to, type, block, count);
    if (speadi_ctype_part_bytes(type) == sizeof(float))
        GIVE(float, d, ((void)value, true));
    GIVE(double, d, ((void)value, true));
}

#define TAKE(type, member)                 \
    do {                                   \
        const type *array = from;          \
                                           \
        for (size_t k = 0; k < count; k++) \
            block->member[k] = array[k];   \
    } while (0)

void speadi_take(union speadi_block_values *block, enum spead_ctype type, const void *from,
                 size_t count)
{
    switch (type) {
    case SPEAD_CTYPE_I8:
        TAKE(int8_t, i);
        break;
    case SPEAD_CTYPE_I16:
        TAKE(int16_t, i);
        break;
    case SPEAD_CTYPE_I32:
        TAKE(int32_t, i);
        break;
    case SPEAD_CTYPE_I64:
        TAKE(int64_t, i);
        break;
    case SPEAD_CTYPE_B8:
    case SPEAD_CTYPE_U8:
        TAKE(uint8_t, u);
        break;
    case SPEAD_CTYPE_U16:
        TAKE(uint16_t, u);
        break;
    case SPEAD_CTYPE_U32:
        TAKE(uint32_t, u);
        break;
    case SPEAD_CTYPE_U64:
        TAKE(uint64_t, u);
        break;
    case SPEAD_CTYPE_F32:
    case SPEAD_CTYPE_CF32:
        TAKE(float, d);
        break;
    case SPEAD_CTYPE_F64:
    case SPEAD_CTYPE_CF64:
        TAKE(double, d);
        break;
    case SPEAD_CTYPE_AS_IS:
        break;
    }
}

/* ---- Words --------------------------------------------------------------------------------------------------------
 * */

const char *speadi_view_words(char words[SPEADI_WORDS_MAX], const struct spead_view *view)
{
    static const char *const kinds[] = {
        [SPEAD_KIND_UNSIGNED] = "unsigned integers",
        [SPEAD_KIND_SIGNED] = "signed integers",
        [SPEAD_KIND_FLOAT] = "floating-point numbers",
        [SPEAD_KIND_BOOL] = "truth values",
        [SPEAD_KIND_CHAR] = "ASCII characters",
        [SPEAD_KIND_COMPLEX] = "complex numbers",
        [SPEAD_KIND_BYTES] = "strings of bytes",
        [SPEAD_KIND_UNICODE] = "strings of 32-bit characters",
        [SPEAD_KIND_OPAQUE] = "opaque bytes",
        [SPEAD_KIND_DATETIME] = "points in time",
        [SPEAD_KIND_TIMEDELTA] = "lengths of time",
    };

    snprintf(words, SPEADI_WORDS_MAX, "values of %" PRIu64 " bits (%s)", view->bits,
             kinds[view->kind]);
    return words;
}

const char *speadi_number_words(char words[SPEADI_WORDS_MAX],
                                const union speadi_block_values *block, enum speadi_class class,
                                size_t index)
{
    if (class == SPEADI_CLASS_SIGNED)
        snprintf(words, SPEADI_WORDS_MAX, "%" PRId64, block->i[index]);
    else if (class == SPEADI_CLASS_UNSIGNED)
        snprintf(words, SPEADI_WORDS_MAX, "%" PRIu64, block->u[index]);
    else
        snprintf(words, SPEADI_WORDS_MAX, "%.17g", block->d[index]);
    return words;
}
