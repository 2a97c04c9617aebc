/* SPDX-License-Identifier: Apache-2.0 */
/* A function that makes the engines of this process load the verbs double. The function is for programs that
 * tests/CMakeLists.txt links with use_verbs_double(). Such a program must call the function before it creates its first
 * stream. If the library was built without engine verbs, the function does nothing. */
#ifndef TESTS_SUPPORT_VERBS_DOUBLE_H
#define TESTS_SUPPORT_VERBS_DOUBLE_H

#include <stdlib.h>

static inline void test_use_verbs_double(void)
{
#ifdef VERBS_DOUBLE
    setenv("SPEADLINE_LIBIBVERBS", VERBS_DOUBLE, 1);
    setenv("SPEADLINE_LIBMLX5", MLX5_DOUBLE, 1);
#endif
}

#endif
