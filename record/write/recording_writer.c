/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of recordings, as <speadline/record.h> has it: a file writer or a stream writer. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <speadline/record.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "file_writer.h"
#include "file_writer_error.h"
#include "stream_writer.h"

#define SYNC_NS_MAX (3600ull * 1000000000u)

struct spead_recording_writer {
    struct spead_recording_writer_config config;
    struct speadi_file_writer file;     /* with SPEAD_RECORDING_FILES */
    struct speadi_stream_writer stream; /* with the other formats */
    struct spead_recording_writer_stats recovered;
    /* The thread that writes changes these, and any thread reads them. relaxed: no other data depends on these
     * counts. */
    _Atomic uint64_t skipped, streamed, streamed_bytes;
    _Atomic int stream_error;
};

static int read_config(struct spead_recording_writer_config *config,
                       const struct spead_recording_writer_config *from, struct spead_err *err)
{
    static const struct spead_recording_writer_config defaults = SPEAD_RECORDING_WRITER_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "recording writer",
        .init = "SPEAD_RECORDING_WRITER_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_recording_writer_config, log),
    };

    return speadi_struct_read(config, from, &kind, err);
}

static int check_config(const struct spead_recording_writer_config *config, struct spead_err *err)
{
    if (!config->path)
        return speadi_err_field(err, -EINVAL, "path", ": a recording needs a file");
    if (config->format > SPEAD_RECORDING_FRAMED)
        return speadi_err_range(err, "format", config->format, 0, SPEAD_RECORDING_FRAMED);
    if (config->sync > SPEAD_RECORDING_SYNC_NEVER)
        return speadi_err_range(err, "sync", config->sync, 0, SPEAD_RECORDING_SYNC_NEVER);
    if (config->sync_ns > SYNC_NS_MAX)
        return speadi_err_range(err, "sync_ns", config->sync_ns, 0, SYNC_NS_MAX);
    if (config->sync == SPEAD_RECORDING_SYNC_INTERVAL && config->sync_ns == 0 &&
        config->sync_heaps == 0)
        return speadi_err_field(err, -EINVAL, "sync_heaps",
                                ": must be 1 or more, or sync_ns must be");
    if (config->format == SPEAD_RECORDING_FILES && config->fd >= 0)
        return speadi_err_field(err, -EINVAL, "fd", ": a data file and an index need a path");
    return speadi_err_array(err, "endpoints", config->endpoints, config->endpoint_count);
}

int spead_recording_writer_create(struct spead_recording_writer **out,
                                  const struct spead_recording_writer_config *config,
                                  struct spead_err *err)
{
    struct spead_recording_writer *writer = calloc(1, sizeof *writer);
    int ret;

    if (!writer)
        return speadi_err_set(err, -ENOMEM, "out of memory");
    ret = read_config(&writer->config, config, err);
    if (ret == 0)
        ret = check_config(&writer->config, err);
    if (ret == 0 && writer->config.format == SPEAD_RECORDING_FILES)
        ret = speadi_file_writer_open(&writer->file, &writer->config, &writer->recovered, err);
    else if (ret == 0)
        ret = speadi_stream_writer_open(&writer->stream, &writer->config, err);
    if (ret == -ELOOP && !writer->config.follow_links)
        speadi_err_add(err, ret, ", or set follow_links (--follow-links in spead-recv)");
    if (ret < 0) {
        free(writer);
        return ret;
    }
    *out = writer;
    return 0;
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Returns true if nothing of this heap is written. An incomplete heap of which no byte came is skipped: otherwise one
 * packet without payload could add a hole and a line to the files. */
static bool is_skipped(const struct spead_recording_writer *writer, const struct spead_heap *heap)
{
    if (spead_heap_is_complete(heap))
        return false;
    return writer->config.format == SPEAD_RECORDING_RAW || spead_heap_received(heap) == 0;
}

static bool is_untouchable(const struct spead_heap *heap)
{
    return !spead_heap_payload(heap) && spead_heap_length(heap) > 0;
}

static void count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed); /* relaxed: see the struct */
}

