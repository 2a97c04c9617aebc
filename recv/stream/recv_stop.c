/* The end of a stream: reads what is there, ends live heaps, lets the consumer finish. */
#include <errno.h>

#include <speadi/clock.h>

#include "recv_stream.h"

static void begin_drain(struct spead_recv_stream *s)
{
    s->state = SPEADI_RECV_DRAINING;
    s->deadline_ns = speadi_clock_after(s->now_ns, s->config.stop_drain_ns);
}

static unsigned stop_calls(const struct spead_recv_stream *s)
{
    /* STOP1 acquire: what the caller of stop() did before it has happened. */
    return atomic_load_explicit(&s->stop_calls, memory_order_acquire);
}

void speadi_recv_check_stop(struct spead_recv_stream *s)
{
    unsigned calls = stop_calls(s);

    if (calls > 0 && s->state == SPEADI_RECV_RUNNING)
        begin_drain(s);
    if (s->outlet.receiver_gone && s->state < SPEADI_RECV_FLUSHING)
        speadi_recv_begin_flush(s, -ESHUTDOWN); /* nobody wants what would be read */
    if (s->state == SPEADI_RECV_DRAINING && (calls > 1 || s->now_ns >= s->deadline_ns))
        speadi_recv_begin_flush(s, -ESHUTDOWN);
}

void speadi_recv_check_stop_items(struct spead_recv_stream *s)
{
    if (s->stopped_sources != 0 && s->state == SPEADI_RECV_RUNNING)
        begin_drain(s);
}

void speadi_recv_quiesce(struct spead_recv_stream *s)
{
    if (!s->quiesced)
        s->ops->quiesce(s->engine);
    s->quiesced = true;
}

void speadi_recv_begin_flush(struct spead_recv_stream *s, int result)
{
    /* Read, but not looked at: only when the consumer or the time is at its end. */
    while (s->burst_is_out && s->burst_next < s->burst.count)
        speadi_recv_count_unread(s, &s->burst.packet[s->burst_next++], SPEAD_RECV_AFTER_STOP);
    speadi_recv_quiesce(s);
    s->burst.reservations_ended = s->placement.accepted;
    speadi_recv_end_burst(s);
    while (s->table.oldest != NULL)
        speadi_recv_close_heap(s, s->table.oldest, SPEADI_RECV_BY_FLUSH);
    speadi_recv_read_counters(s);
    s->state = SPEADI_RECV_FLUSHING;
    s->deadline_ns = speadi_clock_after(s->now_ns, s->config.stop_drain_ns);
    s->result = result;
}

void speadi_recv_flush(struct spead_recv_stream *s)
{
    /* In a graph the consumer's time is the graph's affair: drain() and cancel() bound it. */
    bool late = s->outlet.node == NULL && s->now_ns >= s->deadline_ns;

    if (speadi_recv_hand_over(s, stop_calls(s) <= 1 && !late))
        speadi_recv_end(s, s->result);
}

void speadi_recv_end(struct spead_recv_stream *s, int result)
{
    s->result = result;
    s->state = SPEADI_RECV_ENDED;
    speadi_outlet_close(&s->outlet, result == -ESHUTDOWN ? 0 : result);
}
