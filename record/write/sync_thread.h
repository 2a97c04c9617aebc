/* The thread that syncs a recording while its caller writes. */
#ifndef SPEADI_SYNC_THREAD_H
#define SPEADI_SYNC_THREAD_H

#include "file_writer.h"

/* Starts the thread. Returns 0 or -errno. */
int speadi_sync_thread_start(struct speadi_file_writer *writer, struct spead_err *err);

/* The caller has added a heap to the pending lines, with the lock held: wakes the thread if that is needed. */
void speadi_sync_thread_added(struct speadi_file_writer *writer);

/* Waits, with the lock held, while so many lines wait that no more may be added. */
void speadi_sync_thread_wait_room(struct speadi_file_writer *writer);

/* Lets the thread sync what is pending, unless the writer has failed in a sync, and waits for its end. */
void speadi_sync_thread_end(struct speadi_file_writer *writer);

#endif
