/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a streaming copy copies every byte of the piece, and touches no byte outside of it.
 * Method: each variant that this CPU has copies pieces of every alignment and length. Bytes around the target must stay as
 * they were; a source that ends with its page shows reads behind the piece. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <speadi/streaming_copy.h>

#define ALIGNMENTS 128u
#define LENGTHS    513u
#define GUARDS     128u
#define GUARD      0x5a

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t end)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((random_state >> 32) * end >> 32);
}

static void fill(uint8_t *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(i * 2654435761u >> 13);
}

static uint8_t *memory(size_t bytes)
{
    void *at = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);

    cr_assert_not_null(at);
    return at;
}

/* Copies to an offset of `target`, which has `room` bytes, and looks at all of these. */
static void expect_copy(const struct speadi_copy_variant *variant, uint8_t *target, size_t room,
                        size_t at, const uint8_t *from, size_t bytes)
{
    void *returned;

    memset(target, GUARD, room);
    returned = variant->copy(target + at, from, bytes);
    speadi_streaming_fence();
    cr_assert_eq(returned, target + at);
    cr_assert_arr_eq(target + at, from, bytes, "%s: %zu bytes at %zu", variant->name, bytes, at);
    for (size_t i = 0; i < room; i++)
        if (i < at || i >= at + bytes)
            cr_assert_eq(target[i], GUARD, "%s: %zu bytes at %zu changed byte %zu", variant->name,
                         bytes, at, i);
}

/* Calls the function for each variant that this CPU has. */
static void for_each_here(void (*test)(const struct speadi_copy_variant *variant))
{
    const struct speadi_copy_variant *variant;

    for (unsigned i = 0; (variant = speadi_copy_variant(i)); i++)
        if (variant->is_here())
            test(variant);
        else
            fprintf(stderr, "not tried: this CPU lacks %s\n", variant->name);
}

static void copy_short(const struct speadi_copy_variant *variant)
{
    const size_t room = GUARDS + ALIGNMENTS + LENGTHS + GUARDS;
    uint8_t *target = memory(room), *source = memory(2 * ALIGNMENTS + LENGTHS);

    fill(source, 2 * ALIGNMENTS + LENGTHS);
    for (size_t alignment = 0; alignment < ALIGNMENTS; alignment++)
        for (size_t bytes = 0; bytes < LENGTHS; bytes++)
            expect_copy(variant, target, room, GUARDS + alignment,
                        source + (7 * alignment + bytes) % (2 * ALIGNMENTS), bytes);
    free(target);
    free(source);
}

Test(streaming_copy, copies_short_pieces_of_every_alignment_and_length, .timeout = 120)
{
    for_each_here(copy_short);
}

static void copy_long(const struct speadi_copy_variant *variant)
{
    const size_t most = 100000, room = most + 3 * GUARDS;
    uint8_t *target = memory(room), *source = memory(most + GUARDS);

    fill(source, most + GUARDS);
    for (int i = 0; i < 300; i++)
        expect_copy(variant, target, room, GUARDS + random_below(GUARDS),
                    source + random_below(GUARDS), random_below((uint32_t)most + 1));
    free(target);
    free(source);
}

Test(streaming_copy, copies_long_pieces_at_random_alignments, .timeout = 120)
{
    for_each_here(copy_long);
}

/* Makes two pages, of which the second one cannot be touched. Returns the end of the first one. */
static uint8_t *page_end(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq((void *)pages, MAP_FAILED);
    cr_assert_eq(mprotect(pages + page, page, PROT_NONE), 0);
    return pages + page;
}

static void copy_to_page_end(const struct speadi_copy_variant *variant)
{
    uint8_t *from = page_end(), *to = page_end();

    fill(from - 2048, 2048);
    for (size_t bytes = 1; bytes < 2048; bytes += 1 + bytes / 97) {
        memset(to - 2048, GUARD, 2048);
        variant->copy(to - bytes, from - bytes, bytes);
        cr_assert_arr_eq(to - bytes, from - bytes, bytes, "%s: %zu bytes", variant->name, bytes);
    }
}

Test(streaming_copy, touches_no_page_behind_the_piece)
{
    for_each_here(copy_to_page_end);
}

Test(streaming_copy, the_chosen_variant_runs_on_this_cpu)
{
    const struct speadi_copy_variant *variant = speadi_copy_variant_of_cpu();

    if (variant)
        cr_expect(variant->is_here(), "%s", variant->name);
    else
        cr_skip_test("this CPU has no variant of the streaming copy");
}
