/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream says what its host knows about the port: the frames that the device dropped, beside the ledger; and
 * whether thread and memory are on the NUMA node of the port. What the host does not know is said as not known.
 *
 * Method: a stream on a scripted engine, which reports the interface lo and a file of a counter. The test writes the
 * files of the host (support/made_sys.h). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include <speadi/cpu_set.h>

#include "made_sys.h"
#include "recv_rig.h"

#define COUNTER "/sys/class/infiniband/dev0/ports/1/hw_counters/out_of_buffer"

static struct recv_rig rig;
static char warned[512], list[SPEADI_CPU_LIST_MAX];

static void keep_warning(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    if (level == SPEAD_LOG_WARNING)
        snprintf(warned, sizeof warned, "%s", line);
}

static void set_up(void)
{
    made_sys_begin();
    recv_rig_init(&rig);
    rig.config.log.fn = keep_warning;
    snprintf(rig.facts.interface[0], sizeof rig.facts.interface[0], "lo");
    snprintf(rig.facts.out_of_buffer, sizeof rig.facts.out_of_buffer, COUNTER);
}

static void tear_down(void)
{
    recv_rig_close(&rig);
    made_sys_remove();
}

TestSuite(recv_port, .init = set_up, .fini = tear_down, .timeout = 20);

static const struct spead_recv_counters *counters(void)
{
    rig.stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    spead_recv_stream_stats(rig.stream, &rig.stats);
    return &rig.stats.counters;
}

static const char *plan_text(void)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    spead_recv_stream_plan(rig.stream, &plan);
    return plan.port_place;
}

static const char *own_cpus(void)
{
    struct speadi_cpu_set own;

    cr_assert(speadi_cpu_set_of_thread(&own));
    return speadi_cpu_set_list(list, &own);
}

Test(recv_port, drops_of_the_device_are_counted_since_the_stream_was_made)
{
    made_sys_write(COUNTER, "1000");
    recv_rig_open(&rig);
    cr_expect_eq(counters()->port_counted, 1);
    cr_expect_eq(counters()->port_out_of_buffer, 0);
    made_sys_write(COUNTER, "1042");
    cr_expect_eq(counters()->port_out_of_buffer, 42, "without a poll in between");
    made_sys_write(COUNTER, "7");
    cr_expect_eq(counters()->port_out_of_buffer, 0, "the device was reset");
    cr_expect_eq(counters()->port_counted, 1);
}

Test(recv_port, a_device_without_the_counter_is_not_said_to_have_dropped_nothing)
{
    recv_rig_open(&rig);
    cr_expect_eq(counters()->port_counted, 0);
    made_sys_write(COUNTER, "5");
    cr_expect_eq(counters()->port_counted, 0, "what it was at the start is not known");
}

Test(recv_port, a_counter_that_goes_away_with_its_device_is_no_longer_known)
{
    made_sys_write(COUNTER, "1");
    recv_rig_open(&rig);
    made_sys_write(COUNTER, "gone");
    cr_expect_eq(counters()->port_counted, 0);
}

Test(recv_port, the_plan_names_the_node_of_the_port)
{
    made_sys_port("lo", 1, "0-7", "8-15");
    recv_rig_open(&rig);
    cr_expect_str_eq(plan_text(), "lo is on NUMA node 1 of 2, whose CPUs are 8-15");
}

Test(recv_port, the_plan_says_nothing_where_the_host_does_not)
{
    recv_rig_open(&rig);
    cr_expect_str_empty(plan_text());
}

Test(recv_port, an_owner_thread_on_another_node_is_warned_of)
{
    made_sys_port("lo", 1, own_cpus(), "900-907");
    recv_rig_open(&rig);
    cr_assert_eq(spead_recv_stream_start(rig.stream, NULL), 0);
    cr_expect(strstr(warned, "lo is on NUMA node 1, whose CPUs are 900-907"), "%s", warned);
}

Test(recv_port, an_owner_thread_on_the_node_is_not)
{
    made_sys_port("lo", 0, own_cpus(), "900-907");
    recv_rig_open(&rig);
    cr_assert_eq(spead_recv_stream_start(rig.stream, NULL), 0);
    cr_expect_str_empty(warned);
}

/* ---- Several ports ------------------------------------------------------------------------- */

#define OTHER "port2" /* an interface that only the made-up host has */

/* Two endpoints are on lo, on the node of this thread. One is on another port, on the other node. */
static void open_on_two_ports(void)
{
    made_sys_port("lo", 0, own_cpus(), "900-907");
    made_sys_port(OTHER, 1, own_cpus(), "900-907");
    rig.sources = rig.config.endpoint_count = 3;
    snprintf(rig.facts.interface[1], sizeof rig.facts.interface[1], OTHER);
    snprintf(rig.facts.interface[2], sizeof rig.facts.interface[2], "lo");
    recv_rig_open(&rig);
}

Test(recv_port, the_plan_names_the_node_of_each_port_once)
{
    const char *text;

    open_on_two_ports();
    text = plan_text();
    cr_expect_eq(strncmp(text, "lo is on NUMA node 0 of 2, whose CPUs are ", 42), 0, "%s", text);
    cr_expect_not_null(strstr(text, "; " OTHER " is on NUMA node 1 of 2, whose CPUs are 900-907"),
                       "%s", text);
    cr_expect_null(strstr(text + 2, "lo is on"), "%s", text);
}

Test(recv_port, an_owner_thread_far_from_the_second_port_is_warned_of)
{
    open_on_two_ports();
    cr_assert_eq(spead_recv_stream_start(rig.stream, NULL), 0);
    cr_expect(strstr(warned, OTHER " is on NUMA node 1, whose CPUs are 900-907"), "%s", warned);
}
