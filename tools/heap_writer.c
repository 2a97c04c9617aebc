/* See heap_writer.h. */
#include "heap_writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadi/err.h>

#include <speadline/heap.h>

#include "capture_file.h"
#include "heap_index.h"

/* The node writes index lines in portions that end with the line that reaches this many bytes. So the memory for lines
 * is bounded by one portion and one line, also when each heap of a batch has a million items. */
#define LINES_BYTES (1u << 20)

struct heap_writer {
    struct heap_writer_config config; /* the path and the endpoints are borrowed */
    struct capture_file data, index;
    FILE *lines; /* a FILE in memory that collects index lines of a batch */
    char *lines_text;
    size_t lines_bytes;
    struct spead_err err; /* err.code is 0 until the writing fails */

    /* The thread of the node writes these counts, and any thread reads them. relaxed: no other data depends on these
     * counts. */
    _Atomic uint64_t heaps_written, bytes_written;
};

struct batch {
    struct spead_message message[HEAP_WRITER_BATCH_MAX];
    /* where the line of each heap ends in its portion of lines */
    uint64_t line_end[HEAP_WRITER_BATCH_MAX];
    unsigned count;
};

static const struct spead_heap *heap_of(const struct batch *batch, unsigned i)
{
    return (const struct spead_heap *)(uintptr_t)batch->message[i].reference;
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Writes the payloads of the batch into the data file. Returns how many heaps are whole in that file. Sets *error to 0
 * or -errno. */
static unsigned write_data(struct heap_writer *writer, const struct batch *batch, int *error)
{
    struct iovec iov[HEAP_WRITER_BATCH_MAX];
    uint64_t written;
    unsigned whole = 0;

    for (unsigned i = 0; i < batch->count; i++)
        iov[i] = (struct iovec){(void *)(uintptr_t)spead_heap_payload(heap_of(batch, i)),
                                spead_heap_length(heap_of(batch, i))};
    *error = capture_file_append(&writer->data, iov, batch->count, &written);
    for (; whole < batch->count && written >= spead_heap_length(heap_of(batch, whole)); whole++)
        written -= spead_heap_length(heap_of(batch, whole));
    return whole;
}

static const char *endpoint_of(const struct heap_writer *writer, const struct spead_heap *heap)
{
    uint32_t source = spead_heap_source(heap);

    return source < writer->config.endpoint_count ? writer->config.endpoints[source] : NULL;
}

/* Prints index lines into writer->lines, from heap number `first` of the batch on. Stops before heap number `end`, or
 * when the text has LINES_BYTES. Sets *last to the number behind the last printed heap, and adds the bytes of the
 * printed heaps to *offset, which says where the payload of the first one lies. Returns 0 or -ENOMEM. */
static int print_lines(struct heap_writer *writer, struct batch *batch, unsigned first,
                       unsigned end, unsigned *last, uint64_t *offset)
{
    *last = first;
    rewind(writer->lines);
    while (*last < end && (*last == first || batch->line_end[*last - 1] < LINES_BYTES)) {
        const struct spead_heap *heap = heap_of(batch, *last);

        if (heap_index_print(writer->lines, heap, endpoint_of(writer, heap), *offset) < 0 ||
            fflush(writer->lines) == EOF)
            return -ENOMEM;
        batch->line_end[(*last)++] = (uint64_t)ftello(writer->lines);
        *offset += spead_heap_length(heap);
    }
    return 0;
}

/* Appends the printed lines of the heaps `first` to `last` - 1 to the index. Returns the number behind the last heap
 * whose line is whole there. Sets *error to 0 or -errno. */
static unsigned append_lines(struct heap_writer *writer, const struct batch *batch, unsigned first,
                             unsigned last, int *error)
{
    struct iovec iov = {writer->lines_text, batch->line_end[last - 1]};
    uint64_t written;
    unsigned whole = first;

    *error = capture_file_append(&writer->index, &iov, 1, &written);
    while (whole < last && written >= batch->line_end[whole])
        whole++;
    writer->index.bytes += whole > first ? batch->line_end[whole - 1] : 0;
    return whole;
}

/* Writes the index lines of the first `count` heaps. Returns how many lines are whole in the index file. Sets *error to
 * 0 or -errno. */
static unsigned write_lines(struct heap_writer *writer, struct batch *batch, unsigned count,
                            int *error)
{
    uint64_t offset = writer->data.bytes;
    unsigned whole = 0, last;

    *error = 0;
    while (whole < count && *error == 0) {
        *error = print_lines(writer, batch, whole, count, &last, &offset);
        if (*error == 0)
            whole = append_lines(writer, batch, whole, last, error);
    }
    return whole;
}

static void count_whole(struct heap_writer *writer, const struct batch *batch, unsigned whole)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < whole; i++)
        bytes += spead_heap_length(heap_of(batch, i));
    writer->data.bytes += bytes;
    /* relaxed: no other data depends on these counts */
    atomic_fetch_add_explicit(&writer->heaps_written, whole, memory_order_relaxed);
    atomic_fetch_add_explicit(&writer->bytes_written, bytes, memory_order_relaxed);
}

