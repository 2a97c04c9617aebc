/* SPDX-License-Identifier: Apache-2.0 */
/* Polls the completions of a verbs queue, and lends their packets to the core. */
#include <errno.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

#include "rx_verbs.h"
#include "verbs_completion.h"

/* When the core has reserved no range for this many packets, one after another, the engine assumes that no payload is
 * placed any more. It then fills the whole queue with plain slots, which are slots without a reserved range. */
#define UNRESERVED_MAX 1024u

/* The counters of these NICs have at least 78 MHz. */
#define NIC_STEP_NS 13u

/* ---- Lending ------------------------------------------------------------------------------- */

/* Describes where the pieces of the frame in this slot lie. */
static inline struct speadi_verbs_frame frame_in(const struct speadi_verbs_slots *slots,
                                                 const struct speadi_verbs_slot *slot,
                                                 const struct speadi_verbs_arrival *arrival,
                                                 bool checked)
{
    struct speadi_verbs_frame frame = {
        .head = slot->data,
        .head_bytes = arrival->bytes,
        .frame_bytes = arrival->bytes,
        .checked = checked,
        .time_ns = arrival->time_ns,
        .place = slot->place,
    };

    if (slot->place != SPEADI_RX_UNPLACED && arrival->bytes > slot->head_bytes) {
        frame.head_bytes = slot->head_bytes;
        frame.body = slot->payload;
        frame.body_bytes = speadi_min_u32(arrival->bytes - slot->head_bytes, slot->sge[1].length);
        frame.tail = speadi_verbs_slot_tail(slots, slot);
    }
    return frame;
}

/* Lends a frame that is not usual. This function is not inlined into its caller, and describes the frame once more. So
 * the compiler can keep the description of a usual frame in registers. */
static __attribute__((noinline)) void lend_unusual(struct speadi_verbs_queue *queue,
                                                   const struct speadi_verbs_slot *slot,
                                                   const struct speadi_verbs_arrival *arrival,
                                                   struct speadi_rx_burst *burst)
{
    const struct speadi_verbs_frame frame =
        frame_in(&queue->slots, slot, arrival, speadi_verbs_sums_are_right(arrival->sums));

    speadi_verbs_read_any(&queue->reader, &frame, burst);
}

static inline __attribute__((always_inline)) void lend_as(
    struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
    const struct speadi_verbs_slot *slot, const struct speadi_verbs_arrival *arrival, bool checked,
    struct speadi_rx_burst *burst)
{
    const struct speadi_verbs_frame frame = frame_in(&queue->slots, slot, arrival, checked);

    if (__builtin_expect(arrival->bytes > queue->slots.slot_bytes, 0) &&
        slot->place == SPEADI_RX_UNPLACED) {
        speadi_verbs_lend_overlong(e, queue, arrival->slot, burst);
        return;
    }
    e->lent[burst->count] = arrival->slot;
    speadi_verbs_end_reservation(e, queue, slot);
    if (__builtin_expect(!speadi_verbs_read_usual(&queue->reader, &frame, burst), 0)) {
        /* Only the copy has an address. So the compiler can keep the fields of usual frames in registers. */
        const struct speadi_verbs_arrival copy = {
            .bytes = arrival->bytes,
            .time_ns = arrival->time_ns,
            .sums = checked ? SPEADI_VERBS_SUMS_RIGHT : 0,
        };

        lend_unusual(queue, slot, &copy, burst);
    }
}

/* The compiler makes two copies of lend_as(). The one for frames that the device has checked does not look at checksums. */
static inline void lend(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                        const struct speadi_verbs_slot *slot,
                        const struct speadi_verbs_arrival *arrival, struct speadi_rx_burst *burst)
{
    if (__builtin_expect(speadi_verbs_sums_are_right(arrival->sums), 1))
        lend_as(e, queue, slot, arrival, true, burst);
    else
        lend_as(e, queue, slot, arrival, false, burst);
}

static inline void lend_piece(struct speadi_verbs_queue *queue,
                              const struct speadi_verbs_frame *frame, struct speadi_rx_burst *burst)
{
    if (__builtin_expect(!speadi_verbs_read_usual(&queue->reader, frame, burst), 0)) {
        /* Only the copy has an address. So the compiler can keep the fields of usual frames in registers. */
        const struct speadi_verbs_frame copy = *frame;

        speadi_verbs_read_any(&queue->reader, &copy, burst);
    }
}

