/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-recv starts with its defaults on a small host, receives there, and says how much memory it takes and
 * why. spead-send refuses heaps that do not fit.
 * Method: the test puts itself and the programs into a memory cgroup of 4 GiB, that it makes and removes. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_file.h"
#include "tool_run.h"

/* The two versions of cgroups, and the file with the limit. */
static const struct cgroups {
    const char *top, *limit;
} versions[] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
                {"/sys/fs/cgroup", "memory.max"}};
static const struct cgroups *version;
static char group[128];

static bool enter(const struct cgroups *of)
{
    version = of;
    snprintf(group, sizeof group, "%s/speadline-test-%d", of->top, (int)getpid());
    if (mkdir(group, 0755) < 0)
        return false;
    if (test_host_file_write(group, of->limit, "4294967296") &&
        test_host_file_write(group, "cgroup.procs", "0"))
        return true;
    rmdir(group);
    return false;
}

static void enter_group(void)
{
    tool_enter();
    if (!enter(&versions[0]) && !enter(&versions[1]))
        cr_skip_test("no memory cgroup can be made: %s", strerror(errno));
}

static void leave_group(void)
{
    test_host_file_write(version->top, "cgroup.procs", "0");
    cr_expect_eq(rmdir(group), 0, "%s: %s", group, strerror(errno));
}

TestSuite(little_memory, .init = enter_group, .fini = leave_group, .timeout = 120);

Test(little_memory, heaps_in_flight_that_do_not_fit_are_refused_before_they_take_memory)
{
    static const char *const lines[] = {"127.0.0.1:17464 --max-heaps 96 --heap-size 64M",
                                        "127.0.0.1:17464 --max-heaps 96 --heap-size 64M --plan"};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct program send = {0};
        char *said;

        program_start(&send, SPEAD_SEND, lines[i]);
        expect_status(&send, 1);
        said = program_err(&send);
        cr_expect_not_null(strstr(said, "--max-heaps 96 of --heap-size 67108864 take 6.0 GiB of "
                                        "memory, and the cgroup has "),
                           "%s", said);
        free(said);
        program_release(&send);
    }
}

Test(little_memory, a_limit_of_the_user_that_the_cgroup_does_not_have_is_a_warning)
{
    struct program receiver = {0};
    char *said;

    program_start(&receiver, SPEAD_RECV, "127.0.0.1:17465 --plan --memory 64G --max-heap-size 1G");
    expect_status(&receiver, 0);
    said = program_err(&receiver);
    cr_expect_not_null(strstr(said, "and the cgroup has only "), "%s", said);
    cr_expect_not_null(strstr(said, "the kernel kills a program"), "%s", said);
    free(said);
    program_release(&receiver);
}

Test(little_memory, sixty_four_endpoints_start_with_defaults_and_receive)
{
    char line[2048] = "--json --verify --strict";
    struct run run = {0};

    for (unsigned i = 0; i < 64; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " 127.0.0.1:%u", 17400 + i);
    start_receiver(&run, line);
    cr_expect(program_says(&run.recv, "that the cgroup leaves free; these heaps could need "));
    cr_expect(program_says(&run.recv, "each of the 64 endpoints keeps "));
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17463 --json --verify --heap-size 8M --heaps 4 --rate 1");
    finish(&run, 0, 0);
    cr_expect_eq(number(run.received, "heaps"), 4);
    cr_expect_lt(number(run.received, "memory_bytes_max"), 2ll << 30);
    release(&run);
}
