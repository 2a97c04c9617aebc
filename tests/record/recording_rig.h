/* SPDX-License-Identifier: Apache-2.0 */
/* A recording in a temporary folder, and heaps for it. Each test has its own process, so the rig is global. */
#ifndef TESTS_RECORD_RECORDING_RIG_H
#define TESTS_RECORD_RECORDING_RIG_H

#include <stdint.h>
#include <sys/types.h>

#include <speadline/record.h>

#include "made_heap.h"

extern char rig_path[64], rig_index[80]; /* the two files; there are none at the begin of a test */

/* For TestSuite(). */
void rig_begin(void);
void rig_end(void);

/* Returns a configuration for these files that syncs only when `sync_heaps` heaps wait, and at the end. The log adds
 * its lines to rig_log. */
struct spead_recording_writer_config rig_config(uint64_t sync_heaps);
extern char rig_log[2048];

struct spead_recording_writer *rig_open(const struct spead_recording_writer_config *config);

/* Writes `count` complete heaps of `bytes` bytes, with the counters first, first + 1, ... Returns what write() has
 * returned. */
int rig_write(struct spead_recording_writer *writer, uint64_t first, unsigned count, size_t bytes);

/* Writes one heap of which only these spans have come; with a count of 0, nothing of it has come. */
int rig_write_spans(struct spead_recording_writer *writer, uint64_t counter, size_t bytes,
                    const struct speadi_span *spans, uint32_t count);

struct spead_recording_writer_stats rig_stats(struct spead_recording_writer *writer);

/* Finishes and destroys the writer, and expects this result. */
void rig_finish(struct spead_recording_writer *writer, int expected, struct spead_err *err);

/* Makes a recording of `count` complete heaps of `bytes` bytes, from counter 1 on. */
void rig_make(unsigned count, size_t bytes);

/* Expects that the files hold exactly the complete heaps first, first + 1, ..., each byte as it was made. Returns their
 * number. */
unsigned rig_check(uint64_t first);

off_t rig_bytes(const char *name);
/* Adds text to the end of a file, or makes the file. */
void rig_append(const char *name, const char *text, size_t bytes);

#endif
