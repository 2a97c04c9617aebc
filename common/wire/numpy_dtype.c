/* SPDX-License-Identifier: Apache-2.0 */
/* Types of numpy in words: "<i2", or a list of named fields such as [('time', '<u8'), ('power', '>f4', (2,))].
 * Source: the documentation of numpy, "array interface" (typestr, descr) and "numpy.lib.format".
 *
 * The reader goes down the words once. It writes a field of the draft for each plain type that it meets, and the same
 * words in the form that numpy itself writes. A type inside another one does not know where it lies: its fields begin
 * at 0, and whoever contains it moves them. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

#include "descriptor_parts.h"
#include "numpy_literal.h"
#include "numpy_plain.h"

#define DEPTH_MAX      8u   /* records inside records */
#define PATH_BYTES_MAX 512u /* the name of a field, with the names of the records that contain it */
/* A numpy header with words of this length and any shape is not longer than SPEAD_DESCRIPTOR_DTYPE_BYTES_MAX. */
#define WORDS_BYTES_MAX (SPEAD_DESCRIPTOR_DTYPE_BYTES_MAX - 1024u)

struct reader {
    struct speadi_literal text;
    struct speadi_draft *draft;
    bool swap;
    unsigned depth;
    size_t path_bytes; /* length of `path`, which ends in a point unless it is empty */
    char path[PATH_BYTES_MAX];
    size_t words_bytes;
    char words[WORDS_BYTES_MAX]; /* what numpy would write */
};

static int read_type(struct reader *reader, uint64_t *bits);

__attribute__((format(printf, 2, 3))) static int put(struct reader *reader, const char *format, ...)
{
    size_t room = sizeof reader->words - reader->words_bytes;
    va_list arguments;
    int bytes;

    va_start(arguments, format);
    bytes = vsnprintf(reader->words + reader->words_bytes, room, format, arguments);
    va_end(arguments);
    if (bytes < 0 || (size_t)bytes >= room)
        return speadi_err_set(reader->text.err, -EBADMSG, "the dtype has more than %u bytes",
                              WORDS_BYTES_MAX);
    reader->words_bytes += (size_t)bytes;
    return 0;
}

/* Writes a string as Python writes it. */
static int put_string(struct reader *reader, const char *string)
{
    char mark = strchr(string, '\'') && !strchr(string, '"') ? '"' : '\'';
    int ret = put(reader, "%c", mark);

    for (; ret == 0 && *string; string++)
        ret = put(reader, *string == '\\' || *string == mark ? "\\%c" : "%c", *string);
    return ret == 0 ? put(reader, "%c", mark) : ret;
}

static int put_shape(struct reader *reader, const uint64_t *shape, uint32_t count)
{
    int ret = put(reader, "(");

    for (uint32_t i = 0; ret == 0 && i < count; i++)
        ret = put(reader, i ? ", %" PRIu64 : "%" PRIu64, shape[i]);
    return ret == 0 ? put(reader, count == 1 ? ",)" : ")") : ret;
}

/* ---- Plain types ------------------------------------------------------------------------------ */

static int refuse_plain(struct reader *reader, const char *word)
{
    if (speadi_numpy_plain_is_object(word))
        return speadi_err_set(reader->text.err, -EBADMSG,
                              "the dtype has the object type \"%s\": an object cannot travel",
                              word);
    return speadi_err_set(reader->text.err, -EBADMSG,
                          "the dtype has the unknown type \"%s\": expected an order (<, > or |), a "
                          "letter and a number of bytes, as in \"<i2\"",
                          word);
}

