/* Checks what has to hold for a test to mean anything. If it does not hold, the program prints where and aborts. */
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
