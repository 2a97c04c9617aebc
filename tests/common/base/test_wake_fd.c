/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a wait ends when the wake descriptor is signalled, when another descriptor is ready, and at its deadline. A
 * signal that was cleared earlier does not end the wait.
 * Method: before the wait begins, each test prepares the event that must end it. If a wait misses the event, it never
 * returns, and the time limit makes the test fail. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <refused_calls.h>
#include <speadi/clock.h>
#include <speadi/wake_fd.h>

static struct speadi_wake_fd open_thread_waker(void)
{
    struct speadi_wake_fd wake_fd;

    cr_assert_eq(speadi_wake_fd_open(&wake_fd), 0);
    return wake_fd;
}

Test(wake_fd, a_ring_before_the_wait_is_not_lost, .timeout = 10)
{
    struct speadi_wake_fd wake_fd = open_thread_waker();

    speadi_wake_fd_signal(&wake_fd);
    speadi_wake_fd_signal(&wake_fd);
    speadi_wake_fd_wait(&wake_fd, NULL, 0, 0, UINT64_MAX);
    cr_assert_not(speadi_wake_fd_clear(&wake_fd), "the wait cleared the wake_fd");
    speadi_wake_fd_close(&wake_fd);
}

Test(wake_fd, a_readable_descriptor_ends_the_wait_and_leaves_the_bell_silent, .timeout = 10)
{
    struct speadi_wake_fd wake_fd = open_thread_waker();
    int ends[2], quiet[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(pipe(quiet), 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    speadi_wake_fd_wait(&wake_fd, (int[]){quiet[0], ends[0]}, 2, POLLIN, UINT64_MAX);
    cr_assert_not(speadi_wake_fd_clear(&wake_fd));
    speadi_wake_fd_close(&wake_fd);
}

Test(wake_fd, a_deadline_ends_the_wait_and_not_before_its_time, .timeout = 10)
{
    struct speadi_wake_fd wake_fd = open_thread_waker();
    uint64_t deadline = speadi_clock_mono_ns() + 2000000;

    speadi_wake_fd_wait(&wake_fd, NULL, 0, 0, deadline);
    cr_assert_geq(speadi_clock_mono_ns(), deadline);
    speadi_wake_fd_wait(&wake_fd, NULL, 0, 0, 1); /* This deadline passed long ago. */
    speadi_wake_fd_close(&wake_fd);
}

static struct speadi_wake_fd handler_wake_fd;

static void signal_from_handler(int signal)
{
    (void)signal;
    speadi_wake_fd_signal(&handler_wake_fd);
}

Test(wake_fd, a_signal_handler_can_ring, .timeout = 10)
{
    handler_wake_fd = open_thread_waker();
    signal(SIGUSR1, signal_from_handler);
    raise(SIGUSR1);
    speadi_wake_fd_wait(&handler_wake_fd, NULL, 0, 0, UINT64_MAX);
    speadi_wake_fd_close(&handler_wake_fd);
}

Test(wake_fd, closing_twice_is_harmless)
{
    struct speadi_wake_fd wake_fd = open_thread_waker();

    speadi_wake_fd_close(&wake_fd);
    cr_assert_eq(wake_fd.fd, -1);
    speadi_wake_fd_close(&wake_fd);
}

/* If ppoll() failed and nothing else waited, the 20 waits would return at once, and a thread that waits would spin. */
Test(wake_fd, where_ppoll_is_refused_a_wait_still_ends_by_a_signal_and_by_its_deadline,
     .timeout = 20)
{
    const struct test_refused_call call = {.number = SYS_ppoll, .error = EPERM};
    struct speadi_wake_fd wake_fd = open_thread_waker();
    uint64_t begin = speadi_clock_mono_ns();
    int ret = test_refuse_calls(&call, 1);

    if (ret < 0)
        cr_skip_test("no filter of system calls can be set here: %s", strerror(-ret));
    for (unsigned i = 0; i < 20; i++)
        speadi_wake_fd_wait(&wake_fd, NULL, 0, 0, speadi_clock_mono_ns() + 1500000);
    cr_expect_geq(speadi_clock_mono_ns() - begin, 20u * 1500000u);
    speadi_wake_fd_signal(&wake_fd);
    speadi_wake_fd_wait(&wake_fd, NULL, 0, 0, UINT64_MAX);
    cr_expect_not(speadi_wake_fd_clear(&wake_fd));
    speadi_wake_fd_close(&wake_fd);
}
