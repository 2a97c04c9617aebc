/* SPDX-License-Identifier: Apache-2.0 */
/* Writes heaps one behind the other into a file of any kind, such as a pipe: SPEAD_RECORDING_RAW and
 * SPEAD_RECORDING_FRAMED. One thread at a time uses it. */
#ifndef SPEADI_STREAM_WRITER_H
#define SPEADI_STREAM_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/record.h>

#include "data_extents.h"
#include "line_text.h"

struct speadi_stream_writer {
    struct spead_recording_writer_config config;
    int fd;
    bool owned; /* true if this writer must close the descriptor */
    struct speadi_gap_list gaps;
    struct speadi_line_text line;
    uint64_t bytes; /* bytes written to the file so far */
    struct spead_err error;
};

/* Opens config->path, or takes config->fd. *writer must be all zero. Returns 0 or -errno with a sentence. */
int speadi_stream_writer_open(struct speadi_stream_writer *writer,
                              const struct spead_recording_writer_config *config,
                              struct spead_err *err);

/* Writes a heap. `heaps` is the number of heaps that were written before, for the sentence. Returns 0 or -errno, with
 * writer->error set. */
int speadi_stream_writer_write(struct speadi_stream_writer *writer, const struct spead_heap *heap,
                               uint64_t heaps);

/* Closes the file. Returns 0 or the error of the writer. */
int speadi_stream_writer_finish(struct speadi_stream_writer *writer);

#endif
