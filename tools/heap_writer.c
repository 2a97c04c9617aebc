/* See heap_writer.h. */
#include "heap_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/thread.h>

#include "heap_index.h"

#define BATCH_MAX 64u /* heaps in one system call */

/* A file that grows at its end. */
struct output_file {
    int fd;
    uint64_t bytes; /* all whole */
    char *path;
};

struct heap_writer {
    struct output_file data, index;
    struct speadi_runner *runner;
    struct heap_writer_totals totals; /* the thread's; read after its end */
    FILE *lines;                      /* index lines of a batch, in memory */
    char *lines_text;
    size_t lines_bytes;

    pthread_mutex_t lock; /* everything below */
    pthread_cond_t pushed, popped;
    struct spead_heap **queue; /* [depth] ring; the oldest count from head on are occupied */
    unsigned depth, head, count;
    bool closing, abandoning;
    int error; /* 0, or why writing ended */
    struct spead_err err;
};

/* ---- Files --------------------------------------------------------------------------------- */

static int open_file(struct output_file *file, const char *path, const char *suffix,
                     struct spead_err *err)
{
    struct stat st;

    if (asprintf(&file->path, "%s%s", path, suffix) < 0) {
        file->path = NULL;
        return speadi_err_set(err, -ENOMEM, "out of memory");
    }
    file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (file->fd < 0)
        return speadi_err_errno(err, "cannot open %s", file->path);
    if (fstat(file->fd, &st) < 0)
        return speadi_err_errno(err, "cannot look at %s", file->path);
    if (!S_ISREG(st.st_mode))
        return speadi_err_set(err, -EINVAL, "cannot write to %s: not a regular file", file->path);
    /* Two that append each at the end that they know would overwrite each other. A file system without
     * locks gives no such protection. */
    if (flock(file->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return speadi_err_set(err, -EBUSY, "cannot write to %s: another program is writing it",
                              file->path);
    if (fstat(file->fd, &st) < 0)
        return speadi_err_errno(err, "cannot look at %s", file->path);
    file->bytes = (uint64_t)st.st_size;
    return 0;
}

/* An index whose last line was cut short would make the next one unreadable. */
static int check_index(const struct output_file *file, struct spead_err *err)
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

/* Appends everything, or as much as there is room for. Returns 0 or -errno; *written is how much. */
static int append(const struct output_file *file, struct iovec *iov, unsigned count,
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

static void cut(const struct output_file *file)
{
    /* Fails only where the file system has failed altogether, which is being reported already. */
    if (ftruncate(file->fd, (off_t)file->bytes) < 0)
        return;
}

static int close_file(struct output_file *file, struct spead_err *err)
{
    int ret = 0;

    if (file->fd >= 0 && close(file->fd) < 0)
        ret = speadi_err_errno(err, "cannot write to %s", file->path);
    file->fd = -1;
    free(file->path);
    file->path = NULL;
    return ret;
}

/* ---- The thread ---------------------------------------------------------------------------- */

struct batch {
    struct spead_heap *heap[BATCH_MAX];
    uint64_t line_end[BATCH_MAX]; /* in lines_text */
    unsigned count;
};

/* Index lines for the first count heaps, which will lie from the end of the data file on. */
static int print_lines(struct heap_writer *writer, struct batch *batch, unsigned count)
{
    uint64_t offset = writer->data.bytes;

    rewind(writer->lines);
    for (unsigned i = 0; i < count; i++) {
        if (heap_index_print(writer->lines, batch->heap[i], offset) < 0 ||
            fflush(writer->lines) == EOF)
            return -ENOMEM;
        batch->line_end[i] = (uint64_t)ftello(writer->lines);
        offset += spead_heap_length(batch->heap[i]);
    }
    return 0;
}

/* Writes the batch's payloads; returns how many heaps are whole. */
static unsigned write_data(struct heap_writer *writer, struct batch *batch, int *error)
{
    struct iovec iov[BATCH_MAX];
    uint64_t written;
    unsigned whole = 0;

    for (unsigned i = 0; i < batch->count; i++)
        iov[i] = (struct iovec){(void *)(uintptr_t)spead_heap_payload(batch->heap[i]),
                                spead_heap_length(batch->heap[i])};
    *error = append(&writer->data, iov, batch->count, &written);
    for (; whole < batch->count && written >= spead_heap_length(batch->heap[whole]); whole++)
        written -= spead_heap_length(batch->heap[whole]);
    return whole;
}

/* Writes the lines of the first count heaps; returns how many are whole. */
static unsigned write_lines(struct heap_writer *writer, struct batch *batch, unsigned count,
                            int *error)
{
    struct iovec iov = {.iov_base = NULL};
    uint64_t written;
    unsigned whole = 0;

    *error = print_lines(writer, batch, count);
    if (*error < 0 || count == 0)
        return 0;
    iov = (struct iovec){writer->lines_text, batch->line_end[count - 1]};
    *error = append(&writer->index, &iov, 1, &written);
    for (; whole < count && written >= batch->line_end[whole]; whole++)
        ;
    return whole;
}

/* Returns 0, or -errno with writer->err filled; what is whole counts, the rest is cut off. */
static int write_batch(struct heap_writer *writer, struct batch *batch)
{
    struct output_file *failed = &writer->data;
    int data_error, index_error;
    unsigned whole = write_data(writer, batch, &data_error);

    whole = write_lines(writer, batch, whole, &index_error);
    for (unsigned i = 0; i < whole; i++) {
        writer->data.bytes += spead_heap_length(batch->heap[i]);
        writer->totals.bytes += spead_heap_length(batch->heap[i]);
    }
    writer->totals.heaps += whole;
    writer->index.bytes += whole > 0 ? batch->line_end[whole - 1] : 0;
    if (data_error == 0 && index_error == 0)
        return 0;

    cut(&writer->data);
    cut(&writer->index);
    if (data_error == 0)
        failed = &writer->index;
    errno = data_error != 0 ? -data_error : -index_error;
    return speadi_err_errno(&writer->err, "cannot write to %s (heaps before this are whole)",
                            failed->path);
}

/* Waits for heaps. They stay in the queue, as it is they that its bound is about. Returns false at
 * the end. */
static bool next_batch(struct heap_writer *writer, struct batch *batch)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->count == 0 && !writer->closing)
        pthread_cond_wait(&writer->pushed, &writer->lock);
    batch->count = writer->count < BATCH_MAX ? writer->count : BATCH_MAX;
    if (writer->abandoning || writer->error != 0)
        batch->count = 0;
    for (unsigned i = 0; i < batch->count; i++)
        batch->heap[i] = writer->queue[(writer->head + i) % writer->depth];
    pthread_mutex_unlock(&writer->lock);
    return batch->count > 0;
}

static void end_batch(struct heap_writer *writer, const struct batch *batch, int error)
{
    for (unsigned i = 0; i < batch->count; i++)
        spead_heap_unref(batch->heap[i]);
    pthread_mutex_lock(&writer->lock);
    writer->head = (writer->head + batch->count) % writer->depth;
    writer->count -= batch->count;
    writer->error = error;
    pthread_cond_signal(&writer->popped);
    pthread_mutex_unlock(&writer->lock);
}

static int write_all(void *arg, struct speadi_runner *self,
                     struct spead_err *err __attribute__((unused)))
{
    struct heap_writer *writer = arg;
    struct batch batch;

