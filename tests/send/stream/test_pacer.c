/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: over a long time the rate is exactly the configured rate. The bursts have the configured size. After idle time
 * the stream does not send faster.
 *
 * Method: the test sets the time itself. Each case sends as much as the pacer allows. Some cases send as soon as the
 * pacer allows, others later. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>

#include <pacer.h>

enum { PACKET = 1472, BURST = 65536 };

static struct speadi_pacer make_pacer(double rate, double ratio)
{
    struct speadi_pacer pacer;

    speadi_pacer_init(&pacer, &(struct speadi_pacer_config){.rate_bytes_per_s = rate,
                                                            .burst_rate_ratio = ratio,
                                                            .burst_bytes = BURST,
                                                            .packet_bytes_max = PACKET});
    return pacer;
}

/* Sends as many whole packets as the pacer allows now. Returns how many bytes it has sent. */
static uint64_t send_burst(struct speadi_pacer *pacer, uint64_t now_ns)
{
    uint64_t bytes = speadi_pacer_room(pacer, now_ns) / PACKET * PACKET;

    if (bytes != 0)
        speadi_pacer_sent(pacer, now_ns, bytes);
    return bytes;
}

Test(pacer, without_a_rate_there_is_always_room)
{
    struct speadi_pacer pacer = make_pacer(0, 1.05);

    cr_expect_not(speadi_pacer_is_limited(&pacer));
    cr_expect_eq(speadi_pacer_room(&pacer, 1), UINT64_MAX);
}

Test(pacer, burst_is_never_exceeded_and_the_next_one_waits)
{
    struct speadi_pacer pacer = make_pacer(1e9, 1.05);
    uint64_t now = 1000000;

    for (int i = 0; i < 1000; i++) {
        uint64_t bytes = send_burst(&pacer, now);

        cr_assert_leq(bytes, BURST);
        cr_assert_gt(bytes, BURST - PACKET);
        cr_assert_gt(speadi_pacer_due_ns(&pacer), now);
        cr_assert_eq(speadi_pacer_room(&pacer, speadi_pacer_due_ns(&pacer) - 1), 0);
        now = speadi_pacer_due_ns(&pacer);
    }
}

Test(pacer, long_run_rate_is_exact_when_sleeps_are_not)
{
    static const double rates[] = {1, 12345.678, 1e6, 1.25e9 / 3, 12.5e9};

    for (unsigned r = 0; r < sizeof rates / sizeof *rates; r++) {
        struct speadi_pacer pacer = make_pacer(rates[r], 1.05);
        uint64_t start = 123456789, now = start, bytes = 0;
        double burst_ns = BURST / rates[r] * 1e9;
        double expected;

        for (unsigned i = 0; i < 100000; i++) {
            bytes += send_burst(&pacer, now);
            now = speadi_pacer_due_ns(&pacer);
            now += (uint64_t)(burst_ns * 0.04 * (i % 2)); /* every second burst is late */
        }
        expected = (double)bytes / rates[r] * 1e9;
        cr_expect(fabs((double)(now - start) - expected) <= burst_ns * 0.05 + 1,
                  "%g bytes/s: took %.0f ns for what takes %.0f", rates[r], (double)(now - start),
                  expected);
    }
}

Test(pacer, lateness_is_made_good_no_faster_than_the_ratio)
{
    struct speadi_pacer pacer = make_pacer(1e9, 1.25);
    uint64_t now = 1000, late, bytes;

    send_burst(&pacer, now);
    /* The sender is late by 1 ms, which is the time of 15 bursts. */
    now = late = speadi_pacer_due_ns(&pacer) + 1000000;
    for (int i = 0; i < 10; i++) {
        bytes = send_burst(&pacer, now);
        cr_assert_eq(speadi_pacer_due_ns(&pacer) - now, (uint64_t)((double)bytes / 1.25));
        now = speadi_pacer_due_ns(&pacer);
    }
    /* After more bursts the sender is no longer late, and it sends at its normal rate again. */
    for (int i = 0; i < 200; i++) {
        bytes = send_burst(&pacer, now);
        now = speadi_pacer_due_ns(&pacer);
    }
    send_burst(&pacer, now);
    cr_expect_leq(speadi_pacer_due_ns(&pacer) - now, bytes);
    cr_expect_geq(speadi_pacer_due_ns(&pacer) - now, bytes - 1);
}

