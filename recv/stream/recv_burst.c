/* One burst: begun, gone through packet by packet, given back to the engine. */
#include "recv_stream.h"

static void begin(struct spead_recv_stream *s)
{
    struct speadi_recv_totals *totals = s->ledger.totals;

    s->read_since_wait = true;
    s->burst_is_out = true;
    s->burst_next = 0;
    if (totals->first_packet_ns == 0)
        totals->first_packet_ns = s->burst.packet[0].time_ns;
    totals->last_packet_ns = s->burst.packet[s->burst.count - 1].time_ns;
    s->places_checked = false;
    s->places_unchecked = speadi_placement_outstanding(&s->placement) > 0;
}

static void end_reservations(struct spead_recv_stream *s)
{
    speadi_placement_end(&s->placement, s->burst.reservations_ended);
    if (s->leaving.count > 0)
        speadi_recv_release_leaving(s);
    if (s->spare.parked_count > 0)
        speadi_recv_retry_parked(s);
}

void speadi_recv_end_burst(struct spead_recv_stream *s)
{
    if (s->burst_is_out)
        s->ops->give_back(s->engine, &s->burst);
    s->burst_is_out = false;
    speadi_spare_end_burst(&s->spare);
    end_reservations(s);
}

static bool process_next(struct spead_recv_stream *s)
{
    enum spead_recv_bucket why;
    const struct speadi_rx_packet *raw = speadi_recv_burst_packet(s, s->burst_next, &why);

    if (raw != NULL)
        return speadi_recv_process_packet(s, raw);
    speadi_recv_count_unread(s, &s->burst.packet[s->burst_next], why);
    return true;
}

int speadi_recv_process_burst(struct spead_recv_stream *s)
{
    unsigned first, processed;

    if (!s->burst_is_out)
        begin(s);
    first = s->burst_next;
    while (s->burst_next < s->burst.count) {
        unsigned count = speadi_recv_fast_path(s);

        if (count == 0 && !process_next(s))
            break;
        s->burst_next += count > 0 ? count : 1;
    }
    processed = s->burst_next - first;
    if (s->burst_next == s->burst.count)
        speadi_recv_end_burst(s);
    return (int)processed;
}
