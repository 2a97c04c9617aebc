/* SPDX-License-Identifier: Apache-2.0 */
/* See heap_writer.h. */
#include "heap_writer.h"

#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>

struct heap_writer {
    struct heap_writer_config config;
    struct spead_recording_writer *recording; /* NULL until the graph starts */
    struct spead_err err;                     /* err.code is 0 until the writing has failed */
};

/* ---- The node ------------------------------------------------------------------------------ */

static int start(void *state, struct spead_node *self __attribute__((unused)),
                 struct spead_err *err)
{
    struct heap_writer *writer = state;

    return spead_recording_writer_create(&writer->recording, &writer->config.recording, err);
}

/* Syncs and closes. Returns 0 or the error of the writer, which is in writer->err then. */
static int close_files(struct heap_writer *writer)
{
    return spead_recording_writer_finish(writer->recording, &writer->err);
}

static int fail(const struct heap_writer *writer, struct spead_node *self)
{
    spead_node_explain(self, "%s", writer->err.text);
    return writer->err.code;
}

/* Writes a batch. Returns 0 or -errno; then the node works on the first heap that could not be written. */
static int write_batch(struct heap_writer *writer, struct spead_node *self,
                       const struct spead_message *message, unsigned count)
{
    struct spead_heap *heap[HEAP_WRITER_BATCH_MAX];
    unsigned written;
    int ret;

    for (unsigned i = 0; i < count; i++)
        heap[i] = (struct spead_heap *)(uintptr_t)message[i].reference;
    ret = spead_recording_writer_write(writer->recording, heap, count, &written, &writer->err);
    if (written < count)
        spead_node_working_on(self, &message[written]);
    return ret;
}

static int step(void *state, struct spead_node *self)
{
    struct heap_writer *writer = state;
    struct spead_message message[HEAP_WRITER_BATCH_MAX];
    int ret = spead_node_receive(self, 0, message, writer->config.batch), count = ret;

    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret < 0)
        return close_files(writer) == 0 ? SPEAD_STEP_DONE : fail(writer, self);
    ret = write_batch(writer, self, message, (unsigned)count);
    for (int i = 0; i < count; i++)
        spead_message_unref(&message[i]);
    if (ret == 0)
        return SPEAD_STEP_AGAIN;
    close_files(writer); /* a failed sync changes the sentence */
    return fail(writer, self);
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
    if (writer->config.recording.format == SPEAD_RECORDING_FILES)
        config.memory_bytes = 2 * (uint64_t)SPEAD_RECORDING_LINES_BYTES_MAX;
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
    *out = writer;
    return 0;
}

struct spead_recording_writer_stats heap_writer_stats(const struct heap_writer *writer)
{
    struct spead_recording_writer_stats stats = SPEAD_RECORDING_WRITER_STATS_INIT;

    if (writer->recording)
        spead_recording_writer_stats(writer->recording, &stats);
    return stats;
}

int heap_writer_has_failed(const struct heap_writer *writer)
{
    return writer->recording ? spead_recording_writer_error(writer->recording) : 0;
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
    spead_recording_writer_destroy(writer->recording);
    free(writer);
}
