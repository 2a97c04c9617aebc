/* SPDX-License-Identifier: Apache-2.0 */
/* See drop_causes.h. */
#include "drop_causes.h"

#include <speadi/clock.h>
#include <speadi/numbers.h>

/* The longest time between two readings, if update() is called often enough. */
#define IDLE_NS 1000000000u
/* In the long run at most one part in COST_SHARE of the time goes to readings. After a pause, BURST readings may follow
 * each other at once. */
#define COST_SHARE 100u
#define BURST      16u

static bool read_files(struct speadi_drop_causes *causes, struct speadi_udp_errors *now)
{
    uint64_t begin_ns = speadi_clock_mono_ns(), end_ns;
    bool done = speadi_udp_errors_read(&causes->files, now);

    end_ns = speadi_clock_mono_ns();
    causes->cost_ns = speadi_min_u64(causes->cost_ns, end_ns - begin_ns);
    causes->paid_ns =
        (causes->paid_ns > begin_ns ? causes->paid_ns : begin_ns) + COST_SHARE * causes->cost_ns;
    causes->idle_ns = end_ns + IDLE_NS;
    return done;
}

void speadi_drop_causes_open(struct speadi_drop_causes *causes,
                             const struct speadi_rx_config *config)
{
    *causes = (struct speadi_drop_causes){.filters = config->sender != NULL, .is_open = true};
    causes->cost_ns = UINT64_MAX;
    speadi_udp_errors_open(&causes->files);
    (void)read_files(causes, &causes->seen);
}

void speadi_drop_causes_close(struct speadi_drop_causes *causes)
{
    if (causes->is_open)
        speadi_udp_errors_close(&causes->files);
    causes->is_open = false;
}

/* Returns the part of `grown` that is surely ours. `surplus` is the growth of all causes together minus our drops. */
static uint64_t certain(uint64_t grown, uint64_t surplus)
{
    return grown > surplus ? grown - surplus : 0;
}

void speadi_drop_causes_explain(struct speadi_drop_causes *causes, uint64_t drops,
                                const struct speadi_udp_errors *grown)
{
    uint64_t named = grown->checksum + grown->buffer;
    uint64_t filtered = causes->filters && grown->all > named ? grown->all - named : 0;
    uint64_t sum = named + filtered, wanted = drops + causes->owed;
    uint64_t surplus = sum > wanted ? sum - wanted : 0;

    causes->checksum += certain(grown->checksum, surplus);
    causes->buffer += certain(grown->buffer, surplus);
    causes->filtered += certain(filtered, surplus);
    /* A drop may stay owed until the next reading, but not longer. */
    causes->owed = wanted > sum ? speadi_min_u64(wanted - sum, drops) : 0;
}

static bool is_due(const struct speadi_drop_causes *causes, uint64_t drops, uint64_t now_ns)
{
    bool wanted = drops != causes->drops || causes->owed > 0 || now_ns >= causes->idle_ns;

    return wanted &&
           (causes->urgent || now_ns + BURST * COST_SHARE * causes->cost_ns >= causes->paid_ns);
}

void speadi_drop_causes_update(struct speadi_drop_causes *causes, uint64_t drops, uint64_t now_ns)
{
    struct speadi_udp_errors now, grown;

    if (!is_due(causes, drops, now_ns) || !read_files(causes, &now))
        return;
    grown = (struct speadi_udp_errors){.checksum = now.checksum - causes->seen.checksum,
                                       .buffer = now.buffer - causes->seen.buffer,
                                       .all = now.all - causes->seen.all};
    speadi_drop_causes_explain(causes, drops - causes->drops, &grown);
    causes->seen = now;
    causes->drops = drops;
}

void speadi_drop_causes_report(const struct speadi_drop_causes *causes, uint64_t drops,
                               struct speadi_rx_counters *counters)
{
    counters->kernel_drops = drops;
    counters->checksum_drops = causes->checksum;
    counters->buffer_drops = causes->buffer;
    counters->filtered_drops = causes->filtered;
}
