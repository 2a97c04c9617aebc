/* Goal: spead-net-raw gives an ordinary user the capabilities that engine verbs needs, and no other capability. If
 * spead-net-raw itself has no capabilities, it prints how to give them to it. Method: this process runs the built
 * program. As an ordinary user it also runs a copy of the program that has file capabilities (the extended attribute
 * that setcap writes). */
#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "program.h"

#define NOBODY 65534

TestSuite(net_raw, .timeout = 60);

static char folder[] = "/tmp/speadline-net-raw-XXXXXX";

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

static void copy_program(const char *to)
{
    char command[400];

    snprintf(command, sizeof command, "cp %s %s && chmod 755 %s %s", SPEAD_NET_RAW, to, to, folder);
    cr_assert_eq(system(command), 0);
}

/* Gives a program the same capabilities as `setcap cap_net_raw,cap_ipc_lock+p`. */
static bool give_capabilities(const char *path)
{
    struct vfs_cap_data data = {.magic_etc = htole32(VFS_CAP_REVISION_2)};

    data.data[0].permitted = htole32(1u << CAP_NET_RAW | 1u << CAP_IPC_LOCK);
    return setxattr(path, "security.capability", &data, sizeof data, 0) == 0;
}

Test(net_raw, an_ordinary_user_gets_the_two_capabilities_and_no_other)
{
    char path[64];

    if (geteuid() != 0)
        cr_skip_test("needs root, to give a file capabilities");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/spead-net-raw", folder);
    copy_program(path);
    if (!give_capabilities(path)) {
        unlink(path);
        rmdir(folder);
        cr_skip_test("files cannot be given capabilities here: %s", strerror(errno));
    }
    cr_assert_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
    /* The saved user id stays root, so that seteuid(0) below can succeed. */
    cr_assert_eq(setresuid(NOBODY, NOBODY, 0), 0);
    cr_assert_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    run(path, "grep Cap /proc/self/status", 0, "CapEff:\t0000000000006000", "");
    cr_assert_eq(seteuid(0), 0);
    unlink(path);
    rmdir(folder);
}

Test(net_raw, without_capabilities_it_names_the_command_that_gives_them)
{
    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0), 0);
    run(SPEAD_NET_RAW, "true", 1, "", "sudo setcap cap_net_raw,cap_ipc_lock+p " SPEAD_NET_RAW);
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
