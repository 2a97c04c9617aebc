/* SPDX-License-Identifier: Apache-2.0 */
/* The owner thread's loop: it reads bursts from the engine, does what is due while nothing comes, and sleeps. */
#include <errno.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/deadline.h>
#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/thread.h>

#include "recv_stream.h"

/* The stream reads the engine's counters at most this often, because each time costs one system call per socket. */
#define COUNTERS_EVERY_NS 1000000u

/* While the populator works, the stream looks this often whether the populator can get more work. */
#define POPULATE_EVERY_NS 1000000u

/* ---- Reservations -------------------------------------------------------------------------- */

/* Offers ranges for the next packets of the inlet to the engine. Returns how many it has accepted. */
static unsigned offer(struct spead_recv_stream *stream, uint16_t inlet, uint32_t head_bytes,
                      const struct speadi_rx_range *ranges, unsigned count)
{
    const struct speadi_placement *placement = &stream->placement;

    return stream->ops->reserve(stream->engine, speadi_placement_source(placement, inlet),
                                speadi_placement_queue(placement, inlet), head_bytes, ranges,
                                count);
}

/* Reserves ranges of the heap of the last packet of the inlet. Returns how many. */
static unsigned reserve_in_live(struct spead_recv_stream *stream, uint16_t inlet, unsigned ahead)
{
    struct speadi_placement *placement = &stream->placement;
    const struct speadi_prediction *prediction = &placement->prediction[inlet];
    struct speadi_live_heap *live =
        speadi_heap_table_find(&stream->table, prediction->sender, prediction->counter);
    struct speadi_rx_range ranges[SPEADI_PLACEMENT_BATCH];
    unsigned count;

    if (!live || !live->predicts ||
        !speadi_placement_may_target(placement, live, speadi_placement_queue(placement, inlet)))
        return 0;
    count = speadi_placement_predict(placement, inlet, live, ahead, ranges);
    if (count == 0)
        return 0;
    count = offer(stream, inlet, prediction->head_bytes, ranges, count);
    speadi_placement_accept(placement, inlet, live, ranges, count);
    return count;
}

/* Reserves ranges of a heap that has not begun. Returns how many. */
static unsigned reserve_in_expected(struct spead_recv_stream *stream, uint16_t inlet,
                                    const struct speadi_position *at)
{
    struct speadi_placement *placement = &stream->placement;
    const struct speadi_prediction *prediction = &placement->prediction[inlet];
    struct speadi_rx_range ranges[SPEADI_PLACEMENT_BATCH];
    struct speadi_expected_heap *heap;
    uint32_t head_bytes = 0;
    unsigned count;

    /* If packets come out of order, the heap may have begun. */
    if (at->heaps == UINT64_MAX || !prediction->expects || placement->policy.off ||
        speadi_heap_table_find(&stream->table, prediction->sender,
                               prediction->counter + at->heaps * prediction->step))
        return 0;
    heap = speadi_placement_expect(placement, stream->pool, inlet, at->heaps);
    if (!heap)
        return 0;
    count =
        speadi_placement_predict_expected(placement, inlet, heap, at->offset, ranges, &head_bytes);
    if (count > 0)
        count = offer(stream, inlet, head_bytes, ranges, count);
    speadi_placement_accept_expected(placement, inlet, heap, head_bytes, ranges, count);
    return count;
}

static unsigned ahead_of(const struct spead_recv_stream *stream, uint16_t inlet)
{
    return stream->ops->ahead
               ? stream->ops->ahead(stream->engine,
                                    speadi_placement_queue(&stream->placement, inlet))
               : 0;
}

/* Reserves the ranges of packets that come next, up to the end of a heap. Returns how many. */
static unsigned reserve_some(struct spead_recv_stream *stream, uint16_t inlet)
{
    const struct speadi_placement *placement = &stream->placement;
    const struct speadi_prediction *prediction = &placement->prediction[inlet];
    uint64_t outstanding =
        speadi_placement_outstanding(placement, speadi_placement_queue(placement, inlet));
    unsigned ahead = ahead_of(stream, inlet);
    struct speadi_position at;

    /* If nothing is reserved, the engine must be asked all the same: it posts receives without a range until then. */
    if (outstanding > 0 && outstanding + ahead >= placement->outstanding_max)
        return 0;
    at = speadi_placement_position(prediction, prediction->outstanding + ahead);
    return at.heaps == 0 ? reserve_in_live(stream, inlet, ahead)
                         : reserve_in_expected(stream, inlet, &at);
}

