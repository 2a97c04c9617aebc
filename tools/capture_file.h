/* A file to which a program only appends. The caller appends bytes and then decides how many of them stay in the file.
 *
 * The file is locked, so that only one program at a time writes to it. Only one thread at a time may use a struct
 * capture_file. */
#ifndef SPEADLINE_TOOLS_CAPTURE_FILE_H
#define SPEADLINE_TOOLS_CAPTURE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadline/error.h>

struct capture_file {
    int fd; /* -1 if the file is not open */
    /* The length of the part of the file that stays. capture_file_open() sets this field to the size of the file. After
     * an append the caller adds the number of appended bytes that it keeps. capture_file_cut() removes all bytes behind
     * this part. */
    uint64_t bytes;
    char *path; /* owned by this struct */
};
#define CAPTURE_FILE_CLOSED \
    (struct capture_file)   \
    {                       \
        .fd = -1            \
    }

/* Opens the file `path` + `suffix` for appending. If there is no such file, the function makes it. Unless follow_links
 * is true, a link in the place of the file is refused (own_file.h). Returns 0, -EINVAL (the file is not a regular file),
 * -ELOOP (a link), -EPERM (a file of another user), -EBUSY (another program writes to the file), -ENOMEM or the -errno of
 * the file system. The sentence in err names the file. After a failure the caller must call capture_file_close() too. */
int capture_file_open(struct capture_file *file, const char *path, const char *suffix,
                      bool follow_links, struct spead_err *err);

/* Checks that lines can be appended to the file. Returns 0, or -EINVAL when the file does not end with a newline. In
 * such a file an appended line would continue the last line, and no program could read the result. Returns another
 * -errno when the file cannot be read. */
int capture_file_check_lines(const struct capture_file *file, struct spead_err *err);

/* Writes the `count` pieces of `iov` into the file, beginning at the offset file->bytes. It stops at the first error,
 * for example when the disk is full. Returns 0 when everything was written, else -errno. In both cases *written is the
 * number of bytes written. The function does not change file->bytes, and it overwrites the entries of `iov`. */
int capture_file_append(const struct capture_file *file, struct iovec *iov, unsigned count,
                        uint64_t *written);

/* Cuts the file, so that its length is file->bytes. */
void capture_file_cut(const struct capture_file *file);

/* Closes the file and frees the path. Returns 0 or -errno. Some file systems report only now that they could not keep
 * the written bytes. */
int capture_file_close(struct capture_file *file, struct spead_err *err);

#endif
