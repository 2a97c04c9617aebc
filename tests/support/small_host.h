/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up host that says how much memory is free. The library reads it in place of the host of the test. */
#ifndef TEST_SMALL_HOST_H
#define TEST_SMALL_HOST_H

#include <stdint.h>

/* Makes the files of the host. They say nothing until test_host_set_free(). Aborts the program if it cannot make them. */
void test_host_make(void);

void test_host_set_free(uint64_t kib);

/* Removes the files. The library reads the real host again. */
void test_host_remove(void);

#endif