static void lend_kept_piece(struct speadi_verbs_queue *queue,
                            const struct speadi_verbs_arrival *arrival,
                            struct speadi_rx_burst *burst)
{
    const struct speadi_verbs_frame frame = {
        .head = arrival->data,
        .head_bytes = arrival->bytes,
        .frame_bytes = arrival->bytes,
        .checked = speadi_verbs_sums_are_right(arrival->sums),
        .time_ns = arrival->time_ns,
    };

    lend_piece(queue, &frame, burst);
}

/* ---- Slots ---------------------------------------------------------------------------------- */

/* A completion that is read ahead: while the CPU fetches the head of its frame, the engine reads further completions. */
struct ahead {
    union {
        struct speadi_verbs_slot *slot;
        const uint8_t *piece; /* in a multi-packet queue: the frame */
    };
    uint64_t time_ns;
    uint32_t bytes; /* length of the frame */
    uint8_t sums;
};

/* So many completions are read ahead. */
#define AHEAD_MAX 16u

static __attribute__((noinline)) void lend_ahead_unusual(struct speadi_verbs_engine *e,
                                                         struct speadi_verbs_queue *queue,
                                                         const struct ahead *ahead,
                                                         struct speadi_rx_burst *burst)
{
    struct speadi_verbs_arrival arrival = {
        .bytes = ahead->bytes, .time_ns = ahead->time_ns, .sums = ahead->sums};

    if (e->is_striding) {
        arrival.data = ahead->piece;
        lend_kept_piece(queue, &arrival, burst);
    } else {
        arrival.slot = (uint32_t)ahead->slot->wr.wr_id;
        lend(e, queue, ahead->slot, &arrival, burst);
    }
}

/* Stores the packet of a frame that is usual. Else does nothing and returns false. */
static inline __attribute__((always_inline)) bool take_usual(const struct speadi_verbs_slots *slots,
                                                             const struct speadi_verbs_usual *usual,
                                                             const struct ahead *ahead, bool pieces,
                                                             struct speadi_rx_packet *packet)
{
    const struct speadi_verbs_frame whole = {.head = pieces ? ahead->piece : ahead->slot->data,
                                             .head_bytes = ahead->bytes,
                                             .frame_bytes = ahead->bytes,
                                             .time_ns = ahead->time_ns};
    struct speadi_verbs_arrival arrival;
    struct speadi_verbs_frame frame;

    if (pieces || ahead->slot->place == SPEADI_RX_UNPLACED)
        return speadi_verbs_read_checked(usual, &whole, true, packet);
    arrival = (struct speadi_verbs_arrival){.bytes = ahead->bytes, .time_ns = ahead->time_ns};
    frame = frame_in(slots, ahead->slot, &arrival, true);
    return speadi_verbs_read_checked(usual, &frame, false, packet);
}

/* Stores the packet of a frame that is like the frame that was remembered. Else does nothing and returns false. The last
 * in_body bytes of the frame lie in the range of `slot`; all of it lies in the head if `slot` is NULL. */
static inline __attribute__((always_inline)) bool take_alike(const struct speadi_verbs_alike *alike,
                                                             const struct speadi_verbs_usual *usual,
                                                             const struct ahead *ahead,
                                                             const uint8_t *head,
                                                             const struct speadi_verbs_slot *slot,
                                                             struct speadi_rx_packet *packet)
{
    uint32_t in_body = slot ? ahead->bytes - slot->head_bytes : 0;

    /* If all of the frame lies in the head of a placed slot, in_body is 0 or larger than any range. */
    if (ahead->bytes != alike->frame_bytes || (slot && (in_body - 1 >= slot->sge[1].length)) ||
        !speadi_verbs_is_alike(alike, head))
        return false;
    *packet = (struct speadi_rx_packet){
        .head = head + SPEADI_PLAIN_PAYLOAD_AT,
        .head_bytes = ahead->bytes - in_body - SPEADI_PLAIN_PAYLOAD_AT,
        .body = slot ? slot->payload : NULL,
        .body_bytes = in_body,
        .datagram_bytes = ahead->bytes - SPEADI_PLAIN_PAYLOAD_AT,
        .source = usual->source,
        .from = usual->from,
        .segments = 1,
        .time_ns = ahead->time_ns,
        .place = slot ? slot->place : SPEADI_RX_UNPLACED,
    };
    return true;
}

