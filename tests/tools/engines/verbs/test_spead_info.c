/* Goal: spead-info says for every engine whether this machine can use it. If not, it gives the command that helps.
 * Method: the test process drops its own capabilities and limits. Then it runs the built program with the verbs double.
 * A script of the double says what the device lacks. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "netns.h"
#include "program.h"
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
    assert_prints("sudo ip link set " TEST_NEAR_INTERFACE " up");
}

Test(spead_info, without_capabilities_the_command_that_gives_them_is_named)
{
    struct rlimit limit = {64 << 10, 64 << 10};

    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0), 0);
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    run("engines", NULL);
    assert_prints("verbs   not usable: create_qp");
    assert_prints("setcap cap_net_raw,cap_ipc_lock+p");
    assert_prints("only 64 KiB of memory may be locked");
    assert_prints("ulimit -l unlimited");
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
