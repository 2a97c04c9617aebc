/* Keeps the spare buffers. */
#include "spare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int speadi_spare_init(struct speadi_spare *spare, uint32_t count, uint32_t bytes)
{
    *spare = (struct speadi_spare){.count = count, .stride = speadi_spare_stride(bytes)};
    for (uint32_t i = count; i-- > 0;)
        spare->free[spare->free_count++] = (uint8_t)i;
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
    spare->copied[spare->copied_count++] = (uint8_t)index;
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

void speadi_spare_park(struct speadi_spare *spare, uint32_t index, uint32_t sender)
{
    spare->sender[index] = sender;
    spare->is_parked[index] = true;
    spare->parked[spare->parked_count++] = (uint8_t)index;
}

void speadi_spare_disown(struct speadi_spare *spare, uint32_t sender)
{
    for (uint32_t i = 0; i < spare->parked_count; i++)
        if (spare->sender[spare->parked[i]] == sender)
            spare->sender[spare->parked[i]] = SPEADI_SPARE_NONE;
}

void speadi_spare_unpark(struct speadi_spare *spare, struct speadi_parked *parked)
{
    parked->count = spare->parked_count;
    memcpy(parked->index, spare->parked, spare->parked_count);
    for (uint32_t i = 0; i < parked->count; i++) {
        spare->is_parked[parked->index[i]] = false;
        spare->copied[spare->copied_count++] = parked->index[i];
    }
    spare->parked_count = 0;
}

void speadi_spare_end_burst(struct speadi_spare *spare)
{
    while (spare->copied_count > 0) {
        uint8_t index = spare->copied[--spare->copied_count];

        if (!spare->is_parked[index])
            spare->free[spare->free_count++] = index;
    }
}
