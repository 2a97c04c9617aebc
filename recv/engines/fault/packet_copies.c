/* A bounded store of copied packets. */
#include "packet_copies.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define STRIDE SPEADI_COPY_BYTES

int speadi_packet_copies_open(struct speadi_packet_copies *copies)
{
    void *memory = mmap(NULL, (size_t)SPEADI_COPIES_MAX * STRIDE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return -ENOMEM;
    copies->memory = memory;
    for (unsigned i = 0; i < SPEADI_COPIES_MAX; i++)
        copies->spare[i] = (uint16_t)(SPEADI_COPIES_MAX - 1 - i);
    copies->spare_count = SPEADI_COPIES_MAX;
    return 0;
}

void speadi_packet_copies_close(struct speadi_packet_copies *copies)
{
    if (copies->memory)
        munmap(copies->memory, (size_t)SPEADI_COPIES_MAX * STRIDE);
    copies->memory = NULL;
}

int speadi_packet_copies_take(struct speadi_packet_copies *copies,
                              const struct speadi_rx_packet *from,
                              const struct speadi_fault_verdict *verdict,
                              struct speadi_rx_packet *copy)
{
    uint32_t bytes = from->head_bytes + from->body_bytes + from->tail_bytes;
    uint8_t *data;
    int number;

    if (!copies->spare_count || bytes > STRIDE)
        return -1;
    number = copies->spare[--copies->spare_count];
    data = copies->memory + (size_t)number * STRIDE;
    memcpy(data, from->head, from->head_bytes);
    if (from->body_bytes)
        memcpy(data + from->head_bytes, from->body, from->body_bytes);
    if (from->tail_bytes)
        memcpy(data + from->head_bytes + from->body_bytes, from->tail, from->tail_bytes);
    if (verdict->flip_bit / 8 < bytes)
        data[verdict->flip_bit / 8] ^= (uint8_t)(1u << verdict->flip_bit % 8);
    if (bytes > verdict->keep_bytes)
        bytes = verdict->keep_bytes;
    *copy = *from;
    copy->head = data;
    copy->head_bytes = bytes;
    copy->body = NULL;
    copy->body_bytes = 0;
    copy->tail = NULL;
    copy->tail_bytes = 0;
    copy->datagram_bytes = bytes;
    copy->place = SPEADI_RX_UNPLACED;
    return number;
}

void speadi_packet_copies_give_back(struct speadi_packet_copies *copies, int number)
{
    assert(copies->spare_count < SPEADI_COPIES_MAX);
    copies->spare[copies->spare_count++] = (uint16_t)number;
}
