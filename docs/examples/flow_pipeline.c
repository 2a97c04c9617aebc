/* SPDX-License-Identifier: Apache-2.0 */
/* Receives heaps, leaves out those of which parts are missing, and writes a line about each of the
 * others. At most four heaps are between the filter and the end of their write. */
#include <err.h>
#include <errno.h>
#include <stdio.h>

#include <speadline/operators.h>
#include <speadline/recv.h>

#include "instrument.h"

static int is_whole(void *arg, const struct spead_message *message)
{
    (void)arg;
    return !(message->flags & SPEAD_MESSAGE_INCOMPLETE);
}

static int put(void *file, const struct spead_message *heap)
{
    return fprintf(file, "heap %d: %d\n", (int)heap->key, (int)heap->length) < 0 ? -EIO : 0;
}

int main(void)
{
    struct spead_recv_stream_config config = instrument_config();
    struct spead_pipeline *p = spead_pipeline_create("recorder");
    struct spead_recv_stream *stream;
    struct spead_throttle *four;
    struct spead_graph *graph;
    struct spead_err error;

    if (spead_recv_stream_create(&stream, &config, &error) < 0 ||
        spead_throttle_create(&four, 4, &error) < 0)
        errx(1, "%s", error.text);
    struct spead_channel_config heaps = spead_recv_stream_edge_config(stream);

    spead_pipeline_node(p, NULL, spead_recv_stream_node(stream, "stream"));
    spead_pipeline_filter(p, SPEAD_STAGE("whole", .edge = &heaps, .throttle = four), is_whole,
                          NULL);
    spead_pipeline_each(p, SPEAD_STAGE("writer", .capacity = 8, .blocking = true), put, stdout);
    if (spead_pipeline_finish(p, &graph, &error) < 0 || spead_graph_run(graph, 1, &error) < 0)
        errx(1, "%s", error.text);
    spead_graph_destroy(graph);
    spead_recv_stream_destroy(stream);
    spead_throttle_unref(four);
    instrument_release();
}
