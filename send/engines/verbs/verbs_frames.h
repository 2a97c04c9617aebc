/* SPDX-License-Identifier: Apache-2.0 */
/* The frames to be sent. Each frame has a slot and a work request. The work request describes the frame for the device.
 * The slot is a part of registered memory. It holds the head of the frame (Ethernet, IP and UDP header), the SPEAD
 * header, and those parts of the payload that do not lie in registered memory. The device reads all other payload from
 * the memory of the user.
 *
 * So the first bytes of every frame are host memory, and the CPU can read them at the address in the request. mlx5
 * needs this, because the mlx5 driver code in this process copies the first 18 bytes with the CPU. */
#ifndef SPEADI_VERBS_FRAMES_H
#define SPEADI_VERBS_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/frame_template.h>
#include <speadi/verbs_device.h>

#include "tx_engine.h"
#include "verbs_sources.h"

struct speadi_verbs_frames {
    struct speadi_verbs_arena arena;
    struct speadi_verbs_memory memory;   /* the registration of the arena, which holds the slots */
    struct speadi_verbs_sources sources; /* memory from which payload is sent without a copy */
    struct ibv_send_wr *wr;              /* one request for each slot, linked in a ring */
    struct ibv_sge *sge;                 /* an array with sge_max entries for each slot */
    uint32_t slots;                      /* a power of two */
    uint32_t slot_bytes;
    uint32_t sge_max;
    uint32_t payload_max;   /* the size of the largest datagram that a slot can hold */
    uint32_t run_bytes_max; /* the largest size of a run (verbs_runs.h); 0 if there are no runs */
    bool offload;           /* true if the device writes the checksums */
    /* How many bytes of payload were copied because they do not lie in registered memory, and how many packets had such
     * bytes. */
    uint64_t copied_bytes, copied_packets;
    uint64_t memory_bytes;
};

struct speadi_verbs_frames_options {
    uint32_t payload_max;
    uint32_t buffer_bytes; /* the approximate amount of memory that the slots are allowed to take */
    uint32_t slots;        /* how many frames the queue holds: a power of two */
    uint32_t entries;      /* how many entries a request of the queue can have */
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    uint32_t run_bytes_max;
};

/* Returns how many slots the buffer has room for: a power of two. Does not look at options->slots. */
uint32_t speadi_verbs_frames_slots(const struct speadi_verbs_frames_options *options);

/* Returns how many entries a request must be able to have. Does not look at options->entries. */
uint32_t speadi_verbs_frames_entries(const struct speadi_verbs_frames_options *options,
                                     const struct speadi_verbs_report *report);

/* Makes the slots and registers the memory. Returns 0 or -errno with a sentence. The caller must call release() after a
 * failure too. */
int speadi_verbs_frames_init(struct speadi_verbs_frames *frames, struct speadi_verbs_device *device,
                             const struct speadi_verbs_frames_options *options,
                             struct spead_err *err);

/* Frees the slots. When the caller calls this function, no posted request must point to a slot any more. Does nothing
 * if *frames is zeroed. */
void speadi_verbs_frames_release(struct speadi_verbs_frames *frames);

/* Builds the frame of a packet, without checksums. `number` is the number of the frame, and the frame lies in the slot
 * of that number. The function fills the array `entry`, by which the device gathers the frame. The first entry begins
 * with the head of the frame.
 *
 * Returns the number of entries, which is at most sge_max and at most one for each piece of the packet. Returns 0 if no
 * frame can carry the packet (see speadi_verbs_frames_make()). */
uint32_t speadi_verbs_frames_gather(struct speadi_verbs_frames *frames, uint64_t number,
                                    struct ibv_sge *entry, const struct speadi_frame_template *head,
                                    const struct speadi_tx_packet *packet);

/* Builds the frames of `count` packets. The first frame has the number `number`, and each frame lies in the slot of its
 * number. heads[i] is the head for destination i. Returns how many frames it built. It stops at a packet that no frame
 * can carry. There are two kinds of such packets. One kind is longer than payload_max. The other kind has more pieces
 * than the device can gather, or a piece that lies in no single source, and the CPU cannot read all of them. */
unsigned speadi_verbs_frames_make(struct speadi_verbs_frames *frames, uint64_t number,
                                  const struct speadi_frame_template *heads,
                                  const struct speadi_tx_packet *packets, unsigned count);

/* Returns the request of the frame with that number. */
static inline struct ibv_send_wr *speadi_verbs_frames_request(
    const struct speadi_verbs_frames *frames, uint64_t number)
{
    return &frames->wr[number & (frames->slots - 1)];
}

#endif
