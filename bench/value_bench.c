/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a program reads the values of an item, beside a plain loop over the same bytes. Each contender adds up the
 * same array, and the sums are compared. The contenders run in alternation; the result is the median of each, in bytes
 * of the item for a second of CPU time, and its ratio to the plain loop, as one JSON object for each case.
 *
 *     plain    a loop over the bytes that knows type and byte order
 *     view     the loop of value.h over a view, with spead_load_be16() and its like
 *     blocks   spead_view_read() of 4,096 values at a time, then a loop over these
 *     whole    spead_item_read() of all values, then a loop over these
 *
 * usage: bench-value KILOBYTES ROUNDS [CASE]    a case is named as in the output: "i16", "i16_as_f32" */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <speadline/value.h>

#include "limits/limit.h"

#define BLOCK 4096u
#define LANES \
    16u /* sums that are added up side by side, so that an addition waits for no other one */
#define ROUNDS_MAX 1000u
#define RUN_S      0.01 /* a run lasts at least this long */

static size_t count; /* of the values */
static uint8_t *bytes;
static void *values;
static struct spead_item item;

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench-value: %s\n", what);
    exit(1);
}

/* Defines the contenders of a case. The item has big-endian values of type `wire`. `word` is the unsigned type of their
 * size, load and spead_load read one, and `native` is the type that the program wants. The sums have type `sum`. */
#define CASE(name, wire, word, load, spead_load, native, ctype, sum)                          \
    static double name##_sum(const native *array, size_t n)                                   \
    {                                                                                         \
        sum lane[LANES] = {0}, all = 0;                                                       \
                                                                                              \
        for (size_t i = 0; i + LANES <= n; i += LANES)                                        \
            for (size_t k = 0; k < LANES; k++)                                                \
                lane[k] += (sum)array[i + k];                                                 \
        for (size_t k = 0; k < LANES; k++)                                                    \
            all += lane[k];                                                                   \
        return (double)all;                                                                   \
    }                                                                                         \
                                                                                              \
    static double name##_plain(const struct spead_descriptor *descriptor)                     \
    {                                                                                         \
        sum lane[LANES] = {0}, all = 0;                                                       \
                                                                                              \
        (void)descriptor;                                                                     \
        for (size_t i = 0; i + LANES <= count; i += LANES)                                    \
            for (size_t k = 0; k < LANES; k++) {                                              \
                word bits;                                                                    \
                wire value;                                                                   \
                                                                                              \
                memcpy(&bits, bytes + sizeof bits * (i + k), sizeof bits);                    \
                bits = load(bits);                                                            \
                memcpy(&value, &bits, sizeof value);                                          \
                lane[k] += (sum)(native)value;                                                \
            }                                                                                 \
        for (size_t k = 0; k < LANES; k++)                                                    \
            all += lane[k];                                                                   \
        return (double)all;                                                                   \
    }                                                                                         \
                                                                                              \
    static double name##_view(const struct spead_descriptor *descriptor)                      \
    {                                                                                         \
        struct spead_view where;                                                              \
        sum lane[LANES] = {0}, all = 0;                                                       \
                                                                                              \
        require(spead_item_view(&where, &item, descriptor, 0, NULL) == 0, "no view");         \
        for (size_t i = 0; i + LANES <= count; i += LANES)                                    \
            for (size_t k = 0; k < LANES; k++) {                                              \
                word bits = spead_load(where.data + sizeof bits * (i + k));                   \
                wire value;                                                                   \
                                                                                              \
                memcpy(&value, &bits, sizeof value);                                          \
                lane[k] += (sum)(native)value;                                                \
            }                                                                                 \
        for (size_t k = 0; k < LANES; k++)                                                    \
            all += lane[k];                                                                   \
        return (double)all;                                                                   \
    }                                                                                         \
                                                                                              \
    static double name##_blocks(const struct spead_descriptor *descriptor)                    \
    {                                                                                         \
        struct spead_view where;                                                              \
        native block[BLOCK];                                                                  \
        double all = 0;                                                                       \
                                                                                              \
        require(spead_item_view(&where, &item, descriptor, 0, NULL) == 0, "no view");         \
        for (uint64_t i = 0; i < where.count; i += BLOCK) {                                   \
            uint64_t n = where.count - i < BLOCK ? where.count - i : BLOCK;                   \
                                                                                              \
            require(spead_view_read(&where, i, n, ctype, block, NULL) == 0, "not read");      \
            all += name##_sum(block, n);                                                      \
        }                                                                                     \
        return all;                                                                           \
    }                                                                                         \
                                                                                              \
    static double name##_whole(const struct spead_descriptor *descriptor)                     \
    {                                                                                         \
        require(spead_item_read(&item, descriptor, 0, ctype, values, count, NULL, NULL) == 0, \
                "not read");                                                                  \
        return name##_sum(values, count);                                                     \
    }

#define AS_IS(bits) (bits)

static uint8_t load_8(const uint8_t *from)
{
    return *from;
}

