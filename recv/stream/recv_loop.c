/* The owner's loop: bursts from the engine, packet by packet; what is due when nothing comes. */
#include <errno.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/thread.h>

#include "recv_stream.h"

#define COUNTERS_EVERY_NS 1000000u /* the engine's counters cost a system call for each socket */

void speadi_recv_read_counters(struct spead_recv_stream *s)
{
    struct speadi_recv_totals *totals = s->ledger.totals;
    struct speadi_rx_counters counters;

    s->ops->counters(s->engine, &counters);
    if (s->now_ns > s->counters_ns)
        speadi_gather_observe(&s->gather, counters.messages - totals->messages,
                              s->now_ns - s->counters_ns);
    totals->kernel_drops = counters.kernel_drops;
    totals->messages = counters.messages;
    totals->engine_rebuilds = counters.rebuilds;
    totals->link_downs = counters.link_downs;
    totals->wakeups = counters.sleeps + s->gathered;
    s->counters_ns = s->now_ns;
}

static void publish(struct spead_recv_stream *s)
{
    struct speadi_recv_totals *totals = s->ledger.totals;

    totals->heaps_live = s->table.count;
    totals->heaps_leaving = s->leaving_count;
    totals->missing_heaps = speadi_gap_tracker_missing(&s->gaps);
    totals->memory_bytes = speadi_pool_memory_bytes(s->pool, &totals->memory_high_water_bytes);
    speadi_recv_ledger_publish(&s->ledger);
}

/* ---- Reservations -------------------------------------------------------------------------- */

static void reserve(struct spead_recv_stream *s)
{
    struct speadi_rx_range ranges[SPEADI_RX_RESERVE_MAX];

    for (uint32_t i = 0; i < s->source_count; i++) {
        const struct speadi_prediction *prediction = &s->placement.prediction[i];
        uint16_t source = (uint16_t)i;
        struct speadi_live_heap *live;
        unsigned count;

        if (prediction->head_bytes == 0)
            continue;
        live = speadi_heap_table_find(&s->table, prediction->counter);
        if (live == NULL || !live->predicts)
            continue;
        count =
            speadi_placement_predict(&s->placement, source, live,
                                     s->ops->ahead != NULL ? s->ops->ahead(s->engine) : 0, ranges);
        if (count == 0)
            continue;
        count = s->ops->reserve(s->engine, source, prediction->head_bytes, ranges, count);
        speadi_placement_accept(&s->placement, source, live, ranges, count);
    }
}

static void unreserve(struct spead_recv_stream *s)
{
    if (s->unreserving || speadi_placement_outstanding(&s->placement) == 0)
        return;
    s->ops->unreserve(s->engine);
    s->unreserving = true; /* until the next poll has reported them as ended */
}

static void end_reservations(struct spead_recv_stream *s)
{
    speadi_placement_end(&s->placement, s->burst.reservations_ended);
    if (s->leaving_count > 0)
        speadi_recv_settle_leaving(s);
    if (s->spare.parked_count > 0)
        speadi_recv_retry_parked(s);
}

/* ---- Bursts -------------------------------------------------------------------------------- */

void speadi_recv_end_burst(struct spead_recv_stream *s)
{
    if (s->burst_is_out)
        s->ops->give_back(s->engine, &s->burst);
    s->burst_is_out = false;
    speadi_spare_end_burst(&s->spare);
    end_reservations(s);
}

static void begin_burst(struct spead_recv_stream *s)
{
    struct speadi_recv_totals *totals = s->ledger.totals;

    s->burst_is_out = true;
    s->burst_next = 0;
    if (totals->first_packet_ns == 0)
        totals->first_packet_ns = s->burst.packet[0].time_ns;
    totals->last_packet_ns = s->burst.packet[s->burst.count - 1].time_ns;
    s->burst_is_sorted = false;
    s->burst_is_loose = speadi_placement_outstanding(&s->placement) > 0;
}

static bool judge_next(struct spead_recv_stream *s)
{
    enum spead_recv_bucket why;
    const struct speadi_rx_packet *raw = speadi_recv_burst_packet(s, s->burst_next, &why);

    if (raw != NULL)
        return speadi_recv_judge(s, raw);
    speadi_recv_count_seen(s, &s->burst.packet[s->burst_next], why);
    return true;
}

static int judge_burst(struct spead_recv_stream *s)
{
    unsigned first = s->burst_next, judged;

    while (s->burst_next < s->burst.count) {
        unsigned run = speadi_recv_take_run(s);

        if (run == 0 && !judge_next(s))
            break;
        s->burst_next += run > 0 ? run : 1;
    }
    judged = s->burst_next - first;
    if (s->burst_next == s->burst.count)
        speadi_recv_end_burst(s);
    return (int)judged;
}

/* The source was found empty: only now can a heap be too old, for packets that wait in the socket
 * because we stalled are not late. */
static void idle(struct spead_recv_stream *s)
{
    end_reservations(s);
    if (speadi_recv_close_aged(s) || s->leaving_count > 0 || s->spare.parked_count > 0)
        unreserve(s);
    if (s->state == SPEADI_RECV_DRAINING && !s->unreserving)
        speadi_recv_begin_flush(s, -ESHUTDOWN);
}

