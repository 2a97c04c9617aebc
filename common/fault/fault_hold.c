/* SPDX-License-Identifier: Apache-2.0 */
/* The hold stores the copies of packets that a fault decorator sends later. A copy is either in the delay line, where
 * it waits for its time, or among the late copies, where it waits until other packets have overtaken it. */
#include <speadi/fault_hold.h>

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include <speadi/iovec_copy.h>
#include <speadi/numbers.h>

int speadi_fault_hold_init(struct speadi_fault_hold *hold, uint32_t copies)
{
    assert(copies <= SPEADI_FAULT_COPIES_MAX);
    *hold = (struct speadi_fault_hold){.copies = copies, .spare_count = copies};
    hold->memory = mmap(NULL, speadi_fault_hold_bytes(hold), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hold->memory == MAP_FAILED) {
        hold->memory = NULL;
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < copies; i++)
        hold->spare[i] = (uint16_t)(copies - 1 - i);
    return 0;
}

void speadi_fault_hold_release(struct speadi_fault_hold *hold)
{
    if (hold->memory)
        munmap(hold->memory, speadi_fault_hold_bytes(hold));
    hold->memory = NULL;
}

uint64_t speadi_fault_hold_bytes(const struct speadi_fault_hold *hold)
{
    return (uint64_t)hold->copies * SPEADI_FAULT_COPY_BYTES;
}

/* ---- Taking copies ------------------------------------------------------------------------- */

static uint64_t sum_bytes(const struct iovec *packet, unsigned iov_count)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < iov_count; i++)
        bytes += packet[i].iov_len;
    return bytes;
}

int speadi_fault_hold_take(struct speadi_fault_hold *hold, const struct iovec *packet,
                           unsigned iov_count, const struct speadi_fault_decision *decision,
                           struct iovec *copied)
{
    uint64_t bytes = sum_bytes(packet, iov_count);
    uint8_t *data;
    int copy;

    if (hold->spare_count == 0 || bytes > SPEADI_FAULT_COPY_BYTES)
        return -1;
    copy = hold->spare[--hold->spare_count];
    data = hold->memory + (size_t)copy * SPEADI_FAULT_COPY_BYTES;
    speadi_iovec_copy(data, packet, iov_count);
    if (decision->flip_bit / 8 < bytes)
        data[decision->flip_bit / 8] ^= (uint8_t)(1u << decision->flip_bit % 8);
    *copied = (struct iovec){
        .iov_base = data,
        .iov_len = speadi_min_u64(bytes, decision->keep_bytes),
    };
    return copy;
}

void speadi_fault_hold_give_back(struct speadi_fault_hold *hold, uint16_t copy)
{
    assert(hold->spare_count < hold->copies);
    hold->spare[hold->spare_count++] = copy;
}

/* ---- The delay line ------------------------------------------------------------------------ */

void speadi_fault_hold_delay(struct speadi_fault_hold *hold, uint16_t copy, uint64_t due_ns)
{
    uint32_t last = (hold->delayed_first + hold->delayed_count) % SPEADI_FAULT_COPIES_MAX;

    assert(hold->delayed_count < hold->copies);
    hold->delayed[last] = (struct speadi_fault_delayed){.copy = copy, .due_ns = due_ns};
    hold->delayed_count++;
}

uint64_t speadi_fault_hold_next_due_ns(const struct speadi_fault_hold *hold)
{
    return hold->delayed_count ? hold->delayed[hold->delayed_first].due_ns : UINT64_MAX;
}

int speadi_fault_hold_due(const struct speadi_fault_hold *hold, uint64_t now_ns)
{
    if (hold->delayed_count == 0 || hold->delayed[hold->delayed_first].due_ns > now_ns)
        return -1;
    return hold->delayed[hold->delayed_first].copy;
}

void speadi_fault_hold_pop(struct speadi_fault_hold *hold)
{
    assert(hold->delayed_count);
    hold->delayed_first = (hold->delayed_first + 1) % SPEADI_FAULT_COPIES_MAX;
    hold->delayed_count--;
}

/* ---- The late copies ----------------------------------------------------------------------- */

void speadi_fault_hold_back(struct speadi_fault_hold *hold, uint16_t copy, uint32_t overtakers)
{
    assert(hold->late_count < hold->copies);
    hold->late[hold->late_count++] =
        (struct speadi_fault_late){.copy = copy, .overtakers = overtakers};
}

uint32_t speadi_fault_hold_slack(const struct speadi_fault_hold *hold)
{
    uint32_t slack = UINT32_MAX;

    for (uint32_t i = 0; i < hold->late_count; i++)
        slack = speadi_min_u32(slack, hold->late[i].overtakers);
    return slack;
}

void speadi_fault_hold_overtaken(struct speadi_fault_hold *hold, uint32_t packets)
{
    for (uint32_t i = 0; i < hold->late_count; i++)
        hold->late[i].overtakers -= speadi_min_u32(packets, hold->late[i].overtakers);
}

uint32_t speadi_fault_hold_take_late(struct speadi_fault_hold *hold, bool all, uint16_t *copies,
                                     uint32_t max)
{
    uint32_t kept = 0, taken = 0;

    for (uint32_t i = 0; i < hold->late_count; i++) {
        const struct speadi_fault_late late = hold->late[i];

        if (taken < max && (all || late.overtakers == 0))
            copies[taken++] = late.copy;
        else
            hold->late[kept++] = late;
    }
    hold->late_count = kept;
    return taken;
}
