/* SPDX-License-Identifier: Apache-2.0 */
/* Brings what is pending onto the disk: the data, then the lines, then the index. */
#ifndef SPEADI_SYNC_STEP_H
#define SPEADI_SYNC_STEP_H

#include "file_writer.h"

/* Appends the pending lines to the index, without any sync. Only whoever owns writer->index may call it. After an error
 * writer->error is set, and the index ends with its last whole line. Returns 0 or the error. */
int speadi_sync_step_append(struct speadi_file_writer *writer);

/* Syncs the data file, appends the lines that were pending at the begin of the call, and syncs the index. The first call
 * does so also if nothing is pending, if there was a recording before. With
 * SPEAD_RECORDING_SYNC_NEVER it only appends. Returns 0 or the error of the writer. */
int speadi_sync_step(struct speadi_file_writer *writer);

#endif