/* Writes a batch. Returns how many heaps are whole in both files. If some heaps of the batch could not be written, the
 * function sets writer->err and cuts both files behind the last whole heap. */
static unsigned write_batch(struct heap_writer *writer, struct batch *batch)
{
    struct capture_file *failed = &writer->data;
    int data_error, index_error;
    unsigned whole = write_data(writer, batch, &data_error);

    whole = write_lines(writer, batch, whole, &index_error);
    count_whole(writer, batch, whole);
    if (data_error == 0 && index_error == 0)
        return whole;

    capture_file_cut(&writer->data);
    capture_file_cut(&writer->index);
    if (data_error == 0)
        failed = &writer->index;
    errno = data_error != 0 ? -data_error : -index_error;
    speadi_err_errno(&writer->err, "cannot write to %s (heaps before this are whole)",
                     failed->path);
    return whole;
}

static int close_files(struct heap_writer *writer)
{
    int data_error = capture_file_close(&writer->data, writer->err.code == 0 ? &writer->err : NULL);
    int index_error =
        capture_file_close(&writer->index, writer->err.code == 0 ? &writer->err : NULL);

    return data_error < 0 ? data_error : index_error;
}

/* ---- The node ------------------------------------------------------------------------------ */

static int start(void *state, struct spead_node *self __attribute__((unused)),
                 struct spead_err *err)
{
    struct heap_writer *writer = state;
    bool follow = writer->config.follow_links;
    int ret = capture_file_open(&writer->data, writer->config.path, "", follow, err);

    if (ret == 0)
        ret = capture_file_open(&writer->index, writer->config.path, ".jsonl", follow, err);
    if (ret == 0)
        ret = capture_file_check_lines(&writer->index, err);
    if (ret < 0)
        close_files(writer);
    return ret;
}

/* Closes the files after the input has ended. Some file systems report only at close() that they could not keep the
 * written bytes. Returns the result of the step. */
static int end(struct heap_writer *writer, struct spead_node *self)
{
    int ret = close_files(writer);

    if (ret == 0)
        return SPEAD_STEP_DONE;
    spead_node_explain(self, "%s", writer->err.text);
    return ret;
}

static int step(void *state, struct spead_node *self)
{
    struct heap_writer *writer = state;
    struct batch batch;
    unsigned whole;
    int ret = spead_node_receive(self, 0, batch.message, writer->config.batch);

    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret < 0)
        return end(writer, self);
    batch.count = (unsigned)ret;
    whole = write_batch(writer, &batch);
    if (whole < batch.count)
        spead_node_working_on(self, &batch.message[whole]);
    for (unsigned i = 0; i < batch.count; i++)
        spead_message_unref(&batch.message[i]);
    if (writer->err.code == 0)
        return SPEAD_STEP_AGAIN;
    spead_node_explain(self, "%s", writer->err.text);
    return writer->err.code;
}

static void finish(void *state)
{
    close_files(state);
}

struct spead_node_config heap_writer_node(struct heap_writer *writer, const char *name)
{
    static const struct spead_node_ops ops = {
        .kind = "heap-file", .start = start, .step = step, .finish = finish};
    static const struct spead_port in = {"heaps", SPEAD_TYPE_HEAP};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = writer;
    config.inputs = &in;
    config.input_count = 1;
    config.blocking = true;
    return config;
}

/* ---- Making, reading, destroying ----------------------------------------------------------- */

int heap_writer_create(struct heap_writer **out, const struct heap_writer_config *config,
                       struct spead_err *err)
{
    struct heap_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return speadi_err_set(err, -ENOMEM, "out of memory");
    writer->config = *config;
    if (config->batch > HEAP_WRITER_BATCH_MAX)
        writer->config.batch = HEAP_WRITER_BATCH_MAX;
    writer->data = writer->index = CAPTURE_FILE_CLOSED;
    writer->lines = open_memstream(&writer->lines_text, &writer->lines_bytes);
    if (!writer->lines) {
        free(writer);
        return speadi_err_set(err, -ENOMEM, "out of memory");
    }
    *out = writer;
    return 0;
}

struct heap_writer_totals heap_writer_totals(const struct heap_writer *writer)
{
    /* relaxed: no other data depends on these counts */
    return (struct heap_writer_totals){
        atomic_load_explicit(&writer->heaps_written, memory_order_relaxed),
        atomic_load_explicit(&writer->bytes_written, memory_order_relaxed)};
}

int heap_writer_error(const struct heap_writer *writer, struct spead_err *err)
{
    if (writer->err.code != 0 && err)
        *err = writer->err;
    return writer->err.code;
}

void heap_writer_destroy(struct heap_writer *writer)
{
    if (!writer)
        return;
    fclose(writer->lines);
    free(writer->lines_text);
    free(writer);
}
