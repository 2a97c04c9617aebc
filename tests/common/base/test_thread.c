/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a runner reports correctly whether its thread has started. The thread has its name and its CPU, and handles no
 * signals.
 * Method: each thread runs a function of the test. That function looks at the thread in which it runs, and reports
 * through its argument. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/thread.h>
#include <speadi/wake_fd.h>

struct seen {
    char name[16];
    int cpus, cpu;
    bool usr1_blocked, segv_blocked;
};

static int look_around(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    struct seen *seen = arg;
    cpu_set_t set;
    sigset_t mask;

    (void)err;
    speadi_runner_ready(self);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    sched_getaffinity(0, sizeof set, &set);
    seen->cpus = CPU_COUNT(&set);
    seen->cpu = sched_getcpu();
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    seen->usr1_blocked = sigismember(&mask, SIGUSR1) == 1;
    seen->segv_blocked = sigismember(&mask, SIGSEGV) == 1;
    return 42;
}

static int first_allowed_cpu(void)
{
    cpu_set_t set;
    int cpu = 0;

    sched_getaffinity(0, sizeof set, &set);
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    return cpu;
}

/* Writes to 512 KiB of the stack. */
static int use_stack(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    volatile char used[512 << 10];

    (void)arg, (void)err;
    speadi_runner_ready(self);
    for (size_t i = 0; i < sizeof used; i += 4096)
        used[i] = 1;
    return used[0];
}

/* glibc takes the default size of stacks from RLIMIT_STACK when the program starts. */
Test(thread, has_a_stack_of_1_MiB_where_the_default_is_smaller)
{
    struct speadi_runner *runner = NULL;
    pthread_attr_t small;

    cr_assert_eq(pthread_attr_init(&small), 0);
    cr_assert_eq(pthread_attr_setstacksize(&small, 128 << 10), 0);
    cr_assert_eq(pthread_setattr_default_np(&small), 0);
    cr_assert_eq(speadi_runner_start(&runner, "deep", -1, use_stack, NULL, NULL), 0);
    cr_expect_eq(speadi_runner_join(runner, NULL), 1);
}

Test(thread, runs_under_its_name_on_its_cpu_with_signals_blocked)
{
    struct speadi_runner *runner = NULL;
    struct seen seen = {0};
    struct spead_err err = {0};
    int cpu = first_allowed_cpu();

    cr_assert_eq(
        speadi_runner_start(&runner, "a-name-that-is-too-long", cpu, look_around, &seen, &err), 0,
        "%s", err.text);
    cr_assert_eq(speadi_runner_join(runner, NULL), 42);
    cr_assert_str_eq(seen.name, "a-name-that-is-");
    cr_assert_eq(seen.cpus, 1);
    cr_assert_eq(seen.cpu, cpu);
    cr_assert(seen.usr1_blocked);
    cr_assert_not(seen.segv_blocked, "a crash must still be reported");
}

Test(thread, a_cpu_that_is_not_there_fails_the_start_and_is_named)
{
    struct speadi_runner *runner = NULL;
    struct seen seen = {0};
    struct spead_err err = {0};

    cr_assert_eq(speadi_runner_start(&runner, "recv", 1000, look_around, &seen, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "CPU 1000"), "%s", err.text);
    cr_assert_eq(speadi_runner_start(&runner, "recv", 1 << 20, look_around, &seen, &err), -EINVAL);
    cr_assert_null(runner);
}

static int fail_with_words(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    (void)arg;
    (void)self;
    return speadi_err_set(err, -ENODEV, "no ring today");
}

static int fail_silently(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    (void)arg;
    (void)self;
    (void)err;
    return -EPERM;
}

Test(thread, a_body_that_fails_before_it_is_ready_fails_the_start)
{
    struct speadi_runner *runner = NULL;
    struct spead_err err = {0};

    cr_assert_eq(speadi_runner_start(&runner, "recv", -1, fail_with_words, NULL, &err), -ENODEV);
    cr_assert_str_eq(err.text, "no ring today");
    cr_assert_eq(err.code, -ENODEV);
    cr_assert_eq(speadi_runner_start(&runner, "recv", -1, fail_silently, NULL, &err), -EPERM);
    cr_assert_not_null(strstr(err.text, "\"recv\""), "%s", err.text);
    cr_assert_null(runner);
}

static int finish_at_once(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    (void)self;
    (void)err;
    *(int *)arg = 1;
    return 0;
}

Test(thread, a_body_that_has_nothing_to_do_is_joined_like_any_other)
{
    struct speadi_runner *runner = NULL;
    int ran = 0;

    cr_assert_eq(speadi_runner_start(&runner, "brief", -1, finish_at_once, &ran, NULL), 0);
    cr_assert_eq(speadi_runner_join(runner, NULL), 0);
    cr_assert_eq(ran, 1);
}

static int fail_later(void *arg, struct speadi_runner *self, struct spead_err *err)
{
    struct speadi_wake_fd *wake_fd = arg;
    uint64_t until = speadi_clock_read(CLOCK_THREAD_CPUTIME_ID) + 1000000;

    (void)err;
    speadi_runner_ready(self);
    while (speadi_clock_read(CLOCK_THREAD_CPUTIME_ID) < until)
        ;
    speadi_wake_fd_wait(wake_fd, NULL, 0, 0, UINT64_MAX);
    return -EIO;
}

Test(thread, join_gives_the_result_and_the_cpu_time)
{
    struct speadi_runner *runner = NULL;
    struct speadi_wake_fd wake_fd;
    uint64_t cpu_ns = 0;

    cr_assert_eq(speadi_wake_fd_open(&wake_fd), 0);
    cr_assert_eq(speadi_runner_start(&runner, "later", -1, fail_later, &wake_fd, NULL), 0);
    speadi_wake_fd_signal(&wake_fd);
    cr_assert_eq(speadi_runner_join(runner, &cpu_ns), -EIO);
    cr_assert_geq(cpu_ns, 1000000u);
    speadi_wake_fd_close(&wake_fd);
}
