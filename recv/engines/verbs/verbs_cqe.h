/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the entries of the completion queue as mlx5 writes them into memory: what the device says about the checksums of
 * a frame, its length and its time.
 *
 * libibverbs passes the verdict of the device on the checksums as a flag. libmlx5 sets this flag only for IPv4, and only
 * if the receive was posted to a queue pair: not for a multi-packet queue and not for several queues. The device checks
 * those frames too, and writes its verdict into the entry of the completion queue. libmlx5 says by mlx5dv_init_obj()
 * where the entries lie. It takes one entry for each completion, so the number of completions gives the place of the
 * entry. Because the entry is read anyway, length and time are taken from it too, which saves two calls a packet. */
#ifndef SPEADI_VERBS_CQE_H
#define SPEADI_VERBS_CQE_H

#include <endian.h>

#include <speadi/verbs_device.h>

struct speadi_verbs_cqes {
    /* The fields of the first entry; NULL if the program cannot read the entries. */
    const uint8_t *first;
    uint32_t at; /* where the next entry lies, counted from `first`, in bytes */
    /* The length of an entry, and the last index of a byte in the ring, which has 2^n bytes. */
    uint32_t step, mask;
    bool v4, v6; /* the device gives a verdict on the frames of this IP version */
};

/* Finds out how the verdicts of this completion queue can be read. The caller must not have polled the queue yet.
 * `of_pair` says that the receives are posted to a queue pair, not to work queues. */
void speadi_verbs_cqes_open(struct speadi_verbs_cqes *cqes,
                            const struct speadi_verbs_device *device, struct ibv_cq_ex *cq,
                            bool of_pair);

/* Compares the next entry with what libibverbs says about the current completion, which must have succeeded. `has_ticks`
 * says that the queue was made with time stamps. If they differ, returns false, and the entries are not read any more.
 * The engine calls this function once in a burst. */
bool speadi_verbs_cqes_agree(struct speadi_verbs_cqes *cqes, struct ibv_cq_ex *cq, bool has_ticks);

static inline const struct mlx5_cqe64 *speadi_verbs_cqe(const struct speadi_verbs_cqes *cqes)
{
    return (const struct mlx5_cqe64 *)(const void *)(cqes->first + cqes->at);
}

/* Goes on to the entry of the next completion. speadi_verbs_cqes_read() does that too, so the caller must call this
 * function only for completions that it does not read. */
static inline void speadi_verbs_cqes_next(struct speadi_verbs_cqes *cqes)
{
    cqes->at = (cqes->at + cqes->step) & cqes->mask;
}

/* What the device says about a frame. */
struct speadi_verbs_said {
    uint32_t bytes; /* the length field of the completion */
    bool checked;   /* the device has found the checksums right */
    uint64_t ticks; /* only with time stamps: the counter of the device when the frame came */
};

/* Reads the current completion, which must have succeeded. `has_ticks` says that the queue was made with time stamps. */
static inline struct speadi_verbs_said speadi_verbs_cqes_read(struct speadi_verbs_cqes *cqes,
                                                              struct ibv_cq_ex *cq, bool has_ticks)
{
    const uint8_t right = MLX5_CQE_L3_OK | MLX5_CQE_L4_OK;
    const struct mlx5_cqe64 *entry = speadi_verbs_cqe(cqes);

    if (__builtin_expect(!cqes->first, 0))
        return (struct speadi_verbs_said){
            .bytes = ibv_wc_read_byte_len(cq),
            .checked = cqes->v4 && (ibv_wc_read_wc_flags(cq) & IBV_WC_IP_CSUM_OK),
            .ticks = has_ticks ? ibv_wc_read_completion_ts(cq) : 0,
        };
    speadi_verbs_cqes_next(cqes);
    return (struct speadi_verbs_said){
        .bytes = be32toh(entry->byte_cnt),
        .checked = (entry->hds_ip_ext & right) == right,
        .ticks = be64toh(entry->timestamp),
    };
}

#endif
