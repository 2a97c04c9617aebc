/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send stream stops correctly. Completions and stop() wake the threads that wait for the stream.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). The test or another thread polls the stream. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <speadi/clock.h>

#include "send_rig.h"

/* ---- Stop ----------------------------------------------------------------------------------- */

Test(send_stop, stop_sends_what_was_accepted_then_ends)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    rig.tx->room = 5;
    send_rig_submit(&rig);
    send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 5);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(send_rig_submit(&rig), -ESHUTDOWN);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0, "no room: not drained yet");
    rig.tx->room = UINT64_MAX;
    cr_expect_eq(spead_send_stream_poll(rig.stream), 2 * SEND_RIG_PACKETS - 5);
    cr_expect_eq(spead_send_stream_poll(rig.stream), -ESHUTDOWN);
    cr_expect_eq(rig.log.count, 2);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_SENT), 2 * SEND_RIG_PACKETS);
    send_rig_close(&rig);
}

Test(send_stop, second_stop_abandons_what_was_not_sent)
{
    struct send_rig rig;
    struct spead_send_stats stats;

    send_rig_open(&rig, 4);
    rig.tx->room = SEND_RIG_PACKETS + 2;
    for (int i = 0; i < 3; i++)
        send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    spead_send_stream_stop(rig.stream);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(spead_send_stream_poll(rig.stream), -ESHUTDOWN);
    cr_assert_eq(rig.log.count, 3);
    cr_expect_eq(rig.log.result[0].error, 0);
    cr_expect_eq(rig.log.result[1].error, -ECANCELED);
    cr_expect_eq(rig.log.result[1].bytes, 1472 * 2);
    cr_expect_eq(rig.log.result[2].error, -ECANCELED);
    cr_expect_eq(rig.log.result[2].bytes, 0);
    stats = send_rig_stats(&rig);
    cr_expect_eq(stats.bucket[SPEAD_SEND_SENT].packets, SEND_RIG_PACKETS + 2);
    cr_expect_eq(stats.bucket[SPEAD_SEND_ABANDONED].packets, 2 * SEND_RIG_PACKETS - 2);
    cr_expect_eq(stats.counters.heaps_abandoned, 2);
    send_rig_close(&rig);
}

Test(send_stop, abandoning_cancels_what_the_engine_still_holds)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    rig.tx->hold = true;
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    rig.tx->let_go = 2;
    spead_send_stream_stop(rig.stream);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(spead_send_stream_poll(rig.stream), -ESHUTDOWN);
    cr_expect(rig.tx->quiesced);
    cr_expect_eq(rig.log.result[0].error, -ECANCELED);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_SENT), 2);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_ABANDONED), SEND_RIG_PACKETS - 2);
    send_rig_close(&rig);
}

Test(send_stop, destroying_completes_what_is_in_flight)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    rig.tx->room = 1;
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    send_rig_submit(&rig);
    send_rig_close(&rig);
    cr_assert_eq(rig.log.count, 2);
    cr_expect_eq(rig.log.result[0].error, -ECANCELED);
    cr_expect_eq(rig.log.result[1].error, -ECANCELED);
}

/* ---- Other threads -------------------------------------------------------------------------- */

static void *run_stream(void *arg)
{
    struct send_rig *rig = arg;

    return (void *)(intptr_t)spead_send_stream_run(rig->stream, NULL);
}

static uint64_t soon(uint64_t ms)
{
    return speadi_clock_mono_ns() + ms * 1000000;
}

