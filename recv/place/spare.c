/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the spare buffers. */
#include "spare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int speadi_spare_init(struct speadi_spare *spare, uint32_t count, uint32_t bytes)
{
    *spare = (struct speadi_spare){.count = count, .stride = speadi_spare_stride(bytes)};
    for (uint32_t i = count; i-- > 0;)
        spare->free[spare->free_count++] = (uint16_t)i;
    spare->memory = malloc((size_t)spare->count * spare->stride);
    return !spare->memory ? -ENOMEM : 0;
}

void speadi_spare_release(struct speadi_spare *spare)
{
    free(spare->memory);
    spare->memory = NULL;
}

uint32_t speadi_spare_copy(struct speadi_spare *spare, const struct speadi_rx_packet *packet)
{
    struct speadi_rx_packet *copy;
    uint32_t index;
    uint8_t *to;

    if (spare->free_count == 0)
        return SPEADI_SPARE_NONE;
    index = spare->free[--spare->free_count];
    spare->copied[spare->copied_count++] = (uint16_t)index;
    to = speadi_spare_buffer(spare, index);
    copy = &spare->packet[index];
    *copy = *packet;
    copy->head = to;
    copy->place = SPEADI_RX_UNPLACED;
    memcpy(to, packet->head, packet->head_bytes);
    if (packet->body)
        memcpy(to + packet->head_bytes, packet->body, packet->body_bytes);
    if (packet->tail_bytes > 0)
        memcpy(to + packet->head_bytes + packet->body_bytes, packet->tail, packet->tail_bytes);
    if (packet->body)
        speadi_spare_made_linear(spare, index);
    return index;
}

void speadi_spare_made_linear(struct speadi_spare *spare, uint32_t index)
{
    struct speadi_rx_packet *copy = &spare->packet[index];

    copy->head_bytes += copy->body_bytes + copy->tail_bytes;
    copy->body_bytes = copy->tail_bytes = 0;
    copy->body = copy->tail = NULL;
}

void speadi_spare_park(struct speadi_spare *spare, uint32_t index,
                       const struct speadi_parked *where)
{
    spare->where[index] = *where;
    spare->is_parked[index] = true;
    spare->parked[spare->parked_count++] = (uint16_t)index;
}

/* Removes entry i of a list, and keeps the order of the others. */
static void remove_entry(uint16_t *list, uint32_t *count, uint32_t i)
{
    --*count;
    memmove(&list[i], &list[i + 1], (*count - i) * sizeof *list);
}

void speadi_spare_drop(struct speadi_spare *spare, uint32_t index)
{
    uint32_t i = spare->copied_count;

    if (spare->is_parked[index])
        return;
    spare->free[spare->free_count++] = (uint16_t)index;
    while (i-- > 0)
        if (spare->copied[i] == index) {
            remove_entry(spare->copied, &spare->copied_count, i);
            return;
        }
}

void speadi_spare_unpark(struct speadi_spare *spare, uint32_t i)
{
    uint16_t index = spare->parked[i];

    remove_entry(spare->parked, &spare->parked_count, i);
    spare->is_parked[index] = false;
    speadi_spare_drop(spare, index);
}

void speadi_spare_end_burst(struct speadi_spare *spare)
{
    while (spare->copied_count > 0) {
        uint16_t index = spare->copied[--spare->copied_count];

        if (!spare->is_parked[index])
            spare->free[spare->free_count++] = index;
    }
}
