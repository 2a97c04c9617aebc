/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the owner thread. poll() reaps packets, admits heaps, cuts packets as the pacer allows, and gives them to
 * the engine. wait() sleeps until there is more to do. */
#include "send_stream.h"

#include <errno.h>
#include <pthread.h>

#include <speadi/clock.h>
#include <speadi/deadline.h>
#include <speadi/err.h>

/* A sleep can end about 50 us late when the CPU was in a deep idle state. At 10 Gb/s, 50 us are the time of a whole
 * burst. So in the last 50 us before the time of the pacer, the owner thread does not sleep but reads the clock in a
 * loop. If the time between two bursts is shorter than 50 us, the thread never sleeps and uses a CPU core completely.
 * With bursts of 64 KiB this happens above 10 Gb/s. At 100 Mb/s the loop costs 1 % of a CPU core. */
enum { SPIN_NS = 50000 };

/* How long the difference between UTC and the clock of the stream is used before it is read again. */
enum { UTC_AGAIN_NS = 1000000 };

/* ---- Poll ---------------------------------------------------------------------------------- */

/* Returns the number of bytes of these packets, as the rate counts them: with or without the overhead of each
 * packet. */
static uint64_t paced_bytes(const struct spead_send_stream *stream,
                            const struct speadi_tx_packet *packet, unsigned count)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < count; i++)
        bytes += packet[i].bytes + stream->transport.packet_overhead[packet[i].destination];
    return bytes;
}

/* Returns how many packets of the batch the pacer allows now. A batch that was cut without a limit can be much longer
 * than a burst of a slow-down that has begun since then. */
static unsigned allowed(struct spead_send_stream *stream, const struct speadi_batch *batch,
                        uint64_t now_ns)
{
    const unsigned count = batch->count - batch->taken;
    uint64_t room = speadi_pacer_room(&stream->pacer, now_ns);
    unsigned i = 0;

    for (; i < count; i++) {
        uint64_t bytes = paced_bytes(stream, &batch->packet[batch->taken + i], 1);

        if (bytes > room)
            return i;
        room -= bytes;
    }
    return i;
}

/* Gives packets that are already cut to the engine. Returns how many packets the engine took, or -errno. The pacer
 * counts a packet as sent when the engine takes it, not when it is cut. Otherwise, after a burst that had to wait for
 * room in the engine, the next burst would follow immediately. */
static int give_to_engine(struct spead_send_stream *stream, uint64_t now_ns)
{
    const struct speadi_send_transport *transport = &stream->transport;
    struct speadi_batch *batch = speadi_batch_ring_untaken(&stream->batches);
    unsigned count;
    int taken;

    if (!batch)
        return 0;
    count = batch->count - batch->taken;
    speadi_pacer_choose(&stream->pacer, batch->ns_per_byte);
    if (speadi_pacer_is_slow(&stream->pacer))
        count = allowed(stream, batch, now_ns);
    if (count == 0)
        return 0;
    taken = transport->ops->send(transport->engine, batch->packet + batch->taken, count);
    if (taken <= 0)
        return taken;
    if (speadi_pacer_is_limited(&stream->pacer))
        speadi_pacer_sent(&stream->pacer, now_ns,
                          paced_bytes(stream, batch->packet + batch->taken, (unsigned)taken));
    batch->taken += (unsigned)taken;
    return taken;
}

/* Fills a batch: cuts heaps into packets. The packets together have at most as many bytes as the pacer allows now. */
static void fill_batch(struct spead_send_stream *stream, uint64_t now_ns)
{
    struct speadi_packet_space space;
    double ns_per_byte;
    uint64_t room;

    if (!speadi_send_stream_has_heaps(stream)) {
        speadi_pacer_idle(&stream->pacer, now_ns);
        return;
    }
    ns_per_byte = speadi_send_stream_next_rate(stream);
    speadi_pacer_choose(&stream->pacer, ns_per_byte);
    room = speadi_pacer_room(&stream->pacer, now_ns);
    if (room == 0)
        return;
    speadi_batch_ring_open(&stream->batches, &space);
    space.budget = room < SPEADI_BATCH_BYTES ? room : SPEADI_BATCH_BYTES;
    speadi_send_stream_cut(stream, &space, ns_per_byte);
    speadi_batch_ring_seal(&stream->batches, &space, ns_per_byte);
}