/* Stores the packet of a frame that is usual and that the device has checked. Else does nothing and returns false. */
static inline __attribute__((always_inline)) bool take(const struct speadi_verbs_slots *slots,
                                                       struct speadi_verbs_alike *alike,
                                                       const struct speadi_verbs_usual *usual,
                                                       const struct ahead *ahead, uint32_t longest,
                                                       bool pieces, struct speadi_rx_packet *packet)
{
    const uint8_t *head = pieces ? ahead->piece : ahead->slot->data;

    if (__builtin_expect(!speadi_verbs_sums_are_right(ahead->sums), 0))
        return false;
    if (pieces || ahead->slot->place == SPEADI_RX_UNPLACED) {
        if (__builtin_expect(take_alike(alike, usual, ahead, head, NULL, packet), 1))
            return true;
    } else if (__builtin_expect(take_alike(alike, usual, ahead, head, ahead->slot, packet), 1)) {
        return true;
    }
    if (ahead->bytes > longest || !take_usual(slots, usual, ahead, pieces, packet))
        return false;
    speadi_verbs_remember(alike, head, ahead->bytes, packet);
    return true;
}

/* Lends the frames of `count` completions. */
static inline __attribute__((always_inline)) void lend_all(
    struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue, const struct ahead *ahead,
    unsigned count, bool pieces, struct speadi_verbs_alike *alike, struct speadi_rx_burst *burst)
{
    struct speadi_verbs_usual usual = speadi_verbs_usual_now(&queue->reader);
    const uint32_t longest = pieces ? UINT32_MAX : queue->slots.slot_bytes;
    unsigned next = burst->count;

    for (const struct ahead *end = ahead + count; ahead < end; ahead++) {
        if (__builtin_expect(
                take(&queue->slots, alike, &usual, ahead, longest, pieces, &burst->packet[next]),
                1)) {
            if (!pieces)
                e->lent[next] = (uint32_t)ahead->slot->wr.wr_id;
            next++;
            continue;
        }
        burst->count = next;
        lend_ahead_unusual(e, queue, ahead, burst);
        next = burst->count;
        usual = speadi_verbs_usual_now(&queue->reader);
        alike->frame_bytes = 0;
    }
    burst->count = next;
}

/* Ends the reservations of the slots of `count` completions. Reservations end in order, so the last one is enough. */
static inline void end_reservations(const struct speadi_verbs_engine *e,
                                    struct speadi_verbs_queue *queue, const struct ahead *ahead,
                                    unsigned count)
{
    if (queue->accepted == queue->ended)
        return;
    while (count > 0 && ahead[count - 1].slot->place == SPEADI_RX_UNPLACED)
        count--;
    if (count > 0)
        speadi_verbs_end_reservation(e, queue, ahead[count - 1].slot);
}

/* Reads completions that have succeeded, beginning with the current one, at most `most`. Returns their number. *answer is
 * the answer of the completion queue to the last question. If it is 0 and fewer than `most` were read, the current
 * completion has failed. */
static inline __attribute__((always_inline)) unsigned read_ahead(struct speadi_verbs_queue *queue,
                                                                 struct ahead ahead[AHEAD_MAX],
                                                                 unsigned most, uint64_t now,
                                                                 bool direct, int *answer)
{
    struct speadi_verbs_cq *cq = queue->cq;
    struct ibv_cq_ex *ex = cq->ex;
    struct speadi_verbs_slot *const slots = queue->slots.slot;
    unsigned count = 0;
    int ret = 0;

    do {
        struct speadi_verbs_said said;
        struct speadi_verbs_slot *slot;

        if (__builtin_expect(ex->status != IBV_WC_SUCCESS, 0))
            break;
        said = speadi_verbs_read_completion(cq, direct);
        slot = &slots[ex->wr_id];
        slot->is_posted = false;
        __builtin_prefetch(slot->data);
        ahead[count].slot = slot;
        ahead[count].time_ns = speadi_verbs_frame_time(queue, cq, &said, now, direct);
        ahead[count].bytes = said.bytes;
        ahead[count++].sums = said.sums;
    } while (count < most && (ret = ibv_next_poll(ex)) == 0);
    queue->posted -= count;
    *answer = ret;
    return count;
}

