/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the remedy for a verb that failed. A remedy is a sentence that tells the user what to do. */
#include <speadi/verbs_library.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/remedy.h>

enum { REMEDY_MAX = 256 };

static bool is_one_of(const char *verb, const char *const *verbs)
{
    for (; *verbs; verbs++)
        if (strcmp(verb, *verbs) == 0)
            return true;
    return false;
}

/* The remedy never proposes to give capabilities to the file of this program. For a script that file is the
 * interpreter, and a program that does not expect such rights obeys the environment of its user. */
static void write_capability_remedy(char remedy[REMEDY_MAX])
{
    const char *text;

    if (!speadi_may_have_capability(CAP_NET_RAW))
        text = "; nobody has CAP_NET_RAW in this container or unit: --cap-add=NET_RAW, or "
               "CapabilityBoundingSet= and AmbientCapabilities=";
    else if (geteuid() != 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        text = "; no_new_privs keeps it from CAP_NET_RAW: AmbientCapabilities=CAP_NET_RAW in the "
               "unit";
    else
        text = "; start it with spead-net-raw (spead-info engines says how to set that up)";
    snprintf(remedy, REMEDY_MAX, "%s", text);
}

static void write_memlock_remedy(char remedy[REMEDY_MAX])
{
    struct rlimit limit = {0};
    const char *how = "`ulimit -l unlimited` in this shell, LimitMEMLOCK=infinity in a unit";

    getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_cur == RLIM_INFINITY)
        return;
    if (limit.rlim_max != RLIM_INFINITY) /* ulimit cannot raise a hard limit */
        how = "a line in /etc/security/limits.d, LimitMEMLOCK=infinity in a unit, --ulimit "
              "memlock=-1 for a container";
    snprintf(remedy, REMEDY_MAX, "; %llu KiB may be locked: %s, or start it with spead-net-raw",
             (unsigned long long)limit.rlim_cur / 1024, how);
}

/* Writes a remedy whose middle is a command about the modules of the kernel. */
static void write_module_remedy(char remedy[REMEDY_MAX], const char *before, const char *command,
                                const char *after)
{
    char text[160];

    speadi_remedy_command(text, sizeof text, CAP_SYS_MODULE, "%s", command);
    snprintf(remedy, REMEDY_MAX, "%s%s%s", before, text, after);
}

static void find_remedy(char remedy[REMEDY_MAX], const char *verb, int code)
{
    static const char *const raw[] = {"create_qp",   "create_qp_ex",     "create_wq",
                                      "create_flow", "mlx5dv_create_wq", "modify_qp",
                                      NULL};
    static const char *const pinning[] = {
        "reg_mr",    "reg_mr_iova2", "reg_dmabuf_mr", "create_qp",        "create_qp_ex",
        "create_cq", "create_cq_ex", "create_wq",     "mlx5dv_create_wq", NULL};

    remedy[0] = '\0';
    if ((code == EPERM || code == EACCES) && is_one_of(verb, raw))
        write_capability_remedy(remedy);
    else if (code == ENOMEM && is_one_of(verb, pinning))
        write_memlock_remedy(remedy);
    else if (strcmp(verb, "get_device_list") == 0)
        write_module_remedy(remedy, "; load the drivers: ", "modprobe -a mlx5_ib ib_uverbs",
                            " (a file in /etc/modules-load.d keeps them)");
    else if (strcmp(verb, "open_device") == 0 && (code == EPERM || code == EACCES))
        strcpy(remedy, "; /dev/infiniband/uverbs* must be readable and writable for this user");
    else if (strcmp(verb, "create_flow") == 0 && code == EOPNOTSUPP)
        strcpy(remedy, "; the device or its driver has no flow steering");
    else if (strcmp(verb, "create_flow") == 0 && code == ENOMEM)
        strcpy(remedy, "; the device has no room for another flow rule");
    else if (strncmp(verb, "create_qp", 9) == 0 && code == EINVAL)
        write_module_remedy(remedy, "; an old driver: ",
                            "sh -c 'echo options ib_uverbs disable_raw_qp_enforcement=1 > "
                            "/etc/modprobe.d/ib_uverbs.conf'",
                            " and a reboot");
    else if (code == EFAULT)
        strcpy(remedy, "; this memory is not mapped for it");
}

int speadi_verbs_failed(struct spead_err *err, const char *verb, const char *device, int code)
{
    char remedy[REMEDY_MAX];

    find_remedy(remedy, verb, code);
    return speadi_err_set(err, code > 0 ? -code : -EIO, "%s on %.40s: %s%s", verb, device,
                          strerror(code > 0 ? code : EIO), remedy);
}
