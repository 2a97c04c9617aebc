/* Programs with file capabilities, for one test. The programs lie in a file system in memory that only the test process
 * and its children see, and only the user "nobody" may enter it. So no other user can run them, also while the test
 * runs, and they are gone with the test process, also when an assertion has failed or the process was killed.
 *
 * The functions need root. If one of them returns false, *reason says what is missing, and the test must be skipped with
 * that text. */
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

/* Makes the folder of this process. Its mode is 0700, and it belongs to nobody. Removes it when the process exits; what
 * is in it is gone even if the process is killed. Returns its path, or NULL. */
const char *test_capable_folder(const char **reason);

/* Copies `program` into the folder, under the name `name`. The copy has these rights, the group nobody and the mode
 * 0750. Sets `path`. */
bool test_capable_copy(char path[TEST_CAPABLE_PATH_MAX], const char *program, const char *name,
                       enum test_capable_rights rights, const char **reason);

/* Gives a file of the folder these rights anew. chown() takes capabilities away, and so does a write. */
bool test_capable_give(const char *path, enum test_capable_rights rights, const char **reason);

/* Makes the process an ordinary user, nobody. Programs that it starts cannot become root again. The process itself can
 * (test_become_root()). */
void test_become_nobody(void);
void test_become_root(void);

#endif
