/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a test run on a host that refuses system calls, as an old kernel or the seccomp profile of a container does. */
#ifndef TESTS_SUPPORT_REFUSED_CALLS_H
#define TESTS_SUPPORT_REFUSED_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* The largest number of calls that one filter refuses. */
#define TEST_REFUSED_CALLS_MAX 16u

struct test_refused_call {
    long number; /* SYS_... */
    int error;   /* the call fails with this errno */
    /* If `argument` is 1 to 6, the call is refused only when the low 32 bits of this argument are `value`. 0 means that
     * the call is always refused. */
    unsigned argument;
    uint32_t value;
};

/* Installs a seccomp filter that refuses these calls. From then on the calling thread, and all threads and programs
 * that it starts, cannot make them. Returns 0, or -errno if no filter can be installed here. */
int test_refuse_calls(const struct test_refused_call *calls, unsigned count);

#endif
