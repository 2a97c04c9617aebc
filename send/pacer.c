/* When the next burst may go. */
#include "pacer.h"

void speadi_pacer_init(struct speadi_pacer *pacer, const struct speadi_pacer_config *config)
{
    *pacer = (struct speadi_pacer){
        .burst_bytes = config->burst_bytes > config->packet_bytes_max ? config->burst_bytes
                                                                      : config->packet_bytes_max,
        .packet_bytes_max = config->packet_bytes_max,
        .idle = true, /* since time 0: the first packet finds no credit */
    };
    if (config->rate_bytes_per_s > 0) {
        pacer->ns_per_byte = 1e9 / config->rate_bytes_per_s;
        pacer->ns_per_byte_burst = pacer->ns_per_byte / config->burst_rate_ratio;
    }
}

static uint64_t burst_ns(const struct speadi_pacer *pacer)
{
    return (uint64_t)((double)pacer->in_burst * pacer->ns_per_byte_burst);
}

/* The idle time is taken out of the schedule: lateness from before stays owed, none is added. A burst
 * begun before has paid for itself when enough of it has passed. */
static void end_idle(struct speadi_pacer *pacer, uint64_t now_ns)
{
    uint64_t idle_ns = now_ns - pacer->idle_since_ns;

    pacer->idle = false;
    if (pacer->ideal_ns >= now_ns)
        return;
    if (idle_ns >= burst_ns(pacer))
        pacer->in_burst = 0;
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
    if (now_ns < speadi_pacer_due_ns(pacer))
        return 0;
    return pacer->burst_bytes - pacer->in_burst;
}

void speadi_pacer_sent(struct speadi_pacer *pacer, uint64_t now_ns, uint64_t bytes)
{
    double advance = (double)bytes * pacer->ns_per_byte + pacer->ideal_fraction_ns;
    uint64_t whole = (uint64_t)advance;

    pacer->ideal_ns += whole;
    pacer->ideal_fraction_ns = advance - (double)whole;
    pacer->in_burst += bytes;
    if (pacer->burst_bytes - pacer->in_burst >= pacer->packet_bytes_max)
        return; /* the burst has room for more */
    pacer->due_ns = now_ns + burst_ns(pacer);
    if (pacer->due_ns < pacer->ideal_ns)
        pacer->due_ns = pacer->ideal_ns;
    pacer->in_burst = 0;
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
    return pacer->in_burst == 0 ? pacer->due_ns : 0;
}
