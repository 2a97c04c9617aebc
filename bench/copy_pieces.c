/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the variants of the streaming copy (speadi/streaming_copy.h) beside memcpy(). Pieces as large as the payload of
 * a packet are copied from a buffer of 64 KiB, which stays in the cache, into memory that is written from its beginning
 * to its end again and again. The variants take turns. The result is the median of each, in GB for a second of CPU time,
 * as one JSON object.
 *
 * usage: bench-copy-pieces PIECE_BYTES MEMORY_MIB ROUNDS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <speadi/streaming_copy.h>

#include "limits/limit.h"

#define BUFFER_BYTES ((size_t)64 << 10)
#define HEADER_BYTES 40u /* in front of each piece in the buffer */
#define RUN_BYTES    ((size_t)64 << 20)
#define ROUNDS_MAX   1000u
#define VARIANTS_MAX 8u

static uint8_t *memory, *buffer;
static size_t memory_bytes, piece_bytes, at, from;

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Each call goes on where the last one ended. */
static void copy_some(speadi_copy_fn *copy)
{
    for (size_t done = 0; done < RUN_BYTES; done += piece_bytes) {
        if (from + HEADER_BYTES + piece_bytes > BUFFER_BYTES)
            from = 0;
        if (at + piece_bytes > memory_bytes)
            at = 0;
        copy(memory + at, buffer + from + HEADER_BYTES, piece_bytes);
        at += piece_bytes;
        from += HEADER_BYTES + piece_bytes;
    }
    speadi_streaming_fence();
}

/* Returns GB for a second of CPU time. The first copies are not measured: they find what the variant before this one has
 * left in the cache. */
static double run(speadi_copy_fn *copy)
{
    double begin;

    copy_some(copy);
    begin = cpu_s();
    copy_some(copy);
    return (double)RUN_BYTES * 1e-9 / (cpu_s() - begin);
}

int main(int argc, char **argv)
{
    static double rates[VARIANTS_MAX][ROUNDS_MAX];
    struct speadi_copy_variant here[VARIANTS_MAX] = {{"memcpy", NULL, memcpy}};
    const struct speadi_copy_variant *variant;
    unsigned count = 1, rounds = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

    if (rounds == 0 || rounds > ROUNDS_MAX) {
        fputs("usage: bench-copy-pieces PIECE_BYTES MEMORY_MIB ROUNDS\n", stderr);
        return 2;
    }
    piece_bytes = strtoul(argv[1], NULL, 10);
    memory_bytes = strtoul(argv[2], NULL, 10) << 20;
    if (piece_bytes == 0 || piece_bytes + HEADER_BYTES > BUFFER_BYTES || memory_bytes == 0) {
        fputs("bench-copy-pieces: a size is out of range\n", stderr);
        return 2;
    }
    memory = limit_memory(memory_bytes);
    buffer = limit_memory(BUFFER_BYTES);
    for (unsigned i = 0; (variant = speadi_copy_variant(i)) && count < VARIANTS_MAX; i++)
        if (variant->is_here())
            here[count++] = *variant;
    for (unsigned r = 0; r < rounds; r++)
        for (unsigned c = 0; c < count; c++)
            rates[c][r] = run(here[c].copy);
    printf("{\"piece\": %zu, \"memory\": %zu, \"rounds\": %u", piece_bytes, memory_bytes, rounds);
    for (unsigned c = 0; c < count; c++)
        printf(", \"%s\": %.2f", here[c].name, limit_median(rates[c], rounds));
    printf("}\n");
    return 0;
}
