/* The engines that a test loops over: those of the library's own lists, so that a new one is tested and an absent one is not
 * asked for. */
#ifndef TESTS_ENGINE_NAMES_H
#define TESTS_ENGINE_NAMES_H

#include <stdbool.h>

#define TEST_ENGINES_MAX   16u
#define TEST_ENGINE_LENGTH 16u

/* Which direction, or both, it must have. */
enum test_engine_ends { TEST_RECEIVES = 1, TEST_SENDS = 2, TEST_BOTH_ENDS = 3 };

/* Kinds of engines; may be combined. */
enum {
    TEST_MEM = 1,    /* memory links */
    TEST_KERNEL = 2, /* UDP by the kernel's sockets: both ends may be on one host */
    /* UDP past the kernel (the engine has a caveat): needs two hosts and a device. */
    TEST_BYPASS = 4,
    TEST_TEXT = 8, /* endpoints that the engine alone understands */
};

/* Fills names in the order of the kinds above, and by rank within a kind. Returns how many. */
unsigned test_engines(enum test_engine_ends ends, unsigned kinds,
                      char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH]);

/* The kind of a receive engine, or else of a send engine; 0: there is none of that name. */
unsigned test_engine_kind(const char *name);

#endif
