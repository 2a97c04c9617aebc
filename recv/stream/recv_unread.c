/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the packets that are still unread when the time for draining is over. */
#include "recv_stream.h"

void speadi_recv_begin_unread(struct spead_recv_stream *stream)
{
    stream->counting_unread = true;
}

/* Polls an engine that has no operation unread(), and counts what comes. Returns true if more may come. */
static bool poll_unread(struct spead_recv_stream *stream, struct speadi_rx_unread *unread)
{
    int count = stream->ops->poll(stream->engine, &stream->burst);

    if (count <= 0)
        return false;
    speadi_rx_unread_add(unread, &stream->burst);
    stream->ops->give_back(stream->engine, &stream->burst);
    return true;
}

void speadi_recv_count_unread_packets(struct spead_recv_stream *stream, bool last)
{
    struct spead_recv_counters *totals = stream->tally.totals;
    struct speadi_rx_unread unread = {0};
    bool more;

    if (!stream->counting_unread)
        return;
    more = stream->ops->unread ? stream->ops->unread(stream->engine, &stream->burst, &unread)
                               : last || poll_unread(stream, &unread);
    totals->undrained_packets += unread.count.packets;
    totals->undrained_bytes += unread.count.bytes;
    totals->undrained_memory_bytes = more ? unread.memory_bytes : 0;
    stream->counting_unread = more && !last;
}
