/* SPDX-License-Identifier: Apache-2.0 */
/* See sync_thread.h. */
#include "sync_thread.h"

#include <speadi/clock.h>

#include "sync_step.h"

static bool is_full(const struct speadi_file_writer *writer)
{
    return writer->pending.text.bytes >= SPEAD_RECORDING_LINES_BYTES_MAX;
}

/* Returns when the pending lines must be synced: 0 means now, UINT64_MAX means not before more heaps come. */
static uint64_t due_ns(const struct speadi_file_writer *writer)
{
    const struct spead_recording_writer_config *config = &writer->config;

    if (writer->ending || is_full(writer))
        return 0;
    if (writer->pending.count == 0)
        return UINT64_MAX;
    if (config->sync_heaps > 0 && writer->pending.count >= config->sync_heaps)
        return 0;
    return config->sync_ns > 0 ? speadi_clock_after(writer->pending.oldest_ns, config->sync_ns)
                               : UINT64_MAX;
}

/* Waits until a sync is due. Returns true if it is the last one. */
static bool wait_due(struct speadi_file_writer *writer)
{
    bool last;

    pthread_mutex_lock(&writer->lock);
    for (;;) {
        uint64_t due = due_ns(writer);
        struct timespec until = speadi_clock_timespec(due);

        if (due <= speadi_clock_mono_ns())
            break;
        if (due == UINT64_MAX)
            pthread_cond_wait(&writer->changed, &writer->lock);
        else
            pthread_cond_timedwait(&writer->changed, &writer->lock, &until);
    }
    last = writer->ending;
    pthread_mutex_unlock(&writer->lock);
    return last;
}

/* After a failed sync the thread ends and syncs nothing more: a second sync could return success although data is
 * lost. */
static int sync_until_end(void *arg, struct speadi_runner *self,
                          struct spead_err *err __attribute__((unused)))
{
    struct speadi_file_writer *writer = arg;
    bool last = false;

    speadi_runner_ready(self);
    if (!writer->found_synced)
        speadi_sync_step(writer);
    while (!last && !writer->sync_failed) {
        last = wait_due(writer);
        speadi_sync_step(writer);
    }
    return 0;
}

int speadi_sync_thread_start(struct speadi_file_writer *writer, struct spead_err *err)
{
    return speadi_runner_start(&writer->runner, "spead-sync", -1, sync_until_end, writer, err);
}

void speadi_sync_thread_added(struct speadi_file_writer *writer)
{
    const struct spead_recording_writer_config *config = &writer->config;
    uint64_t count = writer->pending.count;

    /* The first heap starts the time until the sync. The other two conditions make the sync due immediately. */
    if (count == 1 || is_full(writer) || (config->sync_heaps > 0 && count >= config->sync_heaps))
        pthread_cond_broadcast(&writer->changed);
}

void speadi_sync_thread_wait_room(struct speadi_file_writer *writer)
{
    while (writer->runner && is_full(writer) && writer->error.code == 0)
        pthread_cond_wait(&writer->changed, &writer->lock);
}

void speadi_sync_thread_end(struct speadi_file_writer *writer)
{
    if (!writer->runner)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->ending = true;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    speadi_runner_join(writer->runner, NULL);
    writer->runner = NULL;
}
