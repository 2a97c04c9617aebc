/* SPDX-License-Identifier: Apache-2.0 */
/* MUST(holds, ...) checks a condition without which the rest of the test has no meaning. If the condition is false,
 * MUST prints the file and the line, and calls abort(). */
#ifndef TEST_MUST_H
#define TEST_MUST_H

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
#define MUST(holds, ...)                                    \
    do {                                                    \
        if (!(holds)) {                                     \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
            fprintf(stderr, __VA_ARGS__);                   \
            fputc('\n', stderr);                            \
            abort();                                        \
        }                                                   \
    } while (0)
/* clang-format on */

#endif
