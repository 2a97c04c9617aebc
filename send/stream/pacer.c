/* The pacer of a send stream. */
#include "pacer.h"

void speadi_pacer_init(struct speadi_pacer *pacer, const struct speadi_pacer_config *config)
{
    *pacer = (struct speadi_pacer){
        .burst_bytes = config->burst_bytes > config->packet_bytes_max ? config->burst_bytes
                                                                      : config->packet_bytes_max,
        .packet_bytes_max = config->packet_bytes_max,
        /* the idle time begins at time 0, so at the first packet the stream is not late */
        .idle = true,
    };
    if (config->rate_bytes_per_s > 0) {
        pacer->ns_per_byte = 1e9 / config->rate_bytes_per_s;
        pacer->ns_per_byte_burst = pacer->ns_per_byte / config->burst_rate_ratio;
    }
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
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
    if (!speadi_pacer_is_limited(pacer))
        return UINT64_MAX;
    if (pacer->idle)
        end_idle(pacer, now_ns);
    if (now_ns >= later(pacer->ideal_ns, pacer->burst_ns)) { /* a new burst begins */
        pacer->in_burst = 0;
        pacer->closed = false;
    }
    return pacer->closed ? 0 : pacer->burst_bytes - pacer->in_burst;
}

void speadi_pacer_sent(struct speadi_pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    double advance = (double)bytes * pacer->ns_per_byte + pacer->ideal_fraction_ns;
    uint64_t whole = (uint64_t)advance;

    pacer->ideal_ns += whole;
    pacer->ideal_fraction_ns = advance - (double)whole;
    /* A burst can be sent in parts. Usually each part moves the burst time on from the value that the earlier parts
     * gave. But if that value lies before now_ns, this part was late, and the burst time is computed from now_ns. */
    pacer->burst_ns =
        later(pacer->burst_ns, now_ns) + (uint64_t)((double)bytes * pacer->ns_per_byte_burst);
    pacer->in_burst += bytes;
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
    return pacer->closed ? later(pacer->ideal_ns, pacer->burst_ns) : 0;
}
