/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a test once for each engine, as parameters of Criterion. The functions stand in the header, because programs
 * without Criterion link the files of this folder too. */
#ifndef TESTS_EACH_ENGINE_H
#define TESTS_EACH_ENGINE_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "engine_names.h"

/* Returns the engines of these kinds that can receive or send as `ends` says. */
static inline struct criterion_test_params test_each_engine(enum test_engine_ends ends,
                                                            unsigned kinds)
{
    static char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = test_engines(ends, kinds, names);

    return cr_make_param_array(char[TEST_ENGINE_LENGTH], names, count);
}

/* Begins a test that runs for each engine of TEST_KERNEL. In the test, *engine is the name of the engine. */
#define TEST_FOR_EACH_ENGINE(suite, test, ends)     \
    ParameterizedTestParameters(suite, test)        \
    {                                               \
        return test_each_engine(ends, TEST_KERNEL); \
    }                                               \
    ParameterizedTest(char(*engine)[TEST_ENGINE_LENGTH], suite, test, .timeout = 60)

#endif
