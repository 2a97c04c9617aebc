/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through one burst, packet by packet, and gives it back to the engine. */
#include "recv_stream.h"

static void begin(struct spead_recv_stream *stream)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    stream->read_since_wait = true;
    stream->burst_is_out = true;
    stream->burst_next = 0;
    speadi_recv_forget_senders_of_burst(stream);
    totals->bursts++;
    if (stream->burst.count > totals->burst_packets_max)
        totals->burst_packets_max = stream->burst.count;
    if (totals->first_packet_ns == 0)
        totals->first_packet_ns = stream->burst.packet[0].time_ns;
    if (totals->first_packet_mono_ns == 0)
        totals->first_packet_mono_ns = stream->now_ns;
    totals->last_packet_mono_ns = stream->now_ns;
    totals->last_packet_ns = stream->burst.packet[stream->burst.count - 1].time_ns;
    stream->places_checked = false;
    stream->places_unchecked = speadi_placement_has_outstanding(&stream->placement);
}

static void end_reservations(struct spead_recv_stream *stream)
{
    speadi_placement_end(&stream->placement, stream->burst.reservations_ended);
    if (stream->spare.parked_count > 0)
        speadi_recv_put_parked(stream);
    if (stream->leaving.count > 0)
        speadi_recv_release_leaving(stream);
}

void speadi_recv_end_burst(struct spead_recv_stream *stream)
{
    if (stream->burst_is_out)
        stream->ops->give_back(stream->engine, &stream->burst);
    stream->burst_is_out = false;
    speadi_spare_end_burst(&stream->spare);
    end_reservations(stream);
}

static bool process_next(struct spead_recv_stream *stream)
{
    enum spead_recv_bucket why;
    const struct speadi_rx_packet *raw = speadi_recv_burst_packet(stream, stream->burst_next, &why);

    if (raw)
        return speadi_recv_process_packet(stream, raw);
    speadi_recv_count_unread(stream, &stream->burst.packet[stream->burst_next], why);
    return true;
}

int speadi_recv_process_burst(struct spead_recv_stream *stream)
{
    unsigned first, processed;

    if (!stream->burst_is_out)
        begin(stream);
    first = stream->burst_next;
    while (stream->burst_next < stream->burst.count) {
        unsigned count = stream->table.count > 0 ? speadi_recv_fast_path(stream) : 0;

        if (count == 0 && !process_next(stream))
            break;
        stream->burst_next += count > 0 ? count : 1;
    }
    processed = stream->burst_next - first;
    if (stream->burst_next == stream->burst.count)
        speadi_recv_end_burst(stream);
    return (int)processed;
}
