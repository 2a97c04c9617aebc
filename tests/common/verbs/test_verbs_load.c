/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if a library file is missing or wrong, the error text names the file and the package. A library file that
 * exists can be loaded. The text about a failed verb contains the remedy.
 * Method: environment variables name the files to load. */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <speadi/verbs_library.h>

#include "verbs_double.h"

static struct spead_err err;

static void assert_says(const char *text)
{
    cr_assert(strstr(err.text, text), "'%s' should say '%s'", err.text, text);
}

Test(verbs_load, a_library_that_is_not_there_is_named_with_its_package)
{
    const struct speadi_verbs *verbs;

    setenv("SPEADLINE_LIBIBVERBS", "/nowhere/libibverbs.so.1", 1);
    cr_assert_eq(speadi_verbs_load(&verbs, &err), -ENOENT);
    assert_says("/nowhere/libibverbs.so.1");
    assert_says("apt install libibverbs1");
    test_use_verbs_double();
    cr_assert_eq(speadi_verbs_load(&verbs, &err), 0, "a later try may succeed: %s", err.text);
}

Test(verbs_load, another_library_is_refused_by_the_first_symbol_it_lacks)
{
    const struct speadi_mlx5 *mlx5;

    test_use_verbs_double();
    setenv("SPEADLINE_LIBMLX5", VERBS_DOUBLE, 1);
    cr_assert_eq(speadi_mlx5_load(&mlx5, &err), -ENOENT);
    assert_says("has no mlx5dv_is_supported");
    assert_says("ibverbs-providers");
}

Test(verbs_load, both_tables_are_complete)
{
    const struct speadi_verbs *verbs;
    const struct speadi_mlx5 *mlx5;
    void *const *members;

    test_use_verbs_double();
    cr_assert_eq(speadi_verbs_load(&verbs, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_mlx5_load(&mlx5, &err), 0, "%s", err.text);
    members = (void *const *)(const void *)verbs;
    for (size_t i = 0; i < sizeof *verbs / sizeof *members; i++)
        cr_assert_not_null(members[i], "member %zu", i);
    members = (void *const *)(const void *)mlx5;
    for (size_t i = 0; i < sizeof *mlx5 / sizeof *members; i++)
        cr_assert_not_null(members[i], "member %zu of mlx5", i);
}

Test(verbs_load, a_failed_verb_is_one_line_with_device_reason_and_remedy)
{
    cr_assert_eq(speadi_verbs_failed(&err, "create_flow", "mlx5_0", EPERM), -EPERM);
    assert_says("create_flow on mlx5_0: Operation not permitted; start it with spead-net-raw");
    cr_assert_not(strstr(err.text, "setcap"),
                  "the file of this program may be an interpreter, which must get no rights: %s",
                  err.text);
    cr_assert_eq(speadi_verbs_failed(&err, "get_device_list", "this host", ENOSYS), -ENOSYS);
    assert_says("modprobe");
    cr_assert_eq(speadi_verbs_failed(&err, "open_device", "mlx5_0", EACCES), -EACCES);
    assert_says("/dev/infiniband");
    cr_assert_eq(speadi_verbs_failed(&err, "modify_qp", "mlx5_0", EINVAL), -EINVAL);
    cr_assert_str_eq(err.text, "modify_qp on mlx5_0: Invalid argument");
    cr_assert_eq(speadi_verbs_failed(&err, "post_recv", "mlx5_0", 0), -EIO,
                 "a failure without a reason is still a failure");
}

/* Expects that each sentence is whole and proposes no command with sudo to root. */
static void expect_whole_sentences(void)
{
    static const char *const verbs[] = {"create_qp", "create_flow", "get_device_list", "reg_mr",
                                        "open_device"};
    static const int codes[] = {EPERM, ENOMEM, EINVAL, EOPNOTSUPP, EFAULT, ENOSYS};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        for (size_t j = 0; j < sizeof codes / sizeof *codes; j++) {
            unsigned marks = 0;

            speadi_verbs_failed(&err, verbs[i], "a_device_with_a_name_of_forty_characters",
                                codes[j]);
            for (const char *c = err.text; *c != '\0'; c++)
                marks += *c == '`';
            cr_expect_eq(marks % 2, 0, "half a command: %s", err.text);
            cr_expect_lt(strlen(err.text), sizeof err.text - 1, "cut: %s", err.text);
            if (geteuid() == 0 && !strstr(err.text, "on the host"))
                cr_expect_null(strstr(err.text, "sudo"), "%s", err.text);
        }
}

Test(verbs_load, each_remedy_is_a_whole_sentence_for_the_user_who_reads_it)
{
    expect_whole_sentences();
    if (geteuid() != 0)
        return;
    prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE, 0, 0, 0);
    prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0);
    expect_whole_sentences();
    cr_assert_eq(setresuid(65534, 65534, 65534), 0);
    expect_whole_sentences();
}
