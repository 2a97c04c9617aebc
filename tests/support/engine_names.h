/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the engines over which a test loops. The engines come from the lists of the library. So a new engine is tested
 * too, and an engine that was not built is left out. */
#ifndef TESTS_ENGINE_NAMES_H
#define TESTS_ENGINE_NAMES_H

#include <stdbool.h>

#define TEST_ENGINES_MAX   16u
#define TEST_ENGINE_LENGTH 16u

/* What a test needs an engine for: to receive, to send, or both. */
enum test_engine_ends { TEST_RECEIVES = 1, TEST_SENDS = 2, TEST_BOTH_ENDS = 3 };

/* Kinds of engines. They can be combined with |. */
enum {
    TEST_MEM = 1,    /* the engine uses memory links */
    TEST_KERNEL = 2, /* UDP over sockets of the kernel; sender and receiver can be on one host */
    /* UDP that bypasses the kernel. The description of such an engine has a caveat, and a test needs two hosts and a
     * device. */
    TEST_BYPASS = 4,
    /* The endpoint of the engine is a text that only this engine understands. */
    TEST_TEXT = 8,
};

/* Fills `names` with the engines of these kinds that can receive or send as `ends` says. Returns how many engines there
 * are. They are ordered by kind, in the order of the constants above. Engines of one kind are ordered by their rank. */
unsigned test_engines(enum test_engine_ends ends, unsigned kinds,
                      char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH]);

/* Returns the kind of the engine with this name. If there is a receive engine of this name, the kind is that of the
 * receive engine. Otherwise it is that of the send engine, or 0 if there is no such engine. */
unsigned test_engine_kind(const char *name);

#endif
