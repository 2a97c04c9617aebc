/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if packets are missing and the port of the device has dropped frames during the run, spead-recv says so, and says
 * that the counter is of the whole port. If the device has no such counter, spead-recv does not say that it dropped
 * nothing.
 * Method: the verbs double loses a packet. The test writes the counter of the device into a host of its own, which is
 * mounted over /sys (support/made_sys.h), and raises the counter while spead-recv runs. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "made_sys.h"
#include "netns.h"
#include "offloads.h"
#include "tool_run.h"
#include "verbs_double.h"

#define COUNTER "/sys/class/infiniband/vd_" TEST_NEAR_INTERFACE "/ports/1/hw_counters/out_of_buffer"

static struct test_netns_pair network;
static struct run run;

static void set_up(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 9000, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(network.far);
    if (!test_offloads_off(TEST_FAR_INTERFACE))
        cr_skip_test("offloads of a veth cannot be switched off");
    test_netns_move(network.near);
    made_sys_begin();
    made_sys_port(TEST_NEAR_INTERFACE, 1, "0-1023", "1024");
}

TestSuite(port_drops, .init = set_up, .fini = made_sys_remove, .timeout = 120);

/* Receives some heaps, of which the double loses a packet. Returns what spead-recv has said. The counter is `after` while
 * it runs; NULL: there is no counter. */
static char *said_with(const char *after)
{
    const char *reason;
    char *said;

    if (!made_sys_mount(&reason))
        cr_skip_test("%s", reason);
    setenv("VDOUBLE", "rx.drop@5", 1);
    start_receiver(&run, "239.255.7.1:7148 --engine verbs --bind " TEST_NEAR_INTERFACE
                         " --json --buffer 32M --receive-path bounce");
    if (after)
        made_sys_write(COUNTER, "%s", after);
    test_netns_move(network.far);
    program_start(&run.send, SPEAD_SEND,
                  "239.255.7.1:7148 --bind " TEST_FAR_INTERFACE
                  " --json --heaps 10 --heap-size 200K --rate 0.5");
    finish(&run, 0, 0);
    said = program_err(&run.recv);
    cr_expect(strstr(said, "missing  "), "%s", said);
    return said;
}

Test(port_drops, drops_of_the_port_during_the_run_explain_what_is_missing)
{
    char *said;

    made_sys_write(COUNTER, "70");
    said = said_with("77");
    cr_expect(strstr(said, "port     dropped 7 frames because no receive was posted for them "
                           "(out_of_buffer, of all programs on this port together)"),
              "%s", said);
    cr_expect(strstr(said, "port     " TEST_NEAR_INTERFACE " is on NUMA node 1 of 2"), "%s", said);
    cr_expect_eq(number(run.received, "port_out_of_buffer"), 7);
    free(said);
    release(&run);
}

Test(port_drops, a_port_that_dropped_nothing_is_evidence_too)
{
    char *said;

    made_sys_write(COUNTER, "70");
    said = said_with("70");
    cr_expect(strstr(said, "port     dropped nothing for want of receives (out_of_buffer)"), "%s",
              said);
    cr_expect_eq(number(run.received, "port_out_of_buffer"), 0);
    free(said);
    release(&run);
}

Test(port_drops, a_device_without_the_counter_is_said_to_tell_nothing)
{
    char *said = said_with(NULL);

    cr_expect(strstr(said, "port     its device does not tell what it dropped"), "%s", said);
    cr_expect(json_is_null(json_object_get(run.received, "port_out_of_buffer")));
    free(said);
    release(&run);
}
