/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for a test. */
#ifndef TEST_TEMP_FOLDER_H
#define TEST_TEMP_FOLDER_H

/* Makes a folder and enters it. `path` ends with XXXXXX; the function replaces these letters. Aborts the program if it
 * cannot make the folder. */
void test_folder_enter(char *path);

/* Leaves the folder, and removes it with all that lies in it. Aborts the program if it cannot remove it. */
void test_folder_remove(const char *path);

#endif
