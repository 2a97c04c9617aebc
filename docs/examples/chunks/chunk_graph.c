/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the bytes that are not zero in each chunk of a matrix, in a graph: stream > counter. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>

#include <speadline/operators.h>
#include <speadline/recv.h>
#include <speadline/recv_chunk_place.h>

/* The pipeline releases the message, and with it the chunk, when this function has returned. */
static int count(void *file, const struct spead_message *message)
{
    const struct spead_chunk *chunk = (const struct spead_chunk *)(uintptr_t)message->reference;
    const uint8_t *data = spead_chunk_data(chunk);
    uint64_t bytes = spead_chunk_bytes(chunk), ones = 0;

    for (uint64_t i = 0; i < bytes; i++)
        ones += data[i] != 0;
    return fprintf(file, "chunk %" PRId64 ": %" PRIu64 " of %" PRIu64 " bytes are not zero\n",
                   spead_chunk_id(chunk), ones, bytes) < 0
               ? -1
               : 0;
}

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;
    struct spead_chunk_grid grid = SPEAD_CHUNK_GRID_INIT;
    struct spead_pipeline *p = spead_pipeline_create("matrix");
    struct spead_recv_stream *stream;
    struct spead_graph *graph;
    struct spead_err error;

    grid.rows_per_chunk = 4;
    grid.columns = 3;
    grid.heap_bytes = 1024;
    grid.time_item = 0x1600;
    grid.time_step = 4096;
    grid.id_item = 0x4101;
    config.endpoints = (const char *const[]){argc > 1 ? argv[1] : "127.0.0.1:7148"};
    config.endpoint_count = 1;
    config.stop_count = 3;
    config.chunks = &chunks;
    if (spead_chunk_grid_fill(&grid, &chunks, &error) < 0 ||
        spead_recv_stream_create(&stream, &config, &error) < 0)
        errx(1, "%s", error.text);
    struct spead_channel_config edge = spead_recv_stream_edge_config(stream);

    spead_pipeline_node(p, NULL, spead_recv_stream_node(stream, "stream"));
    spead_pipeline_each(p, SPEAD_STAGE("counter", .edge = &edge, .blocking = true), count, stdout);
    if (spead_pipeline_finish(p, &graph, &error) < 0 || spead_graph_run(graph, 1, &error) < 0)
        errx(1, "%s", error.text);
    spead_graph_destroy(graph);
    spead_recv_stream_destroy(stream);
}
