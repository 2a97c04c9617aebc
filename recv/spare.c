/* Owns the spare buffers. */
#include "spare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int speadi_spare_init(struct speadi_spare *spare, uint32_t count, uint32_t bytes)
{
    *spare = (struct speadi_spare){.count = count, .stride = (bytes + 63u) & ~63u};
    spare->memory = malloc((size_t)spare->count * spare->stride);
    return spare->memory == NULL ? -ENOMEM : 0;
}

void speadi_spare_release(struct speadi_spare *spare)
{
    free(spare->memory);
    spare->memory = NULL;
}

uint32_t speadi_spare_copy(struct speadi_spare *spare, const struct speadi_rx_packet *packet)
{
    uint64_t all = spare->count == 64 ? UINT64_MAX : (1ull << spare->count) - 1;
    uint32_t index;
    uint8_t *to;

    if ((spare->used & all) == all)
        return SPEADI_SPARE_NONE;
    index = (uint32_t)__builtin_ctzll(~spare->used);
    spare->used |= 1ull << index;
    to = spare->memory + (size_t)index * spare->stride;
    memcpy(to, packet->head, packet->head_bytes);
    if (packet->body != NULL)
        memcpy(to + packet->head_bytes, packet->body, packet->body_bytes);
    spare->packet[index] = *packet;
    spare->packet[index].head = to;
    spare->packet[index].head_bytes = packet->head_bytes + packet->body_bytes;
    spare->packet[index].body = NULL;
    spare->packet[index].body_bytes = 0;
    spare->packet[index].place = SPEADI_RX_UNPLACED;
    return index;
}

bool speadi_spare_park(struct speadi_spare *spare, const struct speadi_rx_packet *packet)
{
    uint32_t index = packet >= spare->packet && packet < spare->packet + SPEADI_SPARES_MAX
                         ? (uint32_t)(packet - spare->packet)
                         : speadi_spare_copy(spare, packet);

    if (index == SPEADI_SPARE_NONE)
        return false;
    spare->kept |= 1ull << index;
    spare->parked[spare->parked_count++] = index;
    return true;
}

void speadi_spare_end_burst(struct speadi_spare *spare)
{
    spare->used = spare->kept;
}