/* If the engine is slow or few heaps are in flight, a burst is sent in parts at different times. */
Test(pacer, burst_sent_in_parts_counts_from_its_first)
{
    struct speadi_pacer pacer = make_pacer(1e9, 1.05);
    uint64_t start = 1000, now = start, bytes = 0;

    for (int i = 0; i < 100; i++) {
        while (speadi_pacer_room(&pacer, now) != 0) {
            speadi_pacer_sent(&pacer, now, PACKET);
            bytes += PACKET;
            now += 300; /* faster than the rate, at which a packet takes 1472 ns */
        }
        now = speadi_pacer_due_ns(&pacer);
    }
    cr_expect_eq(now - start, bytes, "%zu ns for %zu", (size_t)(now - start), (size_t)bytes);
}

/* The second part of a burst had to wait for room in the engine. The next burst must not be sent immediately after that
 * part. */
Test(pacer, part_that_came_late_is_paid_for_from_then)
{
    struct speadi_pacer pacer = make_pacer(1e9, 1);
    uint64_t now = 1000, late = now + 1000000;

    cr_assert_gt(speadi_pacer_room(&pacer, now), 0);
    speadi_pacer_sent(&pacer, now, PACKET);
    /* the test has called room() only before the first part, and not before this part */
    speadi_pacer_sent(&pacer, late, 43 * PACKET);
    cr_expect_eq(speadi_pacer_due_ns(&pacer), late + 43 * PACKET);
}

Test(pacer, idle_time_earns_no_credit)
{
    struct speadi_pacer pacer = make_pacer(1e9, 2);
    uint64_t now = 1000, bytes;

    send_burst(&pacer, now);
    now = speadi_pacer_due_ns(&pacer);
    speadi_pacer_idle(&pacer, now);
    /* This second call must not change the time at which the idle time began. */
    speadi_pacer_idle(&pacer, now + 10);
    now += 1000000000;
    bytes = send_burst(&pacer, now);
    cr_assert_gt(bytes, 0);
    cr_expect_geq(speadi_pacer_due_ns(&pacer) - now, bytes - 1, "caught up with time spent idle");
}

Test(pacer, short_idle_time_keeps_lateness_from_before)
{
    struct speadi_pacer pacer = make_pacer(1e9, 2);
    uint64_t now = 1000, due, bytes;

    send_burst(&pacer, now);
    now = speadi_pacer_due_ns(&pacer) + 20000; /* The sender is 20 us late. */
    bytes = send_burst(&pacer, now);
    due = speadi_pacer_due_ns(&pacer);
    cr_assert_eq(due, now + bytes - 20000);
    speadi_pacer_idle(&pacer, due + 100);
    /* In the next 600 ns, the stream is idle for 500 ns. */
    now = due + 600;
    bytes = send_burst(&pacer, now);
    cr_expect_eq(speadi_pacer_due_ns(&pacer), now + bytes - 100);
}

Test(pacer, trickle_is_held_to_the_burst_too)
{
    struct speadi_pacer pacer = make_pacer(1e9, 1.05);
    uint64_t now = 1000, bytes = 0;

    /* Packets go one by one, with pauses of 10 ns. */
    while (speadi_pacer_room(&pacer, now) != 0) {
        speadi_pacer_sent(&pacer, now, PACKET);
        bytes += PACKET;
        speadi_pacer_idle(&pacer, now);
        now += 10;
        cr_assert_leq(bytes, BURST);
    }
    cr_expect_gt(bytes, BURST - PACKET);
}

Test(pacer, pause_that_pays_for_a_burst_begins_a_new_one)
{
    struct speadi_pacer pacer = make_pacer(1e9, 1.05);
    uint64_t now = 1000;

    speadi_pacer_room(&pacer, now);
    speadi_pacer_sent(&pacer, now, 10 * PACKET);
    speadi_pacer_idle(&pacer, now);
    cr_expect_eq(speadi_pacer_room(&pacer, now + 100), BURST - 10 * PACKET);
    speadi_pacer_idle(&pacer, now + 100);
    cr_expect_eq(speadi_pacer_room(&pacer, now + 1000000), BURST);
}

