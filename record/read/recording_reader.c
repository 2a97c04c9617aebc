/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a recording, line by line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "index_line.h"
#include "recording_files.h"

#define LINE_ROOM_MIN 4096u

/* Opens a file of the recording. Returns its descriptor, or -errno with a sentence. A FIFO is refused without a wait for
 * its writer. */
static int open_file(const char *path, struct spead_err *err)
{
    int ret, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return speadi_err_errno(err, "cannot open %s", path);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    ret = speadi_err_set(err, -EINVAL, "%s is no file of a recording: not a regular file", path);
    close(fd);
    return ret;
}

static int open_both(struct spead_recording_reader *reader, struct spead_err *err)
{
    int index;

    reader->data = open_file(reader->path, err);
    if (reader->data < 0)
        return reader->data;
    index = open_file(reader->index_path, err);
    if (index < 0)
        return index;
    reader->index = fdopen(index, "r");
    if (reader->index)
        return 0;
    close(index);
    return speadi_err_set(err, -ENOMEM, "out of memory");
}

int spead_recording_reader_open(struct spead_recording_reader **out, const char *path,
                                struct spead_err *err)
{
    struct spead_recording_reader *reader = calloc(1, sizeof *reader);
    int ret;

    if (!reader)
        return speadi_err_set(err, -ENOMEM, "out of memory");
    reader->data = -1;
    reader->path = strdup(path);
    if (asprintf(&reader->index_path, "%s.jsonl", path) < 0)
        reader->index_path = NULL;
    ret = reader->path && reader->index_path ? open_both(reader, err)
                                             : speadi_err_set(err, -ENOMEM, "out of memory");
    if (ret < 0) {
        spead_recording_reader_close(reader);
        return ret;
    }
    *out = reader;
    return 0;
}

static bool make_room(struct spead_recording_reader *reader)
{
    size_t room = reader->line_room > 0 ? 2 * reader->line_room : LINE_ROOM_MIN;
    char *line = realloc(reader->line, room);

    if (!line)
        return false;
    reader->line = line;
    reader->line_room = room;
    return true;
}

/* Reads one line. Returns its length, with the newline. Returns 0 if the line is not whole: the file ends, or a zero byte
 * comes, which a file system can leave behind the last whole line. Returns -EFBIG if the line is longer than
 * SPEADI_INDEX_LINE_MAX, or -ENOMEM. */
static ssize_t read_line(struct spead_recording_reader *reader)
{
    size_t bytes = 0;
    int c;

    do {
        if (bytes == SPEADI_INDEX_LINE_MAX)
            return -EFBIG;
        if (bytes == reader->line_room && !make_room(reader))
            return -ENOMEM;
        c = getc_unlocked(reader->index);
        if (c == EOF || c == '\0')
            return 0;
        reader->line[bytes++] = (char)c;
    } while (c != '\n');
    return (ssize_t)bytes;
}

int speadi_recording_next(struct spead_recording_reader *reader, struct spead_err *err)
{
    long start = ftell(reader->index);
    ssize_t bytes = read_line(reader);
    int ret;

    if (ferror(reader->index))
        return speadi_err_errno(err, "cannot read %s", reader->index_path);
    if (bytes < 0)
        return speadi_err_set(err, (int)bytes, "line %llu of %s is too long%s",
                              (unsigned long long)reader->line_number + 1, reader->index_path,
                              bytes == -ENOMEM ? " for the memory" : ": no index has such lines");
    if (bytes == 0) {
        /* A later call may find that the line has become whole. */
        clearerr(reader->index);
        fseek(reader->index, start, SEEK_SET);
        return 0;
    }
    reader->line_number++;
    reader->line_end = (uint64_t)start + (uint64_t)bytes;
    ret = speadi_index_entry_read(&reader->entry, reader->line, (size_t)bytes - 1);
    if (ret == 0)
        return 1;
    return speadi_err_set(err, ret, "line %llu of %s %s", (unsigned long long)reader->line_number,
                          reader->index_path,
                          ret == -ENOMEM ? "is too long for the memory" : "describes no heap");
}

int spead_recording_reader_next(struct spead_recording_reader *reader,
                                struct spead_recording_heap *heap, struct spead_err *err)
{
    int ret = speadi_struct_check(heap, "SPEAD_RECORDING_HEAP_INIT", err);

    if (ret == 0)
        ret = speadi_recording_next(reader, err);
    if (ret > 0)
        speadi_struct_write(heap, &reader->entry.heap, sizeof reader->entry.heap);
    return ret;
}

int spead_recording_reader_payload(struct spead_recording_reader *reader,
                                   const struct spead_recording_heap *heap, uint64_t offset,
                                   void *to, size_t bytes, struct spead_err *err)
{
    int ret;

    if (offset > heap->bytes || bytes > heap->bytes - offset)
        return speadi_err_set(err, -ERANGE, "heap %llu has %llu bytes of payload",
                              (unsigned long long)heap->counter, (unsigned long long)heap->bytes);
    ret = speadi_capture_file_read(reader->data, heap->offset + offset, to, bytes);
    if (ret == -ENODATA)
        return speadi_err_set(err, ret, "%s ends inside heap %llu", reader->path,
                              (unsigned long long)heap->counter);
    errno = -ret;
    return ret < 0 ? speadi_err_errno(err, "cannot read %s", reader->path) : 0;
}

void spead_recording_reader_close(struct spead_recording_reader *reader)
{
    if (!reader)
        return;
    if (reader->data >= 0)
        close(reader->data);
    if (reader->index)
        fclose(reader->index);
    speadi_index_entry_release(&reader->entry);
    free(reader->line);
    free(reader->path);
    free(reader->index_path);
    free(reader);
}
