/* SPDX-License-Identifier: Apache-2.0 */
/* Regions: reading the properties of a region, and copying bytes into it and inside it. */
#include <speadline/region.h>

#include <errno.h>
#include <string.h>

#include <speadi/struct_size.h>

#include "region_parts.h"

void spead_region_info(const struct spead_region *region, struct spead_region_info *info)
{
    (void)speadi_struct_write(info, &region->info, sizeof region->info);
}

void *spead_region_data(const struct spead_region *region)
{
    return region->info.data;
}

size_t spead_region_bytes(const struct spead_region *region)
{
    return region->info.bytes;
}

static bool is_inside(const struct spead_region *region, size_t offset, size_t bytes)
{
    return offset <= region->info.bytes && bytes <= region->info.bytes - offset;
}

static const struct spead_region_ops *ops_of(const struct spead_region *region)
{
    static const struct spead_region_ops none = {.name = "host"};

    return region->pool->arena.ops ? region->pool->arena.ops : &none;
}

int spead_region_copy_in(struct spead_region *region, size_t offset, const void *from, size_t bytes)
{
    const struct spead_region_ops *ops = ops_of(region);

    if (!is_inside(region, offset, bytes))
        return -ERANGE;
    if (bytes == 0)
        return 0;
    if (ops->copy_in)
        return ops->copy_in(ops->arg, &region->info, offset, from, bytes);
    if (!region->info.data)
        return -ENOTSUP;
    memcpy((uint8_t *)region->info.data + offset, from, bytes);
    return 0;
}

int spead_region_copy_within(struct spead_region *region, size_t to, size_t from, size_t bytes)
{
    const struct spead_region_ops *ops = ops_of(region);

    if (!is_inside(region, to, bytes) || !is_inside(region, from, bytes))
        return -ERANGE;
    if (bytes == 0)
        return 0;
    if (ops->copy_within)
        return ops->copy_within(ops->arg, &region->info, to, from, bytes);
    if (!region->info.data)
        return -ENOTSUP;
    memmove((uint8_t *)region->info.data + to, (uint8_t *)region->info.data + from, bytes);
    return 0;
}

int spead_region_flush(struct spead_region *region)
{
    const struct spead_region_ops *ops = ops_of(region);

    return ops->flush ? ops->flush(ops->arg, &region->info) : 0;
}

int spead_region_export(struct spead_region *region, uint64_t *offset)
{
    const struct spead_region_ops *ops = ops_of(region);

    if (ops->export_fd)
        return ops->export_fd(ops->arg, &region->info, offset);
    if (region->info.fd < 0)
        return -ENOTSUP;
    *offset = region->info.fd_offset;
    return region->info.fd;
}