static int write_stream(struct spead_recording_writer *writer, const struct spead_heap *heap)
{
    struct speadi_stream_writer *stream = &writer->stream;
    int ret = stream->error.code;

    /* relaxed, here and below: see the struct */
    if (ret == 0)
        ret = speadi_stream_writer_write(
            stream, heap, atomic_load_explicit(&writer->streamed, memory_order_relaxed));
    if (ret == 0)
        count(&writer->streamed, 1);
    if (ret == 0)
        count(&writer->streamed_bytes, spead_heap_received(heap));
    else
        atomic_store_explicit(&writer->stream_error, ret, memory_order_relaxed);
    return ret;
}

/* Writes heaps of which none is skipped. */
static int write_some(struct spead_recording_writer *writer, struct spead_heap *const *heaps,
                      unsigned heap_count, unsigned *whole)
{
    int ret = 0;

    *whole = 0;
    if (writer->config.format == SPEAD_RECORDING_FILES)
        return heap_count > 0 ? speadi_file_writer_write(&writer->file, heaps, heap_count, whole)
                              : 0;
    while (*whole < heap_count && ret == 0) {
        ret = write_stream(writer, heaps[*whole]);
        *whole += ret == 0;
    }
    return ret;
}

/* Takes heaps up to the next one that is skipped or cannot be written. Returns how many. */
static unsigned next_run(const struct spead_recording_writer *writer,
                         struct spead_heap *const *heaps, unsigned heap_count)
{
    unsigned run = 0;

    while (run < heap_count && run < SPEADI_DATA_BATCH && !is_skipped(writer, heaps[run]) &&
           !is_untouchable(heaps[run]))
        run++;
    return run;
}

static int get_error(struct spead_recording_writer *writer, struct spead_err *err)
{
    if (writer->config.format == SPEAD_RECORDING_FILES)
        return speadi_file_writer_error(&writer->file, err);
    return writer->stream.error.code != 0 ? speadi_err_copy(err, &writer->stream.error) : 0;
}

int spead_recording_writer_write(struct spead_recording_writer *writer,
                                 struct spead_heap *const *heaps, unsigned heap_count,
                                 unsigned *written, struct spead_err *err)
{
    unsigned done = 0, whole;
    int ret = get_error(writer, err);

    while (done < heap_count && ret == 0) {
        unsigned run = next_run(writer, heaps + done, heap_count - done);

        ret = write_some(writer, heaps + done, run, &whole);
        done += whole;
        if (ret == 0 && run == 0 && is_untouchable(heaps[done])) {
            *written = done;
            return speadi_err_set(err, -ENOTSUP, "the CPU cannot touch the payload of heap %llu",
                                  (unsigned long long)spead_heap_counter(heaps[done]));
        }
        if (ret == 0 && run == 0) {
            count(&writer->skipped, 1);
            done++;
        }
    }
    *written = done;
    return ret < 0 ? get_error(writer, err) : 0;
}

/* ---- The end ------------------------------------------------------------------------------- */

int spead_recording_writer_error(struct spead_recording_writer *writer)
{
    if (writer->config.format == SPEAD_RECORDING_FILES)
        return speadi_file_writer_error(&writer->file, NULL);
    /* relaxed: only the code is read */
    return atomic_load_explicit(&writer->stream_error, memory_order_relaxed);
}

int spead_recording_writer_finish(struct spead_recording_writer *writer, struct spead_err *err)
{
    if (writer->config.format == SPEAD_RECORDING_FILES)
        speadi_file_writer_finish(&writer->file);
    else
        speadi_stream_writer_finish(&writer->stream);
    return get_error(writer, err);
}

void spead_recording_writer_stats(struct spead_recording_writer *writer,
                                  struct spead_recording_writer_stats *stats)
{
    struct spead_recording_writer_stats own = writer->recovered;

    if (writer->config.format == SPEAD_RECORDING_FILES) {
        speadi_file_writer_stats(&writer->file, &own);
    } else {
        /* relaxed: see the struct */
        own.heaps = atomic_load_explicit(&writer->streamed, memory_order_relaxed);
        own.bytes = atomic_load_explicit(&writer->streamed_bytes, memory_order_relaxed);
    }
    own.heaps_skipped = atomic_load_explicit(&writer->skipped, memory_order_relaxed);
    speadi_struct_write(stats, &own, sizeof own);
}

void spead_recording_writer_destroy(struct spead_recording_writer *writer)
{
    if (!writer)
        return;
    spead_recording_writer_finish(writer, NULL);
    free(writer);
}
