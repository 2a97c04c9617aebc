/* Spare buffers hold whole copies of packets that cannot be used where they lie.
 *
 * A packet is copied when it is misplaced, or when its head does not end where its header ends. A copy is kept until
 * the burst is processed. A copy that is parked is kept longer: it waits, in order of arrival, until its own place is
 * no longer reserved. The number of buffers is fixed. When no buffer is free, the packet is not copied, and the caller
 * counts it in the bucket SPEAD_RECV_NO_MEMORY. Only the owner thread calls these functions. */
#ifndef SPEADI_SPARE_H
#define SPEADI_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>

#include "rx_engine.h"

#define SPEADI_SPARES_MAX (2 * SPEADI_RX_RESERVE_MAX)
#define SPEADI_SPARE_NONE UINT32_MAX

struct speadi_spare {
    uint8_t *memory; /* array [count][stride] */
    uint32_t count, stride;
    uint8_t free[SPEADI_SPARES_MAX];   /* indexes of free buffers; the last one is used next */
    uint8_t copied[SPEADI_SPARES_MAX]; /* indexes of copies that were made during this burst */
    uint32_t free_count, copied_count;
    uint8_t parked[SPEADI_SPARES_MAX]; /* indexes of parked copies, in order of arrival */
    uint32_t parked_count;
    bool is_parked[SPEADI_SPARES_MAX];
    /* The id of the sender of each parked copy. SPEADI_SPARE_NONE if the run of that sender has ended. */
    uint32_t sender[SPEADI_SPARES_MAX];
    struct speadi_rx_packet packet[SPEADI_SPARES_MAX]; /* describes each copy as a packet */
};

/* Indexes of copies that were parked, in order of arrival. */
struct speadi_parked {
    uint8_t index[SPEADI_SPARES_MAX];
    uint32_t count;
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
void speadi_spare_park(struct speadi_spare *spare, uint32_t index, uint32_t sender);

/* Says that no heap may take the parked copies of this sender any more: their `sender` becomes SPEADI_SPARE_NONE. */
void speadi_spare_disown(struct speadi_spare *spare, uint32_t sender);

/* Fills *parked with the parked copies. After this call no copy is parked: all of them count as copies of this burst
 * again. */
void speadi_spare_unpark(struct speadi_spare *spare, struct speadi_parked *parked);

/* Says that the burst is processed. The buffers of copies that are not parked become free. */
void speadi_spare_end_burst(struct speadi_spare *spare);

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
