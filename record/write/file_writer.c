/* SPDX-License-Identifier: Apache-2.0 */
/* See file_writer.h. */
#include "file_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <speadi/clock.h>
#include <speadi/err.h>

#include "file_writer_error.h"
#include "recovery.h"
#include "sync_step.h"
#include "sync_thread.h"

/* Before each batch of heaps, the index has room on the disk for at least LINES_ROOM_MIN bytes of lines. This is enough
 * for one batch of heaps with ten items each. If there is less room, LINES_ROOM bytes are kept. */
#define LINES_ROOM_MIN (64u << 10)
#define LINES_ROOM     (256u << 10)

/* ---- Opening ------------------------------------------------------------------------------- */

/* Opens the data file and the index. If one of them is refused, no new file is left. */
static int open_both(struct speadi_file_writer *writer, struct spead_err *err)
{
    bool follow = writer->config.follow_links;
    int ret = speadi_capture_file_open(&writer->data, writer->config.path, "", follow, err);

    if (ret < 0)
        return ret;
    ret = speadi_capture_file_open(&writer->index, writer->config.path, ".jsonl", follow, err);
    if (ret < 0)
        speadi_capture_file_undo(&writer->data);
    return ret;
}

static int open_files(struct speadi_file_writer *writer,
                      struct spead_recording_writer_stats *recovered, struct spead_err *err)
{
    struct speadi_recovered cut = {0};
    int ret = open_both(writer, err);

    if (ret < 0)
        return ret;
    ret = speadi_recording_recover(&writer->data, &writer->index, &writer->config.log, &cut, err);
    if (ret < 0) {
        speadi_capture_file_undo(&writer->data);
        speadi_capture_file_undo(&writer->index);
        return ret;
    }
    recovered->recovered_data_bytes = cut.data_bytes;
    recovered->recovered_index_bytes = cut.index_bytes;
    writer->written.data_end = writer->data.bytes;
    writer->written.index_end = writer->index.bytes;
    writer->synced = writer->written;
    writer->lines_end = writer->lines_room = writer->index.bytes;
    writer->found_synced = writer->index.bytes == 0;
    return 0;
}

static void init_lock(struct speadi_file_writer *writer)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&writer->lock, NULL);
}

/* Closes the files and frees everything but the error. */
static int release(struct speadi_file_writer *writer, struct spead_err *err)
{
    int data = speadi_capture_file_close(&writer->data, err);
    int index = speadi_capture_file_close(&writer->index, data < 0 ? NULL : err);

    speadi_gap_list_release(&writer->gaps);
    speadi_pending_lines_release(&writer->pending);
    speadi_pending_lines_release(&writer->taken);
    return data < 0 ? data : index;
}

int speadi_file_writer_open(struct speadi_file_writer *writer,
                            const struct spead_recording_writer_config *config,
                            struct spead_recording_writer_stats *recovered, struct spead_err *err)
{
    int ret;

    writer->config = *config;
    writer->data = writer->index = SPEADI_CAPTURE_FILE_CLOSED;
    init_lock(writer);
    ret = open_files(writer, recovered, err);
    if (ret == 0 && config->sync == SPEAD_RECORDING_SYNC_INTERVAL)
        ret = speadi_sync_thread_start(writer, err);
    if (ret < 0) {
        writer->finished = true;
        release(writer, NULL);
    }
    return ret;
}

/* ---- Writing ------------------------------------------------------------------------------- */

static const char *endpoint_of(const struct speadi_file_writer *writer,
                               const struct spead_heap *heap)
{
    uint32_t source = spead_heap_source(heap);

    return source < writer->config.endpoint_count ? writer->config.endpoints[source] : NULL;
}

/* Adds the line of a heap whose payload is in the data file and ends at data_end. */
static int add_line(struct speadi_file_writer *writer, const struct spead_heap *heap,
                    uint64_t data_end)
{
    struct speadi_index_place place = {.endpoint = endpoint_of(writer, heap),
                                       .offset = data_end - spead_heap_length(heap)};
    struct speadi_pending_heap pending = {.counter = spead_heap_counter(heap),
                                          .bytes = spead_heap_received(heap),
                                          .data_end = data_end};
    size_t before;
    int ret = speadi_gap_list_read(&writer->gaps, heap);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&writer->lock);
    speadi_sync_thread_wait_room(writer);
    before = writer->pending.text.bytes;
    speadi_index_line_add(&writer->pending.text, heap, &writer->gaps, &place);
    writer->lines_end += writer->pending.text.bytes - before;
    ret = speadi_pending_lines_note(&writer->pending, pending, speadi_clock_mono_ns());
    if (ret == 0) {
        if (writer->heaps_data == writer->synced.heaps)
            writer->unsynced_counter = pending.counter;
        writer->last_counter = pending.counter;
        writer->heaps_data++;
        if (writer->runner)
            speadi_sync_thread_added(writer);
    }
    pthread_mutex_unlock(&writer->lock);
    return ret;
}

/* Adds the lines of `count` heaps. Returns how many it has added; *error becomes 0 or -errno. */
static unsigned add_lines(struct speadi_file_writer *writer, struct spead_heap *const *heaps,
                          const uint64_t *end, unsigned count, int *error)
{
    unsigned added = 0;

    *error = 0;
    while (added < count && *error == 0) {
        *error = add_line(writer, heaps[added], end[added]);
        if (*error == 0)
            writer->data.bytes = end[added++];
    }
    return added;
}

/* Keeps room on the disk for the lines of the next heaps. The payloads must not take the room of their own lines: else
 * heaps that are whole on a full disk could not be indexed. */