/* Records the time of packets that the engine has taken. With small heaps a stream does this a million times in a second, so
 * it does not read the second clock each time. */
static void stamp(struct spead_send_stream *stream)
{
    const uint64_t mono_ns = speadi_clock_mono_ns();

    if (mono_ns >= stream->utc_again_ns) {
        stream->utc_offset_ns = speadi_clock_utc_ns() - mono_ns;
        stream->utc_again_ns = mono_ns + UTC_AGAIN_NS;
    }
    speadi_send_ledger_stamp(&stream->ledger, mono_ns + stream->utc_offset_ns, mono_ns);
}

/* Cuts packets and gives them to the engine. Returns how many packets the engine took, or -errno. */
static int move_packets(struct spead_send_stream *stream)
{
    const bool limited = speadi_pacer_is_limited(&stream->pacer);
    const uint64_t now_ns = limited ? speadi_clock_mono_ns() : 0;
    /* give the engine first the packets that an earlier poll() has cut */
    int before = give_to_engine(stream, now_ns);
    int taken = 0;

    if (before < 0)
        return before;
    if (speadi_batch_ring_is_fillable(&stream->batches)) {
        fill_batch(stream, now_ns);
        taken = give_to_engine(stream, now_ns);
        if (taken < 0)
            return taken;
    }
    if (before + taken != 0)
        stamp(stream);
    return before + taken;
}

/* Acts on packets that could not be sent. */
static void settle_trouble(struct spead_send_stream *stream)
{
    const struct speadi_send_settling at = {
        .pacer = &stream->pacer,
        .log = &stream->log,
        .name = stream->transport.name,
        .now_ns = speadi_clock_mono_ns(),
    };

    stream->ledger.accounts.counters.slow_downs +=
        speadi_send_trouble_settle(&stream->trouble, &at);
    if (stream->fail_fast && stream->failure == 0)
        stream->failure = stream->trouble.first_error;
}

static void reap(struct spead_send_stream *stream)
{
    speadi_send_stream_reap(stream);
    if (stream->trouble.is_new)
        settle_trouble(stream);
}

/* Ends all heaps of a stream that has failed. If fail_fast has ended the stream, the engine still works, and the heaps
 * end as abandoned. */
static void end_heaps(struct spead_send_stream *stream)
{
    const bool by_choice = stream->failure == stream->trouble.first_error;

    speadi_send_stream_abandon(stream, by_choice ? -ECANCELED : stream->failure);
}

int spead_send_stream_poll(struct spead_send_stream *stream)
{
    int moved = 0;

    reap(stream);
    speadi_send_stream_admit(stream);
    /* ABANDON1 acquire: this thread sees what the thread that called stop() did before. */
    if (stream->failure == 0 && atomic_load_explicit(&stream->abandon, memory_order_acquire))
        stream->failure = -ECANCELED;
    if (stream->failure == 0)
        moved = move_packets(stream);
    if (moved < 0) {
        stream->failure = moved;
        moved = 0;
    }
    if (stream->failure == 0)
        reap(stream);
    if (stream->failure != 0)
        end_heaps(stream);
    speadi_send_stream_publish(stream);
    if (moved == 0 && speadi_heap_queue_is_drained(&stream->queue)) {
        /* The engine has reported all packets. But if the engine is a fault decorator, it can still hold copies of some
         * packets. quiesce() sends these copies. In quiesce(), an engine of datagrams also counts the last ICMP
         * messages. */
        stream->transport.ops->quiesce(stream->transport.engine);
        stream->ledger.changed = true;
        speadi_send_stream_publish(stream);
        /* relaxed: as in spead_send_stream_start(). The id of this thread can belong to another thread later, and that
         * thread is not the owner. */
        atomic_store_explicit(&stream->owner, 0, memory_order_relaxed);
        return stream->failure == 0 || stream->failure == -ECANCELED ? -ESHUTDOWN : stream->failure;
    }
    return moved;
}

/* ---- Wait ---------------------------------------------------------------------------------- */

static bool is_new(const struct spead_send_stream *stream)
{
    return speadi_heap_queue_has_new(&stream->queue);
}

/* Sleeps until a heap is submitted, or until the wait() of the engine returns for another reason.
 * OWNER1 store: this thread stores `asleep` and then looks for a new heap (QUEUE2). A producer publishes its heap and
 * then looks at `asleep`. All four operations are sequentially consistent, so at least one of the two threads sees what
 * the other has stored. */