/* Reads the type `word`. `name` is the path of the field. */
static int add_plain(struct reader *reader, const char *word, uint64_t *bits)
{
    struct speadi_draft *draft = reader->draft;
    struct speadi_draft_field *field;
    struct speadi_numpy_plain plain;
    size_t path_bytes = reader->path_bytes > 0 ? reader->path_bytes - 1 : 0;

    if (speadi_numpy_plain_read(&plain, word, reader->swap) < 0)
        return refuse_plain(reader, word);
    if (plain.bytes == 0)
        return speadi_err_set(reader->text.err, -EBADMSG,
                              "the dtype has the type \"%s\", which has zero bytes", word);
    *bits = 8 * plain.bytes;
    if (put(reader, plain.unit[0] ? "'%c%c%" PRIu64 "[%s]'" : "'%c%c%" PRIu64 "'", plain.order,
            plain.letter, plain.number, plain.unit) < 0)
        return -EBADMSG;
    if (speadi_draft_field(draft, plain.kind, *bits, reader->text.err) < 0)
        return -EBADMSG;
    field = &draft->fields[draft->field_count - 1];
    field->is_little_endian = plain.order == '<';
    if (plain.unit[0] &&
        speadi_draft_text(draft, "the unit", plain.unit, strlen(plain.unit), SPEADI_NUMPY_WORD_MAX,
                          &field->unit_at, reader->text.err) < 0)
        return -EBADMSG;
    if (path_bytes == 0)
        return 0;
    return speadi_draft_text(draft, "the name of a field", reader->path, path_bytes, PATH_BYTES_MAX,
                             &field->name_at, reader->text.err);
}

static int read_plain(struct reader *reader, uint64_t *bits)
{
    char word[SPEADI_NUMPY_WORD_MAX];
    int ret = speadi_literal_string(&reader->text, "the type in a dtype", word, sizeof word);

    return ret < 0 ? ret : add_plain(reader, word, bits);
}

/* ---- Arrays inside elements --------------------------------------------------------------------- */

/* Makes the fields from number `first` on an array of this shape. *bits is the size of one of its members, and becomes
 * the size of all. */
static int repeat_fields(struct reader *reader, uint32_t first, const uint64_t *shape,
                         uint32_t count, uint64_t *bits)
{
    struct speadi_draft *draft = reader->draft;
    uint64_t stride[SPEAD_DIMENSIONS_MAX], size = *bits;

    for (uint32_t i = count; i-- > 0;) {
        stride[i] = size;
        if (__builtin_mul_overflow(size, shape[i], &size) || size > SPEADI_DESCRIPTOR_BITS_MAX)
            return speadi_err_set(reader->text.err, -EBADMSG,
                                  "an element of the dtype has more than 2^62 bits");
    }
    for (uint32_t f = first; f < draft->field_count; f++) {
        struct speadi_draft_field *field = &draft->fields[f];

        if (count > SPEAD_DIMENSIONS_MAX - field->dimension_count)
            return speadi_err_set(reader->text.err, -EBADMSG,
                                  "a field of the dtype has more than %u dimensions",
                                  SPEAD_DIMENSIONS_MAX);
        memmove(field->shape + count, field->shape, field->dimension_count * sizeof *shape);
        memmove(field->stride_bits + count, field->stride_bits,
                field->dimension_count * sizeof *shape);
        memcpy(field->shape, shape, count * sizeof *shape);
        memcpy(field->stride_bits, stride, count * sizeof *shape);
        field->dimension_count += count;
    }
    *bits = size;
    return 0;
}

/* Reads the shape of an array inside an element: a tuple, or one whole number. */
static int read_inner_shape(struct reader *reader, uint32_t first, uint64_t *bits)
{
    uint64_t shape[SPEAD_DIMENSIONS_MAX];
    uint32_t count = 1;
    int ret;

    if (speadi_literal_sees(&reader->text, '('))
        ret = speadi_literal_shape(&reader->text, shape, SPEAD_DIMENSIONS_MAX, &count);
    else
        ret = speadi_literal_number(&reader->text, "the shape of a field", &shape[0]);
    if (ret < 0 || put(reader, ", ") < 0 || put_shape(reader, shape, count) < 0)
        return -EBADMSG;
    return repeat_fields(reader, first, shape, count, bits);
}

