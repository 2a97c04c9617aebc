/* SPDX-License-Identifier: Apache-2.0 */
/* A file to which a program only appends. The caller appends bytes and then decides how many of them stay in the file.
 *
 * The file is locked, so that only one program at a time writes to it. Only one thread at a time may use a struct
 * speadi_capture_file, except that speadi_capture_file_sync() and speadi_capture_file_keep_room() may run beside the
 * other functions. */
#ifndef SPEADI_CAPTURE_FILE_H
#define SPEADI_CAPTURE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <speadline/error.h>

struct speadi_capture_file {
    int fd;       /* -1 if the file is not open */
    bool created; /* true if there was no such file before speadi_capture_file_open() */
    /* The length of the part of the file that stays. speadi_capture_file_open() sets this field to the size of the
     * file. After an append the caller adds the number of appended bytes that it keeps. speadi_capture_file_cut()
     * removes all bytes behind this part. */
    uint64_t bytes;
    char *path;      /* owned by this struct */
    char *true_path; /* where the file lay when it was opened, without links; owned, or NULL */
};
#define SPEADI_CAPTURE_FILE_CLOSED \
    (struct speadi_capture_file)   \
    {                              \
        .fd = -1                   \
    }

/* Opens the file `path` + `suffix` for appending. If there is no such file, the function makes it. Unless follow_links
 * is true, a link in the place of the file is refused (own_file.h). Returns 0, -EINVAL (the file is not a regular
 * file), -ELOOP (a link), -EPERM (a file of another user), -EMLINK (several names), -EBUSY (another program writes to
 * the file), -ENOMEM or the -errno of the file system. The sentence in err names the file. After a failure the caller
 * must call speadi_capture_file_close() too. */
int speadi_capture_file_open(struct speadi_capture_file *file, const char *path, const char *suffix,
                             bool follow_links, struct spead_err *err);

/* Writes the `count` pieces of `iov` into the file, beginning at the offset `at`. It stops at the first error, for
 * example when the disk is full. Returns 0 when everything was written, else -errno. In both cases *written is the
 * number of bytes written. The function does not change file->bytes, and it overwrites the entries of `iov`. */
int speadi_capture_file_write(const struct speadi_capture_file *file, uint64_t at,
                              struct iovec *iov, unsigned count, uint64_t *written);

/* If the file is shorter than `bytes`, makes it that long. The new part is a hole. Returns 0 or -errno. */
int speadi_capture_file_reach(const struct speadi_capture_file *file, uint64_t bytes);

/* Keeps room on the disk for the bytes `from` to `to`, behind the end of the file. The length of the file does not
 * change. Returns 0, -ENOSPC or -EDQUOT. Returns 0 also if the file system cannot keep room. speadi_capture_file_cut()
 * gives up the room that was not used. */
int speadi_capture_file_keep_room(const struct speadi_capture_file *file, uint64_t from,
                                  uint64_t to);

/* Returns 0 if the file still has its first `least` bytes. Returns -ESTALE with a sentence if another program has
 * removed the file or has cut it to less. */
int speadi_capture_file_check(const struct speadi_capture_file *file, uint64_t least,
                              struct spead_err *err);

/* Returns 0 if the file still lies where it was opened, else -ESTALE with a sentence. */
int speadi_capture_file_check_name(const struct speadi_capture_file *file, struct spead_err *err);

/* Returns true if a writer has opened this file. fd may be any descriptor of the file. The function takes no lock, so it
 * keeps no writer away. */
bool speadi_capture_file_is_locked(int fd);

/* Reads exactly `bytes` bytes at `offset`. Returns 0, -ENODATA if the file ends before, or -errno. fd may be any file
 * that can be read. */
int speadi_capture_file_read(int fd, uint64_t offset, void *to, size_t bytes);

/* Cuts the file, so that its length is file->bytes. */
void speadi_capture_file_cut(const struct speadi_capture_file *file);

/* Waits until all that was written into the file so far is on the disk. Returns 0 or -errno. After an error nobody
 * knows which part of it is on the disk. */
int speadi_capture_file_sync(const struct speadi_capture_file *file);

/* Waits until the folder of the file, and so the name of the file, is on the disk. Returns 0 or -errno. */
int speadi_capture_file_sync_name(const struct speadi_capture_file *file);

/* Removes the file again if speadi_capture_file_open() has made it. */
void speadi_capture_file_undo(struct speadi_capture_file *file);

/* Closes the file and frees the path. Returns 0 or -errno. Some file systems report only now that they could not keep
 * the written bytes. */
int speadi_capture_file_close(struct speadi_capture_file *file, struct spead_err *err);

#endif
