/* SPDX-License-Identifier: Apache-2.0 */
/* See sync_step.h. */
#include "sync_step.h"

#include <errno.h>

#include <speadi/clock.h>
#include <speadi/err.h>

#include "file_writer_error.h"

/* Moves the pending lines to writer->taken. */
static void take_pending(struct speadi_file_writer *writer)
{
    struct speadi_pending_lines empty = writer->taken;

    pthread_mutex_lock(&writer->lock);
    writer->taken = writer->pending;
    writer->pending = empty;
    pthread_cond_broadcast(&writer->changed); /* a caller may wait for room */
    pthread_mutex_unlock(&writer->lock);
}

static void note_append_error(struct speadi_file_writer *writer, int code)
{
    struct spead_err err;

    errno = -code;
    speadi_err_errno(&err, "cannot write to %s (heaps before this are whole)", writer->index.path);
    speadi_file_writer_fail(writer, &err);
}

/* Looks whether another program has damaged one of the files. No line is appended then. */
static int check_files(struct speadi_file_writer *writer)
{
    const struct speadi_pending_lines *lines = &writer->taken;
    uint64_t data_end =
        lines->count > 0 ? lines->heap[lines->count - 1].data_end : writer->written.data_end;
    int ret = speadi_file_writer_check(writer, &writer->data, data_end);

    if (ret == 0)
        ret = speadi_file_writer_check(writer, &writer->index, writer->index.bytes);
    if (ret < 0)
        writer->index_failed = true;
    return ret;
}

/* Appends the taken lines, and notes how far they reach. */
static int append_taken(struct speadi_file_writer *writer)
{
    struct speadi_pending_lines *lines = &writer->taken;
    uint64_t bytes = 0;
    size_t whole;
    int ret;

    if (writer->index_failed)
        return 0;
    ret = check_files(writer);
    if (ret < 0)
        return ret;
    ret = speadi_pending_lines_append(lines, &writer->index, &whole);
    for (size_t i = 0; i < whole; i++)
        bytes += lines->heap[i].bytes;
    pthread_mutex_lock(&writer->lock);
    writer->written.heaps += whole;
    writer->written.bytes += bytes;
    if (whole > 0)
        writer->written.data_end = lines->heap[whole - 1].data_end;
    writer->written.index_end = writer->index.bytes;
    pthread_mutex_unlock(&writer->lock);
    if (ret < 0) {
        writer->index_failed = true;
        speadi_capture_file_cut(&writer->index);
        note_append_error(writer, ret);
    }
    return ret;
}

int speadi_sync_step_append(struct speadi_file_writer *writer)
{
    int ret;

    take_pending(writer);
    ret = append_taken(writer);
    speadi_pending_lines_clear(&writer->taken);
    return ret;
}

/* A sync of the file has failed: every heap behind the last good sync is lost. */
static int note_lost(struct speadi_file_writer *writer, const struct speadi_capture_file *file,
                     int code)
{
    struct spead_err err;

    errno = -code;
    speadi_err_errno(&err, "cannot sync %s", file->path);
    pthread_mutex_lock(&writer->lock);
    writer->sync_failed = true;
    writer->sync_error = err;
    pthread_mutex_unlock(&writer->lock);
    speadi_file_writer_fail(writer, &err);
    return code;
}

static int sync_names(struct speadi_file_writer *writer)
{
    int ret = 0;

    if (!writer->names_synced)
        ret = speadi_capture_file_sync_name(&writer->data);
    if (!writer->names_synced && ret == 0)
        ret = speadi_capture_file_sync_name(&writer->index);
    writer->names_synced = true;
    return ret;
}

static void note_synced(struct speadi_file_writer *writer, uint64_t start_ns)
{
    uint64_t took = speadi_clock_mono_ns() - start_ns;

    pthread_mutex_lock(&writer->lock);
    writer->synced = writer->written;
    if (writer->pending.count > 0)
        writer->unsynced_counter = writer->pending.heap[0].counter;
    writer->syncs++;
    if (took > writer->sync_ns_max)
        writer->sync_ns_max = took;
    pthread_mutex_unlock(&writer->lock);
}

static int sync_taken(struct speadi_file_writer *writer)
{
    uint64_t start_ns = speadi_clock_mono_ns();
    int append, ret = sync_names(writer);

    if (ret == 0)
        ret = speadi_capture_file_sync(&writer->data);
    if (ret < 0)
        return note_lost(writer, &writer->data, ret);
    append = append_taken(writer);
    ret = speadi_capture_file_sync(&writer->index);
    if (ret < 0)
        return note_lost(writer, &writer->index, ret);
    writer->found_synced = true;
    note_synced(writer, start_ns);
    return append;
}

int speadi_sync_step(struct speadi_file_writer *writer)
{
    int ret;

    if (writer->config.sync == SPEAD_RECORDING_SYNC_NEVER)
        return speadi_sync_step_append(writer);
    take_pending(writer);
    /* only this thread changes these three */
    if (writer->taken.count == 0 && writer->written.heaps == writer->synced.heaps &&
        writer->found_synced)
        return 0;
    ret = sync_taken(writer);
    speadi_pending_lines_clear(&writer->taken);
    return ret;
}
