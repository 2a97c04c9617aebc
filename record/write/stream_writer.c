/* SPDX-License-Identifier: Apache-2.0 */
/* See stream_writer.h. */
#include "stream_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/own_file.h>

int speadi_stream_writer_open(struct speadi_stream_writer *writer,
                              const struct spead_recording_writer_config *config,
                              struct spead_err *err)
{
    writer->config = *config;
    writer->fd = config->fd;
    if (config->fd >= 0)
        return 0;
    writer->fd = speadi_own_file_open(
        config->path, O_WRONLY | O_APPEND,
        SPEADI_OWN_FILE_ANY_KIND | (config->follow_links ? SPEADI_OWN_FILE_FOLLOW : 0), err);
    writer->owned = writer->fd >= 0;
    return writer->fd >= 0 ? 0 : writer->fd;
}

static int note_error(struct speadi_stream_writer *writer, int code, uint64_t heaps)
{
    const char *path = writer->config.path;

    if (code == -EPIPE)
        return speadi_err_set(
            &writer->error, code,
            "cannot write to %s: its reader has closed it after %" PRIu64 " heaps", path, heaps);
    errno = -code;
    return speadi_err_errno(&writer->error, "cannot write to %s after %" PRIu64 " heaps", path,
                            heaps);
}

/* Waits until the descriptor takes bytes again. This is needed if another program has made the descriptor
 * non-blocking. */
static void wait_room(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};

    poll(&wait, 1, -1);
}

static int write_all(struct speadi_stream_writer *writer, const void *bytes, uint64_t count)
{
    const char *next = bytes;

    while (count > 0) {
        ssize_t n = write(writer->fd, next, count);

        if (n < 0 && errno == EAGAIN)
            wait_room(writer->fd);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return -errno;
        next += n;
        count -= (uint64_t)n;
        writer->bytes += (uint64_t)n;
    }
    return 0;
}

static int write_line(struct speadi_stream_writer *writer, const struct spead_heap *heap)
{
    uint32_t source = spead_heap_source(heap);
    struct speadi_index_place place = {
        .endpoint =
            source < writer->config.endpoint_count ? writer->config.endpoints[source] : NULL,
        .framed = true,
        .follows = spead_heap_length(heap),
    };

    for (size_t i = 0; i < writer->gaps.count; i++)
        place.follows -= writer->gaps.gap[i].bytes;
    writer->line.bytes = 0;
    speadi_index_line_add(&writer->line, heap, &writer->gaps, &place);
    if (writer->line.failed)
        return -ENOMEM;
    return write_all(writer, writer->line.text, writer->line.bytes);
}

int speadi_stream_writer_write(struct speadi_stream_writer *writer, const struct spead_heap *heap,
                               uint64_t heaps)
{
    struct speadi_arrived range;
    size_t next = 0;
    int ret = speadi_gap_list_read(&writer->gaps, heap);

    if (ret == 0 && writer->config.format == SPEAD_RECORDING_FRAMED)
        ret = write_line(writer, heap);
    while (ret == 0 && speadi_arrived_next(heap, &writer->gaps, &next, &range))
        ret = write_all(writer, range.bytes, range.end - range.start);
    return ret < 0 ? note_error(writer, ret, heaps) : 0;
}

int speadi_stream_writer_finish(struct speadi_stream_writer *writer)
{
    if (writer->owned && close(writer->fd) < 0 && writer->error.code == 0)
        speadi_err_errno(&writer->error, "cannot write to %s", writer->config.path);
    writer->owned = false;
    speadi_gap_list_release(&writer->gaps);
    speadi_line_text_release(&writer->line);
    return writer->error.code;
}
