/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever several senders send, no heap holds bytes of two senders or of two runs, every hole is zero, and every
 * packet is counted once. Method: random scripts (sender_script.h). A script that fails is made shorter, and the test
 * prints it. The same scripts are the input of the fuzzer tests/fuzz/fuzz_senders.c. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sender_script.h"

#define SCRIPT_MAX 400u
#define SEEDS      2500u

struct text {
    uint8_t bytes[SCRIPT_MAX];
    size_t size;
};

/* Returns a random number (xorshift). */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct text make(uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
    struct text text = {.size = SENDER_SCRIPT_CONFIG + draw(&state) % (SCRIPT_MAX - 40)};

    for (size_t i = 0; i < text.size; i++)
        text.bytes[i] = (uint8_t)(draw(&state) >> 32);
    return text;
}

static bool fails(const struct text *text)
{
    return sender_script_run(text->bytes, text->size) != NULL;
}

/* Leaves out pieces of a script that fails, as long as it still fails. */
static void shorten(struct text *text)
{
    for (size_t piece = 64; piece > 0; piece /= 2)
        for (size_t at = SENDER_SCRIPT_CONFIG; at + piece <= text->size;) {
            struct text shorter = *text;

            shorter.size -= piece;
            memmove(shorter.bytes + at, shorter.bytes + at + piece, shorter.size - at);
            if (fails(&shorter))
                *text = shorter;
            else
                at += piece;
        }
}

static void report(uint64_t seed, struct text *text)
{
    char hex[2 * SCRIPT_MAX + 1] = "", failure[256];

    snprintf(failure, sizeof failure, "%s", sender_script_run(text->bytes, text->size));
    shorten(text);
    for (size_t i = 0; i < text->size; i++)
        snprintf(hex + 2 * i, 3, "%02x", text->bytes[i]);
    cr_assert_fail("seed %llu: %s; the shortest script: %s", (unsigned long long)seed, failure,
                   hex);
}

static void run_seeds(uint64_t from, uint64_t count)
{
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct text text = make(seed);

        if (fails(&text))
            report(seed, &text);
    }
}

/* The environment variable SPEADLINE_SEEDS sets the number of scripts. */
Test(sender_scripts, random_scripts_mix_no_senders_and_no_runs, .timeout = 280)
{
    const char *more = getenv("SPEADLINE_SEEDS");

    run_seeds(1, more ? strtoull(more, NULL, 10) : SEEDS);
}
