/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an engine that spead-info calls usable works when `--engine` names it, and `auto` takes an engine that works,
 * under filters that refuse only some of the system calls that an engine makes, and under small limits.
 * Method: for each filter the test asks spead-info, and then runs each engine that it calls usable; both programs are
 * under the filter. */
#include <criterion/criterion.h>

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <refused_calls.h>

#include "tool_run.h"

#define NOBODY 65534u

TestSuite(partial_filters, .init = tool_enter, .timeout = 120);

static struct program_limit lock_limit;

static struct program narrowed(void)
{
    struct program program = {.limit = {lock_limit}};

    if (lock_limit.most > 0)
        program.user = NOBODY;
    return program;
}

/* Returns what spead-info says of the engine. The caller must release it. */
static json_t *told_of(const char *name)
{
    struct program info = narrowed();
    json_t *object, *engines, *engine = NULL;

    program_start(&info, SPEAD_INFO, "engines --json");
    expect_status(&info, 0);
    object = object_of(&info);
    engines = json_object_get(object, "engines");
    for (size_t i = 0; i < json_array_size(engines) && !engine; i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(engines, i), "name")), name) ==
            0)
            engine = json_incref(json_array_get(engines, i));
    cr_assert_not_null(engine, "%s", name);
    json_decref(object);
    program_release(&info);
    return engine;
}

static void receive_over(const char *engine, unsigned port)
{
    struct run run = {.recv = narrowed(), .send = narrowed()};
    char recv_line[160], send_line[160];

    snprintf(recv_line, sizeof recv_line,
             "127.0.0.1:%u 127.0.0.1:%u --json --verify --engine %s --memory 256M", port, port + 1,
             engine);
    snprintf(send_line, sizeof send_line,
             "127.0.0.1:%u 127.0.0.1:%u --json --verify --engine %s --heaps 4 --heap-size 20000 "
             "--rate 0.1",
             port, port + 1, engine);
    run_both(&run, recv_line, 0, send_line);
    cr_expect_eq(number(run.received, "heaps"), 4, "%s", engine);
    release(&run);
}

/* What spead-info calls usable must work, and for the rest there must be a reason. */
static void expect_truth(unsigned port)
{
    static const char *const names[] = {"socket", "uring"};

    for (unsigned i = 0; i < 2; i++) {
        json_t *told = told_of(names[i]);

        if (json_is_true(json_object_get(told, "usable")))
            receive_over(names[i], port + 2 * i);
        else
            cr_expect_gt(json_string_length(json_object_get(told, "reason")), 20);
        json_decref(told);
    }
}

static void refuse(const struct test_refused_call *calls, unsigned count)
{
    int ret = test_refuse_calls(calls, count);

    if (ret < 0)
        cr_skip_test("no filter of system calls can be set here: %s", strerror(-ret));
}

static void need_uring(void)
{
    json_t *told = told_of("uring");
    bool usable = json_is_true(json_object_get(told, "usable"));

    json_decref(told);
    if (!usable)
        cr_skip_test("io_uring cannot be used here");
}

static void refused(const struct test_refused_call *calls, unsigned count, unsigned port)
{
    need_uring();
    refuse(calls, count);
    expect_truth(port);
    receive_over("auto", port + 6);
}

#define REFUSED(port, ...)                                            \
    refused((const struct test_refused_call[]){__VA_ARGS__},          \
            sizeof((const struct test_refused_call[]){__VA_ARGS__}) / \
                sizeof(struct test_refused_call),                     \
            port)

Test(partial_filters, io_uring_setup_alone_is_allowed)
{
    REFUSED(17600, {.number = SYS_io_uring_enter, .error = EPERM},
            {.number = SYS_io_uring_register, .error = EPERM});
}

Test(partial_filters, io_uring_enter_is_refused)
{
    json_t *told;

    REFUSED(17610, {.number = SYS_io_uring_enter, .error = ENOSYS});
    told = told_of("uring");
    cr_expect(json_is_false(json_object_get(told, "usable")));
    cr_expect_not_null(
        strstr(json_string_value(json_object_get(told, "reason")), "io_uring_enter"));
    json_decref(told);
}

Test(partial_filters, io_uring_register_is_refused)
{
    json_t *told;

    REFUSED(17620, {.number = SYS_io_uring_register, .error = EPERM});
    told = told_of("uring");
    cr_expect(json_is_false(json_object_get(told, "usable")));
    cr_expect_not_null(
        strstr(json_string_value(json_object_get(told, "reason")), "io_uring_register"));
    json_decref(told);
}

/* The engines do without these registrations. */
Test(partial_filters, buffers_files_and_the_probe_cannot_be_registered)
{
    json_t *told;

    REFUSED(17630,
            {.number = SYS_io_uring_register,
             .error = EPERM,
             .argument = 2,
             .value = IORING_REGISTER_PBUF_RING},
            {.number = SYS_io_uring_register,
             .error = EPERM,
             .argument = 2,
             .value = IORING_REGISTER_FILES},
            {.number = SYS_io_uring_register,
             .error = EPERM,
             .argument = 2,
             .value = IORING_REGISTER_PROBE});
    told = told_of("uring");
    cr_expect(json_is_true(json_object_get(told, "usable")));
    json_decref(told);
}

Test(partial_filters, the_calls_of_engine_socket_are_refused)
{
    static const long calls[] = {SYS_recvmmsg, SYS_sendmmsg};

    need_uring();
    for (unsigned i = 0; i < 2; i++) {
        const struct test_refused_call call = {.number = calls[i], .error = ENOSYS};
        json_t *told;

        refuse(&call, 1);
        told = told_of("socket");
        cr_expect(json_is_false(json_object_get(told, "usable")), "%u", i);
        json_decref(told);
        expect_truth(17640 + 10 * i);
        receive_over("auto", 17646 + 10 * i);
    }
}

/* ---- Locked memory ------------------------------------------------------------------------------- */

Test(partial_filters, little_memory_may_be_locked)
{
    static const uint64_t limits[] = {4096, 32768, 65536, 131072};

    if (geteuid() != 0)
        cr_skip_test("only root can start a program as another user");
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        lock_limit = (struct program_limit){RLIMIT_MEMLOCK, limits[i]};
        expect_truth(17660 + 10 * i);
        receive_over("auto", 17666 + 10 * i);
    }
}