static void sleep_for_heaps(struct spead_send_stream *stream, uint64_t deadline_ns, bool for_room)
{
    const struct speadi_send_transport *transport = &stream->transport;

    atomic_store_explicit(&stream->asleep, true, memory_order_seq_cst);
    if (!is_new(stream))
        transport->ops->wait(transport->engine, deadline_ns, for_room);
    /* Relaxed: if a producer still reads true, its only effect is one unnecessary call of wake(). */
    atomic_store_explicit(&stream->asleep, false, memory_order_relaxed);
}

/* Waits until due_ns, which is the time that the pacer has set. It sleeps until shortly before that time, and then
 * reads the clock in a loop. */
static void wait_paced(struct spead_send_stream *stream, uint64_t due_ns, uint64_t deadline_ns,
                       bool for_room)
{
    const struct speadi_send_transport *transport = &stream->transport;
    uint64_t now_ns = speadi_clock_mono_ns();

    if (due_ns > deadline_ns)
        due_ns = deadline_ns;
    if (now_ns + SPIN_NS < due_ns) {
        transport->ops->wait(transport->engine, due_ns - SPIN_NS, for_room);
        return;
    }
    while (now_ns < due_ns)
        now_ns = speadi_clock_mono_ns();
}

/* Returns true when packets that are cut already must wait for a hold or a slow-down, and not for the engine. */
static bool waits_for_a_slow_pacer(struct spead_send_stream *stream)
{
    return speadi_pacer_is_slow(&stream->pacer) &&
           speadi_batch_ring_untaken(&stream->batches) != NULL &&
           speadi_pacer_due_ns(&stream->pacer) != 0;
}

int spead_send_stream_wait(struct spead_send_stream *stream, uint64_t deadline_ns)
{
    const struct speadi_send_transport *transport = &stream->transport;
    const uint64_t deadline = deadline_ns == SPEAD_DEADLINE_NEVER ? UINT64_MAX : deadline_ns;
    const bool for_room = speadi_batch_ring_untaken(&stream->batches) ||
                          speadi_batch_ring_is_reapable(&stream->batches);

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    if (speadi_heap_queue_is_drained(&stream->queue))
        return 0;
    if (waits_for_a_slow_pacer(stream))
        wait_paced(stream, speadi_pacer_due_ns(&stream->pacer), deadline, for_room);
    else if (!speadi_batch_ring_is_fillable(&stream->batches))
        transport->ops->wait(transport->engine, deadline, for_room);
    else if (speadi_send_stream_has_heaps(stream) || is_new(stream))
        wait_paced(stream, speadi_pacer_due_ns(&stream->pacer), deadline, for_room);
    else
        sleep_for_heaps(stream, deadline, for_room);
    return 0;
}

/* ---- Start and run ------------------------------------------------------------------------- */

int spead_send_stream_start(struct spead_send_stream *stream, struct spead_err *err)
{
    const struct speadi_send_transport *transport = &stream->transport;
    int ret;

    /* relaxed: exactly one caller reads false, and no data passes between the callers */
    if (atomic_exchange_explicit(&stream->has_owner, true, memory_order_relaxed))
        return speadi_err_set(err, -EBUSY, "the send stream has been run before: it runs once");
    /* relaxed: a thread finds its own id in this field only if this thread itself has stored it */
    atomic_store_explicit(&stream->owner, speadi_send_thread_id(), memory_order_relaxed);
    if (speadi_pacer_is_limited(&stream->pacer))
        speadi_send_stream_sleep_exactly();
    ret = !transport->ops->start ? 0 : transport->ops->start(transport->engine, err);
    if (ret < 0) { /* relaxed: as above */
        atomic_store_explicit(&stream->owner, 0, memory_order_relaxed);
        atomic_store_explicit(&stream->has_owner, false, memory_order_relaxed);
    }
    return ret;
}

int speadi_send_stream_loop(struct spead_send_stream *stream)
{
    int ret;

    do {
        ret = spead_send_stream_poll(stream);
        if (ret == 0)
            spead_send_stream_wait(stream, 0);
    } while (ret >= 0);
    return ret == -ESHUTDOWN ? 0 : ret;
}

int spead_send_stream_run(struct spead_send_stream *stream, struct spead_err *err)
{
    int ret = spead_send_stream_start(stream, err);

    return ret < 0 ? ret : speadi_send_stream_loop(stream);
}
