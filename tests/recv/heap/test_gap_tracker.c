/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if no packet of a heap came, the heap counter is skipped, and the tracker counts the heap as missing. The
 * tracker does not count heaps that were never sent. If the tracker cannot know what was lost, it says so. Method: the
 * test opens heaps with given counters and compares the sums. */
#include "gap_script.h"

static struct gap_script script;

static void begin(void)
{
    script_begin(&script);
}

TestSuite(gap_tracker, .init = begin);

#define RUN(...)                                                            \
    do {                                                                    \
        const uint64_t counters_[] = {__VA_ARGS__};                         \
                                                                            \
        for (size_t i_ = 0; i_ < sizeof counters_ / sizeof(uint64_t); i_++) \
            script_add(&script, counters_[i_]);                             \
    } while (0)

/* ---- One sequence --------------------------------------------------------------------------- */

Test(gap_tracker, a_skipped_counter_is_missing_at_once)
{
    RUN(5);
    EXPECT_MISSING(&script, 0);
    RUN(7);
    EXPECT_MISSING(&script, 1);
    RUN(8, 9, 13);
    EXPECT_MISSING(&script, 4);
}

Test(gap_tracker, a_heap_that_opens_late_is_taken_back)
{
    RUN(1, 3, 2);
    EXPECT_MISSING(&script, 0);
    begin();
    RUN(5, 4, 3, 6);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, a_heap_that_is_300_heaps_late_is_taken_back)
{
    script_run(&script, 1, 1, 4);
    script_run(&script, 6, 1, 294);
    EXPECT_MISSING(&script, 1);
    RUN(5);
    script_run(&script, 300, 1, 20);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, a_heap_that_is_300_heaps_early_is_no_loss)
{
    script_run(&script, 1, 1, 100);
    RUN(400);
    script_run(&script, 101, 1, 299);
    script_run(&script, 401, 1, 100);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, a_loss_beside_an_early_heap_is_counted)
{
    script_run(&script, 1, 1, 100);
    RUN(400);
    script_run(&script, 101, 1, 298);
    script_run(&script, 401, 1, 100);
    EXPECT_MISSING(&script, 1);
}

Test(gap_tracker, whole_heaps_out_of_order_by_up_to_900_are_no_loss)
{
    for (uint64_t block = 0; block < 2700; block += 900)
        for (uint64_t i = 900; i > 0; i--)
            script_add(&script, block + i);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, a_wrap_of_the_counter_is_no_jump)
{
    script.bits = 40;
    script_run(&script, (1ull << 40) - 100, 1, 200);
    EXPECT_MISSING(&script, 0);
    begin();
    script_run(&script, (1ull << 48) - 100 * 4096, 4096, 200);
    EXPECT_MISSING(&script, 0);
    begin();
    script_run(&script, (1ull << 48) - 100, 1, 95);
    script_run(&script, 5, 1, 95);
    EXPECT_MISSING(&script, 10);
}

Test(gap_tracker, the_step_is_learned)
{
    script_run(&script, 3, 4, 300);
    EXPECT_MISSING(&script, 0);
    begin();
    script_run(&script, 1000000000000, 4096, 100);
    script_run(&script, 1000000000000 + 103 * 4096, 4096, 100);
    EXPECT_MISSING(&script, 3);
}

Test(gap_tracker, a_given_step_is_taken_as_true)
{
    script.step = 1;
    script_run(&script, 1, 2, 40);
    cr_expect_gt(script_sums(&script).missing + script_sums(&script).absent, 38u);
    script.step = 2;
    EXPECT_MISSING(&script, 0);
}

/* ---- Jumps ---------------------------------------------------------------------------------- */

Test(gap_tracker, an_outage_of_any_length_is_counted)
{
    const uint64_t lost[] = {1, 100, 1023, 1024, 5000, 1000000, (1u << 20) + 1, 17000000000};

    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        begin();
        script_run(&script, 1, 1, 100);
        script_run(&script, 101 + lost[i], 1, 100);
        EXPECT_MISSING(&script, lost[i]);
    }
}

Test(gap_tracker, a_jump_is_provisional_until_the_new_counters_have_gone_on)
{
    struct speadi_gap_sums sums;

    script_run(&script, 1, 1, 100);
    script_run(&script, 5101, 1, 10);
    sums = script_sums(&script);
    cr_expect_eq(sums.missing, 5000u);
    cr_expect_eq(sums.provisional, 5000u);
    begin();
    script_run(&script, 1, 1, 100);
    script_run(&script, 301, 1, 10);
    sums = script_sums(&script);
    cr_expect_eq(sums.missing, 200u);
    cr_expect_eq(sums.provisional, 200u);
}

