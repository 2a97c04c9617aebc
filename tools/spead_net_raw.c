/* spead-net-raw: runs a program with CAP_NET_RAW and CAP_IPC_LOCK, so that nobody has to be root to use engine verbs.
 * The file spead-net-raw has these capabilities (setcap). The program that it runs gets them as ambient capabilities.
 *
 * spead-net-raw runs any program. A list of allowed names would protect nothing, because a user who may run one of our
 * tools can make the tool load any library. The owner of the file spead-net-raw decides which users may run it, by the
 * group of the file. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <speadline/error.h>

#include "tool_capability.h"
#include "tool_exit.h"

enum { CANNOT_RUN = 126, NOT_FOUND = 127 }; /* the exit statuses that env(1) and nice(1) use */

static void print_help(void)
{
    puts("Usage: spead-net-raw PROGRAM [ARGUMENT...]\n"
         "Run PROGRAM with the capabilities that engine verbs needs (cap_net_raw,\n"
         "cap_ipc_lock).\n"
         "\n"
         "The file spead-net-raw must first have these capabilities itself, and it should\n"
         "belong to a group of trusted users:\n"
         "  sudo chgrp GROUP spead-net-raw && sudo chmod 0750 spead-net-raw\n"
         "  sudo setcap cap_net_raw,cap_ipc_lock+p spead-net-raw");
}

static int explain(int code)
{
    char path[200];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 1);

    path[bytes > 0 ? bytes : 0] = '\0';
    if (code != -EPERM)
        return tool_failed("cannot pass capabilities on: %s", strerror(-code));
    return tool_failed("no CAP_NET_RAW to pass on: run sudo setcap cap_net_raw,cap_ipc_lock+p %s",
                       path);
}

static int run(char **argv)
{
    int ret = tool_pass_capability_on(CAP_NET_RAW);

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
    if (argc < 2)
        tool_usage("which program? Give PROGRAM [ARGUMENT...]");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--usage") == 0) {
        print_help();
        return TOOL_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("spead-net-raw (Speadline) %s\n", spead_version());
        return TOOL_DONE;
    }
    if (argv[1][0] == '-')
        tool_usage("%s: no such option; give PROGRAM [ARGUMENT...]", argv[1]);
    return run(argv + 1);
}
