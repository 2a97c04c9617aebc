/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the JSON of a graph is JSON also in a program whose locale writes a comma before decimals.
 * Method: the test makes such a locale with localedef, in a folder of its own, and sets it. */
#include <criterion/criterion.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <report.h>

#include <temp_folder.h>

static void write_share(const char *expected, double share)
{
    struct speadi_report report;
    char text[64];

    speadi_report_init(&report, text, sizeof text, true);
    speadi_report_share(&report, "full", share);
    cr_expect_str_eq(text, expected);
}

Test(report_locale, a_share_has_a_point_whatever_the_locale_of_the_program_is)
{
    char folder[] = "/tmp/speadline-locale-XXXXXX";
    bool set;

    test_folder_enter(folder);
    set = system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 2>locale.log") == 0 &&
          setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    test_folder_remove(folder);
    if (!set)
        cr_skip_test("localedef cannot make a locale (package locales)");
    cr_assert_str_eq(localeconv()->decimal_point, ",");
    write_share("\"full\": 0.0000", 0);
    write_share("\"full\": 0.0312", 0.03122);
    write_share("\"full\": 0.9999", 0.9999);
    write_share("\"full\": 1.0000", 0.99999);
}