Test(gap_tracker, many_jumps_at_once_are_not_understood_rather_than_outages)
{
    struct speadi_gap_sums sums;

    for (uint64_t k = 0; k < 2; k++)
        for (uint64_t channel = 0; channel < 8; channel++)
            RUN(channel << 32 | k);
    sums = script_sums(&script);
    cr_expect_eq(sums.missing, 0u);
    cr_expect_gt(sums.not_understood, 0u);
}

Test(gap_tracker, heaps_of_an_outage_that_come_late_are_taken_back)
{
    script_run(&script, 1, 1, 100);
    script_run(&script, 5101, 1, 100);
    RUN(5100, 5099);
    EXPECT_MISSING(&script, 4998);
}

Test(gap_tracker, a_jump_is_no_loss_when_the_old_counters_go_on_too)
{
    const uint64_t apart[] = {20, 500, 2000, 1000000, 1ull << 40};

    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        begin();
        for (uint64_t k = 1; k <= 200; k++)
            RUN(k, k + apart[i]);
        EXPECT_MISSING(&script, 0);
    }
}

Test(gap_tracker, another_sequence_that_begins_later_is_no_loss)
{
    const uint64_t apart[] = {500, 2000, 1000000};

    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        begin();
        script_run(&script, 1, 1, 1000);
        for (uint64_t k = 1001; k <= 1200; k++)
            RUN(k, k + apart[i]);
        EXPECT_MISSING(&script, 0);
    }
}

Test(gap_tracker, a_stray_counter_is_no_loss)
{
    const uint64_t stray[] = {500, 1u << 20, 1ull << 47};

    for (size_t i = 0; i < sizeof stray / sizeof *stray; i++) {
        begin();
        script_run(&script, 1, 1, 10);
        RUN(stray[i]);
        script_run(&script, 11, 1, 10);
        EXPECT_MISSING(&script, 0);
    }
}

Test(gap_tracker, two_sequences_that_stop_being_two_are_not_called_understood)
{
    struct speadi_gap_sums sums;

    script_run(&script, 1, 1, 100);
    for (uint64_t k = 0; k < 10; k++)
        RUN(101 + k, 100000 + k);
    script_run(&script, 100010, 1, 3000);
    sums = script_sums(&script);
    cr_expect_gt(sums.not_understood, 0u, "the first one may have been lost");
}

/* ---- Several sequences ---------------------------------------------------------------------- */

Test(gap_tracker, channels_in_the_high_bits_are_sequences)
{
    for (uint64_t k = 0; k < 40; k++)
        for (uint64_t channel = 0; channel < 8; channel++)
            RUN(channel << 32 | k);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, losses_are_counted_in_each_of_16_sequences)
{
    uint64_t lost = 0;

    for (uint64_t k = 0; k < 400; k++)
        for (uint64_t channel = 0; channel < 16; channel++) {
            bool is_lost = k > 0 && k < 399 && (k * 7919 + channel * 104729) % 23 == 0;

            lost += is_lost;
            if (!is_lost)
                RUN(channel << 32 | k);
        }
    EXPECT_MISSING(&script, lost);
}

Test(gap_tracker, four_groups_of_four_engines_are_understood)
{
    for (uint64_t k = 0; k < 20; k++)
        for (uint64_t group = 0; group < 4; group++)
            script_run(&script, (group << 40) + 4 * k, 1, 4);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, even_data_with_rare_odd_descriptors_are_two_sequences)
{
    const uint64_t rare[] = {2, 10, 100};

    for (size_t i = 0; i < sizeof rare / sizeof *rare; i++) {
        begin();
        for (uint64_t k = 0; k < 1000; k++) {
            RUN(2 * k + 2);
            if (k % rare[i] == 0)
                RUN(2 * (k / rare[i]) + 1);
        }
        EXPECT_MISSING(&script, 0);
    }
}

Test(gap_tracker, metadata_with_counters_of_its_own_is_no_loss)
{
    for (uint64_t k = 0; k < 400; k++) {
        RUN(1000000000000 + 4096 * k);
        if (k % 20 == 0)
            RUN(k / 20 + 1);
    }
    EXPECT_MISSING(&script, 0);
    begin();
    for (uint64_t k = 0; k < 400; k++) {
        RUN(1000000 + k);
        if (k % 25 == 0)
            RUN(1);
    }
    EXPECT_MISSING(&script, 0);
}

/* ---- What cannot be known ------------------------------------------------------------------- */

