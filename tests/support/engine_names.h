/* Lists the engines over which a test loops. They come from the lists of the library. So a new engine is tested too,
 * and an engine that was not built is left out. */
#ifndef TESTS_ENGINE_NAMES_H
#define TESTS_ENGINE_NAMES_H

#include <stdbool.h>

#define TEST_ENGINES_MAX   16u
#define TEST_ENGINE_LENGTH 16u

/* What an engine must be able to do. */
enum test_engine_ends { TEST_RECEIVES = 1, TEST_SENDS = 2, TEST_BOTH_ENDS = 3 };

/* Kinds of engines. They can be combined with |. */
enum {
    TEST_MEM = 1,    /* memory links */
    TEST_KERNEL = 2, /* UDP over sockets of the kernel: sender and receiver may be on one host */
    /* UDP that bypasses the kernel (the engine has a caveat): it needs two hosts and a device. */
    TEST_BYPASS = 4,
    TEST_TEXT = 8, /* endpoints are texts that only the engine understands */
};

/* Fills `names` with the engines of these kinds that have the wanted direction or directions. They are ordered by
 * kind, as above, and by rank within a kind. Returns how many. */
unsigned test_engines(enum test_engine_ends ends, unsigned kinds,
                      char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH]);

/* Returns the kind of the receive engine of this name. If there is none, returns the kind of the send engine of this
 * name, or 0. */
unsigned test_engine_kind(const char *name);

#endif
