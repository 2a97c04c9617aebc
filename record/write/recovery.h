/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the two files of a recording fit each other, before a writer appends to them. */
#ifndef SPEADI_RECOVERY_H
#define SPEADI_RECOVERY_H

#include <stdint.h>

#include <speadline/error.h>

#include "capture_file.h"

struct speadi_recovered {
    uint64_t data_bytes, index_bytes; /* bytes that were cut off the end of each file */
};

/* Cuts off a torn end of the index, and the end of the data file that no line describes. The caller has just opened
 * both files. Returns 0; the log has a line if something was cut. Returns -EINVAL with a sentence, and cuts nothing, if
 * the files do not belong together; spead_recording_writer_create() lists the cases. Returns another -errno if a file
 * cannot be read. */
int speadi_recording_recover(struct speadi_capture_file *data, struct speadi_capture_file *index,
                             const struct spead_log *log, struct speadi_recovered *recovered,
                             struct spead_err *err);

#endif
