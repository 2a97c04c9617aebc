/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if a library file is missing or wrong, the error text names the file and the package. A library file that
 * exists can be loaded. The text about a failed verb contains the remedy.
 * Method: environment variables name the files to load. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