static int keep_room(struct speadi_file_writer *writer)
{
    int ret;

    if (writer->lines_end + LINES_ROOM_MIN <= writer->lines_room)
        return 0;
    ret = speadi_capture_file_keep_room(&writer->index, writer->lines_end,
                                        writer->lines_end + LINES_ROOM);
    if (ret == 0)
        writer->lines_room = writer->lines_end + LINES_ROOM;
    return ret;
}

static void note_write_error(struct speadi_file_writer *writer,
                             const struct speadi_capture_file *file, int code)
{
    struct spead_err err;

    errno = -code;
    speadi_err_errno(&err, "cannot write to %s (heaps before this are whole)", file->path);
    speadi_file_writer_fail(writer, &err);
}

int speadi_file_writer_write(struct speadi_file_writer *writer, struct spead_heap *const *heaps,
                             unsigned count, unsigned *whole)
{
    uint64_t end[SPEADI_DATA_BATCH];
    int ret = speadi_file_writer_error(writer, NULL), line_error;

    *whole = 0;
    if (ret == 0)
        ret = speadi_file_writer_check(writer, &writer->data, writer->data.bytes);
    if (ret == 0) {
        ret = keep_room(writer);
        if (ret < 0)
            note_write_error(writer, &writer->index, ret);
    }
    if (ret < 0)
        return ret;
    ret = speadi_data_write(&writer->data, &writer->gaps, heaps, count, end, whole);
    *whole = add_lines(writer, heaps, end, *whole, &line_error);
    if (ret < 0 || line_error < 0) {
        speadi_capture_file_cut(&writer->data);
        note_write_error(writer, &writer->data, ret < 0 ? ret : line_error);
    }
    if (!writer->runner)
        speadi_sync_step_append(writer);
    return speadi_file_writer_error(writer, NULL);
}

/* ---- The end ------------------------------------------------------------------------------- */

/* After a failed sync only the acknowledged heaps stay. The sentence says which ones are lost. If the first sync has
 * failed, this may be about heaps of earlier runs too. */
static void give_up_lost(struct speadi_file_writer *writer)
{
    struct spead_err cause = writer->sync_error;
    uint64_t safe = writer->synced.heaps, all = writer->heaps_data;
    char before[64] = "";

    writer->written = writer->synced;
    writer->heaps_lost = all - safe;
    if (writer->found_synced)
        snprintf(before, sizeof before, ", the %" PRIu64 " before are safe", safe);
    if (all > safe)
        speadi_err_set(&writer->error, cause.code,
                       "heaps %" PRIu64 " to %" PRIu64 " (counters %" PRIu64 " to %" PRIu64
                       ")%s are lost%s: %s",
                       safe + 1, all, writer->unsynced_counter, writer->last_counter,
                       writer->found_synced ? "" : " and perhaps heaps of earlier runs", before,
                       cause.text);
    else
        speadi_err_set(&writer->error, cause.code, "heaps of earlier runs may be lost: %s",
                       cause.text);
}

/* Settles which heaps count, after the sync thread has ended. */
static void settle(struct speadi_file_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    if (writer->sync_failed)
        give_up_lost(writer);
    if (writer->error.code != 0) {
        writer->heaps_data = writer->written.heaps + writer->heaps_lost;
        writer->data.bytes = writer->written.data_end;
        writer->index.bytes = writer->written.index_end;
    }
    pthread_mutex_unlock(&writer->lock);
}

/* Cuts both files behind the last heap that counts. Gives up the room that was kept for lines. If another program has
 * damaged a file, both stay as they are: their lengths then show that something is not there. */
static void cut_files(struct speadi_file_writer *writer)
{
    struct spead_err err;
    int ret = speadi_file_writer_check(writer, &writer->data, writer->data.bytes);

    if (ret == 0)
        ret = speadi_file_writer_check(writer, &writer->index, writer->index.bytes);
    if (ret < 0 || writer->damaged)
        return;
    speadi_capture_file_cut(&writer->data);
    speadi_capture_file_cut(&writer->index);
    if (speadi_capture_file_check_name(&writer->data, &err) < 0 ||
        speadi_capture_file_check_name(&writer->index, &err) < 0)
        speadi_file_writer_fail(writer, &err);
}

/* Appends the pending lines, and syncs unless the configuration says SPEAD_RECORDING_SYNC_NEVER. Ends the sync thread,
 * if there is one. */
static void sync_at_end(struct speadi_file_writer *writer)
{
    if (writer->config.sync == SPEAD_RECORDING_SYNC_INTERVAL)
        speadi_sync_thread_end(writer);
    else
        speadi_sync_step(writer);
}

int speadi_file_writer_finish(struct speadi_file_writer *writer)
{
    struct spead_err err;

    if (writer->finished)
        return speadi_file_writer_error(writer, NULL);
    writer->finished = true;
    sync_at_end(writer);
    settle(writer);
    cut_files(writer);
    if (release(writer, &err) < 0)
        speadi_file_writer_fail(writer, &err);
    return speadi_file_writer_error(writer, NULL);
}

void speadi_file_writer_stats(struct speadi_file_writer *writer,
                              struct spead_recording_writer_stats *stats)
{
    pthread_mutex_lock(&writer->lock);
    stats->heaps = writer->written.heaps;
    stats->bytes = writer->written.bytes;
    stats->heaps_waiting = writer->heaps_data - writer->heaps_lost - writer->written.heaps;
    stats->heaps_synced = writer->synced.heaps;
    stats->heaps_lost = writer->heaps_lost;
    stats->syncs = writer->syncs;
    stats->sync_ns_max = writer->sync_ns_max;
    pthread_mutex_unlock(&writer->lock);
}
