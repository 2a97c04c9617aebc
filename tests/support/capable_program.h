/* SPDX-License-Identifier: Apache-2.0 */
/* Programs with file capabilities, for one test. The programs lie in a file system in memory that only the test process
 * and its children see, and only the user "nobody" may enter it. So no other user can run these programs, not even
 * during the test. When the test process ends, the programs are gone, even if an assertion has failed or the process
 * was killed.
 *
 * The functions need root. If one of them returns false, *reason says what is missing, and the test must be skipped
 * with that text. */
#ifndef TESTS_SUPPORT_CAPABLE_PROGRAM_H
#define TESTS_SUPPORT_CAPABLE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define TEST_NOBODY 65534u

#define TEST_CAPABLE_PATH_MAX 96

enum test_capable_rights {
    TEST_CAPABLE_PERMITTED, /* as after `setcap cap_net_raw,cap_ipc_lock+p` */
    TEST_CAPABLE_EFFECTIVE, /* as after `setcap cap_net_raw,cap_ipc_lock+ep` */
    TEST_CAPABLE_SETUID,    /* owned by root, and setuid */
    TEST_CAPABLE_NONE,
};

/* Makes the folder of this process. Its mode is 0700, and its owner is the user "nobody". The folder is removed when
 * the process exits. If the process is killed, the content of the folder is gone too. Returns the path of the folder,
 * or NULL. */
const char *test_capable_folder(const char **reason);

/* Copies `program` into the folder, under the name `name`. The copy has these rights, the group "nobody" and the mode
 * 0750. `path` gets the path of the copy. */
bool test_capable_copy(char path[TEST_CAPABLE_PATH_MAX], const char *program, const char *name,
                       enum test_capable_rights rights, const char **reason);

/* Gives these rights to a file of the folder again. This is necessary after chown() or a write, which take capabilities
 * away. */
bool test_capable_give(const char *path, enum test_capable_rights rights, const char **reason);

/* test_become_nobody() changes the user of the process to "nobody", an ordinary user. Programs that the process then
 * starts cannot become root again. The process itself can, by test_become_root(). */
void test_become_nobody(void);
void test_become_root(void);

#endif
