/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: over thousands of random streams, the trackers say exactly what was lost, wherever this can be known. Even with
 * hostile counters, the sums of the trackers never contradict each other. Method: a model of a sender decides which
 * heaps are lost. The model has no windows, branches or steps. For each sequence, it counts the heaps that were lost
 * between the first heap and the last heap that arrived. */
#include <stdint.h>

#include "gap_script.h"

#define SEQUENCE_MAX 1600u
#define ROUNDS       1500u

static struct gap_script script;
static uint64_t random_state;

/* Returns a random number below `end`. The generator is the same on every machine (xorshift64*). */
static uint64_t below(uint64_t end)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 0x2545f4914f6cdd1dull >> 16) % end;
}

#define ONE_OF(...)      \
    ((const uint64_t[]){ \
        __VA_ARGS__})[below(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))]

/* One sequence of a sender. */
struct model_sequence {
    bool arrived[SEQUENCE_MAX];
    uint64_t count;
};

static void lose(struct model_sequence *sequence, uint64_t count, uint64_t per_mille)
{
    sequence->count = count;
    for (uint64_t i = 0; i < count; i++)
        sequence->arrived[i] = below(1000) >= per_mille;
}

static void lose_burst(struct model_sequence *sequence, uint64_t length)
{
    uint64_t first = below(sequence->count);

    for (uint64_t i = first; i < first + length && i < sequence->count; i++)
        sequence->arrived[i] = false;
}

/* Returns how many heaps were lost between the first and the last one that arrived. */
static uint64_t knowable(const struct model_sequence *sequence)
{
    uint64_t first = SEQUENCE_MAX, last = 0, arrived = 0;

    for (uint64_t i = 0; i < sequence->count; i++)
        if (sequence->arrived[i]) {
            first = i < first ? i : first;
            last = i;
            arrived++;
        }
    return arrived == 0 ? 0 : last - first + 1 - arrived;
}

static struct model_sequence model[16];

struct delayed {
    uint64_t time, counter;
};

static int by_time(const void *a, const void *b)
{
    const struct delayed *x = a, *y = b;

    return x->time < y->time ? -1 : x->time > y->time;
}

/* Adds the heaps that arrived, each delayed by at most `late` heaps. */
static void add_out_of_order(const struct model_sequence *sequence, uint64_t base, uint64_t step,
                             uint64_t late)
{
    static struct delayed delayed[SEQUENCE_MAX];
    size_t count = 0;

    for (uint64_t i = 0; i < sequence->count; i++)
        if (sequence->arrived[i])
            delayed[count++] =
                (struct delayed){(i + below(late + 1)) * SEQUENCE_MAX + i, base + i * step};
    qsort(delayed, count, sizeof *delayed, by_time);
    for (size_t i = 0; i < count; i++)
        script_add(&script, delayed[i].counter);
}

static void begin_round(uint64_t round)
{
    random_state = (round + 1) * 0x9e3779b97f4a7c15ull;
    script_begin(&script);
}

static uint64_t random_step(void)
{
    uint64_t step = ONE_OF(1, 1, 1, 2, 4, 1000, 4096);

    script.step = below(3) == 0 ? step : 0;
    return step;
}

static void expect_exactly(uint64_t round, uint64_t lost)
{
    struct speadi_gap_sums sums = script_sums(&script);

    cr_assert_eq(sums.missing, lost, "round %llu: %llu lost, %llu missing",
                 (unsigned long long)round, (unsigned long long)lost,
                 (unsigned long long)sums.missing);
    cr_assert_eq(sums.absent + sums.not_understood, 0u, "round %llu: not understood",
                 (unsigned long long)round);
}

Test(gap_model, losses_bursts_and_heaps_out_of_order_are_counted_exactly)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t step, count, base;

        begin_round(round);
        step = random_step();
        count = 150 + below(SEQUENCE_MAX - 150);
        base = ONE_OF(0, 1, 1000000000000, (1ull << 48) - step * (1 + below(count)));
        lose(&model[0], count, ONE_OF(0, 0, 1, 10, 100, 200));
        for (uint64_t bursts = below(3); bursts > 0; bursts--)
            lose_burst(&model[0], ONE_OF(3, 20, 100));
        add_out_of_order(&model[0], base, step, ONE_OF(0, 0, 1, 4, 16, 100, 900));
        expect_exactly(round, knowable(&model[0]));
    }
}

Test(gap_model, outages_of_any_length_are_counted_exactly)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t step, first, second, outage, base;

        begin_round(round);
        step = random_step();
        base = ONE_OF(0, 1000000000000);
        outage = ONE_OF(1, 10, 100, 1024, 5000, 1000000, 1 << 24);
        first = 80 + below(700);
        second = 100 + below(700);
        lose(&model[0], first, ONE_OF(0, 0, 10, 100));
        lose(&model[1], second, ONE_OF(0, 0, 10, 100));
        model[0].arrived[first - 1] = model[1].arrived[0] = true;
        add_out_of_order(&model[0], base, step, 0);
        add_out_of_order(&model[1], base + (first + outage) * step, step, 0);
        expect_exactly(round, knowable(&model[0]) + knowable(&model[1]) + outage);
    }
}

/* Adds the heaps of `sequences` sequences that take turns, `run` heaps at a time, or at random if `run` is 0. */
static void add_turns(uint64_t sequences, uint64_t count, uint64_t apart, uint64_t step,
                      uint64_t run)
{
    uint64_t next[16] = {0};
    uint64_t left = sequences * count;

    for (uint64_t turn = 0; left > 0; turn++) {
        uint64_t s = run == 0 ? below(sequences) : turn % sequences;
        uint64_t heaps = run == 0 ? 1 : run;

        for (; heaps > 0 && next[s] < count; heaps--, left--, next[s]++)
            if (model[s].arrived[next[s]])
                script_add(&script, (s * apart + next[s]) * step);
    }
}

