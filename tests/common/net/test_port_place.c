/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the library knows where a port is in its host: NUMA node, interrupts, MTU of the port, multicast loopback; and it
 * says what differs from the calling thread and what to do. What the host does not say is not known, and is not guessed.
 * Method: the test writes a host of its own, for the interface lo. */
#include <criterion/criterion.h>

#include <linux/mempolicy.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/cpus.h>
#include <speadi/port_place.h>

#include "made_sys.h"

static struct speadi_port_place place;
static char text[SPEADI_PORT_TEXT_MAX], list[SPEADI_CPU_LIST_MAX];

static void set_up(void)
{
    made_sys_begin();
}

TestSuite(port_place, .init = set_up, .fini = made_sys_remove);

/* Returns the list of the CPUs on which this thread may run. */
static const char *own_cpus(void)
{
    struct speadi_cpu_set own;

    cr_assert(speadi_cpu_set_of_thread(&own));
    return speadi_cpu_set_list(list, &own);
}

static bool says(const char *part)
{
    return strstr(text, part) != NULL;
}

Test(port_place, the_node_of_a_port_is_told_with_its_cpus)
{
    made_sys_port("lo", 1, "0-7", "8-15");
    speadi_port_place_read(&place, "lo");
    cr_expect_eq(place.node, 1);
    cr_expect_eq(place.node_count, 2);
    cr_expect_str_eq(speadi_port_node_text(text, &place),
                     "lo is on NUMA node 1 of 2, whose CPUs are 8-15");
}

Test(port_place, a_thread_on_another_node_gets_advice)
{
    made_sys_port("lo", 1, own_cpus(), "900-907");
    speadi_port_place_read(&place, "lo");
    cr_expect(speadi_port_thread_advice(text, &place));
    cr_expect(says("lo is on NUMA node 1, whose CPUs are 900-907"), "%s", text);
    cr_expect(says("--cpu"), "%s", text);
}

Test(port_place, a_thread_on_the_node_gets_none)
{
    made_sys_port("lo", 0, own_cpus(), "900-907");
    speadi_port_place_read(&place, "lo");
    cr_expect_not(speadi_port_thread_advice(text, &place), "%s", text);
    cr_expect_not(speadi_port_memory_advice(text, &place), "%s", text);
}

Test(port_place, a_host_with_one_node_needs_no_advice)
{
    made_sys_port("lo", 0, "900-907", "900-907");
    made_sys_write("/sys/devices/system/node/online", "0");
    speadi_port_place_read(&place, "lo");
    cr_expect_not(speadi_port_thread_advice(text, &place), "%s", text);
    cr_expect_str_empty(speadi_port_node_text(text, &place));
}

Test(port_place, a_port_whose_node_the_host_does_not_know_gets_no_advice)
{
    made_sys_port("lo", -1, "0-7", "900-907");
    speadi_port_place_read(&place, "lo");
    cr_expect_eq(place.node, -1);
    cr_expect_not(speadi_port_thread_advice(text, &place), "%s", text);
    cr_expect_str_empty(speadi_port_node_text(text, &place));
}

Test(port_place, memory_of_another_node_gets_advice)
{
    unsigned long node0 = 1;

    made_sys_port("lo", 1, "0-7", "8-15");
    speadi_port_place_read(&place, "lo");
    if (syscall(SYS_set_mempolicy, MPOL_BIND, &node0, 64ul) != 0)
        cr_skip_test("this kernel, or its seccomp profile, has no memory policies");
    cr_expect(speadi_port_memory_advice(text, &place));
    cr_expect(says("names the NUMA nodes 0, and lo is on node 1"), "%s", text);
    cr_expect(says("numactl --membind=1"), "%s", text);
}