/* Reads (TYPE, SHAPE), which numpy writes for a field whose type is itself an array. */
static int read_array(struct reader *reader, uint64_t *bits)
{
    uint32_t first = reader->draft->field_count;

    if (speadi_literal_needs(&reader->text, '(') < 0 || put(reader, "(") < 0 ||
        read_type(reader, bits) < 0 || speadi_literal_needs(&reader->text, ',') < 0 ||
        read_inner_shape(reader, first, bits) < 0)
        return -EBADMSG;
    (void)speadi_literal_takes(&reader->text, ',');
    return speadi_literal_needs(&reader->text, ')') < 0 ? -EBADMSG : put(reader, ")");
}

/* ---- Records ------------------------------------------------------------------------------------ */

/* Reads the name of a field, or (TITLE, NAME). */
static int read_name(struct reader *reader, char name[PATH_BYTES_MAX])
{
    static const char what[] = "the name of a field";
    struct speadi_literal *text = &reader->text;

    if (!speadi_literal_takes(text, '('))
        return speadi_literal_string(text, what, name, PATH_BYTES_MAX) < 0
                   ? -EBADMSG
                   : put_string(reader, name);
    if (put(reader, "(") < 0 ||
        speadi_literal_string(text, "the title of a field", name, PATH_BYTES_MAX) < 0 ||
        put_string(reader, name) < 0 || speadi_literal_needs(text, ',') < 0 ||
        put(reader, ", ") < 0 || speadi_literal_string(text, what, name, PATH_BYTES_MAX) < 0 ||
        put_string(reader, name) < 0)
        return -EBADMSG;
    return speadi_literal_needs(text, ')') < 0 ? -EBADMSG : put(reader, ")");
}

/* Sets the path of the field `name`, the field number `number` of its record. Returns the length of the path
 * before, or -1 if the path is too long. */
static long enter(struct reader *reader, const char *name, unsigned number)
{
    size_t before = reader->path_bytes, room = sizeof reader->path - before;
    int bytes = name[0] ? snprintf(reader->path + before, room, "%s.", name)
                        : snprintf(reader->path + before, room, "f%u.", number);

    if ((size_t)bytes >= room) {
        speadi_err_set(reader->text.err, -EBADMSG,
                       "the name of a field has more than %u bytes, with the records around it",
                       PATH_BYTES_MAX - 2);
        return -1;
    }
    reader->path_bytes += (size_t)bytes;
    return (long)before;
}

/* Reads one field of a record, which begins at the bit *bits. */
static int read_field(struct reader *reader, unsigned number, uint64_t *bits)
{
    struct speadi_draft *draft = reader->draft;
    uint32_t first = draft->field_count;
    uint64_t own_bits = 0;
    char name[PATH_BYTES_MAX];
    long before;

    if (speadi_literal_needs(&reader->text, '(') < 0 || put(reader, "(") < 0 ||
        read_name(reader, name) < 0 || speadi_literal_needs(&reader->text, ',') < 0 ||
        put(reader, ", ") < 0)
        return -EBADMSG;
    before = enter(reader, name, number);
    if (before < 0 || read_type(reader, &own_bits) < 0)
        return -EBADMSG;
    reader->path_bytes = (size_t)before;
    if (speadi_literal_takes(&reader->text, ',') && !speadi_literal_sees(&reader->text, ')') &&
        read_inner_shape(reader, first, &own_bits) < 0)
        return -EBADMSG;
    if (speadi_literal_needs(&reader->text, ')') < 0 || put(reader, ")") < 0)
        return -EBADMSG;
    if (own_bits > SPEADI_DESCRIPTOR_BITS_MAX - *bits)
        return speadi_err_set(reader->text.err, -EBADMSG,
                              "an element of the dtype has more than 2^62 bits");
    for (uint32_t f = first; f < draft->field_count; f++)
        draft->fields[f].bit_offset += *bits;
    /* numpy writes padding as a field of opaque bytes without a name */
    if (!name[0] && draft->field_count == first + 1 &&
        draft->fields[first].kind == SPEAD_KIND_OPAQUE)
        draft->field_count = first;
    *bits += own_bits;
    return 0;
}

