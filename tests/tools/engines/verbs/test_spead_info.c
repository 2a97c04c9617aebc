/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-info says for every engine whether this machine can use it. If not, it gives the command that helps.
 * Method: the test process drops its own capabilities and limits. Then it runs the built program with the verbs double.
 * A script of the double says what the device lacks. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capable_program.h"
#include "netns.h"
#include "tool_run.h"
#include "verbs_double.h"

static char *printed;
static json_t *object;

static void set_up(void)
{
    struct test_netns_pair network;
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 1500, &reason))
        cr_skip_test("%s", reason);
}

static void tear_down(void)
{
    free(printed);
    json_decref(object);
    if (geteuid() ==
        TEST_NOBODY) /* the leak detector needs the rights with which the process began */
        test_become_root();
}

TestSuite(spead_info, .init = set_up, .fini = tear_down, .timeout = 120);

static void run(const char *line, const char *script)
{
    struct program program = {0};
    char *said;

    if (script)
        setenv("VDOUBLE", script, 1);
    program_start(&program, SPEAD_INFO, line);
    cr_assert_eq(program_wait(&program), 0);
    printed = program_out(&program);
    said = program_err(&program);
    cr_assert_str_empty(said);
    free(said);
    program_release(&program);
}

static void assert_prints(const char *text)
{
    cr_assert(strstr(printed, text), "\"%s\" is not in:\n%s", text, printed);
}

static const json_t *engine_of(const char *name)
{
    size_t i;
    json_t *engine;

    object = json_loads(printed, 0, NULL);
    cr_assert_not_null(object, "%s", printed);
    json_array_foreach(json_object_get(object, "engines"), i,
                       engine) if (strcmp(json_string_value(json_object_get(engine, "name")),
                                          name) == 0) return engine;
    cr_assert_fail("there is no %s in %s", name, printed);
    return NULL;
}

Test(spead_info, a_device_that_can_be_used_is_described)
{
    run("engines", NULL);
    assert_prints("socket  usable\n");
    assert_prints("verbs   usable\n");
    assert_prints("vd_" TEST_NEAR_INTERFACE " port 1, interface " TEST_NEAR_INTERFACE);
    assert_prints("Ethernet, active");
    assert_prints("multi-packet queue: strides of 64");
}

Test(spead_info, programs_get_one_object_with_the_same)
{
    const json_t *verbs, *device;

    run("engines --json --interface " TEST_NEAR_INTERFACE, "ip_csum=0 max_qp_wr=77");
    verbs = engine_of("verbs");
    device = json_object_get(verbs, "device");
    cr_assert(json_is_true(json_object_get(verbs, "usable")));
    cr_assert_str_eq(json_string_value(json_object_get(device, "interface")), TEST_NEAR_INTERFACE);
    cr_assert_eq(json_integer_value(json_object_get(device, "mtu")), 1500);
    cr_assert_eq(json_integer_value(json_object_get(device, "max_qp_wr")), 77);
    cr_assert(json_is_false(json_object_get(device, "checksum")));
    cr_assert(json_is_true(json_object_get(device, "flow_steering")));
    cr_assert_gt(
        json_integer_value(json_object_get(json_object_get(device, "mprq"), "stride_bytes_max")),
        0);
}

Test(spead_info, small_packets_and_small_pages_are_named_though_nothing_stands_in_the_way)
{
    run("engines --interface " TEST_NEAR_INTERFACE, NULL);
    assert_prints("verbs   usable\n");
    assert_prints("ip link set " TEST_NEAR_INTERFACE " mtu 9000");
}

Test(spead_info, a_library_that_is_missing_is_named_with_its_package)
{
    const json_t *verbs;

    setenv("SPEADLINE_LIBIBVERBS", "/nowhere/libibverbs.so.1", 1);
    run("engines --json", NULL);
    verbs = engine_of("verbs");
    cr_assert(json_is_false(json_object_get(verbs, "usable")));
    assert_prints("/nowhere/libibverbs.so.1");
    assert_prints("apt install libibverbs1");
}

