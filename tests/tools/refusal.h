/* SPDX-License-Identifier: Apache-2.0 */
/* Runs command lines that a tool must refuse. */
#ifndef TESTS_TOOLS_REFUSAL_H
#define TESTS_TOOLS_REFUSAL_H

#include <stddef.h>

struct refusal {
    const char *tool, *line;
    int status;
    const char *says; /* text that the error message must contain */
};

/* Runs each command line. Expects the exit status and one line on stderr that contains the text and no escape character,
 * and nothing on standard output. */
void expect_refusals(const struct refusal *refusals, size_t count);

#endif
