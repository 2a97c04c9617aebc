/* Frames to be sent: a slot of registered memory each, for what is not sent from in place, and the work
 * request that describes it.
 *
 * A slot holds the frame's head (Ethernet to UDP), the SPEAD header behind it, and payload that does not lie
 * in registered memory. So the first bytes of every frame are host memory at their own address: mlx5 copies
 * the first 18 with the CPU. */
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
    struct speadi_verbs_memory memory;   /* of the arena */
    struct speadi_verbs_sources sources; /* payload memory */
    struct ibv_send_wr *wr;              /* a ring of them: each names the next */
    struct ibv_sge *sge;                 /* sge_max for each slot */
    uint32_t slots;                      /* a power of two */
    uint32_t slot_bytes;
    uint32_t sge_max;
    uint32_t payload_max;                  /* UDP payload that fits a slot */
    uint32_t run_bytes_max;                /* head and segments of one request; 0: no runs */
    bool offload;                          /* the device writes checksums */
    uint64_t copied_bytes, copied_packets; /* payload outside of registered memory */
    uint64_t memory_bytes;
};

struct speadi_verbs_frames_options {
    uint32_t payload_max;
    uint32_t buffer_bytes; /* about how much memory the slots may take */
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    uint32_t run_bytes_max;
};

/* Returns 0 or -errno with a sentence. What a failure leaves, release() frees. */
int speadi_verbs_frames_init(struct speadi_verbs_frames *frames, struct speadi_verbs_device *device,
                             const struct speadi_verbs_frames_options *options,
                             struct spead_err *err);

/* No posted work names the slots any more. Safe when zeroed. */
void speadi_verbs_frames_release(struct speadi_verbs_frames *frames);

/* Makes a packet's frame, without checksums, in the slot of its number, and the entries that gather it, whose
 * first one begins with the head. Returns how many entries: at most one for each of the packet's pieces, or a
 * single one where these are more than sge_max; 0: no frame can carry it, see below. */
uint32_t speadi_verbs_frames_gather(struct speadi_verbs_frames *frames, uint64_t number,
                                    struct ibv_sge *entry, const struct speadi_frame_template *head,
                                    const struct speadi_tx_packet *packet);

/* Makes frames of packets, numbered from `number` on, each in the slot of its number; heads are those of the
 * destinations. Returns how many: it stops at a packet that no frame can carry, as it is longer than
 * payload_max, or has more pieces than the device gathers and lies where the CPU cannot copy it from. */
unsigned speadi_verbs_frames_make(struct speadi_verbs_frames *frames, uint64_t number,
                                  const struct speadi_frame_template *heads,
                                  const struct speadi_tx_packet *packets, unsigned count);

static inline struct ibv_send_wr *speadi_verbs_frames_request(
    const struct speadi_verbs_frames *frames, uint64_t number)
{
    return &frames->wr[number & (frames->slots - 1)];
}

#endif
