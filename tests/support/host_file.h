/* SPDX-License-Identifier: Apache-2.0 */
/* Writes settings of the kernel, such as the files of a cgroup. */
#ifndef TESTS_HOST_FILE_H
#define TESTS_HOST_FILE_H

#include <stdbool.h>

/* Writes the text into a file of the folder, which must exist. Returns false if the kernel refuses it; errno says why. */
bool test_host_file_write(const char *folder, const char *name, const char *text);

#endif
