/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the probe source and the probe sink report correctly what they have done, so that the tests of a user can rely
 * on them.
 * Method: source and sink work at the two ends of a channel. One thread steps them alternately. */
#include <criterion/criterion.h>

#include <errno.h>

#include <speadline/probe.h>

#include "channel_rig.h"

struct pair {
    struct channel_rig rig;
    struct spead_probe_source *source;
    struct spead_probe_sink *sink;
};

static struct pair open_pair(const struct spead_probe_source_config *source,
                             const struct spead_probe_sink_config *sink, uint32_t capacity)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct pair pair;
    struct spead_err err = {0};

    config.capacity = capacity;
    pair.rig = channel_rig_open(&config);
    cr_assert_eq(spead_probe_source_create(&pair.source, source, &err), 0, "%s", err.text);
    cr_assert_eq(spead_probe_sink_create(&pair.sink, sink, &err), 0, "%s", err.text);
    return pair;
}

/* Steps source and sink until the sink is done or fails. Returns the result of the last step of the source. */
static int run(struct pair *pair)
{
    int source = SPEAD_STEP_AGAIN, sink = SPEAD_STEP_AGAIN;

    while (sink == SPEAD_STEP_AGAIN || sink == SPEAD_STEP_WAITING) {
        if (source == SPEAD_STEP_AGAIN || source == SPEAD_STEP_WAITING)
            source = spead_probe_source_step(pair->source, pair->rig.sender);
        if ((source == SPEAD_STEP_DONE || source < 0) && pair->rig.sender) {
            spead_sender_close(pair->rig.sender, source < 0 ? source : 0);
            pair->rig.sender = NULL;
        }
        sink = spead_probe_sink_step(pair->sink, pair->rig.receiver);
    }
    return source;
}

static struct spead_probe_record finish(struct pair *pair)
{
    struct spead_probe_record record = SPEAD_PROBE_RECORD_INIT;

    spead_probe_sink_record(pair->sink, &record);
    return record;
}

static void close_pair(struct pair *pair)
{
    spead_probe_source_destroy(pair->source);
    spead_probe_sink_destroy(pair->sink);
    channel_rig_close(&pair->rig);
}

Test(probe, all_messages_arrive_numbered_by_stream)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_probe_record record;
    struct pair pair;

    source.count = 1000;
    source.streams = 3;
    pair = open_pair(&source, &sink, 7);
    cr_expect_eq(run(&pair), SPEAD_STEP_DONE);
    record = finish(&pair);
    cr_expect_eq(record.received, 1000);
    cr_expect_eq(record.recorded, 1000);
    cr_expect_eq(record.out_of_order + record.skipped, 0);
    cr_expect_eq(record.end, -ESHUTDOWN);
    cr_expect_eq(record.arrivals[999].message.key, 999);
    cr_expect_eq(record.arrivals[999].message.stream, 0);
    cr_expect_eq(record.arrivals[999].message.sequence, 333);
    cr_expect_eq(spead_probe_source_sent(pair.source), 1000);
    close_pair(&pair);
}

Test(probe, a_record_says_which_messages_came_together_and_forgets_beyond_its_size)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_probe_record record;
    struct pair pair;

    source.count = 12;
    source.batch = 4;
    sink.batch = 4;
    sink.record_max = 6;
    pair = open_pair(&source, &sink, 4);
    run(&pair);
    record = finish(&pair);
    cr_expect_eq(record.received, 12);
    cr_expect_eq(record.recorded, 6);
    cr_expect_eq(record.batches, 3);
    cr_expect_eq(record.arrivals[3].batch, 0);
    cr_expect_eq(record.arrivals[4].batch, 1);
    close_pair(&pair);
}

Test(probe, messages_of_ones_own_are_sent_as_they_are_and_disorder_shows)
{
    const struct spead_message messages[] = {
        {.sequence = 0}, {.sequence = 2}, {.sequence = 1}, {.sequence = 6}};
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_probe_record record;
    struct pair pair;

    source.messages = messages;
    source.count = 4;
    pair = open_pair(&source, &sink, 4);
    run(&pair);
    record = finish(&pair);
    cr_expect_eq(record.out_of_order, 1);
    cr_expect_eq(record.skipped, 1 + 3);
    close_pair(&pair);
}

Test(probe, a_source_fails_where_it_was_told_to)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_probe_record record;
    struct pair pair;

    source.count = 100;
    source.error = -EIO;
    source.error_at = 10;
    pair = open_pair(&source, &sink, 100);
    cr_expect_eq(run(&pair), -EIO);
    record = finish(&pair);
    cr_expect_eq(record.received, 10);
    cr_expect_eq(record.end, -EIO);
    close_pair(&pair);
}

Test(probe, a_sink_fails_or_stops_where_it_was_told_to)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct pair pair;

    source.count = 100;
    sink.stop_after = 5;
    pair = open_pair(&source, &sink, 100);
    run(&pair);
    cr_expect_eq(finish(&pair).received, 5);
    close_pair(&pair);

    sink.stop_after = 0;
    sink.error = -ENOSPC;
    sink.error_at = 5;
    sink.batch = 1;
    pair = open_pair(&source, &sink, 100);
    spead_probe_source_step(pair.source, pair.rig.sender);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(spead_probe_sink_step(pair.sink, pair.rig.receiver), SPEAD_STEP_AGAIN);
    cr_expect_eq(spead_probe_sink_step(pair.sink, pair.rig.receiver), -ENOSPC);
    close_pair(&pair);
}

Test(probe, a_source_is_done_when_nobody_receives_any_more)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct pair pair;

    source.count = 100;
    pair = open_pair(&source, &sink, 1);
    spead_receiver_close(pair.rig.receiver);
    pair.rig.receiver = NULL;
    cr_expect_eq(spead_probe_source_step(pair.source, pair.rig.sender), SPEAD_STEP_DONE);
    close_pair(&pair);
}

Test(probe, configs_that_cannot_work_are_refused)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_probe_source *no_source;
    struct spead_probe_sink *no_sink;

    source.batch = 65;
    cr_expect_eq(spead_probe_source_create(&no_source, &source, NULL), -EINVAL);
    sink.batch = 0;
    cr_expect_eq(spead_probe_sink_create(&no_sink, &sink, NULL), -EINVAL);
}
