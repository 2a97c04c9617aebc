/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a tool whose file has capabilities runs no code of its user. RDMAV_DRIVERS names a driver, and SYSFS_PATH is a
 * folder that describes a device. libibverbs loads the driver for this device in each program whose real and effective
 * user ids are equal.
 * Method: the test makes such a driver and such a folder, and runs copies of the built tools with file capabilities as
 * an ordinary user. First it runs a tool without capabilities, which must load the driver: otherwise the attack would
 * not work on this machine, and the test would show nothing. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "capable_program.h"
#include "program.h"

static const char *folder;
static char driver[128], mark[160];

/* Writes a file below the folder, and makes the folders on its way. */
static void write_file(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0755);
    }
    file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

/* Makes device nodes in a folder, and puts this folder in the place of /dev, for this test and its children. libibverbs
 * needs a node in /dev for the device of SYSFS_PATH. A host with an RDMA device has such a node. */
static void make_dev(void)
{
    char path[128];
    static const struct {
        const char *name;
        unsigned minor;
    } nodes[] = {{"null", 3}, {"zero", 5}, {"urandom", 9}, {"infiniband/uverbs0", 3}};

    write_file("dev/infiniband/made", "");
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        snprintf(path, sizeof path, "%s/dev/%s", folder, nodes[i].name);
        cr_assert_eq(mknod(path, S_IFCHR | 0666, makedev(1, nodes[i].minor)), 0);
        cr_assert_eq(chmod(path, 0666), 0);
    }
    snprintf(path, sizeof path, "%s/dev", folder);
    cr_assert_eq(mount(path, "/dev", NULL, MS_BIND, NULL), 0);
}

static void make_sysfs(void)
{
    write_file("sys/class/infiniband_verbs/abi_version", "6\n");
    write_file("sys/class/infiniband_verbs/uverbs0/ibdev", "made0\n");
    write_file("sys/class/infiniband_verbs/uverbs0/abi_version", "1\n");
    write_file("sys/class/infiniband_verbs/uverbs0/dev", "1:3\n");
    write_file("sys/class/infiniband/made0/node_type", "1: CA\n");
}

static bool was_loaded(void)
{
    return unlink(mark) == 0;
}

static void run(const char *path, const char *line)
{
    struct program program = {0};

    program_start(&program, path, line);
    program_wait(&program);
    program_release(&program);
}

static void set_up(void)
{
    const char *reason;
    char path[160];

    folder = test_capable_folder(&reason);
    if (!folder)
        cr_skip_test("%s", reason);
    make_dev();
    make_sysfs();
    snprintf(driver, sizeof driver, "%s/driver", folder);
    snprintf(mark, sizeof mark, "%s-rdmav34.so.was-loaded", driver);
    if (!test_capable_copy(path, NAMED_DRIVER, "driver-rdmav34.so", TEST_CAPABLE_NONE, &reason))
        cr_skip_test("%s", reason);
    snprintf(path, sizeof path, "%s/sys", folder);
    setenv("SYSFS_PATH", path, 1);
    setenv("RDMAV_DRIVERS", driver, 1);
    setenv("IBV_DRIVERS", driver, 1);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    run(SPEAD_INFO, "engines");
    if (!was_loaded())
        cr_skip_test("libibverbs of this machine loads no driver that RDMAV_DRIVERS names");
}

TestSuite(secure_tools, .init = set_up, .timeout = 120);

/* Runs a copy of the tool with these rights as an ordinary user. The driver must not be loaded. */
static void expect_not_loaded(const char *tool, enum test_capable_rights rights, const char *line)
{
    char path[TEST_CAPABLE_PATH_MAX];
    const char *reason;

    test_become_root();
    if (!test_capable_copy(path, tool, strrchr(tool, '/') + 1, rights, &reason))
        cr_skip_test("%s", reason);
    test_become_nobody();
    run(path, line);
    cr_expect_not(was_loaded(), "%s %s", tool, line);
}

Test(secure_tools, no_tool_with_capabilities_loads_a_driver_that_its_user_names)
{
    static const char *const variables[] = {"RDMAV_DRIVERS", "IBV_DRIVERS"};

    for (size_t i = 0; i < 2; i++) {
        unsetenv(variables[i]); /* libibverbs reads the second one only without the first one */
        setenv(variables[1 - i], driver, 1);
        expect_not_loaded(SPEAD_RECV, TEST_CAPABLE_EFFECTIVE,
                          "--quiet --seconds 0.1 --engine verbs 127.0.0.1:17148");
        expect_not_loaded(SPEAD_RECV, TEST_CAPABLE_EFFECTIVE,
                          "--quiet --seconds 0.1 --engine auto 127.0.0.1:17148");
        expect_not_loaded(SPEAD_SEND, TEST_CAPABLE_EFFECTIVE,
                          "--quiet --heaps 1 --engine verbs 127.0.0.1:17148");
        expect_not_loaded(SPEAD_SEND, TEST_CAPABLE_EFFECTIVE,
                          "--quiet --heaps 1 --engine auto 127.0.0.1:17148");
        expect_not_loaded(SPEAD_INFO, TEST_CAPABLE_EFFECTIVE, "engines");
        expect_not_loaded(SPEAD_INFO, TEST_CAPABLE_SETUID, "engines");
    }
}

Test(secure_tools, variables_that_name_libraries_have_no_effect_there)
{
    char library[160];

    snprintf(library, sizeof library, "%s-rdmav34.so", driver);
    setenv("SPEADLINE_LIBIBVERBS", library, 1);
    setenv("SPEADLINE_LIBMLX5", library, 1);
    run(SPEAD_INFO, "engines");
    cr_assert(was_loaded(), "in an ordinary tool they have an effect");
    expect_not_loaded(SPEAD_INFO, TEST_CAPABLE_EFFECTIVE, "engines");
    expect_not_loaded(SPEAD_INFO, TEST_CAPABLE_SETUID, "engines");
    expect_not_loaded(SPEAD_RECV, TEST_CAPABLE_EFFECTIVE,
                      "--quiet --seconds 0.1 --engine auto 127.0.0.1:17148");
}

Test(secure_tools, in_a_program_of_a_user_the_library_refuses_and_names_the_variable)
{
    char path[TEST_CAPABLE_PATH_MAX];
    struct program program = {0};
    const char *reason;
    char *printed;

    unsetenv("IBV_DRIVERS");
    if (!test_capable_copy(path, VERBS_USABLE, "verbs-usable", TEST_CAPABLE_EFFECTIVE, &reason))
        cr_skip_test("%s", reason);
    test_become_nobody();
    program_start(&program, path, "");
    cr_expect_eq(program_wait(&program), 1);
    printed = program_out(&program);
    cr_expect(strstr(printed, "RDMAV_DRIVERS is set") || strstr(printed, "SYSFS_PATH is set"), "%s",
              printed);
    cr_expect_not(was_loaded());
    free(printed);
    program_release(&program);
}
