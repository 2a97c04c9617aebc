/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_capability.h. This file makes the two system calls that it needs itself, so that the tools do not need
 * libcap. */
#include "tool_capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct __user_cap_data_struct cap_words[_LINUX_CAPABILITY_U32S_3];

static struct __user_cap_header_struct header(void)
{
    return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
}

static int get(cap_words words)
{
    struct __user_cap_header_struct of = header();

    return syscall(SYS_capget, &of, words) < 0 ? -errno : 0;
}

static int set(const cap_words words)
{
    struct __user_cap_header_struct of = header();

    return syscall(SYS_capset, &of, words) < 0 ? -errno : 0;
}

bool tool_has_capability(int capability)
{
    cap_words words;

    return get(words) == 0 &&
           (words[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

int tool_pass_capability_on(int capability)
{
    cap_words words;
    int ret = get(words);

    if (ret < 0)
        return ret;
    if (!(words[CAP_TO_INDEX(capability)].permitted & CAP_TO_MASK(capability)))
        return -EPERM;
    words[CAP_TO_INDEX(capability)].inheritable |= CAP_TO_MASK(capability);
    ret = set(words);
    if (ret == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
        ret = -errno;
    return ret;
}
