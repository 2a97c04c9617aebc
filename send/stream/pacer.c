/* SPDX-License-Identifier: Apache-2.0 */
/* The pacer of a send stream. */
#include "pacer.h"

#include <speadi/numbers.h>

/* In a slow-down the rate grows by one step after each GROW_NS. The first steps are small, so that a rate just below
 * the rate of the queue lasts long. Later steps are large, so that a rate far below the rate of the queue ends soon. */
#define GROW_NS UINT64_C(20000000)
enum {
    SMALLEST_STEP = 64,
    LARGEST_STEP = 4
}; /* the rate grows by 1/64, 1/32, 1/16, 1/8, 1/4, 1/4, ... */

/* If packets are refused in a slow-down, the new rate is this part of the rate that rate_of_queue() gives. */
#define CAUTION (7.0 / 8)

/* The time for one byte at 100 Gb/s. If the stream has no configured rate, a slow-down ends at 100 Gb/s. */
#define FREE_NS_PER_BYTE 0.08

/* In a slow-down a burst lasts at most this time, because a longer burst would overrun a short queue. */
#define SLOW_BURST_NS 500000.0

static void set_rate(struct speadi_pacer *pacer, double ns_per_byte, uint64_t burst_bytes)
{
    pacer->ns_per_byte = ns_per_byte;
    pacer->burst_bytes = speadi_max_u64(burst_bytes, pacer->packet_bytes_max);
    if (pacer->in_burst > pacer->burst_bytes)
        pacer->in_burst = pacer->burst_bytes;
}

void speadi_pacer_init(struct speadi_pacer *pacer, const struct speadi_pacer_config *config)
{
    *pacer = (struct speadi_pacer){
        .packet_bytes_max = config->packet_bytes_max,
        .ratio = config->burst_rate_ratio,
        .full_burst_bytes = config->burst_bytes,
        .own_ns_per_byte = -1,
        /* the idle time begins at time 0, so at the first packet the stream is not late */
        .idle = true,
    };
    if (config->rate_bytes_per_s > 0)
        pacer->full_ns_per_byte = 1e9 / config->rate_bytes_per_s;
    set_rate(pacer, pacer->full_ns_per_byte, pacer->full_burst_bytes);
}

/* ---- The slow-down ------------------------------------------------------------------------- */

static void set_slow_rate(struct speadi_pacer *pacer, double ns_per_byte)
{
    const double burst = SLOW_BURST_NS / ns_per_byte;
    const double full = (double)pacer->full_burst_bytes;

    set_rate(pacer, ns_per_byte, (uint64_t)(burst < full ? burst : full));
}

static void end_slow_down(struct speadi_pacer *pacer)
{
    pacer->grow_ns = 0;
    set_rate(pacer, pacer->full_ns_per_byte, pacer->full_burst_bytes);
}

/* Lets the rate grow, if it is time. */
static void grow(struct speadi_pacer *pacer, uint64_t now_ns)
{
    const double least = pacer->full_ns_per_byte > 0 ? pacer->full_ns_per_byte : FREE_NS_PER_BYTE;
    unsigned part = SMALLEST_STEP >> pacer->steps;
    double slower;

    if (now_ns < pacer->grow_ns)
        return;
    part = part > LARGEST_STEP ? part : LARGEST_STEP;
    pacer->steps += part > LARGEST_STEP;
    pacer->grow_ns = now_ns + GROW_NS;
    slower = pacer->ns_per_byte / (1 + 1.0 / part);
    if (slower <= least)
        end_slow_down(pacer);
    else
        set_slow_rate(pacer, slower);
}

/* Returns the time for one byte at the rate that the queue can take. The queue was full at the last refusal and is full
 * now. So between the two refusals it passed on as many bytes as it took. If the rate has not grown since the last
 * refusal, the queue was never idle, and `taken` is the right time. If the rate has grown, the queue was idle for a
 * while, and the present rate is only a little too high. The function then returns the time of the higher rate. */
static double rate_of_queue(const struct speadi_pacer *pacer, uint64_t now_ns)
{
    const double taken = (double)(now_ns - pacer->refused_ns) / (double)pacer->since_refusal;
    const double present = pacer->ns_per_byte;

    if (pacer->steps == 0 || taken < present)
        return taken;
    return present;
}

