/* SPDX-License-Identifier: Apache-2.0 */
/* See same_paths.h. */
#include "same_paths.h"

#include <stdio.h>

#define ARENA_BYTES (4u << 20)
#define BURST_MAX   256u /* packets of a burst of an engine with many reservations */

static struct spead_recv_stream *open_script(struct same_path *path,
                                             const struct same_sequence *sequence,
                                             struct spead_err *err)
{
    struct same_script *script = (struct same_script *)path;
    struct recv_rig *rig = &script->rig;

    (void)err;
    recv_rig_init(rig);
    rig->config = sequence->config;
    rig->sources = sequence->endpoints;
    rig->config.receive_path = script->receive;
    rig->engine->posts_ahead = script->posts_ahead;
    rig->engine->poll_max = sequence->poll_max;
    if (script->apart) {
        apart_memory_open(&script->memory, ARENA_BYTES);
        rig->config.heap_arena = &script->memory.arena;
        rig->ops = &script_nic_ops;
        rig->engine->view = script->memory.view;
        rig->engine->spills = sequence->seed & 1;
        /* As with a NIC, many more receives are posted than a burst has packets. */
        rig->facts.reserve_max = SPEADI_RX_RESERVE_MAX;
        rig->facts.burst_max = sequence->poll_max < BURST_MAX ? sequence->poll_max : BURST_MAX;
        rig->engine->poll_max = rig->facts.burst_max;
    }
    if (script->queues > 1) {
        script_engine_queues(rig->engine, script->queues);
        rig->facts.queues = script->queues;
        if (script->apart)
            rig->facts.reserve_max = SPEADI_RX_RESERVE_MAX / script->queues;
    }
    recv_rig_open(rig);
    return rig->stream;
}

static bool send_script(struct same_path *path, const struct same_step *step, const void *bytes)
{
    struct same_script *script = (struct same_script *)path;
    struct script_packet *packet = script_engine_push(script->rig.engine, bytes, step->bytes);

    packet->source = (uint16_t)step->endpoint;
    packet->from = speadi_rx_from_v4(packet->source, (const uint8_t[]){192, 0, 2, 1},
                                     (uint16_t)(7000 + step->sender));
    return true;
}

static const uint8_t *apart_payload(struct same_path *path, const struct spead_heap *heap)
{
    return apart_memory_payload(&((struct same_script *)path)->memory, heap);
}

static void close_apart(struct same_path *path)
{
    apart_memory_close(&((struct same_script *)path)->memory);
}

void same_script_init(struct same_script *script, const char *name, enum spead_receive_path receive,
                      bool posts_ahead, bool apart)
{
    *script = (struct same_script){
        .path = {.name = name,
                 .open = open_script,
                 .send = send_script,
                 .payload = apart ? apart_payload : NULL,
                 .close = apart ? close_apart : NULL,
                 .small_only = apart},
        .receive = receive,
        .posts_ahead = posts_ahead,
        .apart = apart,
    };
}

/* Runs the sequence over one path. Returns NULL if the outcome is as expected, or if the path cannot be opened. */
static const char *compare_one(struct same_path *path, const struct same_sequence *sequence,
                               const struct same_outcome *expected, struct same_totals *totals)
{
    static struct same_outcome outcome;
    static char text[4096];
    struct spead_err err;
    const char *difference;

    if (!same_can_run(path, sequence))
        return NULL;
    if (!same_run(path, sequence, &outcome, &err)) {
        snprintf(totals->missing, sizeof totals->missing, "%s: %s", path->name, err.text);
        return NULL;
    }
    totals->runs++;
    totals->placed += outcome.placed;
    totals->repaired += outcome.repaired;
    totals->moved += outcome.moved;
    difference = same_difference(expected, &outcome);
    if (!difference)
        return NULL;
    snprintf(text, sizeof text, "seed %llu, %s: %s", (unsigned long long)sequence->seed, path->name,
             difference);
    return text;
}

const char *same_compare(struct same_path *const *paths, unsigned count,
                         enum same_endpoints endpoints, uint64_t seeds, struct same_totals *totals)
{
    static struct same_script reference;
    static struct same_sequence sequence;
    static struct same_outcome expected;
    const char *failure = NULL;
    struct spead_err err;

    *totals = (struct same_totals){0};
    same_script_init(&reference, "script bounced", SPEAD_PATH_BOUNCE, false, false);
    for (uint64_t seed = 1; seed <= seeds && !failure && totals->missing[0] == '\0'; seed++) {
        same_sequence_make(&sequence, endpoints, seed);
        (void)same_run(&reference.path, &sequence, &expected, &err);
        for (unsigned i = 0; i < count && !failure; i++)
            failure = compare_one(paths[i], &sequence, &expected, totals);
    }
    same_sequence_free(&sequence);
    return failure;
}
