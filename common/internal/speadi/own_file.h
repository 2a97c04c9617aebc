/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a file to which this program writes, in a place where other users may have laid a trap. In a folder such as
 * /tmp another user can put something in the place of the file before this program opens it: a link, or a file of their
 * own that this user may write to. A program that writes what comes from a network must not follow such a link. */
#ifndef SPEADI_OWN_FILE_H
#define SPEADI_OWN_FILE_H

#include <speadline/error.h>

enum {
    /* Follow links, as open() does, and write to a file that has several names. Without this bit a link in the place of
     * the file is refused, and a link to a folder is followed only if it belongs to this user or to root. */
    SPEADI_OWN_FILE_FOLLOW = 1u << 0,
    /* Also open what is not a regular file: a pipe or a device, such as /dev/null. */
    SPEADI_OWN_FILE_ANY_KIND = 1u << 1,
};

/* Opens the file, and makes it if it is not there (mode 0666, less the umask). `flags` are those of open(): O_WRONLY or
 * O_RDWR, and O_APPEND or O_NONBLOCK. O_TRUNC is not allowed; the caller may cut the file that it has got. The
 * descriptor is closed on exec. An existing file must belong to this user. A pipe or a device may also belong to root.
 *
 * Returns the descriptor, -ELOOP (a link), -EPERM (a file of another user), -EMLINK (the file has several names),
 * -EISDIR, -EINVAL (not a regular file) or another -errno. The sentence in err names the path and says what to do. May
 * block: the opening of a pipe waits for its reader. */
int speadi_own_file_open(const char *path, int flags, unsigned how, struct spead_err *err);

#endif
