/* SPDX-License-Identifier: Apache-2.0 */
/* The style of SPEAD: fields of a letter and a number of bits, packed without padding.
 * Source: SPEAD protocol, SSA4700-0000-001 rev 1, "item descriptors". */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <speadi/err.h>

#include "descriptor_parts.h"

/* Returns 0, or -EBADMSG if no field has this letter. */
static int kind_of(uint8_t letter, enum spead_kind *kind, struct spead_err *err)
{
    switch (letter) {
    case 'u':
        *kind = SPEAD_KIND_UNSIGNED;
        return 0;
    case 'i':
        *kind = SPEAD_KIND_SIGNED;
        return 0;
    case 'f':
        *kind = SPEAD_KIND_FLOAT;
        return 0;
    case 'b':
        *kind = SPEAD_KIND_BOOL;
        return 0;
    case 'c':
        *kind = SPEAD_KIND_CHAR;
        return 0;
    case '0':
        return speadi_err_set(err, -EBADMSG,
                              "a field of the format has the letter \"0\", which refers to "
                              "another item: that is not supported");
    default:
        return speadi_err_set(err, -EBADMSG,
                              "a field of the format has the letter 0x%02x (%c): it must be one of "
                              "u, i, f, c and b",
                              letter, letter < 0x7f ? letter : '?');
    }
}

int speadi_draft_format_field(struct speadi_draft *draft, uint8_t letter, uint64_t bits,
                              struct spead_err *err)
{
    enum spead_kind kind;

    if (kind_of(letter, &kind, err) < 0)
        return -EBADMSG;
    if (bits == 0)
        return speadi_err_set(err, -EBADMSG, "the field \"%c0\" of the format has no bits", letter);
    if (kind == SPEAD_KIND_FLOAT && bits != 32 && bits != 64)
        return speadi_err_set(err, -EBADMSG,
                              "the field \"f%" PRIu64 "\" of the format must have 32 or 64 bits",
                              bits);
    if (kind == SPEAD_KIND_CHAR && bits != 8)
        return speadi_err_set(err, -EBADMSG,
                              "the field \"c%" PRIu64 "\" of the format must have 8 bits", bits);
    if (bits > SPEADI_DESCRIPTOR_BITS_MAX - draft->element_bits)
        return speadi_err_set(err, -EBADMSG, "an element of the format has more than 2^62 bits");
    if (speadi_draft_field(draft, kind, bits, err) < 0)
        return -EBADMSG;
    draft->fields[draft->field_count - 1].bit_offset = draft->element_bits;
    draft->element_bits += bits;
    return 0;
}

int speadi_draft_format_end(struct speadi_draft *draft, struct spead_err *err)
{
    static const char letters[] = {[SPEAD_KIND_UNSIGNED] = 'u',
                                   [SPEAD_KIND_SIGNED] = 'i',
                                   [SPEAD_KIND_FLOAT] = 'f',
                                   [SPEAD_KIND_BOOL] = 'b',
                                   [SPEAD_KIND_CHAR] = 'c'};
    char words[SPEAD_DESCRIPTOR_FIELDS_MAX * 22];
    size_t used = 0;

    if (draft->field_count == 0)
        return speadi_err_set(err, -EBADMSG, "the format is empty: it has no field");
    for (uint32_t i = 0; i < draft->field_count; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%c%" PRIu64, i ? " " : "",
                                 letters[draft->fields[i].kind], draft->fields[i].bits);
    return speadi_draft_text(draft, "the format", words, used, sizeof words, &draft->type_at, err);
}

int speadi_draft_format_words(struct speadi_draft *draft, const char *words, struct spead_err *err)
{
    const char *at = words;

    for (;;) {
        uint8_t letter;
        uint64_t bits = 0;

        while (*at == ' ')
            at++;
        if (*at == 0)
            return speadi_draft_format_end(draft, err);
        letter = (uint8_t)*at++;
        if (*at < '0' || *at > '9')
            return speadi_err_set(err, -EBADMSG,
                                  "\"%.20s\" does not begin with a letter and a number of bits, as "
                                  "in \"u12\"",
                                  at - 1);
        for (; *at >= '0' && *at <= '9'; at++) {
            if (bits > SPEADI_DESCRIPTOR_BITS_MAX / 10 - 1)
                return speadi_err_set(err, -EBADMSG,
                                      "an element of the format has more than 2^62 bits");
            bits = bits * 10 + (uint64_t)(*at - '0');
        }
        if (*at != 0 && *at != ' ')
            return speadi_err_set(err, -EBADMSG, "\"%.20s\": a space must be between two fields",
                                  at);
        if (speadi_draft_format_field(draft, letter, bits, err) < 0)
            return -EBADMSG;
    }
}
