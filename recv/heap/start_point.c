/* SPDX-License-Identifier: Apache-2.0 */
/* Judges heaps by a start point, and says in words what the point is. */
#include "start_point.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <speadi/err.h>
#include <speadi/utc.h>

/* Finds the immediate item of this id. Returns false if the packet has none. */
static bool find_item(const struct speadi_packet *packet, uint64_t id, uint64_t *value)
{
    unsigned bits = packet->heap_address_bits;

    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        uint64_t pointer = speadi_packet_pointer(packet, i);

        if (speadi_pointer_is_immediate(pointer) && speadi_pointer_id(pointer, bits) == id) {
            *value = speadi_pointer_value(pointer, bits);
            return true;
        }
    }
    return false;
}

struct speadi_start_verdict speadi_start_point_judge(const struct spead_recv_start_point *point,
                                                     const struct speadi_packet *packet,
                                                     uint64_t time_ns)
{
    struct speadi_start_verdict verdict = {.known = true};

    if (point->kind == SPEAD_START_POINT_ITEM)
        verdict.known = find_item(packet, point->item, &verdict.value);
    else
        verdict.value = point->kind == SPEAD_START_POINT_HEAP ? packet->heap_counter : time_ns;
    verdict.reached = verdict.known && verdict.value >= point->least &&
                      (point->step == 0 || verdict.value % point->step == 0);
    return verdict;
}

bool speadi_start_point_is_before(const struct spead_recv_start_point *point, uint64_t reached,
                                  uint64_t value, unsigned bits)
{
    uint64_t floor = point->step > 0 ? reached : point->least;
    unsigned half = point->kind == SPEAD_START_POINT_TIME ? 63 : bits - 1;

    return value < floor && floor - value < 1ull << half;
}

int speadi_start_point_check(const struct spead_recv_start_point *point, struct spead_err *err)
{
    switch (point->kind) {
    case SPEAD_START_POINT_NONE:
    case SPEAD_START_POINT_HEAP:
        break;
    case SPEAD_START_POINT_ITEM:
        if (point->item <= SPEAD_ID_STREAM_CONTROL)
            return speadi_err_range(err, "start_point.item", point->item,
                                    SPEAD_ID_STREAM_CONTROL + 1, UINT64_MAX);
        break;
    case SPEAD_START_POINT_TIME:
        if (point->step != 0)
            return speadi_err_field(err, -EINVAL, "start_point.step",
                                    ": a time has no step; leave it 0");
        break;
    default:
        return speadi_err_range(err, "start_point.kind", point->kind, SPEAD_START_POINT_NONE,
                                SPEAD_START_POINT_TIME);
    }
    if (point->reserved != 0)
        return speadi_err_range(err, "start_point.reserved", point->reserved, 0, 0);
    return 0;
}

/* ---- In words ------------------------------------------------------------------------------ */

const char *speadi_start_point_text(char text[SPEADI_START_POINT_TEXT_MAX],
                                    const struct spead_recv_start_point *point)
{
    char step[48] = "", utc[SPEADI_UTC_TEXT_MAX];

    if (point->step > 0)
        snprintf(step, sizeof step, ", a multiple of %" PRIu64, point->step);
    switch (point->kind) {
    case SPEAD_START_POINT_HEAP:
        snprintf(text, SPEADI_START_POINT_TEXT_MAX, "heap %" PRIu64 "%s", point->least, step);
        break;
    case SPEAD_START_POINT_ITEM:
        snprintf(text, SPEADI_START_POINT_TEXT_MAX, "item 0x%" PRIx64 " from %" PRIu64 " on%s",
                 point->item, point->least, step);
        break;
    case SPEAD_START_POINT_TIME:
        snprintf(text, SPEADI_START_POINT_TEXT_MAX, "%s", speadi_utc_text(utc, point->least));
        break;
    case SPEAD_START_POINT_NONE:
        snprintf(text, SPEADI_START_POINT_TEXT_MAX, "the first heap");
        break;
    }
    return text;
}
