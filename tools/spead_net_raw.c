/* SPDX-License-Identifier: Apache-2.0 */
/* spead-net-raw: runs a program with CAP_NET_RAW and CAP_IPC_LOCK, so that nobody has to be root to use engine verbs.
 * The file spead-net-raw has these capabilities (setcap). The program that it runs gets them as ambient capabilities.
 *
 * spead-net-raw runs any program. A list of allowed names would protect nothing, because a user who may run one of our
 * tools can make the tool load any library. The owner of the file spead-net-raw decides which users may run it, by the
 * group of the file. spead-net-raw refuses to work as long as the mode of the file lets everybody run it
 * (net_raw_guard.h). */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <speadline/error.h>

#include <speadi/remedy.h>

#include "net_raw_guard.h"
#include "tool_capability.h"
#include "tool_exit.h"
#include "tool_remedy.h"

enum { CANNOT_RUN = 126, NOT_FOUND = 127 }; /* the exit statuses that env(1) and nice(1) use */

static void print_help(void)
{
    const char *sudo = speadi_sudo();

    printf("Usage: spead-net-raw PROGRAM [ARGUMENT...]\n"
           "Run PROGRAM with the capabilities that engine verbs needs (cap_net_raw,\n"
           "cap_ipc_lock).\n"
           "\n"
           "The file spead-net-raw must first have these capabilities itself, and belong to\n"
           "a group of trusted users. It refuses to work while others may execute it. The\n"
           "order matters, because chgrp takes capabilities away:\n"
           "  %schgrp GROUP spead-net-raw\n"
           "  %schmod 0750 spead-net-raw\n"
           "  %ssetcap cap_net_raw,cap_ipc_lock+p spead-net-raw\n",
           sudo, sudo, sudo);
}

/* Prints the sentence `why`, and the commands that set group, mode and capabilities of the file. */
static int refuse(const char *why, const char *path)
{
    struct tool_remedy remedy;
    char line[TOOL_REMEDY_COMMANDS_MAX * (TOOL_COMMAND_MAX + 4)];

    tool_remedy_init(&remedy, "%s", why);
    tool_remedy_net_raw(&remedy, path);
    return tool_failed("%s: run %s", why, tool_remedy_line(&remedy, line, sizeof line));
}

/* Whoever executes the file gets raw sockets. So the program must not go on if every user can execute the file, or if
 * others can change it. Returns 0 or the exit status. */
static int check_guard(void)
{
    char path[NET_RAW_PATH_MAX], why[NET_RAW_PATH_MAX + 80], quoted[TOOL_COMMAND_MAX];

    switch (net_raw_guard_check(path)) {
    case NET_RAW_GUARDED:
        return 0;
    case NET_RAW_ANYBODY_RUNS:
        snprintf(why, sizeof why, "every user may execute %s and would get raw sockets", path);
        return refuse(why, path);
    case NET_RAW_OTHERS_WRITE:
        snprintf(why, sizeof why, "others may write to %s", path);
        return refuse(why, path);
    case NET_RAW_OTHERS_REPLACE:
        tool_quote(path, quoted, sizeof quoted);
        return tool_failed("others may write to the folder %s and replace this program: run "
                           "%schown root %s && %schmod go-w %s",
                           path, speadi_sudo(), quoted, speadi_sudo(), quoted);
    case NET_RAW_UNKNOWN:
        break;
    }
    return tool_failed("cannot find out who may execute %s", path[0] ? path : "this program");
}

static int explain(int code)
{
    char path[NET_RAW_PATH_MAX];

    if (code != -EPERM)
        return tool_failed("cannot pass capabilities on: %s", strerror(-code));
    if (!speadi_may_have_capability(CAP_NET_RAW))
        return tool_failed("no CAP_NET_RAW to pass on, and nobody has it in this container or "
                           "unit: start the container with --cap-add=NET_RAW --cap-add=IPC_LOCK, "
                           "or name both in CapabilityBoundingSet= of the unit");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return tool_failed("no CAP_NET_RAW to pass on: no_new_privs is set here, so no file gives "
                           "capabilities; use AmbientCapabilities=CAP_NET_RAW CAP_IPC_LOCK in the "
                           "unit");
    net_raw_guard_check(path);
    return refuse("no CAP_NET_RAW to pass on", path);
}

static int run(char **argv)
{
    int ret = check_guard();

    if (ret != 0)
        return ret;
    ret = tool_pass_capability_on(CAP_NET_RAW);
    if (ret < 0)
        return explain(ret);
    /* If this process may not pass CAP_IPC_LOCK on (-EPERM), it runs the program without that capability.
     * RLIMIT_MEMLOCK then limits how much memory the program can lock. */
    ret = tool_pass_capability_on(CAP_IPC_LOCK);
    if (ret < 0 && ret != -EPERM)
        return explain(ret);
    execvp(argv[0], argv);
    ret = errno;
    tool_failed("%s: %s", argv[0], strerror(ret));
    return ret == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '\0')
        tool_usage("which program? Give PROGRAM [ARGUMENT...]");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "--usage") == 0) {
        print_help();
        return TOOL_DONE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("spead-net-raw (Speadline) %s\n", spead_version());
        return TOOL_DONE;
    }
    if (argv[1][0] == '-')
        tool_usage("%s: no such option; give PROGRAM [ARGUMENT...]", argv[1]);
    return run(argv + 1);
}