CASE(i8, int8_t, uint8_t, AS_IS, load_8, int8_t, SPEAD_CTYPE_I8, int64_t)
CASE(i16, int16_t, uint16_t, be16toh, spead_load_be16, int16_t, SPEAD_CTYPE_I16, int64_t)
CASE(u16, uint16_t, uint16_t, be16toh, spead_load_be16, uint16_t, SPEAD_CTYPE_U16, int64_t)
CASE(i32, int32_t, uint32_t, be32toh, spead_load_be32, int32_t, SPEAD_CTYPE_I32, int64_t)
CASE(i64, int64_t, uint64_t, be64toh, spead_load_be64, int64_t, SPEAD_CTYPE_I64, uint64_t)
CASE(f32, float, uint32_t, be32toh, spead_load_be32, float, SPEAD_CTYPE_F32, float)
CASE(f64, double, uint64_t, be64toh, spead_load_be64, double, SPEAD_CTYPE_F64, double)
CASE(i16_as_i32, int16_t, uint16_t, be16toh, spead_load_be16, int32_t, SPEAD_CTYPE_I32, int64_t)
CASE(i16_as_f32, int16_t, uint16_t, be16toh, spead_load_be16, float, SPEAD_CTYPE_F32, float)

struct contender {
    const char *name;
    double (*sum)(const struct spead_descriptor *descriptor);
};

#define CONTENDERS 4u

#define ROW(name, dtype, size)                                                         \
    {                                                                                  \
#        name, dtype, size,                                                            \
        {                                                                              \
            {"plain", name##_plain}, {"view", name##_view}, {"blocks", name##_blocks}, \
                {"whole", name##_whole},                                               \
        }                                                                              \
    }

static const struct bench_case {
    const char *name, *dtype;
    size_t value_bytes;
    struct contender contender[CONTENDERS];
} cases[] = {
    ROW(i8, "i1", 1),   ROW(i16, ">i2", 2),        ROW(u16, ">u2", 2),
    ROW(i32, ">i4", 4), ROW(i64, ">i8", 8),        ROW(f32, ">f4", 4),
    ROW(f64, ">f8", 8), ROW(i16_as_i32, ">i2", 2), ROW(i16_as_f32, ">i2", 2),
};

static double cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Returns the bytes of the item for a second of CPU time in one run. */
static double run(const struct contender *contender, const struct spead_descriptor *descriptor,
                  double wanted)
{
    double begin = cpu_s(), now = begin;
    uint64_t passes = 0;

    for (; now < begin + RUN_S; now = cpu_s(), passes++)
        require(contender->sum(descriptor) - wanted == 0, "a sum differs");
    return (double)passes * (double)item.bytes / (now - begin);
}

static void measure(const struct bench_case *it, const struct spead_descriptor *descriptor,
                    unsigned rounds)
{
    static double rates[CONTENDERS][ROUNDS_MAX];
    double medians[CONTENDERS];
    double wanted[CONTENDERS];

    /* the blocks of floating-point numbers are added up in another order */
    for (unsigned c = 0; c < CONTENDERS; c++)
        wanted[c] = it->contender[c].sum(descriptor);
    for (unsigned r = 0; r < rounds; r++)
        for (unsigned c = 0; c < CONTENDERS; c++)
            rates[c][r] = run(&it->contender[c], descriptor, wanted[c]);
    printf("{\"case\": \"%s\", \"bytes\": %zu, \"rounds\": %u", it->name, (size_t)item.bytes,
           rounds);
    for (unsigned c = 0; c < CONTENDERS; c++) {
        require(wanted[c] - wanted[0] <= 1e-3 * wanted[0] &&
                    wanted[0] - wanted[c] <= 1e-3 * wanted[0],
                "a sum differs from that of the plain loop");
        medians[c] = limit_median(rates[c], rounds);
        printf(", \"%s_gb_per_cpu_s\": %.2f", it->contender[c].name, medians[c] * 1e-9);
    }
    for (unsigned c = 1; c < CONTENDERS; c++)
        printf(", \"%s_ratio\": %.3f", it->contender[c].name, medians[c] / medians[0]);
    printf("}\n");
}

/* Small positive numbers in every type: as floating-point numbers they are about 1, 2, 4 or 8. */
static void fill(const struct bench_case *it)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t *value = bytes + i * it->value_bytes;
        uint8_t noise = (uint8_t)(i * 2654435761u >> 13);

        memset(value, 0, it->value_bytes);
        value[it->value_bytes - 1] = noise & 127;
        if (strchr(it->dtype, 'f')) {
            value[0] = 0x40;
            value[1] = noise & 15;
        }
    }
}

static void run_case(const struct bench_case *it, size_t kilobytes, unsigned rounds)
{
    struct spead_descriptor_config config = SPEAD_DESCRIPTOR_CONFIG_INIT;
    struct spead_descriptor *descriptor;
    int64_t shape;

    count = 1024 * kilobytes / it->value_bytes;
    fill(it);
    shape = (int64_t)count;
    config.id = 0x1000;
    config.dtype = it->dtype;
    config.shape = &shape;
    config.dimension_count = 1;
    require(spead_descriptor_create(&descriptor, &config, NULL) == 0, "no descriptor");
    item = (struct spead_item){.id = 0x1000, .data = bytes, .bytes = it->value_bytes * count};
    measure(it, descriptor, rounds);
    spead_descriptor_unref(descriptor);
}

int main(int argc, char **argv)
{
    size_t kilobytes;
    unsigned rounds;

    require(argc == 3 || argc == 4, "usage: bench-value KILOBYTES ROUNDS [CASE]");
    kilobytes = (size_t)strtoul(argv[1], NULL, 10);
    rounds = (unsigned)strtoul(argv[2], NULL, 10);
    require(kilobytes > 0 && rounds > 0 && rounds <= ROUNDS_MAX, "a number is out of range");
    bytes = limit_memory(1024 * kilobytes);
    values = limit_memory(2 * 1024 * kilobytes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc == 3 || strcmp(argv[3], cases[i].name) == 0)
            run_case(&cases[i], kilobytes, rounds);
    return 0;
}
