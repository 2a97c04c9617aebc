/* SPDX-License-Identifier: Apache-2.0 */
/* The pacer decides when the next burst is sent. A burst is a fixed number of bytes that are sent without a pause.
 *
 * The pacer computes two points in time. The next burst must wait until both have passed:
 *  - The *ideal* time is the time at which all bytes sent so far would be sent at exactly the configured rate. Each
 *    send moves the ideal time forward by bytes / rate, also if the send was late. So the long-term rate is exact,
 *    although the sleeps are not.
 *  - The *burst* time is the time of the last send, plus the bytes of that send / (rate x ratio). So a stream that is
 *    late sends at most at rate x ratio until it is no longer late.
 * Packets can have a rate of their own (speadi_pacer_choose()). Both times then move on by the time that these packets
 * take at their rate. The size of bursts is the same.
 *
 * In an idle time there is nothing to send. An idle time does not make the stream late.
 *
 * A queue of this host can refuse packets, because it is full. Then the pacer *slows down*: it sends nothing for
 * SPEADI_PACER_HOLD_NS, and after that at most at a rate that the queue can probably take. As
 * long as no further refusal comes, this rate grows, and in the end the configured rate applies again. (ADR 26)
 *
 * Only the owner thread calls these functions. The caller reads the clock and passes the time. */
#ifndef SPEADI_PACER_H
#define SPEADI_PACER_H

#include <stdbool.h>
#include <stdint.h>

/* How long nothing is sent after a refusal of the local queue. */
#define SPEADI_PACER_HOLD_NS UINT64_C(1000000)

struct speadi_pacer_config {
    double rate_bytes_per_s; /* 0 means no limit; every other value is at least 1 */
    double burst_rate_ratio; /* at least 1 */
    uint64_t burst_bytes;    /* the size of a burst; packet_bytes_max if that is larger */
    /* The largest size of a packet. If the rate counts the overhead of packets, this size includes it. */
    uint64_t packet_bytes_max;
};

struct speadi_pacer {
    double ns_per_byte;   /* the time for a byte at the present rate; 0 means no limit */
    uint64_t burst_bytes; /* the present size of a burst */
    uint64_t packet_bytes_max;
    /* The time for a byte at the rate of the packets that come next. 0 means no limit, and a negative value the rate of
     * the stream. */
    double own_ns_per_byte;
    bool has_own_rates; /* true from the first packets on that have a rate of their own */
    /* The values without a slow-down, as configured. */
    double full_ns_per_byte, ratio;
    uint64_t full_burst_bytes;

    uint64_t ideal_ns;        /* the ideal time */
    double ideal_fraction_ns; /* the part of the ideal time below 1 ns */
    uint64_t burst_ns;        /* the burst time */
    uint64_t in_burst;        /* how many bytes of the current burst have been sent */
    /* True if the current burst is complete, so that nothing is sent until the next burst begins. */
    bool closed;
    uint64_t idle_since_ns;
    bool idle;

    uint64_t hold_ns; /* nothing is sent before this time; 0 if there is no such time */
    /* The slow-down. `refused_ns` is the time of the last refusal of the local queue, or 0. `since_refusal` is the
     * number of bytes that were sent after it. `grow_ns` is the time at which the rate grows next, or 0 if there is no
     * slow-down. */
    uint64_t refused_ns, since_refusal;
    uint64_t grow_ns;
    unsigned steps; /* how often the rate has grown since the last refusal */
};

void speadi_pacer_init(struct speadi_pacer *pacer, const struct speadi_pacer_config *config);

/* Returns true when the caller must ask the pacer before it sends. Without a limit, all other functions do
 * nothing. */
static inline bool speadi_pacer_is_limited(const struct speadi_pacer *pacer)
{
    return pacer->ns_per_byte > 0 || pacer->hold_ns != 0 || pacer->has_own_rates;
}

/* Tells the pacer that packets with rates of their own will come. */
static inline void speadi_pacer_expect_own_rates(struct speadi_pacer *pacer)
{
    pacer->has_own_rates = true;
}

/* Chooses the rate of the packets for which speadi_pacer_room() and speadi_pacer_sent() are called next: the time for a
 * byte, 0 for no limit, or a negative value for the rate of the stream, which is the choice at first. Before the first
 * call with a value that is not negative, the caller must call speadi_pacer_expect_own_rates(). In a slow-down the rate
 * is at most that of the slow-down. */
static inline void speadi_pacer_choose(struct speadi_pacer *pacer, double ns_per_byte)
{
    pacer->own_ns_per_byte = ns_per_byte;
}

/* Returns how many bytes the caller is allowed to send now: 0, or at least packet_bytes_max. This call ends an idle
 * time, so the caller must call it only if it has something to send. */
uint64_t speadi_pacer_room(struct speadi_pacer *pacer, uint64_t now_ns);

/* Tells the pacer that `bytes` bytes were sent at now_ns. speadi_pacer_room() must have allowed at least as many
 * bytes. */
void speadi_pacer_sent(struct speadi_pacer *pacer, uint64_t now_ns, uint64_t bytes);

/* Tells the pacer that there is nothing to send, so that an idle time begins at now_ns. If an idle time has already
 * begun, the call changes nothing. */
void speadi_pacer_idle(struct speadi_pacer *pacer, uint64_t now_ns);

/* Tells the pacer that the local queue has refused packets at now_ns. The pacer slows down and returns true. If an
 * earlier hold is not over, the call changes nothing and returns false. */
bool speadi_pacer_refused(struct speadi_pacer *pacer, uint64_t now_ns);

/* Makes the pacer allow nothing before until_ns. */
void speadi_pacer_hold(struct speadi_pacer *pacer, uint64_t until_ns);

/* Returns true during a hold or a slow-down. Then speadi_pacer_room() also limits packets that it allowed before. */
static inline bool speadi_pacer_is_slow(const struct speadi_pacer *pacer)
{
    return pacer->hold_ns != 0 || pacer->grow_ns != 0;
}

/* Returns the earliest time at which speadi_pacer_room() will return more than 0, or 0 if it would return more than 0
 * already now. */
uint64_t speadi_pacer_due_ns(const struct speadi_pacer *pacer);

#endif