bool speadi_pacer_refused(struct speadi_pacer *pacer, uint64_t now_ns)
{
    double ns_per_byte = pacer->ns_per_byte;

    if (now_ns < pacer->hold_ns)
        return false;
    if (pacer->grow_ns != 0 && pacer->since_refusal > 0)
        ns_per_byte = rate_of_queue(pacer, now_ns) / CAUTION;
    else if (ns_per_byte <= 0)
        ns_per_byte = FREE_NS_PER_BYTE; /* nothing is known yet */
    if (ns_per_byte > pacer->full_ns_per_byte)
        set_slow_rate(pacer, ns_per_byte);
    pacer->refused_ns = now_ns;
    pacer->since_refusal = 0;
    pacer->steps = 0;
    pacer->grow_ns = now_ns + SPEADI_PACER_HOLD_NS + GROW_NS;
    /* The stream must not send faster later to make up for the refused packets. */
    pacer->ideal_ns = now_ns;
    pacer->burst_ns = now_ns;
    pacer->in_burst = 0;
    pacer->closed = false;
    speadi_pacer_hold(pacer, now_ns + SPEADI_PACER_HOLD_NS);
    return true;
}

void speadi_pacer_hold(struct speadi_pacer *pacer, uint64_t until_ns)
{
    pacer->hold_ns = speadi_max_u64(pacer->hold_ns, until_ns);
}

/* ---- Bursts -------------------------------------------------------------------------------- */

/* Returns the time for a byte of the packets that come next. */
static double present_ns_per_byte(const struct speadi_pacer *pacer)
{
    const double own = pacer->own_ns_per_byte;

    if (own < 0 || (pacer->grow_ns != 0 && pacer->ns_per_byte > own))
        return pacer->ns_per_byte;
    return own;
}

/* Returns the time at which a closed burst has ended, so that the next one may begin. */
static uint64_t end_of_burst(const struct speadi_pacer *pacer)
{
    return speadi_max_u64(pacer->ideal_ns, pacer->burst_ns);
}

/* Returns the room of packets without a limit. If earlier packets had a limit, these packets wait for the end of their
 * burst. */
static uint64_t room_without_limit(struct speadi_pacer *pacer, uint64_t now_ns)
{
    if (pacer->has_own_rates && pacer->closed && now_ns < end_of_burst(pacer))
        return 0;
    pacer->in_burst = 0;
    pacer->closed = false;
    pacer->idle = false;
    return UINT64_MAX;
}

/* Ends an idle time: moves the ideal time forward by the length of the idle time. So the idle time itself is no delay,
 * and the stream does not send faster because of it. If the stream was already late before the idle time, it is as late
 * after it. */
static void end_idle(struct speadi_pacer *pacer, uint64_t now_ns)
{
    uint64_t idle_ns = now_ns - pacer->idle_since_ns;

    pacer->idle = false;
    if (pacer->ideal_ns >= now_ns)
        return;
    if (idle_ns >= now_ns - pacer->ideal_ns)
        pacer->ideal_ns = now_ns;
    else
        pacer->ideal_ns += idle_ns;
}

uint64_t speadi_pacer_room(struct speadi_pacer *pacer, uint64_t now_ns)
{
    if (now_ns < pacer->hold_ns)
        return 0;
    pacer->hold_ns = 0;
    if (pacer->grow_ns != 0)
        grow(pacer, now_ns);
    if (present_ns_per_byte(pacer) <= 0)
        return room_without_limit(pacer, now_ns);
    if (pacer->idle)
        end_idle(pacer, now_ns);
    if (now_ns >= end_of_burst(pacer)) { /* a new burst begins */
        pacer->in_burst = 0;
        pacer->closed = false;
    }
    return pacer->closed ? 0 : pacer->burst_bytes - pacer->in_burst;
}

void speadi_pacer_sent(struct speadi_pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    const double ns_per_byte = present_ns_per_byte(pacer);
    const double advance = (double)bytes * ns_per_byte + pacer->ideal_fraction_ns;
    const uint64_t whole = (uint64_t)advance;

    if (ns_per_byte <= 0) {
        /* The packets behind these are not late because of them. */
        pacer->ideal_ns = speadi_max_u64(pacer->ideal_ns, now_ns);
        return;
    }
    pacer->since_refusal += bytes;
    pacer->ideal_ns += whole;
    pacer->ideal_fraction_ns = advance - (double)whole;
    /* A burst can be sent in parts. Usually each part moves the burst time on from the value that the earlier parts
     * gave. But if that value lies before now_ns, this part was late, and the burst time is computed from now_ns. */
    pacer->burst_ns = speadi_max_u64(pacer->burst_ns, now_ns) +
                      (uint64_t)((double)bytes * ns_per_byte / pacer->ratio);
    pacer->in_burst = speadi_min_u64(pacer->in_burst + bytes, pacer->burst_bytes);
    pacer->closed = pacer->burst_bytes - pacer->in_burst < pacer->packet_bytes_max;
}

void speadi_pacer_idle(struct speadi_pacer *pacer, uint64_t now_ns)
{
    if (pacer->idle)
        return;
    pacer->idle = true;
    pacer->idle_since_ns = now_ns;
}

uint64_t speadi_pacer_due_ns(const struct speadi_pacer *pacer)
{
    uint64_t due_ns = pacer->closed ? end_of_burst(pacer) : 0;

    return speadi_max_u64(due_ns, pacer->hold_ns);
}
