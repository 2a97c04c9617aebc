/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the library uses sysfs to find the RDMA device of an interface, also through VLANs and bonds. It does not use
 * sysfs if sysfs shows another network namespace.
 * Method: the test writes a sysfs of its own. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs_interface.h"

static char root[] = "/tmp/speadline-sysfs-XXXXXX";
static char device[SPEADI_VERBS_NAME_MAX];
static uint8_t port;

static void make_tree(void)
{
    char command[1200];

    cr_assert_not_null(mkdtemp(root));
    snprintf(
        command, sizeof command,
        "cd %s && mkdir -p class/net && cd class/net && "
        "mkdir -p eth0/device/infiniband/mlx5_0 eth1/device/infiniband/mlx4_0 "
        "vlan5/lower_bond0 bond0/lower_eth7 bond0/lower_eth0 eth7/device loop/lower_loop && "
        "echo 3 >eth0/ifindex; echo 0 >eth0/dev_port; echo 4 >eth1/ifindex; echo 1 >eth1/dev_port;"
        "echo 9 >vlan5/ifindex; echo 10 >eth7/ifindex; echo 11 >loop/ifindex",
        root);
    cr_assert_eq(system(command), 0);
}

static void remove_tree(void)
{
    char command[64];

    snprintf(command, sizeof command, "rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(verbs_interface, .init = make_tree, .fini = remove_tree);

Test(verbs_interface, a_port_has_its_device)
{
    cr_assert(speadi_verbs_interface_device(root, "eth0", 3, device, &port));
    cr_assert_str_eq(device, "mlx5_0");
    cr_assert_eq(port, 1);
}

Test(verbs_interface, the_second_port_of_a_device_counts_from_one)
{
    cr_assert(speadi_verbs_interface_device(root, "eth1", 4, device, &port));
    cr_assert_str_eq(device, "mlx4_0");
    cr_assert_eq(port, 2);
}

Test(verbs_interface, a_vlan_on_a_bond_has_the_device_of_a_port_below)
{
    cr_assert(speadi_verbs_interface_device(root, "vlan5", 9, device, &port));
    cr_assert_str_eq(device, "mlx5_0");
}

Test(verbs_interface, other_interfaces_have_none)
{
    cr_assert_not(speadi_verbs_interface_device(root, "eth7", 10, device, &port));
    cr_assert_not(speadi_verbs_interface_device(root, "gone", 12, device, &port));
    cr_assert_not(speadi_verbs_interface_device(root, "loop", 11, device, &port));
}

Test(verbs_interface, an_interface_of_the_same_name_in_another_network_is_not_it)
{
    cr_assert_not(speadi_verbs_interface_device(root, "eth0", 77, device, &port));
}