Test(gap_tracker, an_engine_that_never_sends_is_said_to_be_absent_and_not_missing)
{
    struct speadi_gap_sums sums;

    for (uint64_t k = 0; k < 100; k++)
        RUN(4 * k + 1, 4 * k + 2, 4 * k + 4);
    sums = script_sums(&script);
    cr_expect_eq(sums.missing, 0u);
    cr_expect_eq(sums.absent, 100u);
}

Test(gap_tracker, a_sequence_of_which_every_other_heap_is_lost_is_seen_beside_one_that_is_whole)
{
    struct speadi_gap_sums sums;

    for (uint64_t k = 0; k < 200; k++) {
        if (k % 2 == 1)
            RUN(k);
        RUN((1ull << 40) + k);
    }
    sums = script_sums(&script);
    cr_expect_geq(sums.missing + sums.absent, 98u);
}

Test(gap_tracker, counters_without_a_pattern_are_not_understood_and_give_no_number)
{
    struct speadi_gap_sums sums;
    uint64_t counter = 1000000;

    srand(1);
    for (int i = 0; i < 5000; i++)
        RUN((uint64_t)rand() << 17 ^ (uint64_t)rand());
    sums = script_sums(&script);
    cr_expect_eq(sums.missing, 0u);
    cr_expect_gt(sums.not_understood, 4900u);
    begin();
    for (int i = 0; i < 1000; i++)
        RUN(counter += 1 + (uint64_t)rand() % 100);
    sums = script_sums(&script);
    cr_expect_eq(sums.missing, 0u);
    cr_expect_gt(sums.not_understood, 900u);
}

Test(gap_tracker, a_step_that_changes_is_said_and_gives_no_number)
{
    const uint64_t later[] = {6000, 8192};

    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        struct speadi_gap_sums sums;

        begin();
        script_run(&script, 0, 4096, 200);
        script_run(&script, 200 * 4096, later[i], 400);
        sums = script_sums(&script);
        cr_expect_eq(sums.missing, 0u);
        cr_expect_gt(sums.absent + sums.not_understood, 0u);
    }
}

Test(gap_tracker, two_far_counters_alone_say_nothing)
{
    struct speadi_gap_sums sums;

    RUN(1, 4097);
    sums = script_sums(&script);
    cr_expect_eq(sums.missing, 0u);
    cr_expect_eq(sums.not_understood, 2u);
}

/* ---- Restarts ------------------------------------------------------------------------------- */

Test(gap_tracker, a_restart_is_no_loss_and_keeps_what_was_missing)
{
    script_run(&script, 1, 1, 100);
    RUN(102, SCRIPT_RESTART);
    script_run(&script, 5, 1, 80);
    EXPECT_MISSING(&script, 1);
    begin(); /* a counter far below shows the restart */
    script_run(&script, 5001, 1, 100);
    RUN(5102);
    script_run(&script, 5, 1, 80);
    EXPECT_MISSING(&script, 1);
    begin(); /* a counter comes again, and then the next one: this shows the restart */
    RUN(1, 3, 4, 1, 2, 3);
    EXPECT_MISSING(&script, 1);
    begin(); /* the missing counter comes, and then one comes again: this shows the restart */
    RUN(10, 12, 13, 14, 15, 11, 12, 13);
    EXPECT_MISSING(&script, 1);
}

Test(gap_tracker, a_short_counter_that_wraps_is_no_loss)
{
    for (uint64_t i = 0; i < 320; i++)
        RUN(i & 15);
    EXPECT_MISSING(&script, 0);
    begin();
    for (uint64_t i = 65000; i < 66000; i++)
        RUN(i & 0xffff);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, a_heap_that_opens_twice_is_no_loss)
{
    RUN(1, 2, 3, 4, 5, 2, 6, 7);
    EXPECT_MISSING(&script, 0);
    begin();
    RUN(1, 2, 3, 4, 5, 2, 6, 3, 7);
    EXPECT_MISSING(&script, 0);
    begin();
    RUN(1, 2, 4, 2, 5, 6);
    EXPECT_MISSING(&script, 1);
    begin();
    for (int i = 0; i < 100; i++)
        RUN(0);
    EXPECT_MISSING(&script, 0);
}

Test(gap_tracker, a_sender_that_mixes_flavours_is_not_understood)
{
    struct speadi_gap_tracker *tracker = malloc(sizeof *tracker);

    speadi_gap_tracker_init(tracker, 0, 1);
    for (uint64_t i = 0; i < 10; i++)
        speadi_gap_tracker_open(tracker, i, i % 2 == 0 ? 48 : 40);
    cr_expect_eq(speadi_gap_tracker_sums(tracker).missing, 0u);
    cr_expect_gt(speadi_gap_tracker_sums(tracker).not_understood, 0u);
    free(tracker);
}
