/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-net-raw gives an ordinary user the capabilities that engine verbs needs, and no other capability. If
 * spead-net-raw itself has no capabilities, it prints how to give them to it. Method: this process runs the built
 * program. As an ordinary user it also runs a copy of the program that has file capabilities (the extended attribute
 * that setcap writes), in a folder that only this user can enter. */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capable_program.h"
#include "program.h"

TestSuite(net_raw, .timeout = 60);

static void run(const char *path, const char *line, int status, const char *prints,
                const char *says)
{
    struct program program = {0};
    char *printed, *said;
    int ended;

    program_start(&program, path, line);
    ended = program_wait(&program);
    printed = program_out(&program);
    said = program_err(&program);
    cr_assert_eq(ended, status, "\"%s\": status %d: %s", line, ended, said);
    cr_assert(strstr(printed, prints), "\"%s\" is not in \"%s\"", prints, printed);
    cr_assert(strstr(said, says), "\"%s\" is not in \"%s\"", says, said);
    free(printed);
    free(said);
    program_release(&program);
}

/* Makes a copy of spead-net-raw, with capabilities, that the group nobody may execute. */
static void copy_program(char path[TEST_CAPABLE_PATH_MAX], enum test_capable_rights rights)
{
    const char *reason;

    if (!test_capable_folder(&reason) ||
        !test_capable_copy(path, SPEAD_NET_RAW, "spead-net-raw", rights, &reason))
        cr_skip_test("%s", reason);
}

/* Changes the mode of the file or folder as root, and gives the file its capabilities again. */
static void change_mode(const char *path, mode_t mode)
{
    test_become_root();
    cr_assert_eq(chmod(path, mode), 0);
    test_become_nobody();
}

Test(net_raw, an_ordinary_user_gets_the_two_capabilities_and_no_other)
{
    char path[TEST_CAPABLE_PATH_MAX];

    copy_program(path, TEST_CAPABLE_PERMITTED);
    test_become_nobody();
    run(path, "grep Cap /proc/self/status", 0, "CapEff:\t0000000000006000", "");
}

Test(net_raw, while_every_user_may_execute_it_it_passes_nothing_on)
{
    char path[TEST_CAPABLE_PATH_MAX], fits[4 * TEST_CAPABLE_PATH_MAX + 200];

    copy_program(path, TEST_CAPABLE_PERMITTED);
    snprintf(fits, sizeof fits,
             "sudo chgrp speadline %s && sudo chmod 0750 %s && sudo setcap "
             "cap_net_raw,cap_ipc_lock+p %s",
             path, path, path);
    change_mode(path, 0755);
    run(path, "true", 1, "", "every user may execute");
    run(path, "true", 1, "", fits);
    change_mode(path, 0751);
    run(path, "true", 1, "", fits);
    change_mode(path, 0770);
    run(path, "true", 1, "", "others may write to");
    change_mode(path, 0750);
    run(path, "true", 0, "", "");
}

Test(net_raw, while_others_may_replace_it_it_passes_nothing_on)
{
    char path[TEST_CAPABLE_PATH_MAX], folder[TEST_CAPABLE_PATH_MAX];
    char fits[TEST_CAPABLE_PATH_MAX + 20];

    copy_program(path, TEST_CAPABLE_PERMITTED);
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    snprintf(fits, sizeof fits, "sudo chmod go-w %s", folder);
    change_mode(folder, 0770);
    run(path, "true", 1, "", fits);
    change_mode(folder, 0700);
    run(path, "true", 0, "", "");
    test_become_root();
    cr_assert_eq(chown(folder, 1, TEST_NOBODY), 0);
    cr_assert_eq(chmod(folder, 0750), 0);
    test_become_nobody();
    run(path, "true", 1, "", "may write to the folder");
}

/* A setuid file gives its rights to whoever may execute it, as a file with capabilities does. */
Test(net_raw, a_setuid_copy_is_guarded_too)
{
    char path[TEST_CAPABLE_PATH_MAX];

    copy_program(path, TEST_CAPABLE_SETUID);
    test_become_nobody();
    run(path, "true", 0, "", "");
    change_mode(path, 04755);
    run(path, "true", 1, "", "every user may execute");
}

Test(net_raw, without_capabilities_it_names_the_commands_that_give_them_to_a_group)
{
    char path[TEST_CAPABLE_PATH_MAX], fits[4 * TEST_CAPABLE_PATH_MAX + 200];

    copy_program(path, TEST_CAPABLE_NONE);
    change_mode(path, 0755);
    snprintf(fits, sizeof fits,
             "no CAP_NET_RAW to pass on: run sudo groupadd -f speadline && sudo chgrp speadline %s "
             "&& sudo chmod 0750 %s && sudo setcap cap_net_raw,cap_ipc_lock+p %s && sudo usermod",
             path, path, path);
    test_become_nobody();
    run(path, "true", 1, "", fits);
}

/* As after an upgrade, where dpkg has kept the group and the mode. */
Test(net_raw, a_file_that_a_group_has_needs_the_capabilities_only)
{
    char path[TEST_CAPABLE_PATH_MAX], fits[TEST_CAPABLE_PATH_MAX + 200];

    copy_program(path, TEST_CAPABLE_NONE);
    snprintf(fits, sizeof fits,
             "no CAP_NET_RAW to pass on: run sudo setcap cap_net_raw,cap_ipc_lock+p %s\n", path);
    test_become_nobody();
    run(path, "true", 1, "", fits);
}

Test(net_raw, where_nobody_can_have_the_capability_no_command_is_proposed)
{
    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0), 0);
    run(SPEAD_NET_RAW, "true", 1, "", "--cap-add=NET_RAW");
}

Test(net_raw, the_status_is_that_of_the_program)
{
    run(SPEAD_NET_RAW, "sh -c exit${IFS}7", 7, "", "");
}

Test(net_raw, a_program_that_is_not_there_is_named)
{
    run(SPEAD_NET_RAW, "nowhere-at-all", 127, "", "nowhere-at-all: No such file");
    run(SPEAD_NET_RAW, "/etc", 126, "", "/etc: Permission denied");
}

Test(net_raw, wrong_usage_is_one_line_and_status_2)
{
    run(SPEAD_NET_RAW, "", 2, "", "which program?");
    run(SPEAD_NET_RAW, "--bogus true", 2, "", "--bogus");
}
