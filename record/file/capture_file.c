/* SPDX-License-Identifier: Apache-2.0 */
/* See capture_file.h. */
#include "capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/own_file.h>

/* Returns the path at which the file lies, without links, or NULL if nobody knows it. The caller frees it. */
static char *true_path(int fd)
{
    char link[40], path[PATH_MAX];
    ssize_t bytes;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    bytes = readlink(link, path, sizeof path);
    return bytes > 0 && bytes < (ssize_t)sizeof path ? strndup(path, (size_t)bytes) : NULL;
}

/* Locks the file for this writer. Returns false if another writer has locked it. On a file system without locks nothing
 * keeps two writers apart. The lock is one of the open file description, because a reader can ask for such a lock
 * without taking one. */
static bool lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &whole) == 0 || (errno != EAGAIN && errno != EACCES);
}

bool speadi_capture_file_is_locked(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

int speadi_capture_file_open(struct speadi_capture_file *file, const char *path, const char *suffix,
                             bool follow_links, struct spead_err *err)
{
    struct stat st;

    if (asprintf(&file->path, "%s%s", path, suffix) < 0) {
        file->path = NULL;
        return speadi_err_set(err, -ENOMEM, "out of memory");
    }
    file->created = lstat(file->path, &st) < 0 && errno == ENOENT;
    file->fd =
        speadi_own_file_open(file->path, O_RDWR, follow_links ? SPEADI_OWN_FILE_FOLLOW : 0, err);
    if (file->fd < 0) {
        int ret = file->fd;

        file->fd = -1;
        return ret;
    }
    /* If two programs appended to one file, each of them at the end that it knows, they would overwrite each other's
     * bytes. */
    if (!lock(file->fd))
        return speadi_err_set(err, -EBUSY, "cannot write to %s: another program is writing it",
                              file->path);
    if (fstat(file->fd, &st) < 0)
        return speadi_err_errno(err, "cannot look at %s", file->path);
    file->bytes = (uint64_t)st.st_size;
    file->true_path = true_path(file->fd);
    return 0;
}

int speadi_capture_file_write(const struct speadi_capture_file *file, uint64_t at,
                              struct iovec *iov, unsigned count, uint64_t *written)
{
    *written = 0;
    while (count > 0) {
        ssize_t n = pwritev(file->fd, iov, (int)count, (off_t)(at + *written));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        *written += (uint64_t)n;
        while (count > 0 && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            count--;
        }
        if (count > 0) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int speadi_capture_file_reach(const struct speadi_capture_file *file, uint64_t bytes)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size >= bytes)
        return 0;
    return ftruncate(file->fd, (off_t)bytes) < 0 ? -errno : 0;
}

int speadi_capture_file_keep_room(const struct speadi_capture_file *file, uint64_t from,
                                  uint64_t to)
{
    if (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) == 0)
        return 0;
    return errno == ENOSPC || errno == EDQUOT ? -errno : 0;
}

int speadi_capture_file_check(const struct speadi_capture_file *file, uint64_t least,
                              struct spead_err *err)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0)
        return speadi_err_errno(err, "cannot look at %s", file->path);
    if (st.st_nlink == 0)
        return speadi_err_set(
            err, -ESTALE, "%s was removed while it was written: its heaps are lost", file->path);
    if ((uint64_t)st.st_size < least)
        return speadi_err_set(err, -ESTALE,
                              "another program has cut %s to %" PRIu64
                              " bytes while it was written: the heaps behind that are lost",
                              file->path, (uint64_t)st.st_size);
    return 0;
}

int speadi_capture_file_check_name(const struct speadi_capture_file *file, struct spead_err *err)
{
    char *now = true_path(file->fd);
    int ret = 0;

    if (now && file->true_path && strcmp(now, file->true_path) != 0)
        ret = speadi_err_set(err, -ESTALE,
                             "%s was moved while it was written: all heaps are in %.120s",
                             file->path, now);
    free(now);
    return ret;
}

int speadi_capture_file_read(int fd, uint64_t offset, void *to, size_t bytes)
{
    char *next = to;

    while (bytes > 0) {
        ssize_t n = pread(fd, next, bytes, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENODATA;
        next += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

void speadi_capture_file_cut(const struct speadi_capture_file *file)
{
    /* ftruncate() fails only when the file system does not work any more. The caller of this function already reports
     * that. */
    if (file->fd >= 0 && ftruncate(file->fd, (off_t)file->bytes) < 0)
        return;
}

int speadi_capture_file_sync(const struct speadi_capture_file *file)
{
    int ret;

    do {
        ret = fdatasync(file->fd);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : 0;
}

int speadi_capture_file_sync_name(const struct speadi_capture_file *file)
{
    char *folder = true_path(file->fd);
    int fd = open(folder ? dirname(folder) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;

    free(folder);
    /* On some network file systems a folder cannot be opened or synced. This is not a failure. */
    if (fd >= 0 && fsync(fd) < 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
        ret = -errno;
    if (fd >= 0)
        close(fd);
    return ret;
}

void speadi_capture_file_undo(struct speadi_capture_file *file)
{
    if (file->created && file->fd >= 0)
        unlink(file->path);
    file->created = false;
}

int speadi_capture_file_close(struct speadi_capture_file *file, struct spead_err *err)
{
    int ret = 0;

    if (file->fd >= 0 && close(file->fd) < 0)
        ret = speadi_err_errno(err, "cannot write to %s", file->path);
    file->fd = -1;
    free(file->path);
    free(file->true_path);
    file->path = file->true_path = NULL;
    return ret;
}
