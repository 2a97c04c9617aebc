/* SPDX-License-Identifier: Apache-2.0 */
/* The numpy header of a descriptor: a Python dictionary in text form, as at the beginning of a .npy file, with exactly
 * the keys 'descr', 'fortran_order' and 'shape'. Source: the documentation of numpy.lib.format. */
#include <errno.h>
#include <string.h>

#include <speadi/err.h>

#include "descriptor_parts.h"
#include "numpy_literal.h"

enum { DESCR = 1, FORTRAN_ORDER = 2, SHAPE = 4, ALL = 7 };

static int read_shape(struct speadi_draft *draft, struct speadi_literal *text)
{
    uint64_t shape[SPEAD_DIMENSIONS_MAX];

    if (speadi_literal_shape(text, shape, SPEAD_DIMENSIONS_MAX, &draft->dimension_count) < 0)
        return -EBADMSG;
    for (uint32_t i = 0; i < draft->dimension_count; i++) {
        if (shape[i] > SPEADI_DESCRIPTOR_BITS_MAX)
            return speadi_err_set(text->err, -EBADMSG, "a dimension is larger than 2^62");
        draft->shape[i] = (int64_t)shape[i];
    }
    return 0;
}

/* Reads one key and its value, and sets its bit in *seen. */
static int read_entry(struct speadi_draft *draft, struct speadi_literal *text, bool swap,
                      unsigned *seen)
{
    char key[32];
    unsigned bit;

    if (speadi_literal_string(text, "a key", key, sizeof key) < 0)
        return -EBADMSG;
    bit = strcmp(key, "descr") == 0           ? DESCR
          : strcmp(key, "fortran_order") == 0 ? FORTRAN_ORDER
          : strcmp(key, "shape") == 0         ? SHAPE
                                              : 0;
    if (bit == 0 || *seen & bit)
        return speadi_err_set(text->err, -EBADMSG, "the key '%s' %s", key,
                              bit ? "comes twice"
                                  : "is unknown: the keys are descr, fortran_order and shape");
    *seen |= bit;
    if (speadi_literal_needs(text, ':') < 0)
        return -EBADMSG;
    if (bit == DESCR)
        return speadi_draft_dtype_literal(draft, text, swap);
    if (bit == SHAPE)
        return read_shape(draft, text);
    return speadi_literal_bool(text, "True or False as fortran_order", &draft->is_fortran);
}

int speadi_draft_numpy_header(struct speadi_draft *draft, const char *header, size_t bytes,
                              bool swap, struct spead_err *err)
{
    struct speadi_literal text = {header, header, header + bytes, err};
    unsigned seen = 0;
    bool comma = true;

    if (bytes > SPEAD_DESCRIPTOR_DTYPE_BYTES_MAX)
        return speadi_err_set(err, -EBADMSG, "the numpy header has %zu bytes, more than %u", bytes,
                              SPEAD_DESCRIPTOR_DTYPE_BYTES_MAX);
    if (speadi_literal_needs(&text, '{') < 0)
        return -EBADMSG;
    while (!speadi_literal_takes(&text, '}')) {
        if (!comma)
            return speadi_literal_expected(&text, "\",\" or \"}\"");
        if (read_entry(draft, &text, swap, &seen) < 0)
            return -EBADMSG;
        comma = speadi_literal_takes(&text, ',');
    }
    if (seen != ALL)
        return speadi_err_set(err, -EBADMSG, "the key '%s' is missing",
                              !(seen & DESCR)   ? "descr"
                              : !(seen & SHAPE) ? "shape"
                                                : "fortran_order");
    return speadi_literal_ends(&text);
}
