/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a host without an RDMA device is told to load a driver only if it has a NIC that this driver is for.
 * Method: a network with only a loopback interface, for which the verbs double has no device, and the PCI functions of a
 * made-up host (support/made_sys.h). */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <speadi/verbs_device.h>

#include "made_sys.h"
#include "netns.h"
#include "verbs_double.h"

static struct spead_err err;

static void set_up(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    made_sys_begin();
}

static void tear_down(void)
{
    made_sys_remove();
}

TestSuite(verbs_absent, .init = set_up, .fini = tear_down, .timeout = 60);

static void add_function(const char *address, const char *vendor, const char *class)
{
    char path[100];

    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/vendor", address);
    made_sys_write(path, "%s", vendor);
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/class", address);
    made_sys_write(path, "%s", class);
}

static void probe(void)
{
    struct speadi_verbs_report report;

    cr_assert_eq(speadi_verbs_probe(&(struct speadi_verbs_wish){0}, &report, &err), -ENODEV, "%s",
                 err.text);
}

Test(verbs_absent, a_host_without_such_a_nic_is_told_to_load_nothing)
{
    probe();
    cr_expect_str_eq(err.text, "no RDMA device");
    add_function("0000:00:1f.6", "0x8086", "0x020000"); /* another vendor */
    add_function("0000:01:00.0", "0x10de", "0x030000"); /* a graphics card of NVIDIA */
    add_function("0000:02:00.1", "0x15b3", "0x080100"); /* a part of a BlueField that is no NIC */
    probe();
    cr_expect_str_eq(err.text, "no RDMA device");
}

Test(verbs_absent, a_host_with_such_a_nic_is_told_its_place_and_its_driver)
{
    add_function("0000:81:00.1", "0x15b3", "0x020000");
    add_function("0000:81:00.0", "0x15b3", "0x020000");
    add_function("0000:00:1f.6", "0x8086", "0x020000");
    probe();
    cr_expect_eq(strncmp(err.text, "no RDMA device; the NIC at 0000:81:00.0 ", 39), 0, "%s",
                 err.text);
    cr_expect_not_null(strstr(err.text, "modprobe mlx5_ib`"), "%s", err.text);
}

Test(verbs_absent, a_nic_of_infiniband_has_the_same_driver)
{
    add_function("0000:81:00.0", "0x15b3", "0x020700");
    probe();
    cr_expect_not_null(strstr(err.text, "modprobe mlx5_ib`"), "%s", err.text);
}
