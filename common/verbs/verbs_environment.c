/* SPDX-License-Identifier: Apache-2.0 */
/* Protects a program with extra rights from the environment of its user. See speadi_verbs_check_environment(). */
#include <speadi/verbs_library.h>

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <speadi/err.h>

/* libibverbs, its providers and libnl read these variables. Some of them name a library that is loaded, a folder that
 * is trusted or a file that is written. libibverbs obeys them if the real and the effective user id are the same. This
 * is also the case in a program whose file has capabilities. Later releases add names, so this table lists whole
 * families of names. */
static const char *const families[] = {
    "RDMAV_", "IBV_", "VERBS_",       "SYSFS_PATH", "MLX4_", "MLX5_",     "MLX_",           "QELR_",
    "CXGB",   "HNS_", "NLSYSCONFDIR", "NLDBG",      "NLCB",  "PROC_ROOT", "PROC_NET_PSCHED"};

static bool is_dangerous(const char *variable)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strncmp(variable, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}

int speadi_verbs_check_environment(struct spead_err *err)
{
    if (!getauxval(AT_SECURE) || !environ)
        return 0;
    for (char **variable = environ; *variable; variable++) {
        size_t length = strcspn(*variable, "=");

        if (is_dangerous(*variable))
            return speadi_err_set(err, -EPERM,
                                  "%.*s is set, and this program has rights that its user does not "
                                  "have: libibverbs would obey the user; unset the variable",
                                  length < 40 ? (int)length : 40, *variable);
    }
    return 0;
}
