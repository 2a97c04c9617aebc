/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the texts of items. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <speadi/err.h>

#include "descriptor_parts.h"
#include "value_bits.h"
#include "value_parts.h"

/* Where a text goes. */
struct target {
    char *text;
    size_t size, used; /* `used` counts on when there is no more room */
};

static void put(struct target *target, unsigned byte)
{
    if (target->used < target->size)
        target->text[target->used] = (char)byte;
    target->used++;
}

/* Puts one character as UTF-8. */
static void put_utf8(struct target *target, uint32_t character)
{
    if (character < 0x80) {
        put(target, character);
    } else if (character < 0x800) {
        put(target, 0xc0 | character >> 6);
        put(target, 0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        put(target, 0xe0 | character >> 12);
        put(target, 0x80 | (character >> 6 & 0x3f));
        put(target, 0x80 | (character & 0x3f));
    } else {
        put(target, 0xf0 | character >> 18);
        put(target, 0x80 | (character >> 12 & 0x3f));
        put(target, 0x80 | (character >> 6 & 0x3f));
        put(target, 0x80 | (character & 0x3f));
    }
}

static int take_ascii(struct target *target, const uint8_t *from, uint64_t bytes,
                      const struct spead_descriptor *descriptor, struct spead_err *err)
{
    for (uint64_t i = 0; i < bytes; i++) {
        if (from[i] > 0x7f)
            return speadi_item_err(err, -EBADMSG, descriptor,
                                   "expected ASCII text, but byte %" PRIu64 " is 0x%02x", i,
                                   from[i]);
        put(target, from[i]);
    }
    return 0;
}

static int take_unicode(struct target *target, const struct spead_view *view,
                        const struct spead_descriptor *descriptor, struct spead_err *err)
{
    uint64_t count = view->bits / 32;
    const uint8_t *from = view->data;

    while (count > 0 && speadi_load_le32(from + 4 * (count - 1)) == 0)
        count--;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t character = view->is_little_endian ? speadi_load_le32(from + 4 * i)
                                                    : speadi_load_be32(from + 4 * i);

        if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
            return speadi_item_err(err, -EBADMSG, descriptor,
                                   "expected Unicode, but character %" PRIu64 " is 0x%" PRIx32, i,
                                   character);
        put_utf8(target, character);
    }
    return 0;
}

/* Puts the text of the view. The view has whole bytes, without gaps. */
static int take_text(struct target *target, const struct spead_view *view,
                     const struct spead_descriptor *descriptor, struct spead_err *err)
{
    uint64_t bytes = view->count * (view->bits / 8), skip = 0;

    if (view->kind == SPEAD_KIND_UNICODE)
        return take_unicode(target, view, descriptor, err);
    if (view->kind == SPEAD_KIND_CHAR) {
        while (view->data == view->immediate && descriptor->variable >= 0 && skip < bytes &&
               view->data[skip] == 0)
            skip++;
        return take_ascii(target, view->data + skip, bytes - skip, descriptor, err);
    }
    while (bytes > 0 && view->data[bytes - 1] == 0)
        bytes--;
    for (uint64_t i = 0; i < bytes; i++)
        put(target, view->data[i]);
    return 0;
}

int spead_item_get_text(const struct spead_item *item, const struct spead_descriptor *descriptor,
                        char *text, size_t size, size_t *length, struct spead_err *err)
{
    struct target target = {.text = text, .size = size};
    struct spead_view view;
    int ret;

    if (!spead_descriptor_is_text(descriptor))
        return speadi_item_err(err, -EINVAL, descriptor,
                               "expected a text, but the item is of the type \"%.60s\"",
                               descriptor->type);
    ret = spead_item_view(&view, item, descriptor, 0, err);
    if (ret < 0)
        return ret;
    if (!view.data && view.count > 0)
        return speadi_item_err(err, -ENOTSUP, descriptor,
                               "the CPU cannot touch the memory of the payload");
    ret = take_text(&target, &view, descriptor, err);
    if (ret < 0)
        return ret;
    if (target.used >= size)
        return speadi_item_err(err, -ENOSPC, descriptor,
                               "the text needs %zu bytes, but there is room for %zu",
                               target.used + 1, size);
    text[target.used] = 0;
    if (length)
        *length = target.used;
    return 0;
}
