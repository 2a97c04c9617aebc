/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: where the limits of a process are too small for a tool, the tool says in one sentence which limit it is and how
 * to raise it; it does not crash. A CPU outside the present affinity mask can be had.
 * Method: the test starts the tools as an ordinary user, with small limits. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tool_run.h"

#define NOBODY 65534u

TestSuite(narrow_hosts, .init = tool_enter, .timeout = 120);

/* Runs a tool to its end. It must end with the status and with this text on its standard error. */
static void expect_text(struct program program, const char *path, const char *line, int status,
                        const char *text)
{
    char *said;

    program_start(&program, path, line);
    expect_status(&program, status);
    said = program_err(&program);
    cr_expect_not_null(strstr(said, text), "%s %s: no \"%s\" in: %s", path, line, text, said);
    free(said);
    program_release(&program);
}

static struct program ordinary(int resource, uint64_t most)
{
    if (geteuid() != 0)
        cr_skip_test("only root can start a program as another user");
    return (struct program){.user = NOBODY, .limit = {{resource, most}}};
}

Test(narrow_hosts, a_stack_that_is_too_small_is_a_sentence)
{
    const struct program small = ordinary(RLIMIT_STACK, 65536);
    const char *const text =
        "the stack may have only 64 KiB, and this program needs 256 KiB: raise";

    expect_text(small, SPEAD_RECV, "127.0.0.1:17500 --seconds 0.01", 1, text);
    expect_text(small, SPEAD_SEND, "127.0.0.1:17500 --heaps 1", 1, text);
    expect_text(small, SPEAD_INFO, "engines", 1, text);
    expect_text(small, SPEAD_NET_RAW, "--version", 0, "");
}

Test(narrow_hosts, too_few_descriptors_are_a_sentence_with_the_remedy)
{
    /* The loader needs a fourth one, and the tool more than that. */
    const struct program few = ordinary(RLIMIT_NOFILE, 5);

    expect_text(few, SPEAD_RECV, "127.0.0.1:17501 --seconds 0.01", 1, "raise `ulimit -n`");
    expect_text(few, SPEAD_SEND, "127.0.0.1:17501 127.0.0.1:17502 --heaps 1", 1,
                "raise `ulimit -n`");
}

Test(narrow_hosts, too_few_threads_are_a_sentence_with_the_remedy)
{
    expect_text(ordinary(RLIMIT_NPROC, 1), SPEAD_RECV, "127.0.0.1:17503 --seconds 0.01", 1,
                "raise `ulimit -u`");
}

/* A file at its size limit must not kill the tool by SIGXFSZ. */
Test(narrow_hosts, output_that_may_not_grow_is_a_failure_and_no_crash)
{
    expect_text(ordinary(RLIMIT_FSIZE, 1), SPEAD_INFO, "engines", 1, "");
    expect_text(ordinary(RLIMIT_FSIZE, 1), SPEAD_SEND, "127.0.0.1:17504 --plan", 1, "");
    expect_text(ordinary(RLIMIT_FSIZE, 1), SPEAD_RECV, "127.0.0.1:17504 --plan", 1, "");
}

/* ---- CPUs ----------------------------------------------------------------------------------------- */

static void take_one_cpu(cpu_set_t *before, size_t *other)
{
    cpu_set_t one;
    size_t cpu = 0;

    cr_assert_eq(sched_getaffinity(0, sizeof *before, before), 0);
    if (CPU_COUNT(before) < 2)
        cr_skip_test("this host has only one CPU");
    while (!CPU_ISSET(cpu, before))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    do
        cpu++;
    while (!CPU_ISSET(cpu, before));
    *other = cpu;
}

/* The kernel leaves the CPUs of isolcpus out of the affinity mask of every process, and accepts them all the same. */
Test(narrow_hosts, a_cpu_outside_the_affinity_mask_can_be_had)
{
    cpu_set_t before;
    char line[80];
    size_t other;

    take_one_cpu(&before, &other);
    snprintf(line, sizeof line, "127.0.0.1:17505 --seconds 0.01 --cpu %zu", other);
    expect_text((struct program){0}, SPEAD_RECV, line, 0, "listening on");
    snprintf(line, sizeof line, "127.0.0.1:17505 --plan --cpu %zu", other);
    expect_text((struct program){0}, SPEAD_SEND, line, 0, "");
}

Test(narrow_hosts, a_cpu_that_is_not_there_is_refused_with_those_that_are)
{
    const char *const text =
        "--cpu 8000: the kernel refuses this CPU; the CPUs that are online and in the cpuset of "
        "this process are 0";

    expect_text((struct program){0}, SPEAD_RECV, "127.0.0.1:17506 --cpu 8000", 2, text);
    expect_text((struct program){0}, SPEAD_SEND, "127.0.0.1:17506 --cpu 8000", 2, text);
}
