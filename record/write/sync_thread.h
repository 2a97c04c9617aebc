/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that syncs a recording while its caller writes. */
#ifndef SPEADI_SYNC_THREAD_H
#define SPEADI_SYNC_THREAD_H

#include "file_writer.h"

/* Starts the thread. Returns 0 or -errno. */
int speadi_sync_thread_start(struct speadi_file_writer *writer, struct spead_err *err);

/* Wakes the thread if that is needed. The caller must hold the lock, and must call this after it has added a heap to
 * the pending lines. */
void speadi_sync_thread_added(struct speadi_file_writer *writer);

/* Waits until there is room for more pending lines, or until the writer has failed. The caller must hold the lock. */
void speadi_sync_thread_wait_room(struct speadi_file_writer *writer);

/* Lets the thread sync what is pending, unless a sync has failed. Then waits until the thread has ended. */
void speadi_sync_thread_end(struct speadi_file_writer *writer);

#endif