Test(pacer, burst_smaller_than_a_packet_is_one_packet)
{
    struct speadi_pacer pacer;

    speadi_pacer_init(&pacer, &(struct speadi_pacer_config){.rate_bytes_per_s = 1e6,
                                                            .burst_rate_ratio = 1,
                                                            .burst_bytes = 1,
                                                            .packet_bytes_max = PACKET});
    cr_expect_eq(speadi_pacer_room(&pacer, 5), PACKET);
    speadi_pacer_sent(&pacer, 5, PACKET);
    cr_expect_eq(speadi_pacer_due_ns(&pacer), 5 + PACKET * 1000);
}

/* ---- The slow-down ------------------------------------------------------------------------- */

/* A queue of this host: it holds `room` bytes and passes on `rate` bytes per second. */
struct queue {
    double rate, room, held;
    uint64_t last_ns;
    uint64_t taken, dropped;
};

static bool queue_takes(struct queue *queue, uint64_t now_ns)
{
    queue->held -= queue->rate * (double)(now_ns - queue->last_ns) / 1e9;
    queue->held = queue->held > 0 ? queue->held : 0;
    queue->last_ns = now_ns;
    if (queue->held + PACKET > queue->room) {
        queue->dropped++;
        return false;
    }
    queue->held += PACKET;
    queue->taken++;
    return true;
}

/* Sends through the queue for `ns` nanoseconds, as much as the pacer allows. Each packet takes 100 ns. */
static uint64_t send_through(struct speadi_pacer *pacer, struct queue *queue, uint64_t now_ns,
                             uint64_t ns)
{
    const uint64_t end_ns = now_ns + ns;

    while (now_ns < end_ns) {
        if (speadi_pacer_room(pacer, now_ns) == 0) {
            now_ns = speadi_pacer_due_ns(pacer);
            continue;
        }
        speadi_pacer_sent(pacer, now_ns, PACKET);
        if (!queue_takes(queue, now_ns))
            speadi_pacer_refused(pacer, now_ns);
        now_ns += 100;
    }
    return now_ns;
}

Test(pacer, after_a_refusal_nothing_is_sent_for_a_while)
{
    struct speadi_pacer pacer = make_pacer(0, 1.05);

    cr_expect(speadi_pacer_refused(&pacer, 5000));
    cr_expect(speadi_pacer_is_limited(&pacer));
    cr_expect_eq(speadi_pacer_room(&pacer, 5000), 0);
    cr_expect_not(speadi_pacer_refused(&pacer, 6000), "one burst, one slow-down");
    cr_expect_eq(speadi_pacer_due_ns(&pacer), 5000 + SPEADI_PACER_HOLD_NS);
    cr_expect_geq(speadi_pacer_room(&pacer, 5000 + SPEADI_PACER_HOLD_NS), PACKET);
}

Test(pacer, refusals_lead_to_the_rate_of_the_queue)
{
    static const struct {
        double rate, queue_rate, room;
    } cases[] = {{0, 25e6, 100e3}, {0, 25e6, 20e3}, {0, 1.25e9, 1e6}, {125e6, 25e6, 100e3}};

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct speadi_pacer pacer = make_pacer(cases[i].rate, 1.05);
        struct queue queue = {.rate = cases[i].queue_rate, .room = cases[i].room};
        uint64_t now = send_through(&pacer, &queue, 1000000000, 1000000000);
        uint64_t sent_bytes;

        queue.taken = queue.dropped = 0;
        send_through(&pacer, &queue, now, 4000000000);
        sent_bytes = queue.taken * PACKET;
        cr_expect_gt((double)sent_bytes / 4, 0.8 * cases[i].queue_rate, "case %u: %.0f bytes/s", i,
                     (double)sent_bytes / 4);
        cr_expect_lt((double)queue.dropped, 0.01 * (double)queue.taken, "case %u: %zu of %zu", i,
                     (size_t)queue.dropped, (size_t)queue.taken);
    }
}

