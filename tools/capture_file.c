/* See capture_file.h. */
#include "capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/own_file.h>

int capture_file_open(struct capture_file *file, const char *path, const char *suffix,
                      bool follow_links, struct spead_err *err)
{
    struct stat st;
    int ret;

    if (asprintf(&file->path, "%s%s", path, suffix) < 0) {
        file->path = NULL;
        return speadi_err_set(err, -ENOMEM, "out of memory");
    }
    ret = speadi_own_file_open(file->path, O_RDWR, follow_links ? SPEADI_OWN_FILE_FOLLOW : 0, err);
    if (ret < 0)
        return ret;
    file->fd = ret;
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

int capture_file_check_lines(const struct capture_file *file, struct spead_err *err)
{
    char last = '\n';

    if (file->bytes > 0 && pread(file->fd, &last, 1, (off_t)file->bytes - 1) < 0)
        return speadi_err_errno(err, "cannot read %s", file->path);
    if (last != '\n')
        return speadi_err_set(err, -EINVAL,
                              "%s does not end with a whole line: move it and its data away",
                              file->path);
    return 0;
}

int capture_file_append(const struct capture_file *file, struct iovec *iov, unsigned count,
                        uint64_t *written)
{
    *written = 0;
    while (count > 0) {
        ssize_t n = pwritev(file->fd, iov, (int)count, (off_t)(file->bytes + *written));

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

void capture_file_cut(const struct capture_file *file)
{
    /* ftruncate() fails only when the file system does not work any more. The caller of this function already reports
     * that. */
    if (ftruncate(file->fd, (off_t)file->bytes) < 0)
        return;
}

int capture_file_close(struct capture_file *file, struct spead_err *err)
{
    int ret = 0;

    if (file->fd >= 0 && close(file->fd) < 0)
        ret = speadi_err_errno(err, "cannot write to %s", file->path);
    file->fd = -1;
    free(file->path);
    file->path = NULL;
    return ret;
}
