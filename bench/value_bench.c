/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a program reads the values of an item, beside a plain loop over the same bytes. Each contender adds up the
 * same array, and the sums are compared. The contenders run in alternation; the result is the median of each, and its
 * ratio to the plain loop, as one JSON object.
 *
 *     plain    a loop over the bytes that knows type and byte order
 *     view     the loop of value.h over a view, with spead_load_be16()
 *     blocks   spead_view_read() of 4,096 values at a time, then a loop over these
 *     whole    spead_item_read() of all values, then a loop over these
 *
 * usage: bench-value KILOBYTES ROUNDS */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/value.h>

#include "limits/limit.h"

#define BLOCK      4096u
#define ROUNDS_MAX 1000u
#define RUN_S      0.01 /* a run lasts at least this long */

static uint8_t *bytes;
static int16_t *values;
static size_t count;
static struct spead_descriptor *descriptor;
static struct spead_item item;

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench-value: %s\n", what);
    exit(1);
}

static int64_t sum_of(const int16_t *array, size_t n)
{
    int64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += array[i];
    return sum;
}

static int64_t plain(void)
{
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        uint16_t word;

        memcpy(&word, bytes + 2 * i, sizeof word);
        sum += (int16_t)be16toh(word);
    }
    return sum;
}

static int64_t view(void)
{
    struct spead_view where;
    int64_t sum = 0;

    require(spead_item_view(&where, &item, descriptor, 0, NULL) == 0, "no view");
    for (uint64_t i = 0; i < where.count; i++)
        sum += (int16_t)spead_load_be16(where.data + 2 * i);
    return sum;
}

static int64_t blocks(void)
{
    struct spead_view where;
    int16_t block[BLOCK];
    int64_t sum = 0;

    require(spead_item_view(&where, &item, descriptor, 0, NULL) == 0, "no view");
    for (uint64_t i = 0; i < where.count; i += BLOCK) {
        uint64_t n = where.count - i < BLOCK ? where.count - i : BLOCK;

        require(spead_view_read(&where, i, n, SPEAD_CTYPE_I16, block, NULL) == 0, "not read");
        sum += sum_of(block, n);
    }
    return sum;
}

static int64_t whole(void)
{
    require(spead_item_read(&item, descriptor, 0, SPEAD_CTYPE_I16, values, count, NULL, NULL) == 0,
            "not read");
    return sum_of(values, count);
}

static const struct {
    const char *name;
    int64_t (*sum)(void);
} contenders[] = {{"plain", plain}, {"view", view}, {"blocks", blocks}, {"whole", whole}};

#define CONTENDERS (sizeof contenders / sizeof *contenders)

/* Returns the bytes per second of one run. */
static double run(int64_t (*sum)(void), int64_t wanted)
{
    double begin = limit_now_s(), now = begin;
    uint64_t passes = 0;

    for (; now < begin + RUN_S; now = limit_now_s(), passes++)
        require(sum() == wanted, "a sum differs");
    return (double)passes * (double)(2 * count) / (now - begin);
}

int main(int argc, char **argv)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    static double rates[CONTENDERS][ROUNDS_MAX];
    double medians[CONTENDERS];
    int64_t shape, wanted;
    unsigned rounds;

    require(argc == 3, "usage: bench-value KILOBYTES ROUNDS");
    count = 512u * (size_t)strtoul(argv[1], NULL, 10);
    rounds = (unsigned)strtoul(argv[2], NULL, 10);
    require(count > 0 && rounds > 0 && rounds <= ROUNDS_MAX, "a number is out of range");
    bytes = limit_memory(2 * count);
    values = (int16_t *)limit_memory(2 * count);
    for (size_t i = 0; i < 2 * count; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    shape = (int64_t)count;
    config.id = 0x1000;
    config.dtype = ">i2";
    config.shape = &shape;
    config.dimension_count = 1;
    require(spead_descriptor_create(&descriptor, &config, NULL) == 0, "no descriptor");
    item = (struct spead_item){.id = 0x1000, .data = bytes, .bytes = 2 * count};

    wanted = plain();
    for (unsigned r = 0; r < rounds; r++)
        for (size_t c = 0; c < CONTENDERS; c++)
            rates[c][r] = run(contenders[c].sum, wanted);
    printf("{\"bytes\": %zu, \"rounds\": %u", 2 * count, rounds);
    for (size_t c = 0; c < CONTENDERS; c++) {
        medians[c] = limit_median(rates[c], rounds);
        printf(", \"%s_gbytes_per_s\": %.2f", contenders[c].name, medians[c] * 1e-9);
    }
    for (size_t c = 1; c < CONTENDERS; c++)
        printf(", \"%s_ratio\": %.3f", contenders[c].name, medians[c] / medians[0]);
    printf("}\n");
    spead_descriptor_unref(descriptor);
    return 0;
}
