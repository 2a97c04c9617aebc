/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-info says where the port of a device is in this host, which CPUs serve its interrupts, whether multicast
 * comes back, and which MTU lets frames in that are too long; with a command where one helps. What is not known is said
 * to be not known.
 * Method: the built program runs with the verbs double. The test writes the files of the host and mounts them over /sys
 * and /proc/irq (support/made_sys.h). */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "made_sys.h"
#include "netns.h"
#include "tool_run.h"
#include "verbs_double.h"

#define NEAR "/sys/class/net/" TEST_NEAR_INTERFACE

static char *printed;

static void set_up(void)
{
    struct test_netns_pair network;
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 9000, &reason))
        cr_skip_test("%s", reason);
    made_sys_begin();
    made_sys_port(TEST_NEAR_INTERFACE, 1, "0-7", "8-15");
}

static void tear_down(void)
{
    free(printed);
    made_sys_remove();
}

TestSuite(info_port, .init = set_up, .fini = tear_down, .timeout = 120);

static void run(const char *line)
{
    struct program program = {0};
    const char *reason;

    if (!made_sys_mount(&reason))
        cr_skip_test("%s", reason);
    program_start(&program, SPEAD_INFO, line);
    cr_assert_eq(program_wait(&program), 0);
    printed = program_out(&program);
    program_release(&program);
}

static void expect_prints(const char *text)
{
    cr_expect(strstr(printed, text), "\"%s\" is not in:\n%s", text, printed);
}

static void expect_hides(const char *text)
{
    cr_expect_not(strstr(printed, text), "\"%s\" is in:\n%s", text, printed);
}

Test(info_port, the_node_of_the_port_and_the_cpus_of_its_interrupts_are_told)
{
    made_sys_write(NEAR "/device/msi_irqs/41", "msix");
    made_sys_write(NEAR "/device/msi_irqs/42", "msix");
    made_sys_write("/proc/irq/41/smp_affinity_list", "8");
    made_sys_write("/proc/irq/42/smp_affinity_list", "9");
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("near0 is on NUMA node 1 of 2, whose CPUs are 8-15: run streams there (--cpu, "
                  "numactl --membind=1)\n");
    expect_prints("the 2 interrupts of near0 may run on CPUs 8-9; none of them is isolated\n");
    expect_hides("smp_affinity_list");
}

Test(info_port, interrupts_on_isolated_cpus_are_named_with_the_command_that_moves_them)
{
    made_sys_write(NEAR "/device/msi_irqs/41", "msix");
    made_sys_write("/proc/irq/41/smp_affinity_list", "0-15");
    made_sys_write("/sys/devices/system/cpu/isolated", "12-15");
    made_sys_write("/sys/devices/system/cpu/online", "0-15");
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("may run on CPUs 0-15; of these, 12-15 are isolated for other work, and 0-7 are "
                  "on another NUMA node\n");
    expect_prints("interrupts of near0 run on the isolated CPUs 12-15");
    expect_prints("for i in /sys/class/net/near0/device/msi_irqs/*; do echo 8-11 | ");
}

Test(info_port, multicast_that_comes_back_is_named_with_the_command_that_ends_it)
{
    made_sys_write(NEAR "/settings/force_local_lb_disable", "Force local loopback disable is OFF");
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("comes back to other programs on near0, which slows senders\n");
    expect_prints("tee /sys/class/net/near0/settings/force_local_lb_disable");
}

Test(info_port, multicast_that_does_not_come_back_needs_no_command)
{
    made_sys_write(NEAR "/settings/force_local_lb_disable", "Force local loopback disable is ON");
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("does not come back to programs on near0");
    expect_hides("tee /sys/class/net/near0/settings");
}

Test(info_port, the_mtu_of_a_virtual_function_below_that_of_its_port_is_named_with_the_remedy)
{
    made_sys_write("/sys/class/net/pf0/mtu", "9216");
    made_sys_write(NEAR "/device/physfn/net/pf0/ifindex", "70");
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("MTU of near0 is 9000 and that of pf0, its physical function, is 9216: streams "
                  "receive frames of both, but send only the shorter ones\n");
    expect_prints("ip link set near0 mtu 9216\n");
}

Test(info_port, programs_get_the_same_and_null_for_what_is_not_known)
{
    json_t *object, *place;

    run("engines --json --interface " TEST_NEAR_INTERFACE);
    object = json_loads(printed, 0, NULL);
    place = json_object_get(
        json_object_get(json_array_get(json_object_get(object, "engines"), 0), "device"), "place");
    cr_assert_not_null(place, "%s", printed);
    cr_expect_str_eq(json_string_value(json_object_get(place, "interface")), TEST_NEAR_INTERFACE);
    cr_expect_eq(number(place, "numa_node"), 1);
    cr_expect_eq(number(place, "numa_nodes"), 2);
    cr_expect_str_eq(json_string_value(json_object_get(place, "node_cpus")), "8-15");
    cr_expect(json_is_null(json_object_get(place, "interrupts")));
    cr_expect(json_is_null(json_object_get(place, "multicast_loopback")));
    cr_expect_eq(json_array_size(json_object_get(place, "notes")), 3);
    json_decref(object);
}

Test(info_port, a_host_that_does_not_know_the_port_is_said_so)
{
    made_sys_write(NEAR "/ifindex", "4000");
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("the kernel does not tell where the port of near0 is in this host");
    expect_prints("the kernel lists no interrupts of near0\n");
    expect_prints("it is not known whether multicast that a program sends by engine verbs comes "
                  "back to other programs on near0\n");
}

/* The made-up host says that the interface lies on another one, as a VLAN does. */
Test(info_port, the_mtu_of_a_vlan_below_that_of_its_port_is_named_with_the_remedy)
{
    made_sys_write(NEAR "/lower_wide0/ifindex", "70");
    made_sys_write("/sys/class/net/wide0/mtu", "9216");
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("MTU of near0 is 9000 and that of wide0, which it lies on, is 9216: streams "
                  "receive frames of both, but send only the shorter ones\n");
    expect_prints("ip link set near0 mtu 9216\n");
}

Test(info_port, a_vlan_on_a_port_with_small_packets_is_raised_after_its_port)
{
    made_sys_write(NEAR "/lower_wide0/ifindex", "70");
    made_sys_write("/sys/class/net/wide0/mtu", "1500");
    cr_assert_eq(system("ip link set near0 mtu 1500"), 0);
    run("engines --interface " TEST_NEAR_INTERFACE);
    expect_prints("MTU of near0 is 1500: packets are small");
    expect_prints("ip link set wide0 mtu 9000\n");
    cr_expect_lt(strstr(printed, "ip link set wide0 mtu 9000"),
                 strstr(printed, "ip link set near0 mtu 9000"));
}