Test(send_stop, flush_returns_when_all_is_done_and_counted, .timeout = 20)
{
    struct send_rig rig;
    pthread_t thread;
    void *ret;

    send_rig_open(&rig, 2);
    cr_expect_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_stream_flush(rig.stream, soon(5)), -ETIMEDOUT, "nobody polls");
    pthread_create(&thread, NULL, run_stream, &rig);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(spead_send_stream_submit_wait(rig.stream, rig.heap, &rig.options, 0), 0);
    cr_expect_eq(spead_send_stream_flush(rig.stream, 0), 0);
    cr_expect_eq(send_rig_stats(&rig).counters.heaps_sent, 51);
    cr_expect_eq(send_rig_stats(&rig).heaps_refused, 0, "waiting is no refusal");
    cr_expect_eq(rig.log.count, 51);
    spead_send_stream_stop(rig.stream);
    pthread_join(thread, &ret);
    cr_expect_eq((intptr_t)ret, 0);
    cr_expect(rig.tx->started);
    cr_expect_eq(spead_send_stream_flush(rig.stream, 0), 0);
    send_rig_close(&rig);
}

Test(send_stop, waiting_for_a_slot_ends_at_the_deadline_or_at_stop, .timeout = 20)
{
    struct send_rig rig;

    send_rig_open(&rig, 1);
    cr_expect_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_stream_submit_wait(rig.stream, rig.heap, NULL, soon(5)), -ETIMEDOUT);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(spead_send_stream_submit_wait(rig.stream, rig.heap, NULL, 0), -ESHUTDOWN);
    send_rig_close(&rig);
}

Test(send_stop, owner_is_told_that_it_would_wait_for_itself, .timeout = 20)
{
    struct send_rig rig;

    send_rig_open(&rig, 1);
    spead_send_stream_start(rig.stream, NULL);
    cr_expect_eq(spead_send_stream_submit_wait(rig.stream, rig.heap, NULL, 0), 0, "a slot is free");
    cr_expect_eq(spead_send_stream_submit_wait(rig.stream, rig.heap, NULL, 0), -EDEADLK);
    cr_expect_eq(spead_send_stream_flush(rig.stream, 0), -EDEADLK);
    send_rig_close(&rig);
}

Test(send_stop, stop_wakes_a_sleeping_owner, .timeout = 20)
{
    struct send_rig rig;
    struct spead_send_runner *runner = NULL;
    uint64_t cpu_ns = 0;

    send_rig_open(&rig, 4);
    cr_assert_eq(spead_send_runner_start(&runner, rig.stream, -1, NULL), 0);
    cr_expect_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_stream_flush(rig.stream, 0), 0);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(spead_send_runner_join(runner, &cpu_ns), 0);
    cr_expect_gt(cpu_ns, 0);
    send_rig_close(&rig);
}

/* A stream has one owner thread. */
Test(send_stop, a_second_start_is_refused_and_the_first_owner_goes_on, .timeout = 20)
{
    struct send_rig rig;
    struct spead_send_runner *first, *second;
    struct spead_err err = {0};

    send_rig_open(&rig, 4);
    cr_assert_eq(spead_send_runner_start(&first, rig.stream, -1, NULL), 0);
    cr_expect_eq(spead_send_runner_start(&second, rig.stream, -1, &err), -EBUSY);
    cr_expect_not_null(strstr(err.text, "it runs once"), "%s", err.text);
    cr_expect_eq(spead_send_stream_start(rig.stream, &err), -EBUSY);
    cr_expect_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_stream_flush(rig.stream, 0), 0);
    spead_send_stream_stop(rig.stream);
    cr_expect_eq(spead_send_runner_join(first, NULL), 0);
    cr_expect_eq(spead_send_stream_run(rig.stream, &err), -EBUSY, "nor does it run again");
    send_rig_close(&rig);
}

Test(send_stop, runner_reports_a_broken_transport, .timeout = 20)
{
    struct send_rig rig;
    struct spead_send_runner *runner = NULL;

    send_rig_open(&rig, 4);
    rig.tx->broken = -ENETDOWN;
    cr_assert_eq(spead_send_runner_start(&runner, rig.stream, -1, NULL), 0);
    cr_expect_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_runner_join(runner, NULL), -ENETDOWN);
    cr_expect_eq(rig.log.count, 1);
    send_rig_close(&rig);
}
