/* SPDX-License-Identifier: Apache-2.0 */
/* See refusal.h. */
#include "refusal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

static unsigned lines_of(const char *text)
{
    unsigned count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void expect_refusal(const struct refusal *refusal)
{
    struct program program = {0};
    char *said, *printed;
    int status;

    program_start(&program, refusal->tool, refusal->line);
    status = program_wait(&program);
    said = program_err(&program);
    printed = program_out(&program);
    cr_expect_eq(status, refusal->status, "\"%s\": status %d: %s", refusal->line, status, said);
    cr_expect_eq(lines_of(said), 1, "\"%s\": more or less than a line: %s", refusal->line, said);
    cr_expect_not_null(strstr(said, refusal->says), "\"%s\": \"%s\" does not say \"%s\"",
                       refusal->line, said, refusal->says);
    cr_expect_str_empty(printed);
    cr_expect_null(strchr(said, '\33'), "\"%s\": an escape character reaches the terminal",
                   refusal->line);
    free(said);
    free(printed);
    program_release(&program);
}

void expect_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_refusal(&refusals[i]);
}
