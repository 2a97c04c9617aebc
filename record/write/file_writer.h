/* SPDX-License-Identifier: Apache-2.0 */
/* Writes heaps into a data file and an index, and syncs both.
 *
 * Threads: the *caller* writes payloads and makes lines. With SPEAD_RECORDING_SYNC_INTERVAL the *sync thread* syncs the
 * data file, then appends the lines of the heaps that it covered to the index, and then syncs the index. Without that
 * thread the caller appends the lines. The lock protects what both use. Nobody holds the lock in a system call that
 * waits for the disk. */
#ifndef SPEADI_FILE_WRITER_H
#define SPEADI_FILE_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/record.h>

#include <speadi/thread.h>

#include "capture_file.h"
#include "data_extents.h"
#include "pending_lines.h"

/* How far something has come: a number of heaps of this writer, and where the last one ends in the files. */
struct speadi_file_mark {
    uint64_t heaps, bytes; /* heaps, and payload bytes that have arrived of them */
    uint64_t data_end, index_end;
};

struct speadi_file_writer {
    struct spead_recording_writer_config config;
    struct speadi_capture_file data; /* its field `bytes`: the caller only */
    struct speadi_gap_list gaps;     /* the caller only */
    /* lines_end: where the index will end when it has all lines so far. lines_room: up to this offset the index has
     * room on the disk. The caller only. */
    uint64_t lines_end, lines_room;
    struct speadi_runner *runner; /* the sync thread, or NULL */
    bool finished;                /* the caller only */
    bool names_synced;
    /* True if all is on the disk that earlier writers have left: they may have been killed between a line and its sync.
     * Only the thread that syncs uses it after the opening. */
    bool found_synced;
    /* Another program has cut or removed a file, so its heaps are not where the index says. The files stay as they are.
     * Written by the caller and by the sync thread; the lock protects it. */
    bool damaged;

    /* Only the thread that appends lines uses `index` and `taken`: the sync thread, or the caller if there is no sync
     * thread. `taken` holds the lines that are being appended. */
    struct speadi_capture_file index;
    struct speadi_pending_lines taken;
    bool index_failed; /* a line could not be appended, so no later line may be appended */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* waited for with CLOCK_MONOTONIC */
    /* The lock protects all fields below. */
    struct speadi_pending_lines pending; /* lines whose heaps are in the data file */
    bool ending;                         /* the sync thread must sync what is pending, and end */
    struct speadi_file_mark written;     /* heaps whose lines are in the index */
    struct speadi_file_mark synced;      /* heaps that are acknowledged */
    uint64_t syncs, sync_ns_max;
    uint64_t last_counter; /* the heap counter of the last heap whose payload was written */
    uint64_t heaps_data;   /* heaps whose payload was written */
    uint64_t heaps_lost;   /* set by finish() */
    /* the heap counter of the first heap behind `synced` */
    uint64_t unsynced_counter;
    bool sync_failed; /* what came after `synced` is lost */
    struct spead_err sync_error;
    struct spead_err error; /* the first error; its code is 0 as long as there is none */
};

/* Opens, recovers and locks the files, and starts the sync thread. *writer must be all zero. Returns
 * 0 or -errno with a sentence; then nothing is left to finish. */
int speadi_file_writer_open(struct speadi_file_writer *writer,
                            const struct spead_recording_writer_config *config,
                            struct spead_recording_writer_stats *recovered, struct spead_err *err);

/* Writes up to SPEADI_DATA_BATCH heaps. Returns 0 or the error of the writer. *whole is how many of the heaps are whole
 * in the data file. */
int speadi_file_writer_write(struct speadi_file_writer *writer, struct spead_heap *const *heaps,
                             unsigned count, unsigned *whole);

/* Syncs, cuts what is not whole, and closes. Returns 0 or the error of the writer. */
int speadi_file_writer_finish(struct speadi_file_writer *writer);

/* Adds what this writer has done to *stats. */
void speadi_file_writer_stats(struct speadi_file_writer *writer,
                              struct spead_recording_writer_stats *stats);

#endif
