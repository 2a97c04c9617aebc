/* SPDX-License-Identifier: Apache-2.0 */
/* Spare buffers hold whole copies of packets that cannot be used where they lie.
 *
 * A packet is copied when it is misplaced, or when its head does not end where its header ends. A copy is kept until
 * the burst is processed. A copy that is parked is kept longer: its heap has accepted the packet, and the payload waits
 * until its own place is no longer reserved. The number of buffers is fixed. At most half of them should hold parked
 * copies, so that there is one for each packet that can be misplaced. When no buffer is free, the packet is not copied,
 * and the caller counts it in the bucket SPEAD_RECV_NO_MEMORY. Only the owner thread calls these functions. */
#ifndef SPEADI_SPARE_H
#define SPEADI_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>

#include "live_heap.h"
#include "rx_engine.h"

#define SPEADI_SPARES_MAX 512u
#define SPEADI_SPARE_NONE UINT32_MAX

/* Where the payload of a parked copy belongs. */
struct speadi_parked {
    struct speadi_live_heap *live;
    uint64_t offset; /* payload offset of the packet */
    uint32_t bytes;  /* of payload */
    uint32_t header_bytes;
};

struct speadi_spare {
    uint8_t *memory; /* array [count][stride] */
    uint32_t count, stride;
    uint16_t free[SPEADI_SPARES_MAX];   /* indexes of free buffers; the last one is used next */
    uint16_t copied[SPEADI_SPARES_MAX]; /* indexes of copies that were made during this burst */
    uint32_t free_count, copied_count;
    uint16_t parked[SPEADI_SPARES_MAX]; /* indexes of parked copies, in order of arrival */
    uint32_t parked_count;
    bool is_parked[SPEADI_SPARES_MAX];
    struct speadi_parked where[SPEADI_SPARES_MAX];     /* for each parked copy */
    struct speadi_rx_packet packet[SPEADI_SPARES_MAX]; /* describes each copy as a packet */
};

/* Returns the distance in bytes between buffers that hold `bytes` bytes each. */
static inline uint32_t speadi_spare_stride(uint32_t bytes)
{
    return (uint32_t)speadi_round_up(bytes, SPEADI_CACHE_LINE);
}

/* Makes `count` buffers (at most SPEADI_SPARES_MAX) of at least `bytes` bytes each. Returns 0 or -ENOMEM. */
int speadi_spare_init(struct speadi_spare *spare, uint32_t count, uint32_t bytes);
void speadi_spare_release(struct speadi_spare *spare);

/* Copies a packet. Returns the index of the copy, which spare->packet[index] describes, or SPEADI_SPARE_NONE when no
 * buffer is free. A body that the CPU cannot touch is not copied: the copy then has body_bytes, but body is NULL. In
 * this case the caller must copy the body behind the head of the copy and call speadi_spare_made_linear(). If the
 * packet has no tail, the caller may move the body elsewhere instead. */
uint32_t speadi_spare_copy(struct speadi_spare *spare, const struct speadi_rx_packet *packet);

/* Says that the whole packet now lies in one piece in its buffer. */
void speadi_spare_made_linear(struct speadi_spare *spare, uint32_t index);

/* Parks a copy. It is then the last in the list of parked copies. */
void speadi_spare_park(struct speadi_spare *spare, uint32_t index,
                       const struct speadi_parked *where);

/* Removes number i of the list of parked copies. The buffer becomes free. */
void speadi_spare_unpark(struct speadi_spare *spare, uint32_t i);

/* Says that a copy is not needed any more before the burst has ended. Does nothing if the copy is parked. */
void speadi_spare_drop(struct speadi_spare *spare, uint32_t index);

/* Says that the burst is processed. The buffers of copies that are not parked become free. */
void speadi_spare_end_burst(struct speadi_spare *spare);

/* Tells whether half of the buffers hold parked copies. */
static inline bool speadi_spare_is_half_parked(const struct speadi_spare *spare)
{
    return 2 * spare->parked_count >= spare->count;
}

/* Returns the index of the copy if `packet` is an element of spare->packet, else SPEADI_SPARE_NONE. */
static inline uint32_t speadi_spare_index(const struct speadi_spare *spare,
                                          const struct speadi_rx_packet *packet)
{
    return packet >= spare->packet && packet < spare->packet + SPEADI_SPARES_MAX
               ? (uint32_t)(packet - spare->packet)
               : SPEADI_SPARE_NONE;
}

static inline uint8_t *speadi_spare_buffer(const struct speadi_spare *spare, uint32_t index)
{
    return spare->memory + (size_t)index * spare->stride;
}

static inline uint64_t speadi_spare_bytes(const struct speadi_spare *spare)
{
    return (uint64_t)spare->count * spare->stride;
}

#endif
