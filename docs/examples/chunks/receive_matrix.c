/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <speadline/recv.h>
#include <speadline/recv_chunk_place.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;
    struct spead_chunk_grid grid = SPEAD_CHUNK_GRID_INIT;
    struct spead_recv_stream *stream;
    struct spead_recv_runner *runner;
    struct spead_chunk *chunk;
    struct spead_err err;

    grid.rows_per_chunk = 4; /* times */
    grid.columns = 3;        /* channels: one sender each */
    grid.heap_bytes = 1024;
    grid.time_item = 0x1600;
    grid.time_step = 4096;
    grid.id_item = 0x4101;
    config.endpoints = (const char *const[]){argc > 1 ? argv[1] : "127.0.0.1:7148"};
    config.endpoint_count = 1;
    config.stop_count = 3; /* the stream ends when three senders have stopped */
    config.chunks = &chunks;
    if (spead_chunk_grid_fill(&grid, &chunks, &err) < 0 ||
        spead_recv_stream_create(&stream, &config, &err) < 0 ||
        spead_recv_runner_start(&runner, stream, -1, &err) < 0)
        return fprintf(stderr, "%s\n", err.text), 1;
    while (spead_recv_stream_take_chunk(stream, &chunk, SPEAD_DEADLINE_NEVER) == 0) {
        const uint8_t *present = spead_chunk_present(chunk, NULL);

        printf("chunk %" PRId64 ": %" PRIu32 " cells missing\n", spead_chunk_id(chunk),
               spead_chunk_missing_count(chunk));
        for (uint32_t i = 0; i < grid.rows_per_chunk * grid.columns; i++)
            if (!present[i])
                printf("  time %" PRIu32 ", channel %" PRIu32 "\n", i / grid.columns,
                       i % grid.columns);
        spead_chunk_unref(chunk);
    }
    spead_recv_runner_join(runner, NULL);
    spead_recv_stream_destroy(stream);
}
