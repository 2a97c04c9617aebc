/* Makes the engines of this process load the verbs double. For programs linked by use_verbs_double() of
 * tests/CMakeLists.txt; call it before the first stream. Where engine verbs is not built it does nothing. */
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
