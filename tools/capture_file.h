/* A file that grows at its end. The caller appends, and decides how many of the appended bytes count.
 *
 * The file is locked, so that only one program at a time writes it. Threads: one at a time may use a capture_file. */
#ifndef SPEADLINE_TOOLS_CAPTURE_FILE_H
#define SPEADLINE_TOOLS_CAPTURE_FILE_H

#include <stdint.h>
#include <sys/uio.h>

#include <speadline/error.h>

struct capture_file {
    int fd; /* -1: not open */
    /* The length of the part that counts. open() sets it to the size of the file. After an append the caller adds the
     * number of appended bytes that count. */
    uint64_t bytes;
    char *path; /* owned */
};
#define CAPTURE_FILE_CLOSED \
    (struct capture_file)   \
    {                       \
        .fd = -1            \
    }

/* Opens the file path + suffix for appending, and makes it if there is none. Returns 0, -EINVAL (not a regular file),
 * -EBUSY (another program writes it), -ENOMEM or the -errno of the file system, with a sentence that names the file.
 * After a failure the caller still closes it. */
int capture_file_open(struct capture_file *file, const char *path, const char *suffix,
                      struct spead_err *err);

/* Checks that lines can be appended to the file. Returns 0, or -EINVAL when the file does not end with a newline: a
 * line appended to it would be unreadable. Returns another -errno when the file cannot be read. */
int capture_file_check_lines(const struct capture_file *file, struct spead_err *err);

/* Writes count pieces at file->bytes, and stops at the first error (a full disk, for example). Returns 0 when
 * everything was written, else -errno. *written is the number of bytes written in both cases. file->bytes does not
 * change. The entries of iov are overwritten. */
int capture_file_append(const struct capture_file *file, struct iovec *iov, unsigned count,
                        uint64_t *written);

/* Cuts the file to file->bytes. */
void capture_file_cut(const struct capture_file *file);

/* Closes the file and frees the path. Returns 0, or -errno when the file system reports only now that it could not
 * keep the written bytes. */
int capture_file_close(struct capture_file *file, struct spead_err *err);

#endif
