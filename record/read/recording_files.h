/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a reader of recordings. */
#ifndef SPEADI_RECORDING_FILES_H
#define SPEADI_RECORDING_FILES_H

#include <stdint.h>
#include <stdio.h>

#include <speadline/record.h>

#include "capture_file.h"
#include "index_entry.h"

struct spead_recording_reader {
    int data;    /* the data file; -1 if it is not open */
    FILE *index; /* NULL if it is not open */
    char *path, *index_path;
    char *line; /* the last line that was read; owned */
    size_t line_room;
    uint64_t line_number; /* number of the last whole line; the first line is 1 */
    uint64_t line_end;    /* the offset behind that line in the index */
    struct speadi_index_entry entry;
};

/* Reads the next whole line into reader->entry. Returns as spead_recording_reader_next(). */
int speadi_recording_next(struct spead_recording_reader *reader, struct spead_err *err);

#endif