/* Returns the number of packets read, 0 also when the source has ended or failed. */
static int read_burst(struct spead_recv_stream *s)
{
    int count;

    if (s->state == SPEADI_RECV_DRAINING)
        speadi_recv_quiesce(s);
    else if (s->placement.enabled && !s->unreserving)
        reserve(s);
    count = s->ops->poll(s->engine, &s->burst);
    if (s->ops->now != NULL) /* it moves with what it lent */
        s->age_ns = s->ops->now(s->engine);
    s->unreserving = false;
    if (count > 0)
        s->read_since_wait = true;
    if (count > 0)
        begin_burst(s);
    else if (count == 0)
        idle(s);
    else
        speadi_recv_begin_flush(s, count);
    return count > 0 ? judge_burst(s) : 0;
}

int spead_recv_stream_poll(struct spead_recv_stream *s)
{
    int count = 0;

    if (s->state == SPEADI_RECV_ENDED)
        return s->result;
    s->now_ns = speadi_clock_mono_ns();
    s->age_ns = s->ops->now != NULL ? s->ops->now(s->engine) : s->now_ns;
    s->ledger.totals->polls++;
    if (s->now_ns - s->counters_ns > COUNTERS_EVERY_NS)
        speadi_recv_read_counters(s);
    /* A1: acquire pairs with A2 in arm(): what the caller did before it has happened. */
    s->armed = atomic_load_explicit(&s->is_armed, memory_order_acquire);
    speadi_recv_check_stop(s);
    if (s->state < SPEADI_RECV_FLUSHING && speadi_recv_hand_over(s, speadi_recv_waits_for_room(s)))
        count = s->burst_is_out ? judge_burst(s) : read_burst(s);
    if (s->state < SPEADI_RECV_FLUSHING)
        speadi_recv_hand_over(s, speadi_recv_waits_for_room(s));
    else
        speadi_recv_flush(s);
    publish(s);
    return s->state == SPEADI_RECV_ENDED ? s->result : count;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* True when it has slept, as long as messages should gather. stop() is heard after it, not during it. */
static bool gather(struct spead_recv_stream *s, uint64_t deadline)
{
    struct timespec time;
    uint64_t until;

    if (s->gather.sleep_ns == 0 || !s->read_since_wait)
        return false;
    until = speadi_clock_mono_ns() + s->gather.sleep_ns;
    if (until > deadline)
        return false;
    time = speadi_clock_timespec(until);
    s->read_since_wait = false;
    s->gathered++;
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL); /* a signal: read early */
    return true;
}

int spead_recv_stream_wait(struct spead_recv_stream *s, uint64_t deadline_ns)
{
    uint64_t deadline = deadline_ns == 0 ? UINT64_MAX : deadline_ns;

    if (s->state == SPEADI_RECV_ENDED)
        return 0;
    if (s->outlet.pending_count > 0) { /* until the consumer takes a heap nothing can go on */
        if (s->state != SPEADI_RECV_RUNNING)
            deadline = sooner(deadline, s->deadline_ns);
        speadi_outlet_wait_room(&s->outlet, deadline);
        return 0;
    }
    if (s->state != SPEADI_RECV_RUNNING || s->burst_is_out || s->unreserving)
        return 0;
    if (s->config.heap_timeout_ns != 0 && s->table.oldest != NULL && s->ops->now == NULL)
        deadline = sooner(
            deadline, speadi_clock_after(s->table.oldest->opened_ns, s->config.heap_timeout_ns));
    if (!gather(s, deadline))
        s->ops->wait(s->engine, deadline);
    return 0;
}

/* ---- Until the end ------------------------------------------------------------------------- */

int spead_recv_stream_start(struct spead_recv_stream *s, struct spead_err *err)
{
    int ret = s->ops->start != NULL ? s->ops->start(s->engine, err) : 0;

    s->started = true;
    if (ret < 0) /* nothing will come: the consumer must not wait for it */
        speadi_recv_end(s, ret);
    return ret;
}

static int loop(struct spead_recv_stream *s, struct spead_err *err)
{
    int ret;

    while ((ret = spead_recv_stream_poll(s)) >= 0)
        if (ret == 0)
            spead_recv_stream_wait(s, 0);
    if (ret == -ESHUTDOWN)
        return 0;
    return speadi_err_set(err, ret, "receiving with engine \"%s\" failed: %s", s->ops->about.name,
                          strerror(-ret));
}

int spead_recv_stream_run(struct spead_recv_stream *s, struct spead_err *err)
{
    int ret = spead_recv_stream_start(s, err);

    return ret < 0 ? ret : loop(s, err);
}

/* ---- On a thread of its own ---------------------------------------------------------------- */

static int runner_body(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    struct spead_recv_stream *s = arg;
    int ret = spead_recv_stream_start(s, err);

    if (ret < 0)
        return ret;
    speadi_runner_ready(self);
    return loop(s, err);
}

/* The public runner is the common one under another name. */
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
