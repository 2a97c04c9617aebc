/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a test once for each engine, as parameters of Criterion. The functions stand in the header, because programs
 * without Criterion link the files of this folder too. */
#ifndef TESTS_EACH_ENGINE_H
#define TESTS_EACH_ENGINE_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <string.h>

#include <speadline/send.h>

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

/* One way to send: an engine, and how packets reach it. */
struct test_sender {
    char engine[TEST_ENGINE_LENGTH];
    enum spead_send_path path;
};

/* Returns each engine of TEST_KERNEL that sends with each value of enum spead_send_path. */
static inline struct criterion_test_params test_each_sender(void)
{
    static struct test_sender senders[3 * TEST_ENGINES_MAX];
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = 3 * test_engines(TEST_SENDS, TEST_KERNEL, names);

    for (unsigned i = 0; i < count; i++) {
        memcpy(senders[i].engine, names[i / 3], TEST_ENGINE_LENGTH);
        senders[i].path = (enum spead_send_path)(i % 3);
    }
    return cr_make_param_array(struct test_sender, senders, count);
}

/* Begins a test that runs for each of these ways. In the test, *sender is the way. */
#define TEST_FOR_EACH_SENDER(suite, test)    \
    ParameterizedTestParameters(suite, test) \
    {                                        \
        return test_each_sender();           \
    }                                        \
    ParameterizedTest(struct test_sender *sender, suite, test, .timeout = 60)

#endif
