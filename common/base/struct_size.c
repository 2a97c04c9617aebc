/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the public structs of older and of newer callers. */
#include <speadi/struct_size.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <speadi/err.h>

static uint32_t size_of(const void *structure)
{
    uint32_t size;

    memcpy(&size, structure, sizeof size);
    return size;
}

static bool is_zero(const unsigned char *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

int speadi_struct_read(void *own, const void *from, const struct speadi_struct_kind *kind,
                       struct spead_err *err)
{
    uint32_t size = size_of(from);

    if (size < kind->size_min || size > SPEADI_STRUCT_SIZE_MAX)
        return speadi_err_field(err, -EINVAL, "struct_size",
                                " %u: the %s configuration has %u bytes: start from %s", size,
                                kind->what, kind->size, kind->init);
    if (size > kind->size && !is_zero((const unsigned char *)from + kind->size, size - kind->size))
        return speadi_err_field(err, -EINVAL, "struct_size",
                                " %u: this library (%s) knows %u bytes of the %s "
                                "configuration, and a field beyond these is set: leave it at "
                                "zero, or use a newer library",
                                size, spead_version(), kind->size, kind->what);
    memcpy(own, kind->defaults, kind->size);
    memcpy(own, from, size < kind->size ? size : kind->size);
    memcpy(own, &kind->size, sizeof kind->size);
    return 0;
}

static bool can_be_written(uint32_t size)
{
    return size >= sizeof size && size <= SPEADI_STRUCT_SIZE_MAX;
}

int speadi_struct_check(const void *to, const char *init, struct spead_err *err)
{
    if (can_be_written(size_of(to)))
        return 0;
    return speadi_err_field(err, -EINVAL, "struct_size", " %u: start from %s", size_of(to), init);
}

int speadi_struct_write(void *to, const void *own, uint32_t size)
{
    uint32_t room = size_of(to), known = room < size ? room : size;
    unsigned char *bytes = to;

    if (!can_be_written(room))
        return -EINVAL;
    memcpy(bytes + sizeof room, (const unsigned char *)own + sizeof room, known - sizeof room);
    memset(bytes + known, 0, room - known);
    return 0;
}

void speadi_struct_init(void *to, size_t size, const void *defaults, size_t known)
{
    uint32_t struct_size = (uint32_t)size;
    unsigned char *bytes = to;

    if (size < sizeof struct_size || size > SPEADI_STRUCT_SIZE_MAX)
        return;
    memcpy(bytes, defaults, size < known ? size : known);
    if (size > known)
        memset(bytes + known, 0, size - known);
    memcpy(bytes, &struct_size, sizeof struct_size);
}
