/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a command that a sentence proposes works for the user who reads it. Method: each test changes what its own
 * process may do: its user, or the capabilities that anybody can have. */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <speadi/remedy.h>

static char text[128];

static const char *link_up(void)
{
    return speadi_remedy_command(text, sizeof text, CAP_NET_ADMIN, "ip link set %s up", "eth0");
}

static void need_root(void)
{
    if (geteuid() != 0)
        cr_skip_test("this needs root");
    if (!speadi_may_have_capability(CAP_NET_ADMIN))
        cr_skip_test("CAP_NET_ADMIN is missing");
}

Test(remedy, root_needs_no_sudo)
{
    need_root();
    cr_expect_str_eq(link_up(), "`ip link set eth0 up`");
}

Test(remedy, another_user_needs_sudo)
{
    need_root();
    cr_assert_eq(setresuid(65534, 65534, 65534), 0);
    cr_expect_str_eq(link_up(), "`sudo ip link set eth0 up`");
}

/* Also root of a container has not all capabilities. */
Test(remedy, what_nobody_can_do_here_is_for_the_host)
{
    need_root();
    cr_assert_eq(prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0), 0);
    cr_expect_str_eq(link_up(), "`sudo ip link set eth0 up` on the host of this container");
}

Test(remedy, a_command_that_does_not_fit_is_left_out)
{
    char small[20], long_name[400];

    cr_expect_str_empty(
        speadi_remedy_command(small, sizeof small, CAP_NET_ADMIN, "ip link set %s up", "eth0"));
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    cr_expect_str_empty(
        speadi_remedy_command(text, sizeof text, CAP_NET_ADMIN, "ip link set %s up", long_name));
}