static inline __attribute__((always_inline)) int reap_as(struct speadi_verbs_engine *e,
                                                         struct speadi_verbs_queue *queue,
                                                         struct speadi_rx_burst *burst,
                                                         unsigned end, uint64_t now, bool direct)
{
    struct ahead ahead[AHEAD_MAX];
    struct speadi_verbs_alike alike = {.frame_bytes = 0};
    int answer;

    do {
        unsigned most = speadi_min_u32(AHEAD_MAX, end - burst->count);
        unsigned count = read_ahead(queue, ahead, most, now, direct, &answer);

        lend_all(e, queue, ahead, count, false, &alike, burst);
        end_reservations(e, queue, ahead, count);
        if (answer == 0 && count < most)
            speadi_verbs_take_failed(e, queue, burst);
    } while (answer == 0 && burst->count < end && (answer = ibv_next_poll(queue->cq->ex)) == 0);
    return answer;
}

static __attribute__((noinline)) int reap_direct(struct speadi_verbs_engine *e,
                                                 struct speadi_verbs_queue *queue,
                                                 struct speadi_rx_burst *burst, unsigned end)
{
    return reap_as(e, queue, burst, end, 0, true);
}

static __attribute__((noinline)) int reap_any(struct speadi_verbs_engine *e,
                                              struct speadi_verbs_queue *queue,
                                              struct speadi_rx_burst *burst, unsigned end,
                                              uint64_t now)
{
    return reap_as(e, queue, burst, end, now, false);
}

/* ---- Multi-packet -------------------------------------------------------------------------- */

/* Does what read_ahead() does, for a multi-packet queue. A completion that has failed, or that contradicts the state of
 * the ring, sets queue->failed. */
static inline __attribute__((always_inline)) unsigned read_pieces(struct speadi_verbs_engine *e,
                                                                  struct speadi_verbs_queue *queue,
                                                                  struct ahead ahead[AHEAD_MAX],
                                                                  unsigned most, uint64_t now,
                                                                  bool direct, int *answer)
{
    struct speadi_verbs_cq *cq = queue->cq;
    struct ibv_cq_ex *ex = cq->ex;
    unsigned count = 0;

    *answer = 0;
    /* After a failure the engine does not know where in the entry the next packet lies, so it stops. */
    do {
        struct speadi_verbs_said said;
        struct speadi_verbs_piece piece;

        if (__builtin_expect(ex->status != IBV_WC_SUCCESS, 0)) {
            speadi_verbs_take_failed_piece(e, queue);
            break;
        }
        said = speadi_verbs_read_completion(cq, direct);
        piece = speadi_mprq_take(&queue->mprq, said.bytes);
        if (__builtin_expect(!piece.data, 0)) {
            if (piece.bytes == 0)
                continue;
            speadi_verbs_note_failure(e, queue);
            break;
        }
        __builtin_prefetch(piece.data);
        ahead[count].piece = piece.data;
        ahead[count].time_ns = speadi_verbs_frame_time(queue, cq, &said, now, direct);
        ahead[count].bytes = piece.bytes;
        ahead[count++].sums = said.sums;
    } while (count < most && (*answer = ibv_next_poll(ex)) == 0);
    return count;
}

static inline __attribute__((always_inline)) int reap_pieces_as(struct speadi_verbs_engine *e,
                                                                struct speadi_verbs_queue *queue,
                                                                struct speadi_rx_burst *burst,
                                                                unsigned end, uint64_t now,
                                                                bool direct)
{
    struct ahead ahead[AHEAD_MAX];
    struct speadi_verbs_alike alike = {.frame_bytes = 0};
    int answer;

    do {
        unsigned most = speadi_min_u32(AHEAD_MAX, end - burst->count);
        unsigned count = read_pieces(e, queue, ahead, most, now, direct, &answer);

        lend_all(e, queue, ahead, count, true, &alike, burst);
    } while (answer == 0 && !queue->failed && burst->count < end &&
             (answer = ibv_next_poll(queue->cq->ex)) == 0);
    return answer;
}

static __attribute__((noinline)) int reap_pieces_direct(struct speadi_verbs_engine *e,
                                                        struct speadi_verbs_queue *queue,
                                                        struct speadi_rx_burst *burst, unsigned end)
{
    return reap_pieces_as(e, queue, burst, end, 0, true);
}

static __attribute__((noinline)) int reap_pieces_any(struct speadi_verbs_engine *e,
                                                     struct speadi_verbs_queue *queue,
                                                     struct speadi_rx_burst *burst, unsigned end,
                                                     uint64_t now)
{
    return reap_pieces_as(e, queue, burst, end, now, false);
}

/* ---- One burst ----------------------------------------------------------------------------- */

/* In this section packets are added until the burst has `end` packets. */

