/* A file that grows at its end, and of which only what is whole counts.
 *
 * One program at a time may write it. Threads: one at a time. */
#ifndef SPEADLINE_TOOLS_CAPTURE_FILE_H
#define SPEADLINE_TOOLS_CAPTURE_FILE_H

#include <stdint.h>
#include <sys/uio.h>

#include <speadline/error.h>

struct capture_file {
    int fd;         /* -1: not open */
    uint64_t bytes; /* all whole; whoever appends decides how much that is */
    char *path;
};
#define CAPTURE_FILE_CLOSED \
    (struct capture_file)   \
    {                       \
        .fd = -1            \
    }

/* Opens path + suffix to append to it, or makes it. Returns 0, -EINVAL (not a regular file), -EBUSY (another
 * program writes it), -ENOMEM or -errno of the file system, with a sentence that names the file. On failure
 * it can still be closed. */
int capture_file_open(struct capture_file *file, const char *path, const char *suffix,
                      struct spead_err *err);

/* -EINVAL: the last line is cut short, so that the next one would be unreadable. */
int capture_file_check_lines(const struct capture_file *file, struct spead_err *err);

/* Writes all of it behind what is whole, or as much as there is room for. Returns 0 or -errno; *written is
 * how much. iov is used up. */
int capture_file_append(const struct capture_file *file, struct iovec *iov, unsigned count,
                        uint64_t *written);

/* Cuts off what is not whole. */
void capture_file_cut(const struct capture_file *file);

/* Returns 0, or -errno: the file system found out late that it could not keep what was written. */
int capture_file_close(struct capture_file *file, struct spead_err *err);

#endif