static int read_record(struct reader *reader, uint64_t *bits)
{
    unsigned number = 0;
    bool comma = true;

    if (++reader->depth > DEPTH_MAX)
        return speadi_err_set(reader->text.err, -EBADMSG,
                              "more than %u records contain each other in the dtype", DEPTH_MAX);
    *bits = 0;
    if (speadi_literal_needs(&reader->text, '[') < 0 || put(reader, "[") < 0)
        return -EBADMSG;
    while (!speadi_literal_takes(&reader->text, ']')) {
        if (!comma)
            return speadi_literal_expected(&reader->text, "\",\" or \"]\"");
        if ((number > 0 && put(reader, ", ") < 0) || read_field(reader, number++, bits) < 0)
            return -EBADMSG;
        comma = speadi_literal_takes(&reader->text, ',');
    }
    reader->depth--;
    return put(reader, "]");
}

/* ---- All types ------------------------------------------------------------------------------------ */

/* Reads a type inside a dtype. *bits becomes its size. The depth bounds the recursion. */
static int read_type(struct reader *reader, uint64_t *bits)
{
    if (speadi_literal_sees(&reader->text, '['))
        return read_record(reader, bits);
    if (speadi_literal_sees(&reader->text, '(')) {
        int ret;

        if (++reader->depth > DEPTH_MAX)
            return speadi_err_set(reader->text.err, -EBADMSG,
                                  "more than %u types contain each other in the dtype", DEPTH_MAX);
        ret = read_array(reader, bits);
        reader->depth--;
        return ret;
    }
    return read_plain(reader, bits);
}

/* Ends a dtype: keeps its words, and its size. */
static int end_dtype(struct reader *reader, uint64_t bits)
{
    struct speadi_draft *draft = reader->draft;
    const char *words = reader->words;
    size_t bytes = reader->words_bytes;

    if (words[0] == '\'') { /* a plain type: without its quotation marks */
        words++;
        bytes -= 2;
    }
    if (bits == 0)
        return speadi_err_set(reader->text.err, -EBADMSG,
                              "the dtype \"%.*s\" has zero bytes: an element must have a size",
                              (int)(bytes < SPEADI_NUMPY_WORD_MAX ? bytes : SPEADI_NUMPY_WORD_MAX),
                              words);
    if (draft->field_count == 0)
        return speadi_err_set(reader->text.err, -EBADMSG, "the dtype has no field, only padding");
    draft->is_dtype = true;
    draft->element_bits = bits;
    return speadi_draft_text(draft, "the dtype", words, bytes, WORDS_BYTES_MAX, &draft->type_at,
                             reader->text.err);
}

int speadi_draft_dtype_literal(struct speadi_draft *draft, struct speadi_literal *text, bool swap)
{
    struct reader reader = {.text = *text, .draft = draft, .swap = swap};
    uint64_t bits;
    int ret;

    if (speadi_literal_sees(&reader.text, '('))
        return speadi_literal_expected(&reader.text, "a type or a list of fields");
    ret = read_type(&reader, &bits);
    text->at = reader.text.at;
    return ret < 0 ? ret : end_dtype(&reader, bits);
}

int speadi_draft_dtype_words(struct speadi_draft *draft, const char *words, bool swap,
                             struct spead_err *err)
{
    size_t bytes = strlen(words);
    struct reader reader = {
        .text = {words, words, words + bytes, err}, .draft = draft, .swap = swap};
    uint64_t bits;
    int ret;

    if (speadi_literal_sees(&reader.text, '['))
        ret = read_record(&reader, &bits) < 0 ? -EBADMSG : speadi_literal_ends(&reader.text);
    else if (bytes < SPEADI_NUMPY_WORD_MAX)
        ret = add_plain(&reader, words, &bits);
    else
        ret = speadi_err_set(err, -EBADMSG,
                             "expected a type of numpy such as \"<i2\", or a list of fields in "
                             "brackets");
    return ret < 0 ? ret : end_dtype(&reader, bits);
}
