/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a verbs program that was built for real hardware runs with the double without a change.
 * Method: ordinary-verbs is linked with the libibverbs of the system. LD_LIBRARY_PATH makes it load the double instead.
 * One process sends on one host of a veth pair, and another process receives on the other host. */
#include "netns.h"
#include "program.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(verbs_ordinary, a_program_built_for_hardware_moves_verified_frames, .timeout = 120)
{
    struct program receiver = {0}, sender = {0};
    struct test_netns_pair pair;
    const char *reason;
    char *text;

    if (!test_netns_pair(&pair, 1500, &reason))
        cr_skip_test("%s", reason);
    setenv("LD_LIBRARY_PATH", VERBS_DOUBLE_DIR, 1);
    program_start(&receiver, ORDINARY_VERBS, "receive vd_near0 2000");
    cr_assert(program_says(&receiver, "ready"), "%s", text = program_err(&receiver));
    test_netns_move(pair.far);
    program_start(&sender, ORDINARY_VERBS, "send vd_far0 2000");
    cr_assert_eq(program_wait(&sender), 0, "%s", text = program_err(&sender));
    cr_assert_eq(program_wait(&receiver), 0, "%s", text = program_out(&receiver));
    text = program_out(&receiver);
    cr_assert_str_eq(text, "received 2000 of 2000, 0 bad\n");
    free(text);
    program_release(&receiver);
    program_release(&sender);
}

/* Without LD_LIBRARY_PATH, the program loads the libibverbs of the system, which finds no device of this name. This
 * shows that in the other test the program really used the double. */
Test(verbs_ordinary, without_the_double_there_is_no_device)
{
    struct program program = {0};
    char *text;

    unsetenv("LD_LIBRARY_PATH");
    program_start(&program, ORDINARY_VERBS, "receive vd_near0 1");
    cr_assert_eq(program_wait(&program), 1);
    text = program_err(&program);
    cr_assert(strlen(text) > 0);
    free(text);
    program_release(&program);
}

Test(verbs_ordinary, a_script_in_the_environment_reaches_it)
{
    struct program program = {0};
    struct test_netns_pair pair;
    const char *reason;
    char *text;

    if (!test_netns_pair(&pair, 1500, &reason))
        cr_skip_test("%s", reason);
    setenv("LD_LIBRARY_PATH", VERBS_DOUBLE_DIR, 1);
    setenv("VDOUBLE", "create_qp@1=EPERM", 1);
    program_start(&program, ORDINARY_VERBS, "receive vd_near0 1");
    cr_assert_eq(program_wait(&program), 1);
    text = program_err(&program);
    cr_assert(strstr(text, "ibv_create_qp: Operation not permitted"), "%s", text);
    free(text);
    program_release(&program);
}