    speadi_runner_ready(self);
    while (next_batch(writer, &batch))
        end_batch(writer, &batch, write_batch(writer, &batch));
    return 0;
}

/* ---- The other side ------------------------------------------------------------------------ */

int heap_writer_open(struct heap_writer **out, const char *path, unsigned depth,
                     struct spead_err *err)
{
    struct heap_writer *writer = calloc(1, sizeof *writer);
    int ret;

    if (writer == NULL)
        return speadi_err_set(err, -ENOMEM, "out of memory");
    writer->data.fd = writer->index.fd = -1;
    writer->depth = depth;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->pushed, NULL);
    pthread_cond_init(&writer->popped, NULL);
    ret = speadi_err_set(err, -ENOMEM, "out of memory");
    writer->queue = calloc(depth, sizeof *writer->queue);
    writer->lines = open_memstream(&writer->lines_text, &writer->lines_bytes);
    if (writer->queue == NULL || writer->lines == NULL)
        goto err_close;
    ret = open_file(&writer->data, path, "", err);
    if (ret == 0)
        ret = open_file(&writer->index, path, ".jsonl", err);
    if (ret == 0)
        ret = check_index(&writer->index, err);
    if (ret == 0)
        ret = speadi_runner_start(&writer->runner, "spead-writer", -1, write_all, writer, err);
    if (ret < 0)
        goto err_close;
    *out = writer;
    return 0;

err_close:
    heap_writer_close(writer, true, NULL, NULL);
    return ret;
}

int heap_writer_push(struct heap_writer *writer, struct spead_heap *heap)
{
    int error;

    pthread_mutex_lock(&writer->lock);
    while (writer->count == writer->depth && writer->error == 0)
        pthread_cond_wait(&writer->popped, &writer->lock);
    error = writer->error;
    if (error == 0) {
        writer->queue[(writer->head + writer->count++) % writer->depth] = heap;
        pthread_cond_signal(&writer->pushed);
    }
    pthread_mutex_unlock(&writer->lock);
    if (error != 0)
        spead_heap_unref(heap);
    return error;
}

/* Tells the thread, waits for it, and gives back what it left. */
static void end_thread(struct heap_writer *writer, bool abandon)
{
    pthread_mutex_lock(&writer->lock);
    writer->closing = true;
    writer->abandoning = abandon;
    pthread_cond_signal(&writer->pushed);
    pthread_mutex_unlock(&writer->lock);
    if (writer->runner != NULL)
        speadi_runner_join(writer->runner, NULL);
    for (; writer->count > 0; writer->count--, writer->head++)
        spead_heap_unref(writer->queue[writer->head % writer->depth]);
}

int heap_writer_close(struct heap_writer *writer, bool abandon, struct heap_writer_totals *totals,
                      struct spead_err *err)
{
    int ret, close_ret;

    if (writer == NULL)
        return 0;
    end_thread(writer, abandon);
    if (totals != NULL)
        *totals = writer->totals;
    ret = writer->error;
    if (ret < 0 && err != NULL)
        *err = writer->err;
    close_ret = close_file(&writer->data, ret == 0 ? err : NULL);
    ret = ret == 0 ? close_ret : ret;
    close_ret = close_file(&writer->index, ret == 0 ? err : NULL);
    ret = ret == 0 ? close_ret : ret;
    if (writer->lines != NULL)
        fclose(writer->lines);
    free(writer->lines_text);
    free(writer->queue);
    pthread_cond_destroy(&writer->pushed);
    pthread_cond_destroy(&writer->popped);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
    return ret;
}
