/* SPDX-License-Identifier: Apache-2.0 */
/* The first error of a file writer. Any thread may call these functions without the lock. */
#ifndef SPEADI_FILE_WRITER_ERROR_H
#define SPEADI_FILE_WRITER_ERROR_H

#include "file_writer.h"

/* Notes an error, unless one was noted before. */
void speadi_file_writer_fail(struct speadi_file_writer *writer, const struct spead_err *err);

/* Copies the error, if there is one, to *err (which may be NULL), and returns its code. */
int speadi_file_writer_error(struct speadi_file_writer *writer, struct spead_err *err);

/* Returns 0 if the file still has its first `least` bytes. Else notes that the files are damaged and the error, and
 * returns its code. */
int speadi_file_writer_check(struct speadi_file_writer *writer,
                             const struct speadi_capture_file *file, uint64_t least);

#endif