Test(gap_model, losses_in_sequences_that_take_turns_are_counted_exactly)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t step, sequences, count, per_mille, lost = 0;

        begin_round(round);
        step = random_step();
        sequences = ONE_OF(2, 2, 3, 4, 8, 16);
        count = 40 + below(560);
        per_mille = ONE_OF(0, 0, 10, 50, 100);
        for (uint64_t s = 0; s < sequences; s++) {
            lose(&model[s], count, per_mille);
            lost += knowable(&model[s]);
        }
        add_turns(sequences, count, ONE_OF(2000, 100000, 1 << 24, (1ull << 42) / step), step,
                  ONE_OF(0, 1, 1, 4));
        expect_exactly(round, lost);
    }
}

Test(gap_model, two_sequences_with_overlapping_windows_are_counted_exactly)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t count, per_mille;

        begin_round(round);
        count = 100 + below(1400);
        per_mille = ONE_OF(0, 0, 10, 50);
        lose(&model[0], count, per_mille);
        lose(&model[1], count, per_mille);
        add_turns(2, count, ONE_OF(20, 50, 200, 500, 900, 1000), 1, 1);
        expect_exactly(round, knowable(&model[0]) + knowable(&model[1]));
    }
}

Test(gap_model, restarts_keep_what_was_missing)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t step, lost = 0;

        begin_round(round);
        step = random_step();
        for (uint64_t epochs = 2 + below(3); epochs > 0; epochs--) {
            lose(&model[0], 120 + below(800), ONE_OF(0, 10, 100));
            add_out_of_order(&model[0], ONE_OF(0, 1, 10, 1000000), step, 0);
            lost += knowable(&model[0]);
            if (epochs > 1)
                script_add(&script, SCRIPT_RESTART);
        }
        expect_exactly(round, lost);
    }
}

/* ---- Loss is never 0 ------------------------------------------------------------------------ */

/* The streams are mixtures of the streams above, and often too short. So the trackers can count a loss as provisional
 * or as not understood. But if there was a loss, the sums must not all be 0. */
Test(gap_model, a_loss_that_can_be_known_is_never_called_clean)
{
    for (uint64_t round = 0; round < 4 * ROUNDS; round++) {
        uint64_t step, sequences, count, lost = 0;
        struct speadi_gap_sums sums;

        begin_round(round);
        step = ONE_OF(1, 1, 2, 4096);
        sequences = 1 + below(4);
        count = 10 + below(200);
        for (uint64_t s = 0; s < sequences; s++) {
            lose(&model[s], count, ONE_OF(0, 10, 100, 300));
            if (below(3) == 0)
                lose_burst(&model[s], 1 + below(40));
            lost += knowable(&model[s]);
        }
        add_turns(sequences, count, ONE_OF(2000, 1 << 20, 1ull << 32), step, ONE_OF(1, 1, 4));
        sums = script_sums(&script);
        cr_assert(lost == 0 || sums.missing + sums.absent + sums.not_understood > 0,
                  "round %llu: %llu lost and nothing said", (unsigned long long)round,
                  (unsigned long long)lost);
    }
}

/* ---- Hostile counters ----------------------------------------------------------------------- */

static void add_hostile(uint64_t *at)
{
    uint64_t count = 1 + below(80), step = ONE_OF(1, 2, 3, 4096, 1 << 18);

    switch (below(7)) {
    case 0:
        for (uint64_t i = 0; i < count; i++)
            script_add(&script, below(1ull << script.bits));
        break;
    case 1:
        *at = below(1ull << script.bits);
        break;
    case 2:
        script_run(&script, *at, step, count);
        *at += count * step;
        break;
    case 3:
        script_run(&script, *at, 0 - step, count);
        break;
    case 4:
        for (uint64_t i = 0; i < count; i++)
            script_add(&script, *at + (below(2200) - 1100) * step);
        break;
    case 5:
        for (uint64_t i = 0; i < count; i++)
            script_add(&script, (below(40) << (script.bits - 5)) + *at + i / 8);
        break;
    default:
        for (uint64_t i = 0; i < count; i++)
            script_add(&script, *at += 1 + below(1500));
    }
}

Test(gap_model, hostile_counters_leave_the_sums_in_order)
{
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct speadi_gap_trackers set;
        uint64_t at = 0;

        begin_round(round);
        script.bits = (unsigned)ONE_OF(20, 30, 40, 48);
        while (script.count < 3000)
            add_hostile(&at);
        cr_assert_eq(speadi_gap_trackers_init(&set, 2, 1, 3, ONE_OF(0, 0, 1, 3, 4096)), 0);
        for (size_t i = 0; i < script.count; i++) {
            if (below(1000) == 0)
                speadi_gap_trackers_restart(&set, 0);
            speadi_gap_trackers_open(&set, 0, (uint32_t)below(3), script.counter[i], script.bits);
            cr_assert_leq(set.sums.provisional, set.sums.missing, "round %llu, heap %zu",
                          (unsigned long long)round, i);
            cr_assert_lt(set.sums.missing, 1ull << 62);
            cr_assert_lt(set.sums.absent, 1ull << 62);
            cr_assert_lt(set.sums.not_understood, 4 * script.count);
        }
        speadi_gap_trackers_release(&set);
    }
}
