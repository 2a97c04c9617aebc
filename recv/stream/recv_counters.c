/* The counters that are not counted packet by packet: the engine's are read, and all are published. */
#include "recv_stream.h"

void speadi_recv_read_counters(struct spead_recv_stream *s)
{
    struct speadi_recv_totals *totals = s->ledger.totals;
    struct speadi_rx_counters counters;

    s->ops->counters(s->engine, &counters);
    if (s->now_ns > s->counters_ns)
        speadi_coalesce_observe(&s->coalesce, counters.messages - totals->messages,
                                s->now_ns - s->counters_ns);
    totals->kernel_drops = counters.kernel_drops;
    totals->messages = counters.messages;
    totals->engine_rebuilds = counters.rebuilds;
    totals->link_downs = counters.link_downs;
    totals->wakeups = counters.sleeps + s->coalesced;
    s->counters_ns = s->now_ns;
}

void speadi_recv_publish(struct spead_recv_stream *s)
{
    struct speadi_recv_totals *totals = s->ledger.totals;

    totals->heaps_live = s->table.count;
    totals->heaps_leaving = s->leaving.count;
    totals->missing_heaps = speadi_gap_tracker_missing(&s->gaps);
    totals->memory_bytes = speadi_pool_memory_bytes(s->pool, &totals->memory_high_water_bytes);
    speadi_recv_ledger_publish(&s->ledger);
}
