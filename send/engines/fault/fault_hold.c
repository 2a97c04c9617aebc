/* Slots, and the two ways to wait in one. */
#include "fault_hold.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include <speadi/iovec_copy.h>

#define SLOT_BYTES SPEADI_FAULT_SLOT_BYTES

int speadi_fault_hold_init(struct speadi_fault_hold *hold)
{
    hold->memory = mmap(NULL, (size_t)SPEADI_FAULT_SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hold->memory == MAP_FAILED) {
        hold->memory = NULL;
        return -ENOMEM;
    }
    for (unsigned i = 0; i < SPEADI_FAULT_SLOTS; i++)
        hold->free[i] = (uint16_t)(SPEADI_FAULT_SLOTS - 1 - i);
    hold->free_count = SPEADI_FAULT_SLOTS;
    return 0;
}

void speadi_fault_hold_release(struct speadi_fault_hold *hold)
{
    if (hold->memory)
        munmap(hold->memory, (size_t)SPEADI_FAULT_SLOTS * SLOT_BYTES);
    hold->memory = NULL;
}

uint16_t speadi_fault_hold_copy(struct speadi_fault_hold *hold,
                                const struct speadi_tx_packet *packet,
                                const struct speadi_fault_verdict *verdict)
{
    uint16_t slot;
    uint8_t *bytes;

    assert(hold->free_count && packet->bytes <= SLOT_BYTES);
    slot = hold->free[--hold->free_count];
    bytes = hold->memory + (size_t)slot * SLOT_BYTES;
    speadi_iovec_copy(bytes, packet->iov, packet->iov_count);
    if (verdict->flip_bit / 8 < verdict->keep_bytes)
        bytes[verdict->flip_bit / 8] ^= (uint8_t)(1u << verdict->flip_bit % 8);
    hold->iov[slot] = (struct iovec){.iov_base = bytes, .iov_len = verdict->keep_bytes};
    hold->packet[slot] = (struct speadi_tx_packet){
        .iov = &hold->iov[slot],
        .bytes = verdict->keep_bytes,
        .iov_count = 1,
        .destination = packet->destination,
    };
    return slot;
}

void speadi_fault_hold_give_back(struct speadi_fault_hold *hold, uint16_t slot)
{
    assert(hold->free_count < SPEADI_FAULT_SLOTS);
    hold->free[hold->free_count++] = slot;
}

/* ---- Held back ----------------------------------------------------------------------------- */

void speadi_fault_hold_back(struct speadi_fault_hold *hold, uint16_t slot, uint32_t overtakers)
{
    assert(hold->held_count < SPEADI_FAULT_HELD);
    hold->held[hold->held_count].slot = slot;
    hold->held[hold->held_count++].overtakers = overtakers;
}

uint32_t speadi_fault_hold_slack(const struct speadi_fault_hold *hold)
{
    uint32_t slack = UINT32_MAX;

    for (unsigned i = 0; i < hold->held_count; i++)
        if (hold->held[i].overtakers < slack)
            slack = hold->held[i].overtakers;
    return slack;
}

void speadi_fault_hold_overtaken(struct speadi_fault_hold *hold, uint32_t packets, uint64_t due_ns)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < hold->held_count; i++) {
        assert(hold->held[i].overtakers >= packets);
        hold->held[i].overtakers -= packets;
        if (hold->held[i].overtakers == 0)
            speadi_fault_hold_leave(hold, hold->held[i].slot, due_ns);
        else
            hold->held[kept++] = hold->held[i];
    }
    hold->held_count = kept;
}

void speadi_fault_hold_let_go(struct speadi_fault_hold *hold, uint64_t due_ns)
{
    for (unsigned i = 0; i < hold->held_count; i++)
        speadi_fault_hold_leave(hold, hold->held[i].slot, due_ns);
    hold->held_count = 0;
}

/* ---- Leaving ------------------------------------------------------------------------------- */

void speadi_fault_hold_leave(struct speadi_fault_hold *hold, uint16_t slot, uint64_t due_ns)
{
    unsigned last = (hold->leaving_first + hold->leaving_count) % SPEADI_FAULT_SLOTS;

    assert(hold->leaving_count < SPEADI_FAULT_SLOTS);
    hold->leaving[last].slot = slot;
    hold->leaving[last].due_ns = due_ns;
    hold->leaving_count++;
}

int speadi_fault_hold_next(const struct speadi_fault_hold *hold, uint64_t now_ns)
{
    if (hold->leaving_count == 0 || hold->leaving[hold->leaving_first].due_ns > now_ns)
        return -1;
    return hold->leaving[hold->leaving_first].slot;
}

void speadi_fault_hold_pop(struct speadi_fault_hold *hold)
{
    assert(hold->leaving_count);
    hold->leaving_first = (hold->leaving_first + 1) % SPEADI_FAULT_SLOTS;
    hold->leaving_count--;
}