Test(port_place, a_pinned_thread_that_shares_its_cpu_with_interrupts_gets_advice)
{
    struct spead_err err;
    char one[16];
    int cpu = 0;

    cr_assert(sscanf(own_cpus(), "%d", &cpu) == 1);
    cr_assert_eq(speadi_cpu_pin(cpu, &err), 0, "%s", err.text);
    snprintf(one, sizeof one, "%d", cpu);
    made_sys_port("lo", -1, "0-7", "8-15");
    made_sys_write("/sys/class/net/lo/device/msi_irqs/41", "msix");
    made_sys_write("/sys/class/net/lo/device/msi_irqs/42", "msix");
    made_sys_write("/proc/irq/41/smp_affinity_list", "900");
    made_sys_write("/proc/irq/42/smp_affinity_list", "800-901");
    made_sys_write("/proc/irq/42/effective_affinity_list", "%s", one);
    made_sys_write("/sys/devices/system/cpu/isolated", "900-903");
    speadi_port_place_read(&place, "lo");
    cr_expect_eq(place.interrupts, 2);
    cr_expect(speadi_cpu_set_has(&place.irq_cpus, 900));
    cr_expect_not(speadi_cpu_set_has(&place.irq_cpus, 901), "the effective list counts");
    cr_expect(speadi_cpu_set_has(&place.isolated, 903));
    cr_expect(speadi_port_interrupt_advice(text, &place));
    cr_expect(says("also serves interrupts of lo"), "%s", text);
}

Test(port_place, multicast_loopback_is_known_only_where_the_driver_tells)
{
    made_sys_port("lo", 0, "0", "1");
    speadi_port_place_read(&place, "lo");
    cr_expect_eq(place.loopback, SPEADI_LOOPBACK_UNKNOWN);
    made_sys_write("/sys/class/net/lo/settings/force_local_lb_disable",
                   "Force local loopback disable is OFF");
    speadi_port_place_read(&place, "lo");
    cr_expect_eq(place.loopback, SPEADI_LOOPBACK_ON);
    made_sys_write("/sys/class/net/lo/settings/force_local_lb_disable",
                   "Force local loopback disable is ON");
    speadi_port_place_read(&place, "lo");
    cr_expect_eq(place.loopback, SPEADI_LOOPBACK_OFF);
}

Test(port_place, a_vlan_and_a_virtual_function_name_the_interface_with_the_longer_frames)
{
    made_sys_port("lo", 0, "0", "1");
    made_sys_write("/sys/class/net/lo/mtu", "1500");
    made_sys_write("/sys/class/net/lo/device/physfn/net/pf0/ifindex", "7");
    made_sys_write("/sys/class/net/pf0/mtu", "9000");
    speadi_port_place_read(&place, "lo");
    cr_expect(place.is_virtual_function);
    cr_expect_str_eq(place.wider, "pf0");
    cr_expect_eq(place.wider_mtu, 9000);
    made_sys_write("/sys/class/net/lo/lower_below0/ifindex", "8");
    made_sys_write("/sys/class/net/below0/mtu", "4000");
    speadi_port_place_read(&place, "lo");
    cr_expect_not(place.is_virtual_function);
    cr_expect_str_eq(place.wider, "below0");
    cr_expect_eq(place.mtu, 1500);
    cr_expect_eq(place.wider_mtu, 4000);
}

Test(port_place, a_vlan_lies_on_the_port_of_the_interface_below)
{
    made_sys_write("/sys/class/net/lo/ifindex", "%u", if_nametoindex("lo"));
    made_sys_write("/sys/class/net/lo/lower_below0/ifindex", "8");
    made_sys_write("/sys/class/net/below0/device/numa_node", "1");
    speadi_port_place_read(&place, "lo");
    cr_expect_str_eq(place.port, "below0");
    cr_expect_eq(place.node, 1);
}

Test(port_place, a_host_that_says_nothing_or_shows_another_network_is_not_known)
{
    speadi_port_place_read(&place, "lo");
    cr_expect_str_empty(place.port);
    made_sys_port("lo", 1, "0-7", "8-15");
    made_sys_write("/sys/class/net/lo/ifindex", "4000");
    speadi_port_place_read(&place, "lo");
    cr_expect_str_empty(place.port);
    cr_expect_eq(place.node, -1);
    cr_expect_not(speadi_port_thread_advice(text, &place), "%s", text);
}
