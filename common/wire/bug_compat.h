/* SPDX-License-Identifier: Apache-2.0 */
/* How a descriptor lies in its packet, with and without the deviations of old senders (enum spead_bug_compat). */
#ifndef SPEADI_BUG_COMPAT_H
#define SPEADI_BUG_COMPAT_H

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>

#include <speadline/descriptor.h>

#include <speadi/err.h>

/* The bytes of a field of a format: its letter and its number of bits. */
static inline unsigned speadi_format_field_bytes(unsigned heap_address_bits, uint32_t bug_compat)
{
    return bug_compat & SPEAD_BUG_COMPAT_DESCRIPTOR_WIDTHS ? 4 : 9 - heap_address_bits / 8;
}

/* The bytes of a dimension of a shape: its mark and its length. */
static inline unsigned speadi_dimension_bytes(unsigned heap_address_bits, uint32_t bug_compat)
{
    return bug_compat & SPEAD_BUG_COMPAT_DESCRIPTOR_WIDTHS ? 8 : 1 + heap_address_bits / 8;
}

/* The mark of a variable dimension. */
static inline uint8_t speadi_variable_mark(uint32_t bug_compat)
{
    return bug_compat & SPEAD_BUG_COMPAT_SHAPE_BIT_1 ? 2 : 1;
}

/* Returns 0, or -EINVAL if bug_compat has unknown bits. */
static inline int speadi_bug_compat_check(uint32_t bug_compat, struct spead_err *err)
{
    if (bug_compat & ~(uint32_t)SPEAD_BUG_COMPAT_PYSPEAD_0_5_2)
        return speadi_err_set(err, -EINVAL,
                              "bug_compat 0x%" PRIx32 ": there are no deviations other than 0x%x",
                              bug_compat, (unsigned)SPEAD_BUG_COMPAT_PYSPEAD_0_5_2);
    return 0;
}

#endif
