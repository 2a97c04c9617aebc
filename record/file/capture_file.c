/* SPDX-License-Identifier: Apache-2.0 */
/* See capture_file.h. */
#include "capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/own_file.h>

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
     * bytes. The lock prevents this. On a file system without locks nothing prevents it. */
    if (flock(file->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return speadi_err_set(err, -EBUSY, "cannot write to %s: another program is writing it",
                              file->path);
    if (fstat(file->fd, &st) < 0)
        return speadi_err_errno(err, "cannot look at %s", file->path);
    file->bytes = (uint64_t)st.st_size;
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
    char *folder = strdup(file->path), *slash;
    int fd, ret = 0;

    if (!folder)
        return -ENOMEM;
    slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* On some network file systems a folder cannot be opened or synced. This is not a failure. */
    if (fd >= 0 && fsync(fd) < 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
        ret = -errno;
    if (fd >= 0)
        close(fd);
    free(folder);
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
    file->path = NULL;
    return ret;
}
