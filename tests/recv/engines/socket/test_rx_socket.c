/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: engine `socket` receives and sleeps on a host without epoll_pwait2(), which Linux has since version 5.11 and
 * which the seccomp profile of an older container refuses. If the kernel refuses every wait, the stream ends with an
 * error.
 * Method: a filter of system calls refuses them in the process of the test. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <refused_calls.h>
#include <rx_rig.h>
#include <speadi/clock.h>

#define MS 1000000u

static struct rx_rig rig;
static uint8_t data[1000];

static void close_rig(void)
{
    rx_rig_close(&rig);
}

TestSuite(rx_socket, .fini = close_rig, .timeout = 60);

static void refuse(const struct test_refused_call *calls, unsigned count)
{
    int ret = test_refuse_calls(calls, count);

    if (ret < 0)
        cr_skip_test("no filter of system calls can be set here: %s", strerror(-ret));
}

static void open_two(void)
{
    const struct rx_rig_options options = {.engine = "socket", .sources = 2};

    if (!rx_rig_open(&rig, &options))
        cr_skip_test("%s", rig.reason);
}

static void expect_packets_of_both(void)
{
    for (unsigned source = 0; source < 2; source++) {
        rx_rig_fill(data, sizeof data, source);
        cr_assert(rx_rig_send(&rig, source, data, sizeof data));
        cr_assert_eq(rx_rig_poll(&rig), 1, "source %u", source);
        cr_expect(rx_rig_packet_is(&rig.burst.packet[0], data, sizeof data));
        rx_rig_give_back(&rig);
    }
}

/* A wait that the kernel refuses would return at once. 20 waits of 10 ms take 200 ms, unless they do not wait. */
static void expect_sleep(void)
{
    uint64_t begin = speadi_clock_mono_ns();

    for (unsigned i = 0; i < 20; i++)
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10 * MS);
    cr_expect_geq(speadi_clock_mono_ns() - begin, 200 * MS);
}

static void receive_without_epoll_pwait2(int error)
{
    const struct test_refused_call call = {.number = SYS_epoll_pwait2, .error = error};

    refuse(&call, 1);
    open_two();
    expect_packets_of_both();
    expect_sleep();
    /* The next two waits have no deadline that the test could reach. */
    rig.ops->wake(rig.engine);
    rig.ops->wait(rig.engine, UINT64_MAX);
    rx_rig_send(&rig, 1, data, sizeof data);
    rig.ops->wait(rig.engine, UINT64_MAX);
    cr_expect_eq(rx_rig_poll(&rig), 1);
    rx_rig_give_back(&rig);
}

Test(rx_socket, a_kernel_without_epoll_pwait2_hears_every_endpoint_and_sleeps)
{
    receive_without_epoll_pwait2(ENOSYS);
}

Test(rx_socket, a_container_that_forbids_epoll_pwait2_hears_every_endpoint_and_sleeps)
{
    receive_without_epoll_pwait2(EPERM);
}

Test(rx_socket, a_kernel_that_refuses_every_wait_ends_the_stream)
{
    static const struct test_refused_call calls[] = {
        {.number = SYS_epoll_pwait2, .error = EPERM},
        {.number = SYS_epoll_pwait, .error = EPERM},
#ifdef SYS_epoll_wait
        {.number = SYS_epoll_wait, .error = EPERM},
#endif
    };

    open_two();
    refuse(calls, sizeof calls / sizeof *calls);
    rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10 * MS);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), -EPERM);
}
