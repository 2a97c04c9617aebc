/* SPDX-License-Identifier: Apache-2.0 */
/* Makes, frees and posts receive slots. See verbs_slots.h. */
#include "verbs_slots.h"

#include <errno.h>
#include <stdlib.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>

static void init_slots(struct speadi_verbs_slots *slots)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        struct speadi_verbs_slot *slot = &slots->slot[i];

        *slot = (struct speadi_verbs_slot){
            .wr = {.wr_id = i, .sg_list = slot->sge},
        };
        slot->sge[0].lkey = slot->sge[2].lkey = slots->memory.key;
        speadi_verbs_slot_make_plain(slots, slot);
    }
}

int speadi_verbs_slots_open(struct speadi_verbs_slots *slots, struct speadi_verbs_device *device,
                            uint32_t count, uint32_t slot_bytes, struct spead_err *err)
{
    int ret;

    *slots =
        (struct speadi_verbs_slots){.device = device, .count = count, .slot_bytes = slot_bytes};
    slots->slot = speadi_alloc_lines(count * sizeof *slots->slot);
    slots->free = calloc(count, sizeof *slots->free);
    if (!slots->slot || !slots->free)
        return speadi_err_set(err, -ENOMEM, "verbs engine: no memory for %u receive slots", count);
    slots->heads_at = (size_t)count * slot_bytes + SPEADI_VERBS_SPILL_BYTES;
    ret = speadi_verbs_arena_register(&slots->arena, &slots->memory, device,
                                      slots->heads_at + (size_t)count * SPEADI_VERBS_HEAD_BYTES,
                                      true, err);
    if (ret < 0)
        return ret;
    init_slots(slots);
    while (count > 0)
        speadi_verbs_slots_free(slots, --count);
    return 0;
}

void speadi_verbs_slots_close(struct speadi_verbs_slots *slots)
{
    if (slots->device)
        speadi_verbs_deregister(slots->device, &slots->memory);
    speadi_verbs_arena_destroy(&slots->arena);
    free(slots->slot);
    free(slots->free);
    slots->slot = NULL;
    slots->free = NULL;
}

uint64_t speadi_verbs_slots_bytes(const struct speadi_verbs_slots *slots)
{
    return slots->arena.bytes + slots->count * (sizeof *slots->slot + sizeof *slots->free);
}

void speadi_verbs_slots_reclaim(struct speadi_verbs_slots *slots)
{
    for (uint32_t i = slots->count; i-- > 0;)
        if (slots->slot[i].is_posted) {
            slots->slot[i].is_posted = false;
            speadi_verbs_slots_free(slots, i);
        }
}

uint32_t speadi_verbs_slots_post(struct speadi_verbs_slots *slots, struct ibv_qp *qp,
                                 struct ibv_wq *wq, struct speadi_verbs_slot *first, uint32_t count,
                                 int *error)
{
    struct ibv_recv_wr *bad = NULL;

    *error = wq ? ibv_post_wq_recv(wq, &first->wr, &bad) : ibv_post_recv(qp, &first->wr, &bad);
    if (!*error)
        return count;
    for (; bad; bad = bad->next, count--) {
        slots->slot[bad->wr_id].is_posted = false;
        speadi_verbs_slots_free(slots, (uint32_t)bad->wr_id);
    }
    return count;
}

void speadi_verbs_slot_shape(const struct speadi_verbs_slots *slots, struct speadi_verbs_slot *slot,
                             uint32_t head_bytes, uint32_t heaps_key)
{
    const size_t at = speadi_verbs_slot_at(slots, slot);
    const bool fits = head_bytes <= SPEADI_VERBS_HEAD_BYTES;
    const uint32_t used = fits ? 0 : head_bytes; /* of the slot */

    speadi_verbs_slot_begin_at(
        slots, slot,
        fits ? slots->heads_at + (size_t)slot->wr.wr_id * SPEADI_VERBS_HEAD_BYTES : at);
    slot->sge[0].length = head_bytes;
    slot->sge[1].lkey = heaps_key;
    slot->sge[2].addr = slots->memory.address + at + used;
    slot->sge[2].length = slots->slot_bytes - used;
    slot->wr.num_sge = 3;
    slot->head_bytes = head_bytes;
}
