/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if the host forbids io_uring, the reason that "auto" gives says so. If a stream names the uring engine, its
 * error says so too.
 * Method: a seccomp filter forbids io_uring in the process of the test. */
#include "tx_engine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <refused_calls.h>

static const struct speadi_tx_engine_ops *ops;
static void *state;
static char reason[SPEADI_ENGINE_REASON_MAX];
static struct spead_err err;

static int open_to_loopback(const char *name)
{
    static const struct speadi_interface no_interface;
    const struct speadi_address address = {
        .v4 = {.sin_family = AF_INET,
               .sin_port = htons(17100),
               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .length = sizeof(struct sockaddr_in),
    };
    const struct speadi_tx_config config = {.addresses = &address,
                                            .count = 1,
                                            .interface = &no_interface,
                                            .socket_buffer_bytes = 65536,
                                            .multicast_ttl = 1,
                                            .packet_bytes_max = 1472,
                                            .train_bytes_max = 65536};
    struct speadi_tx_facts facts;

    return speadi_tx_engine_open(&ops, &state, name, &config, reason, &facts, &err);
}

static void close_it(void)
{
    if (ops) {
        ops->close(state);
        free(state);
    }
}

TestSuite(tx_uring, .fini = close_it);

/* After this call io_uring_setup() fails in this process. */
static void forbid_io_uring(void)
{
    const struct test_refused_call call = {.number = SYS_io_uring_setup, .error = EPERM};
    int ret = test_refuse_calls(&call, 1);

    if (ret < 0)
        cr_skip_test("no filter of system calls can be set here: %s", strerror(-ret));
}

Test(tx_uring, where_io_uring_is_forbidden_auto_does_without_and_says_so)
{
    forbid_io_uring();
    cr_assert_eq(open_to_loopback("auto"), 0, "%s", err.text);
    cr_expect_str_eq(ops->about.name, "socket");
    cr_expect(strstr(reason, "io_uring is forbidden"), "\"%s\"", reason);
}

Test(tx_uring, where_io_uring_is_forbidden_asking_for_it_fails_with_the_reason)
{
    forbid_io_uring();
    cr_expect_eq(open_to_loopback("uring"), -EPERM);
    cr_expect(strstr(err.text, "io_uring is forbidden") &&
                  (strstr(err.text, "seccomp") || strstr(err.text, "sysctl")),
              "\"%s\"", err.text);
}
