/* SPDX-License-Identifier: Apache-2.0 */
/* Tells whether a heap lies before the start point of its stream, by the first packet of the heap that has come. */
#ifndef SPEADI_START_POINT_H
#define SPEADI_START_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/recv.h>

#include <speadi/packet.h>

/* What a start point says about a packet. */
struct speadi_start_verdict {
    /* false if the packet lacks the item of the start point; nothing else is valid then */
    bool known;
    bool reached;   /* the heap of the packet is at the start point or behind it */
    uint64_t value; /* the heap counter, the value of the item, or the time of the packet */
};

/* Judges a packet that has come at time_ns, by the clock of the heaps. The kind of the point must not be NONE. */
struct speadi_start_verdict speadi_start_point_judge(const struct spead_recv_start_point *point,
                                                     const struct speadi_packet *packet,
                                                     uint64_t time_ns);

/* A sender has reached the start point with a heap of the value `reached`. Tells whether a heap with this value, which
 * comes after that heap, lies before the start point all the same. `bits` is the size of a heap counter in the flavour of
 * the heap: a value that is lower by more than half of the range has wrapped. */
bool speadi_start_point_is_before(const struct spead_recv_start_point *point, uint64_t reached,
                                  uint64_t value, unsigned bits);

/* Checks the fields of a start point. Returns 0 or -EINVAL; err names the field. */
int speadi_start_point_check(const struct spead_recv_start_point *point, struct spead_err *err);

#define SPEADI_START_POINT_TEXT_MAX 128

/* Writes what the point is, such as "heap 1000" or "item 0x1600 from 5 on, a multiple of 4". Returns `text`. */
const char *speadi_start_point_text(char text[SPEADI_START_POINT_TEXT_MAX],
                                    const struct spead_recv_start_point *point);

#endif