Test(spead_info, infiniband_is_named_with_the_command_that_makes_it_ethernet)
{
    run("engines", "infiniband=1");
    assert_prints("verbs   not usable");
    assert_prints("mlxconfig -d vd_" TEST_NEAR_INTERFACE " set LINK_TYPE_P1=2");
}

Test(spead_info, a_port_that_is_down_is_named_with_the_command_that_raises_it)
{
    run("engines", "port_down=1");
    assert_prints("verbs   not usable");
    /* root reads it */
    assert_prints("not active: `ip link set " TEST_NEAR_INTERFACE " up`");
    assert_prints("            ip link set " TEST_NEAR_INTERFACE " up");
}

/* Makes the process an ordinary user whose programs have no capabilities, and who may lock 64 KiB. */
static void become_ordinary(void)
{
    struct rlimit limit = {64 << 10, 64 << 10};

    if (geteuid() != 0)
        cr_skip_test("needs root, to become another user");
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    test_become_nobody();
    if (access(SPEAD_INFO, X_OK) < 0 || access(VERBS_DOUBLE, R_OK) < 0)
        cr_skip_test("others cannot read the build folder");
}

Test(spead_info, without_capabilities_the_commands_that_give_them_to_a_group_are_named)
{
    become_ordinary();
    run("engines", NULL);
    assert_prints("verbs   not usable: create_qp");
    assert_prints("            sudo chgrp speadline /");
    assert_prints("            sudo chmod 0750 /");
    assert_prints("            sudo setcap cap_net_raw,cap_ipc_lock+p /");
    cr_assert_lt(strstr(printed, "chgrp"), strstr(printed, "setcap"),
                 "chgrp takes capabilities away");
    assert_prints("only 64 KiB of memory may be locked");
    assert_prints("LimitMEMLOCK=infinity");
}

Test(spead_info, where_nobody_can_have_a_capability_the_container_is_named)
{
    struct rlimit limit = {64 << 10, 64 << 10};

    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0), 0);
    prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0); /* perhaps it is gone already */
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    run("engines", NULL);
    assert_prints("verbs   not usable: create_qp");
    assert_prints("--cap-add=NET_RAW");
    assert_prints("--ulimit memlock=-1");
    cr_assert_not(strstr(printed, "setcap"), "it would not help here:\n%s", printed);
}

/* Expects that each remedy has commands that sh can parse, or a note where no command helps. Returns the number of
 * commands. */
static size_t expect_commands(const json_t *engine)
{
    size_t i, k, count = 0;
    json_t *remedy, *command;

    json_array_foreach(json_object_get(engine, "remedies"), i, remedy)
    {
        const json_t *commands = json_object_get(remedy, "commands");
        const char *note = json_string_value(json_object_get(remedy, "note"));

        cr_assert(json_is_array(commands) && note);
        cr_expect(json_array_size(commands) > 0 || note[0] != '\0');
        json_array_foreach(commands, k, command) cr_expect(
            is_shell_command(json_string_value(command)), "%s", json_string_value(command));
        json_array_foreach(json_object_get(remedy, "commands_to_keep"), k, command) cr_expect(
            is_shell_command(json_string_value(command)), "%s", json_string_value(command));
        count += json_array_size(commands);
    }
    return count;
}

Test(spead_info, commands_are_commands_and_say_what_survives_a_reboot)
{
    become_ordinary();
    run("engines --json", NULL);
    cr_expect_geq(expect_commands(engine_of("verbs")), 6u);
    cr_expect(strstr(printed, "/etc/sysctl.d/"), "%s", printed);
    cr_expect(strstr(printed, "ip link set " TEST_NEAR_INTERFACE " mtu 9000"), "%s", printed);
    free(printed);
    json_decref(object);
    run("engines --json", "infiniband=1");
    cr_expect_geq(expect_commands(engine_of("verbs")), 1u);
}

Test(spead_info, an_interface_that_does_not_exist_is_one_line_and_status_1)
{
    struct program program = {0};
    char *said;

    program_start(&program, SPEAD_INFO, "engines --interface nowhere0");
    cr_assert_eq(program_wait(&program), 1);
    said = program_err(&program);
    cr_assert(strstr(said, "nowhere0"), "%s", said);
    free(said);
    program_release(&program);
}
