/* SPDX-License-Identifier: Apache-2.0 */
/* See port_place.h. */
#include <speadi/port_place.h>

#include <stdio.h>
#include <string.h>

#include <speadi/sys_file.h>

enum { DEPTH_MAX = 3 }; /* how deep a search goes: a VLAN on top of a bond on top of a port */

/* The mounted sysfs can belong to another network namespace than the calling thread. Then it describes other
 * interfaces of the same names. */
static bool is_known(const char *interface)
{
    int64_t index;

    return speadi_sys_number(&index, "/sys/class/net/%s/ifindex", interface) &&
           index == (int64_t)if_nametoindex(interface);
}

/* Goes down from a VLAN or bond to an interface that has a device. */
static void find_port(struct speadi_port_place *place)
{
    char lower[sizeof "lower_" + IF_NAMESIZE], target[8];

    snprintf(place->port, sizeof place->port, "%s", place->interface);
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        if (speadi_sys_entry(target, sizeof target, "", "/sys/class/net/%s/device", place->port) ||
            !speadi_sys_entry(lower, sizeof lower, "lower_", "/sys/class/net/%s", place->port))
            return;
        snprintf(place->port, sizeof place->port, "%.15s", lower + strlen("lower_"));
    }
}

static uint32_t mtu_of(const char *interface)
{
    int64_t mtu = 0;

    return speadi_sys_number(&mtu, "/sys/class/net/%s/mtu", interface) && mtu > 0 ? (uint32_t)mtu
                                                                                  : 0;
}

/* Finds the interface whose longer frames would reach the same queue. */
static void find_wider(struct speadi_port_place *place)
{
    char lower[sizeof "lower_" + IF_NAMESIZE];

    place->mtu = mtu_of(place->interface);
    if (speadi_sys_entry(lower, sizeof lower, "lower_", "/sys/class/net/%s", place->interface)) {
        snprintf(place->wider, sizeof place->wider, "%.15s", lower + strlen("lower_"));
    } else if (speadi_sys_entry(lower, sizeof lower, "", "/sys/class/net/%s/device/physfn/net",
                                place->port)) {
        snprintf(place->wider, sizeof place->wider, "%.15s", lower);
        place->is_virtual_function = true;
    }
    if (place->wider[0] != '\0')
        place->wider_mtu = mtu_of(place->wider);
}

static void find_node(struct speadi_port_place *place)
{
    static struct speadi_cpu_set none;
    struct speadi_cpu_set nodes = none;
    int64_t node = -1;
    char list[256];

    if (speadi_sys_line(list, sizeof list, "/sys/devices/system/node/online") &&
        speadi_cpu_set_add_list(&nodes, list))
        place->node_count = speadi_cpu_set_count(&nodes);
    if (!speadi_sys_number(&node, "/sys/class/net/%s/device/numa_node", place->port) || node < 0)
        return;
    place->node = (int)node;
    if (speadi_sys_line(list, sizeof list, "/sys/devices/system/node/node%d/cpulist", place->node))
        speadi_cpu_set_add_list(&place->node_cpus, list);
}

static void add_interrupt(void *arg, const char *number)
{
    struct speadi_port_place *place = arg;
    char list[256];

    place->interrupts++;
    if (speadi_sys_line(list, sizeof list, "/proc/irq/%s/effective_affinity_list", number) &&
        list[0] != '\0')
        speadi_cpu_set_add_list(&place->irq_cpus, list);
    else if (speadi_sys_line(list, sizeof list, "/proc/irq/%s/smp_affinity_list", number))
        speadi_cpu_set_add_list(&place->irq_cpus, list);
}

static void find_loopback(struct speadi_port_place *place)
{
    char line[64];

    speadi_sys_link(place->driver, sizeof place->driver, "/sys/class/net/%s/device/driver",
                    place->port);
    if (!speadi_sys_line(line, sizeof line, "/sys/class/net/%s/settings/force_local_lb_disable",
                         place->port))
        return;
    if (strstr(line, "is ON") || strcmp(line, "1") == 0)
        place->loopback = SPEADI_LOOPBACK_OFF;
    else if (strstr(line, "is OFF") || strcmp(line, "0") == 0)
        place->loopback = SPEADI_LOOPBACK_ON;
}

void speadi_port_place_read(struct speadi_port_place *place, const char *interface)
{
    char list[256];

    memset(place, 0, sizeof *place);
    place->node = -1;
    snprintf(place->interface, sizeof place->interface, "%s", interface);
    if (interface[0] == '\0' || !is_known(interface))
        return;
    find_port(place);
    find_wider(place);
    find_node(place);
    speadi_sys_each(add_interrupt, place, "/sys/class/net/%s/device/msi_irqs", place->port);
    if (speadi_sys_line(list, sizeof list, "/sys/devices/system/cpu/isolated"))
        speadi_cpu_set_add_list(&place->isolated, list);
    find_loopback(place);
}
