/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: lists of CPUs as the kernel writes them are understood and written.
 * Method: lists are read and written again. */
#include <criterion/criterion.h>

#include <string.h>

#include <speadi/cpu_set.h>

static struct speadi_cpu_set set;
static char list[SPEADI_CPU_LIST_MAX];

static const char *again(const char *text)
{
    memset(&set, 0, sizeof set);
    return speadi_cpu_set_add_list(&set, text) ? speadi_cpu_set_list(list, &set) : "refused";
}

Test(cpu_set, a_list_of_the_kernel_is_read_and_written)
{
    cr_expect_str_eq(again("0-3,8-11\n"), "0-3,8-11");
    cr_expect_eq(speadi_cpu_set_count(&set), 8);
    cr_expect(speadi_cpu_set_has(&set, 8));
    cr_expect_not(speadi_cpu_set_has(&set, 4));
    cr_expect_str_eq(again("5"), "5");
    cr_expect_str_eq(again(""), "");
    cr_expect_str_eq(again("8191"), "8191");
    cr_expect_str_eq(again("0-99999"), "0-8191", "CPUs that Linux cannot have are left out");
}

Test(cpu_set, a_text_that_is_no_list_is_refused)
{
    static const char *const wrong[] = {"a", "0-", "0-3 4", "-", "1,,2", ",", "0xff"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_str_eq(again(wrong[i]), "refused", "%s", wrong[i]);
}

Test(cpu_set, a_long_list_ends_with_dots)
{
    memset(&set, 0, sizeof set);
    for (unsigned cpu = 0; cpu < 200; cpu += 2)
        speadi_cpu_set_add(&set, cpu);
    speadi_cpu_set_list(list, &set);
    cr_expect_str_eq(list + strlen(list) - 4, ",...", "%s", list);
}

Test(cpu_set, two_sets_are_compared)
{
    struct speadi_cpu_set a = {{0}}, b = {{0}}, out;

    speadi_cpu_set_add_list(&a, "0-7");
    speadi_cpu_set_add_list(&b, "6-9");
    speadi_cpu_set_both(&out, &a, &b);
    cr_expect_str_eq(speadi_cpu_set_list(list, &out), "6-7");
    speadi_cpu_set_without(&out, &a, &b);
    cr_expect_str_eq(speadi_cpu_set_list(list, &out), "0-5");
}