static int reap_completions(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                            struct speadi_rx_burst *burst, unsigned end, uint64_t now)
{
    const bool direct = speadi_verbs_is_direct(queue->cq);

    if (e->is_striding)
        return direct ? reap_pieces_direct(e, queue, burst, end)
                      : reap_pieces_any(e, queue, burst, end, now);
    return direct ? reap_direct(e, queue, burst, end) : reap_any(e, queue, burst, end, now);
}

static void reap(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                 struct speadi_rx_burst *burst, unsigned end, uint64_t now)
{
    struct speadi_verbs_cq *cq = queue->cq;
    int ret = speadi_verbs_cq_start_poll(cq);

    if (ret == 0) {
        if (cq->ex->status == IBV_WC_SUCCESS)
            speadi_verbs_check_entries(e, queue);
        ret = reap_completions(e, queue, burst, end, now);
        ibv_end_poll(cq->ex);
    }
    if (ret != ENOENT && ret != 0)
        speadi_verbs_take_answer(e, queue, ret);
}

static void lend_kept(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                      struct speadi_rx_burst *burst, unsigned end, uint64_t now)
{
    struct speadi_verbs_slot *const slots = queue->slots.slot;

    while (queue->arrival_next < queue->arrival_count && burst->count < end) {
        struct speadi_verbs_arrival *arrival = &queue->arrival[queue->arrival_next++];

        if (arrival->time_ns == 0)
            arrival->time_ns = now;
        if (arrival->overlong) {
            speadi_verbs_end_reservation(e, queue, &slots[arrival->slot]);
            speadi_verbs_lend_overlong(e, queue, arrival->slot, burst);
        } else if (arrival->data) {
            lend_kept_piece(queue, arrival, burst);
        } else {
            lend(e, queue, &slots[arrival->slot], arrival, burst);
        }
    }
    if (queue->arrival_next < queue->arrival_count)
        return;
    queue->arrival_next = queue->arrival_count = 0;
    if (queue->ends_all)
        queue->ended = queue->accepted;
    queue->ends_all = false;
}

/* Lends frames of one queue. Where the next frame lies in a multi-packet queue that has failed, nobody knows. */
static void harvest(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                    struct speadi_rx_burst *burst, uint64_t now)
{
    const unsigned first = burst->count;
    const unsigned end = speadi_min_u32(first + e->burst_max, SPEADI_VERBS_BURST);
    unsigned count;

    if (queue->arrival_count > 0)
        lend_kept(e, queue, burst, end, now);
    else if (queue->qp && !(e->is_striding && queue->failed))
        reap(e, queue, burst, end, now);
    count = burst->count - first;
    queue->packets += count;
    queue->lent_first = first;
    queue->lent_count = e->is_striding ? 0 : count;
    queue->unreserved += count;
    if (queue->placing && queue->unreserved > UNRESERVED_MAX && queue->accepted == queue->ended)
        queue->placing = false;
}

void speadi_verbs_harvest(struct speadi_verbs_engine *e, struct speadi_rx_burst *burst)
{
    const unsigned first = e->next_queue++;
    uint64_t now = speadi_verbs_host_time(e);

    for (unsigned i = 0; i < e->queue_count && burst->count < SPEADI_VERBS_BURST; i++)
        harvest(e, &e->queue[(first + i) & (e->queue_count - 1)], burst, now);
}

/* Returns the largest error that the times of any queue have, if they are converted from the counter of the device. */
static uint64_t ticks_error(const struct speadi_verbs_engine *e)
{
    uint64_t error_ns = 0;

    for (unsigned i = 0; i < e->queue_count; i++)
        error_ns = speadi_max_u64(error_ns, e->queue[i].clock.error_ns);
    return error_ns;
}

void speadi_verbs_tell_clock(const struct speadi_verbs_engine *e, struct speadi_rx_burst *burst)
{
    enum speadi_verbs_stamp stamp = e->stamp;

    burst->clock = speadi_verbs_stamp_is_utc(stamp) ? SPEAD_CLOCK_UTC : SPEAD_CLOCK_HARDWARE;
    /* Times of the NIC are right to one step of its clock, which is at most some nanoseconds. Its driver gives whole
     * nanoseconds. */
    burst->clock_error_ns = stamp == SPEADI_STAMP_HOST    ? 0
                            : stamp == SPEADI_STAMP_TICKS ? ticks_error(e)
                                                          : NIC_STEP_NS;
}
