/* SPDX-License-Identifier: Apache-2.0 */
/* Describes one row of the tables in test_callers_read.c and test_callers_write.c. A row names one public struct, and
 * gives its size and the place of its last field. */
#ifndef TEST_CALLERS_ROWS_H
#define TEST_CALLERS_ROWS_H

#include <stddef.h>

struct caller_struct {
    const char *name;
    size_t size;
    size_t shorter; /* size of the struct without its last field */
    size_t end; /* the offset of the byte behind the last field; padding of the struct can follow */
};

/* tests/package/test_structs.sh searches the tables for rows that begin with STRUCT( and the name of a struct. */
#define STRUCT(type, last)                                                                  \
    {                                                                                       \
        .name = #type, .size = sizeof(struct type), .shorter = offsetof(struct type, last), \
        .end = offsetof(struct type, last) + sizeof(((struct type *)NULL)->last)            \
    }

/* In the tests, the struct of a newer library has this number of additional bytes. */
enum { NEWER_BYTES = 24 };

#endif
