/* The pacer decides when the next burst may be sent. A burst is a fixed number of bytes that are sent without a pause.
 *
 * The pacer keeps two points in time. The next burst may be sent when both have passed:
 *  - The *ideal* time is the time at which all bytes sent so far would be sent at exactly the configured rate. Each
 *    send moves the ideal time forward by bytes / rate. It does not matter whether the send was late. So the long-term
 *    rate is exact, although the sleeps are not.
 *  - The *burst* time is the time of the last send, plus the bytes of that send / (rate x ratio). So a stream that
 *    catches up after a delay sends at most at rate x ratio.
 * Idle time, in which there was nothing to send, is not a delay: the stream does not catch it up.
 *
 * Only the owner thread calls these functions. The caller reads the clock and passes the time. */
#ifndef SPEADI_PACER_H
#define SPEADI_PACER_H

#include <stdbool.h>
#include <stdint.h>

struct speadi_pacer_config {
    double rate_bytes_per_s;   /* 0 means no limit; every other value is at least 1 */
    double burst_rate_ratio;   /* at least 1 */
    uint64_t burst_bytes;      /* if it is less than packet_bytes_max, the pacer uses that size */
    uint64_t packet_bytes_max; /* with the overhead of a packet, if the rate counts it */
};

struct speadi_pacer {
    double ns_per_byte;       /* the time for a byte at the rate; 0 means no limit */
    double ns_per_byte_burst; /* the time for a byte at rate x ratio */
    uint64_t burst_bytes;
    uint64_t packet_bytes_max;

    uint64_t ideal_ns;        /* the ideal time */
    double ideal_fraction_ns; /* the part of the ideal time below 1 ns */
    uint64_t burst_ns;        /* the burst time */
    uint64_t in_burst;        /* how many bytes of the current burst have been sent */
    bool closed; /* true: the current burst is complete, so nothing is sent until the next burst */
    uint64_t idle_since_ns;
    bool idle;
};

void speadi_pacer_init(struct speadi_pacer *pacer, const struct speadi_pacer_config *config);

static inline bool speadi_pacer_is_limited(const struct speadi_pacer *pacer)
{
    return pacer->ns_per_byte > 0;
}

/* Returns how many bytes may be sent now: 0, or at least packet_bytes_max. This call ends an idle time, so the caller
 * must have something to send. */
uint64_t speadi_pacer_room(struct speadi_pacer *pacer, uint64_t now_ns);

/* Tells the pacer that this many bytes were sent at now_ns. This must be at most the number that room() returned. */
void speadi_pacer_sent(struct speadi_pacer *pacer, uint64_t now_ns, uint64_t bytes);

/* Tells the pacer that an idle time begins at now_ns: there is nothing to send. During an idle time, further calls
 * change nothing. */
void speadi_pacer_idle(struct speadi_pacer *pacer, uint64_t now_ns);

/* Returns the time from which on room() will return more than 0. If room() would return more than 0 already now, it
 * returns 0. */
uint64_t speadi_pacer_due_ns(const struct speadi_pacer *pacer);

#endif
