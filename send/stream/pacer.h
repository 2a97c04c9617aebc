/* When the next burst may go: a rate in bytes, spent in bursts.
 *
 * Two times bound every burst. The *ideal* time advances by bytes / rate and never forgets lateness,
 * so that the long-run rate is exact although sleeps are not. The *burst* time is when bytes were really
 * sent + bytes / (rate x ratio), so that lateness is made good no faster than that. A burst may go at the
 * later of the two. Time in which there was nothing to send earns no credit.
 * Owner thread only; the clock is the caller's. */
#ifndef SPEADI_PACER_H
#define SPEADI_PACER_H

#include <stdbool.h>
#include <stdint.h>

struct speadi_pacer_config {
    double rate_bytes_per_s;   /* 0: unlimited; else >= 1 */
    double burst_rate_ratio;   /* >= 1 */
    uint64_t burst_bytes;      /* raised to packet_bytes_max */
    uint64_t packet_bytes_max; /* overhead included, where the rate counts it */
};

struct speadi_pacer {
    double ns_per_byte;       /* 0: unlimited */
    double ns_per_byte_burst; /* at rate x ratio */
    uint64_t burst_bytes;
    uint64_t packet_bytes_max;

    uint64_t ideal_ns;
    double ideal_fraction_ns; /* what ideal_ns cannot hold */
    uint64_t burst_ns;        /* when what was sent is paid for at rate x ratio */
    uint64_t in_burst;        /* bytes of the burst that is under way */
    bool closed;              /* it is complete: the next one waits */
    uint64_t idle_since_ns;
    bool idle;
};

void speadi_pacer_init(struct speadi_pacer *pacer, const struct speadi_pacer_config *config);

static inline bool speadi_pacer_is_limited(const struct speadi_pacer *pacer)
{
    return pacer->ns_per_byte > 0;
}

/* Bytes that may go now: 0, or at least packet_bytes_max. Ends an idle time: call it when there is
 * something to send. */
uint64_t speadi_pacer_room(struct speadi_pacer *pacer, uint64_t now_ns);

/* bytes (at most the room) went at now_ns. */
void speadi_pacer_sent(struct speadi_pacer *pacer, uint64_t now_ns, uint64_t bytes);

/* From now_ns on there is nothing to send. Calls after the first change nothing. */
void speadi_pacer_idle(struct speadi_pacer *pacer, uint64_t now_ns);

/* When room() will answer more than 0; 0: now. */
uint64_t speadi_pacer_due_ns(const struct speadi_pacer *pacer);

#endif
