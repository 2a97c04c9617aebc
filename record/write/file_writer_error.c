/* SPDX-License-Identifier: Apache-2.0 */
/* See file_writer_error.h. */
#include "file_writer_error.h"

void speadi_file_writer_fail(struct speadi_file_writer *writer, const struct spead_err *err)
{
    pthread_mutex_lock(&writer->lock);
    if (writer->error.code == 0)
        writer->error = *err;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

int speadi_file_writer_check(struct speadi_file_writer *writer,
                             const struct speadi_capture_file *file, uint64_t least)
{
    struct spead_err err;
    int ret = speadi_capture_file_check(file, least, &err);

    if (ret == 0)
        return 0;
    pthread_mutex_lock(&writer->lock);
    writer->damaged = true;
    pthread_mutex_unlock(&writer->lock);
    speadi_file_writer_fail(writer, &err);
    return ret;
}

int speadi_file_writer_error(struct speadi_file_writer *writer, struct spead_err *err)
{
    int code;

    pthread_mutex_lock(&writer->lock);
    code = writer->error.code;
    if (code != 0 && err)
        *err = writer->error;
    pthread_mutex_unlock(&writer->lock);
    return code;
}