static void reserve(struct spead_recv_stream *stream)
{
    const struct speadi_placement *placement = &stream->placement;
    const uint32_t inlets = stream->source_count << placement->queues_log;

    for (uint32_t i = 0; i < inlets; i++) {
        uint16_t inlet = (uint16_t)i;

        if (placement->prediction[i].head_bytes == 0)
            continue;
        if (!placement->expects)
            (void)reserve_in_live(stream, inlet, ahead_of(stream, inlet));
        while (placement->expects && reserve_some(stream, inlet) > 0)
            ;
    }
}

/* Takes all reservations back, if the engine can do that, because ended heaps wait for them. */
static void unreserve(struct spead_recv_stream *stream)
{
    if (!stream->ops->unreserve || stream->unreserving ||
        !speadi_placement_has_outstanding(&stream->placement))
        return;
    stream->ops->unreserve(stream->engine);
    stream->unreserving = true; /* the next poll() of the engine makes this false again */
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Does what is due when poll() of the engine has found the source empty. Heaps time out only here. If this thread was
 * late, packets of an old heap may still wait in the socket, and the thread must read them before the heap ends. */
static void idle(struct spead_recv_stream *stream)
{
    stream->empty_ns = stream->age_ns;
    stream->drained_ns = stream->now_ns;
    speadi_recv_end_burst(stream); /* no burst is lent, but reservations may have ended */
    speadi_recv_close_aged(stream);
    if (stream->chunks)
        speadi_recv_close_aged_chunks(stream);
    if (stream->leaving.count > 0)
        unreserve(stream);
    if (stream->has_stopped_heaps)
        speadi_recv_end_stopped_heaps(stream);
    speadi_recv_check_stop_items(stream);
    if (stream->state == SPEADI_RECV_DRAINING && !stream->unreserving)
        speadi_recv_begin_flush(stream, -ESHUTDOWN);
}

/* Returns a bound of the error of the times of this burst. If the engine has read the clock of the host, a packet has come
 * after the poll that lent nothing began, and before now. */
static uint64_t clock_error(const struct spead_recv_stream *stream)
{
    if (stream->burst.clock_error_ns != 0)
        return stream->burst.clock_error_ns;
    if (stream->ops->now || stream->drained_ns == 0)
        return SPEAD_CLOCK_ERROR_UNKNOWN;
    return stream->clock() - stream->drained_ns;
}

/* Reads one burst and processes it. Returns how many packets it has processed. Returns 0 also when the source has ended
 * or failed. */
static int read_burst(struct spead_recv_stream *stream)
{
    int count;

    if (stream->state == SPEADI_RECV_DRAINING)
        speadi_recv_quiesce(stream);
    else if (stream->placement.enabled && !stream->unreserving)
        reserve(stream);
    count = stream->ops->poll(stream->engine, &stream->burst);
    if (stream->ops->now) /* the engine's clock advances with the packets that the engine lends */
        stream->age_ns = stream->ops->now(stream->engine);
    stream->unreserving = false;
    if (count > 0) {
        stream->clock_error_ns = clock_error(stream);
        return speadi_recv_process_burst(stream);
    }
    if (count == 0)
        idle(stream);
    else
        speadi_recv_begin_flush(stream, count);
    return 0;
}

/* Reads the clocks. If a long time has passed since the stream last read packets and heaps are live, this thread was
 * late or the stream was paused. Then the reading clock advances by SPEADI_RECV_STALL_NS only: packets of these heaps
 * may wait in the source, and heaps must not get old because of a delay of this thread or of the consumer. */
static void read_clocks(struct spead_recv_stream *stream)
{
    uint64_t elapsed;

    stream->now_ns = stream->clock();
    if (stream->ops->now) {
        stream->age_ns = stream->ops->now(stream->engine);
        return;
    }
    elapsed = stream->now_ns - stream->polled_ns;
    if (stream->polled_ns != 0 && stream->table.count > 0) {
        elapsed = speadi_min_u64(elapsed, SPEADI_RECV_STALL_NS - stream->unread_ns);
        stream->unread_ns += elapsed;
    }
    stream->age_ns += elapsed;
    stream->polled_ns = stream->now_ns;
}

/* Reads and processes packets. Returns how many packets it has processed, which may be 0. */
static int read_packets(struct spead_recv_stream *stream)
{
    bool reads = !stream->burst_is_out;
    int count = reads ? read_burst(stream) : speadi_recv_process_burst(stream);

    if (reads || count > 0)
        stream->unread_ns = 0;
    return count;
}

/* Counts the time of a pause, and notes whether this poll reads. */
static void note_pause(struct spead_recv_stream *stream, bool paused)
{
    if (stream->paused) {
        stream->tally.totals->paused_ns += stream->now_ns - stream->pause_ns;
        stream->catching_up = true;
    }
    stream->tally.totals->pauses += paused && !stream->paused;
    stream->paused = paused;
    stream->pause_ns = stream->now_ns;
}

/* Hands over what waits, and then reads, unless the hand-over is full and the stream pauses. Returns how many packets
 * were processed. */
static int hand_over_and_read(struct spead_recv_stream *stream)
{
    bool paused = (stream->outlet.pending_count > 0 && !speadi_recv_hand_over(stream, true)) ||
                  (stream->chunks && speadi_recv_starves(stream));
    int count;

    if (__builtin_expect(paused || stream->paused, 0))
        note_pause(stream, paused);
    if (paused)
        return 0;
    count = read_packets(stream);
    if (__builtin_expect(stream->catching_up, 0)) {
        stream->tally.totals->packets_after_pause += (uint64_t)count;
        stream->catching_up = count > 0;
    }
    return count;
}

/* Finds out what happens in this poll to packets that may begin a heap. */
static void look_at_gate(struct spead_recv_stream *stream)
{
    /* relaxed: the lock protects the start point itself */
    if (__builtin_expect(atomic_load_explicit(&stream->start_calls, memory_order_relaxed) !=
                             stream->start.calls,
                         0))
        speadi_recv_take_start_point(stream);
    /* ARM1 acquire: this thread sees all that the caller of arm() did before the call. */
    if (!atomic_load_explicit(&stream->is_armed, memory_order_acquire))
        stream->gate = SPEADI_GATE_CLOSED;
    else
        stream->gate = stream->start.point.kind == SPEAD_START_POINT_NONE ? SPEADI_GATE_OPEN
                                                                          : SPEADI_GATE_JUDGES;
}

int spead_recv_stream_poll(struct spead_recv_stream *stream)
{
    int count = 0;

    if (stream->state == SPEADI_RECV_ENDED)
        return stream->result;
    speadi_sender_rows_begin(&stream->senders.rows);
    read_clocks(stream);
    if (stream->has_slept)
        stream->empty_ns = stream->age_ns;
    stream->has_slept = false;
    stream->tally.totals->polls++;
    if (stream->now_ns - stream->counters_ns > COUNTERS_EVERY_NS)
        speadi_recv_read_counters(stream);
    stream->drops_before = speadi_recv_kernel_drops(stream);
    look_at_gate(stream);
    speadi_recv_check_stop(stream);
    if (stream->state < SPEADI_RECV_FLUSHING)
        count = hand_over_and_read(stream);
    speadi_recv_check_stop_items(stream);
    if (stream->state >= SPEADI_RECV_FLUSHING)
        speadi_recv_flush(stream);
    else if (stream->outlet.pending_count > 0)
        speadi_recv_hand_over(stream, true);
    if (__builtin_expect(stream->populate_due, 0))
        speadi_recv_populate_ahead(stream);
    speadi_recv_publish(stream);
    speadi_sender_rows_end(&stream->senders.rows);
    return stream->state == SPEADI_RECV_ENDED ? stream->result : count;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* Sleeps while packets coalesce, if this sleep saves CPU time and ends before the deadline. Returns true if it has
 * slept. A call of stop() does not shorten the sleep; the stream notices that call after the sleep. */
static bool coalesce(struct spead_recv_stream *stream, uint64_t deadline)
{
    struct timespec time;
    uint64_t until;

    if (stream->coalesce.sleep_ns == 0 || !stream->read_since_wait)
        return false;
    until = speadi_clock_mono_ns() + stream->coalesce.sleep_ns;
    if (until > deadline)
        return false;
    time = speadi_clock_timespec(until);
    stream->read_since_wait = false;
    stream->coalesced++;
    /* a signal may end the sleep early, which does no harm */
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    return true;
}

/* Returns when poll() must be called even if no packet comes, by CLOCK_MONOTONIC. */
static uint64_t next_look(const struct spead_recv_stream *stream)
{
    uint64_t timeout = stream->config.heap_timeout_ns, at = UINT64_MAX;

    if (stream->stop_items > 0)
        at = stream->stop_review_ns;
    if (stream->populating)
        at = speadi_min_u64(at, stream->now_ns + POPULATE_EVERY_NS);
    if (stream->chunks && !stream->ops->now)
        at = speadi_min_u64(at,
                            speadi_clock_after(stream->now_ns, speadi_recv_chunk_age_left(stream)));
    if (!stream->table.oldest || stream->ops->now)
        return at;
    if (timeout != 0) {
        uint64_t age = stream->age_ns - stream->table.oldest->opened_ns;

        at = speadi_min_u64(at,
                            speadi_clock_after(stream->now_ns, age < timeout ? timeout - age : 0));
    }
    return speadi_min_u64(at, stream->now_ns + SPEADI_RECV_STALL_NS);
}

int spead_recv_stream_wait(struct spead_recv_stream *stream, uint64_t deadline_ns)
{
    uint64_t deadline = deadline_ns == SPEAD_DEADLINE_NEVER ? UINT64_MAX : deadline_ns;

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    if (stream->state == SPEADI_RECV_ENDED)
        return 0;
    if (stream->counting_unread)
        return 0;
    /* only the consumer can change something now, by taking a heap */
    if (stream->outlet.pending_count > 0) {
        if (stream->state != SPEADI_RECV_RUNNING)
            deadline = speadi_min_u64(deadline, stream->deadline_ns);
        speadi_outlet_wait_room(&stream->outlet, deadline);
        return 0;
    }
    if (stream->chunks && stream->chunks->starving) {
        speadi_recv_wait_for_chunk(stream, deadline);
        return 0;
    }
    if (stream->state != SPEADI_RECV_RUNNING || stream->burst_is_out || stream->unreserving)
        return 0;
    deadline = speadi_min_u64(deadline, next_look(stream));
    if (!coalesce(stream, deadline)) {
        stream->ops->wait(stream->engine, deadline);
        stream->has_slept = true;
    }
    return 0;
}

/* ---- Until the end ------------------------------------------------------------------------- */

int spead_recv_stream_start(struct spead_recv_stream *stream, struct spead_err *err)
{
    int ret = 0;

    if (stream->config.plan_only)
        return speadi_err_field(err, -EINVAL, "plan_only", ": the stream was made for its plan");
    /* relaxed: exactly one caller reads false, and no data passes between the callers */
    if (atomic_exchange_explicit(&stream->has_owner, true, memory_order_relaxed))
        return speadi_err_set(err, -EBUSY, "the stream has been run before: it runs once");
    if (stream->ops->start)
        ret = stream->ops->start(stream->engine, err);
    stream->started = true;
    speadi_recv_check_place(stream);
    if (ret < 0) /* no packet will come, so the consumer must not wait */
        speadi_recv_end(stream, ret);
    return ret;
}

static int loop(struct spead_recv_stream *stream, struct spead_err *err)
{
    int ret;

    while ((ret = spead_recv_stream_poll(stream)) >= 0)
        if (ret == 0)
            spead_recv_stream_wait(stream, 0);
    if (ret == -ESHUTDOWN)
        return 0;
    return speadi_err_set(err, ret, "receiving with engine \"%s\" failed: %s",
                          stream->ops->about.name, strerror(-ret));
}

int spead_recv_stream_run(struct spead_recv_stream *stream, struct spead_err *err)
{
    int ret = spead_recv_stream_start(stream, err);

    return ret < 0 ? ret : loop(stream, err);
}

/* ---- On a thread of its own ---------------------------------------------------------------- */

static int runner_body(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    struct spead_recv_stream *stream = arg;
    int ret = spead_recv_stream_start(stream, err);

    if (ret < 0)
        return ret;
    speadi_runner_ready(self);
    return loop(stream, err);
}

/* struct spead_recv_runner is only another name for the common struct speadi_runner. */
int spead_recv_runner_start(struct spead_recv_runner **out, struct spead_recv_stream *stream,
                            int cpu, struct spead_err *err)
{
    struct speadi_runner *runner;
    int ret = speadi_runner_start(&runner, "spead-recv", cpu, runner_body, stream, err);

    if (ret == 0)
        *out = (struct spead_recv_runner *)(void *)runner;
    return ret;
}

int spead_recv_runner_join(struct spead_recv_runner *runner, uint64_t *cpu_ns)
{
    return speadi_runner_join((struct speadi_runner *)(void *)runner, cpu_ns);
}
