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
    /* The fields of the next entry; NULL if the program cannot read the entries. */
    const uint8_t *next;
    const uint8_t *first,
        *end;    /* the fields of the first entry, and of an entry behind the last one */
    size_t step; /* the length of an entry */
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

/* Goes on to the entry of the next completion. speadi_verbs_cqes_read() does that too, so the caller must call this
 * function only for completions that it does not read. */
static inline void speadi_verbs_cqes_next(struct speadi_verbs_cqes *cqes)
{
    if (!cqes->next)
        return;
    cqes->next += cqes->step;
    if (__builtin_expect(cqes->next == cqes->end, 0))
        cqes->next = cqes->first;
}

/* What the device says about a frame. */
struct speadi_verbs_said {
    uint32_t bytes; /* the length field of the completion */
    uint8_t sums;   /* see speadi_verbs_sums_are_right() */
    uint64_t ticks; /* only with time stamps: the counter of the device when the frame came */
};

#define SPEADI_VERBS_SUMS_RIGHT (MLX5_CQE_L3_OK | MLX5_CQE_L4_OK)

/* Returns true if the device has found the checksums of the frame right. */
static inline bool speadi_verbs_sums_are_right(uint8_t sums)
{
    return (sums & SPEADI_VERBS_SUMS_RIGHT) == SPEADI_VERBS_SUMS_RIGHT;
}

/* Reads the current completion by the functions of libibverbs. */
static inline struct speadi_verbs_said speadi_verbs_said_by_library(
    const struct speadi_verbs_cqes *cqes, struct ibv_cq_ex *cq, bool has_ticks)
{
    bool right = cqes->v4 && (ibv_wc_read_wc_flags(cq) & IBV_WC_IP_CSUM_OK);

    return (struct speadi_verbs_said){
        .bytes = ibv_wc_read_byte_len(cq),
        .sums = right ? SPEADI_VERBS_SUMS_RIGHT : 0,
        .ticks = has_ticks ? ibv_wc_read_completion_ts(cq) : 0,
    };
}

/* Reads the current completion, which must have succeeded, from its entry. The entries must be readable. */
static inline struct speadi_verbs_said speadi_verbs_said_by_entry(struct speadi_verbs_cqes *cqes)
{
    const struct mlx5_cqe64 *entry = (const struct mlx5_cqe64 *)(const void *)cqes->next;

    cqes->next += cqes->step;
    if (__builtin_expect(cqes->next == cqes->end, 0))
        cqes->next = cqes->first;
    return (struct speadi_verbs_said){
        .bytes = be32toh(entry->byte_cnt),
        .sums = entry->hds_ip_ext,
        .ticks = be64toh(entry->timestamp),
    };
}

#endif