Test(pacer, when_the_queue_has_room_again_the_full_rate_comes_back)
{
    static const double rates[] = {0, 125e6};

    for (unsigned i = 0; i < 2; i++) {
        struct speadi_pacer pacer = make_pacer(rates[i], 1.05);
        const struct speadi_pacer full = pacer;
        struct queue queue = {.rate = 1e6, .room = 20e3};
        uint64_t now = send_through(&pacer, &queue, 1000000000, 1000000000);

        cr_expect_gt(pacer.ns_per_byte, full.ns_per_byte);
        queue.rate = 1e12;
        send_through(&pacer, &queue, now, 3000000000);
        cr_expect_eq(pacer.ns_per_byte, full.ns_per_byte);
        cr_expect_eq(pacer.burst_bytes, full.burst_bytes);
        cr_expect_not(speadi_pacer_is_slow(&pacer));
    }
}

/* ---- Rates of their own --------------------------------------------------------------------- */

/* Sends for a while at a rate of its own, as soon as the pacer allows, and returns the rate that it comes to. */
static double rate_of_own(struct speadi_pacer *pacer, double rate)
{
    const uint64_t start = 1000000;
    uint64_t now = start, bytes = 0;

    speadi_pacer_expect_own_rates(pacer);
    speadi_pacer_choose(pacer, 1e9 / rate);
    for (int i = 0; i < 1000; i++) {
        bytes += send_burst(pacer, now);
        now = speadi_pacer_due_ns(pacer);
    }
    return (double)bytes * 1e9 / (double)(now - start);
}

Test(pacer, packets_with_a_rate_of_their_own_are_sent_at_it)
{
    struct speadi_pacer unlimited = make_pacer(0, 1.05), slower = make_pacer(1e6, 1.05),
                        faster = make_pacer(1e10, 1.05);

    cr_expect_lt(fabs(rate_of_own(&unlimited, 1e8) / 1e8 - 1), 0.001);
    cr_expect_lt(fabs(rate_of_own(&slower, 1e8) / 1e8 - 1), 0.001);
    cr_expect_lt(fabs(rate_of_own(&faster, 1e8) / 1e8 - 1), 0.001);
}

Test(pacer, packets_without_a_limit_wait_for_the_burst_before_them)
{
    struct speadi_pacer pacer = make_pacer(1e6, 1.05);
    uint64_t due_ns;

    speadi_pacer_expect_own_rates(&pacer);
    cr_expect_gt(send_burst(&pacer, 1000), 0);
    due_ns = speadi_pacer_due_ns(&pacer);
    speadi_pacer_choose(&pacer, 0);
    cr_expect_eq(speadi_pacer_room(&pacer, due_ns - 1), 0);
    cr_expect_eq(speadi_pacer_room(&pacer, due_ns), UINT64_MAX);
    speadi_pacer_sent(&pacer, due_ns, 1 << 30);
    cr_expect_eq(speadi_pacer_room(&pacer, due_ns), UINT64_MAX, "they count for nothing");
}

/* Packets without a limit take a second. The packets behind them must not be sent faster to make up for it. */
Test(pacer, packets_without_a_limit_make_nobody_late)
{
    struct speadi_pacer pacer = make_pacer(1e6, 2);
    const uint64_t second = 1000000000;
    uint64_t first;

    speadi_pacer_expect_own_rates(&pacer);
    send_burst(&pacer, 1000);
    speadi_pacer_choose(&pacer, 0);
    cr_assert_eq(speadi_pacer_room(&pacer, second), UINT64_MAX);
    speadi_pacer_sent(&pacer, second, 1 << 30);
    speadi_pacer_choose(&pacer, -1);
    first = send_burst(&pacer, second);
    cr_expect_geq(speadi_pacer_due_ns(&pacer), second + first * 1000);
}

Test(pacer, a_slow_down_is_slower_than_a_rate_of_its_own)
{
    struct speadi_pacer pacer = make_pacer(0, 1);
    const uint64_t now = 1000000;
    uint64_t held = now + SPEADI_PACER_HOLD_NS, sent;

    speadi_pacer_expect_own_rates(&pacer);
    speadi_pacer_choose(&pacer, 1e-3); /* 1 TB/s */
    cr_assert(speadi_pacer_refused(&pacer, now));
    cr_expect_eq(speadi_pacer_room(&pacer, held - 1), 0);
    sent = send_burst(&pacer, held);
    cr_expect_gt(sent, 0);
    cr_expect_geq(speadi_pacer_due_ns(&pacer) - held, sent * 8 / 100 - 1, "at most 100 Gb/s");
}
