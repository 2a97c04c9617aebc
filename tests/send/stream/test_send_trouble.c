/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: packets that cannot be sent, and their heaps, are counted in the right bucket. The stream goes on after them,
 * or ends if fail_fast is true. The log names each error once.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). The test polls the stream. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/clock.h>

#include <pacer.h>

#include "send_rig.h"

static char lines[1000];
static unsigned line_count;

static void keep_line(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    if (level != SPEAD_LOG_WARNING)
        return;
    line_count++;
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s\n", line);
}

static void open_rig(struct send_rig *rig, bool fail_fast, double rate)
{
    send_rig_open(rig, 64);
    spead_send_stream_destroy(rig->stream);
    rig->config.fail_fast = fail_fast;
    rig->config.rate_bytes_per_s = rate;
    rig->config.log.fn = keep_line;
    rig->stream = scripted_tx_stream(rig->tx, &rig->config);
    lines[0] = '\0';
    line_count = 0;
}

static void refuse(struct send_rig *rig, unsigned i, uint64_t packet, int error)
{
    rig->tx->refuse[i].packet = packet;
    rig->tx->refuse[i].error = error;
}

/* Submits heaps, and polls until they have all completed. */
static void send_heaps(struct send_rig *rig, unsigned heaps)
{
    for (unsigned i = 0; i < heaps; i++)
        cr_assert_eq(send_rig_submit(rig), 0);
    while (rig->log.count < heaps) {
        cr_assert_geq(spead_send_stream_poll(rig->stream), 0);
        spead_send_stream_wait(rig->stream, speadi_clock_mono_ns() + 1000000);
    }
}

Test(send_trouble, packets_that_a_queue_of_this_host_dropped_have_a_bucket_and_slow_the_stream)
{
    struct spead_send_stats stats;
    struct send_rig rig;

    open_rig(&rig, false, 0);
    refuse(&rig, 0, 2, -ENOBUFS);
    refuse(&rig, 1, 3, -ENOBUFS);
    send_heaps(&rig, 3);
    stats = send_rig_stats(&rig);
    cr_expect_eq(stats.bucket[SPEAD_SEND_DROPPED_LOCAL].packets, 2);
    cr_expect_eq(stats.bucket[SPEAD_SEND_SENT].packets, 3 * SEND_RIG_PACKETS - 2);
    cr_expect_eq(stats.failed_errno[0].error, 0, "nobody has refused them");
    cr_expect_eq(stats.counters.heaps_failed, 1);
    cr_expect_eq(stats.counters.heaps_dropped_local, 1);
    cr_expect_eq(stats.counters.heaps_sent, 2);
    cr_expect_eq(stats.counters.slow_downs, 1);
    cr_expect_eq(rig.log.result[0].error, -ENOBUFS);
    cr_expect_eq(line_count, 1, "%s", lines);
    cr_expect_not_null(strstr(lines, "dropped-local"), "%s", lines);
    send_rig_close(&rig);
}

Test(send_trouble, after_a_drop_nothing_is_sent_until_the_queue_has_had_time)
{
    struct send_rig rig;
    uint64_t before_ns;

    open_rig(&rig, false, 0);
    rig.tx->at_once = 3;
    refuse(&rig, 0, 2, -ENOBUFS);
    send_rig_submit(&rig);
    before_ns = speadi_clock_mono_ns();
    cr_expect_eq(spead_send_stream_poll(rig.stream), 3);
    while (spead_send_stream_poll(rig.stream) == 0)
        spead_send_stream_wait(rig.stream, 0);
    cr_expect_geq(speadi_clock_mono_ns() - before_ns, SPEADI_PACER_HOLD_NS);
    send_rig_close(&rig);
}

Test(send_trouble, errors_that_can_pass_are_counted_and_the_stream_goes_on)
{
    static const int errors[] = {ENETUNREACH, ENETDOWN, EHOSTUNREACH, EPERM,
                                 EACCES,      EINVAL,   EHOSTDOWN,    ECONNREFUSED};
    struct spead_send_stats stats;
    struct send_rig rig;

    open_rig(&rig, false, 0);
    for (unsigned i = 0; i < 8; i++)
        refuse(&rig, i, i * SEND_RIG_PACKETS, -errors[i]);
    send_heaps(&rig, 10);
    stats = send_rig_stats(&rig);
    cr_expect_eq(stats.bucket[SPEAD_SEND_UNREACHABLE].packets, 8);
    cr_expect_eq(stats.bucket[SPEAD_SEND_FAILED].packets, 0);
    cr_expect_eq(stats.counters.heaps_unreachable, 8);
    cr_expect_eq(stats.counters.heaps_sent, 2);
    for (unsigned i = 0; i < 8; i++) {
        cr_expect_eq(stats.failed_errno[i].error, errors[i]);
        cr_expect_eq(rig.log.result[i].error, -errors[i]);
        cr_expect_eq(spead_send_error_bucket(-errors[i]), SPEAD_SEND_UNREACHABLE);
    }
    cr_expect_eq(spead_send_error_bucket(-ENODEV), SPEAD_SEND_UNREACHABLE);
    send_rig_close(&rig);
}

/* All packets are refused, one poll after the other. */
Test(send_trouble, the_log_names_an_error_once_and_not_each_packet)
{
    struct send_rig rig;

    open_rig(&rig, false, 0);
    for (unsigned i = 0; i < 8; i++)
        refuse(&rig, i, i, i % 2 ? -EPERM : -ENETUNREACH);
    rig.tx->at_once = 1;
    send_heaps(&rig, 2);
    cr_expect_eq(line_count, 2, "%s", lines);
    cr_expect_not_null(strstr(lines, strerror(ENETUNREACH)), "%s", lines);
    cr_expect_not_null(strstr(lines, "firewall"), "%s", lines);
    send_rig_close(&rig);
}

Test(send_trouble, with_fail_fast_the_first_packet_that_cannot_be_sent_ends_the_stream)
{
    static const int errors[] = {-ENETUNREACH, -ENOBUFS, -EMSGSIZE};

    for (unsigned i = 0; i < 3; i++) {
        struct spead_send_stats stats;
        struct send_rig rig;

        open_rig(&rig, true, 0);
        rig.tx->room = 2 * SEND_RIG_PACKETS;
        refuse(&rig, 0, SEND_RIG_PACKETS + 1, errors[i]);
        for (unsigned k = 0; k < 4; k++)
            send_rig_submit(&rig);
        cr_expect_eq(spead_send_stream_poll(rig.stream), 2 * SEND_RIG_PACKETS);
        cr_expect_eq(spead_send_stream_poll(rig.stream), errors[i]);
        stats = send_rig_stats(&rig);
        cr_expect_eq(stats.counters.heaps_sent, 1);
        cr_expect_eq(stats.counters.heaps_failed, 1);
        cr_expect_eq(stats.counters.heaps_abandoned, 2);
        cr_expect_eq(stats.bucket[SPEAD_SEND_ABANDONED].packets, 2 * SEND_RIG_PACKETS);
        cr_expect_eq(send_rig_submit(&rig), -ESHUTDOWN);
        cr_expect_eq(rig.log.result[1].error, errors[i]);
        cr_expect_eq(rig.log.result[2].error, -ECANCELED);
        send_rig_close(&rig);
    }
}
