/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream has one owner thread. A second start is refused with a sentence, and the first owner goes on.
 *
 * Method: a stream on a scripted engine (support/recv_rig.h). The test starts the stream twice, by each function that
 * starts a stream. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "recv_rig.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_start, .init = open_rig, .fini = close_rig, .timeout = 20);

static void expect_refused(int ret, const struct spead_err *err)
{
    cr_expect_eq(ret, -EBUSY, "%d", ret);
    cr_expect_not_null(strstr(err->text, "it runs once"), "%s", err->text);
}

Test(recv_start, a_second_start_is_refused_and_the_stream_goes_on)
{
    struct spead_recv_runner *runner;
    struct spead_err err = {0};
    struct spead_heap *heap;

    recv_rig_open(&rig);
    cr_assert_eq(spead_recv_stream_start(rig.stream, &err), 0);
    expect_refused(spead_recv_stream_start(rig.stream, &err), &err);
    memset(&err, 0, sizeof err);
    expect_refused(spead_recv_runner_start(&runner, rig.stream, -1, &err), &err);
    memset(&err, 0, sizeof err);
    expect_refused(spead_recv_stream_run(rig.stream, &err), &err);
    cr_expect_eq(spead_recv_stream_try_take(rig.stream, &heap), -EAGAIN,
                 "the stream has not ended");
    cr_expect_geq(spead_recv_stream_poll(rig.stream), 0);
}

Test(recv_start, a_second_runner_is_refused_and_the_first_one_ends_in_order)
{
    struct spead_recv_runner *first, *second;
    struct spead_err err = {0};

    recv_rig_open(&rig);
    cr_assert_eq(spead_recv_runner_start(&first, rig.stream, -1, &err), 0, "%s", err.text);
    expect_refused(spead_recv_runner_start(&second, rig.stream, -1, &err), &err);
    spead_recv_stream_stop(rig.stream);
    cr_expect_eq(spead_recv_runner_join(first, NULL), 0);
}

Test(recv_start, a_stream_that_has_ended_is_not_started_again)
{
    struct spead_err err = {0};

    recv_rig_open(&rig);
    spead_recv_stream_stop(rig.stream);
    cr_assert_eq(spead_recv_stream_run(rig.stream, NULL), 0);
    expect_refused(spead_recv_stream_run(rig.stream, &err), &err);
}
