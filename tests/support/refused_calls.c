/* SPDX-License-Identifier: Apache-2.0 */
/* See refused_calls.h. */
#include "refused_calls.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "must.h"

/* A filter begins with the number of the call in the accumulator. Each call takes at most this many instructions. */
#define STEPS_OF_A_CALL 6u

static void add(struct sock_fprog *program, uint16_t code, uint32_t k, uint8_t is_true,
                uint8_t is_false)
{
    program->filter[program->len++] = (struct sock_filter){code, is_true, is_false, k};
}

static void add_call(struct sock_fprog *program, const struct test_refused_call *call)
{
    bool by_argument = call->argument > 0;

    add(program, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call->number, 0, by_argument ? 3 : 1);
    if (by_argument) {
        add(program, BPF_LD | BPF_W | BPF_ABS,
            (uint32_t)(offsetof(struct seccomp_data, args) + 8u * (call->argument - 1)), 0, 0);
        add(program, BPF_JMP | BPF_JEQ | BPF_K, call->value, 0, 1);
    }
    add(program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)call->error, 0, 0);
}

int test_refuse_calls(const struct test_refused_call *calls, unsigned count)
{
    struct sock_filter code[TEST_REFUSED_CALLS_MAX * STEPS_OF_A_CALL];
    struct sock_fprog program = {.filter = code};

    MUST(count < TEST_REFUSED_CALLS_MAX, "%u calls", count);
    for (unsigned i = 0; i < count; i++)
        add_call(&program, &calls[i]);
    add(&program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return -errno;
    return 0;
}
