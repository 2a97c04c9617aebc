/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a fault specification has the meaning that its text says, and the same seed always gives the same faults.
 * Method: the tests roll the dice for many packets with fixed seeds, so that every run has the same counts. From the
 * chance of a fault the test computes how often the fault should happen. The measured count is allowed to differ from
 * that number by at most 5 standard deviations. */
#include <criterion/criterion.h>

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/fault.h>

enum { PACKETS = 100000, BYTES = 1472 };

static struct speadi_fault_spec parse(const char *text)
{
    struct speadi_fault_spec spec;
    struct spead_err err = {0};

    cr_assert_eq(speadi_fault_parse(&spec, text, &err), 0, "%s", err.text);
    return spec;
}

static struct speadi_fault_dice dice_for(const char *text)
{
    struct speadi_fault_spec spec = parse(text);
    struct speadi_fault_dice dice;

    speadi_fault_dice_init(&dice, &spec);
    return dice;
}

static void assert_chance(const char *what, unsigned happened, double chance)
{
    double expected = PACKETS * chance, deviation = sqrt(PACKETS * chance * (1 - chance));

    cr_assert_lt(fabs(happened - expected), 5 * deviation, "%s happened %u times, not about %.0f",
                 what, happened, expected);
}

Test(fault, every_key_is_read)
{
    struct speadi_fault_spec spec =
        parse("loss=0.01,burst=8,dup=0.001,reorder=8,reorder-chance=1,truncate=.5,flip=1e-4,"
              "delay=2.5ms,stall=50ms/1s,seed=18446744073709551615");

    cr_assert_eq(spec.loss, 0.01);
    cr_assert_eq(spec.burst, 8u);
    cr_assert_eq(spec.duplicate, 0.001);
    cr_assert_eq(spec.reorder, 8u);
    cr_assert_eq(spec.reorder_chance, 1.0);
    cr_assert_eq(spec.truncate, 0.5);
    cr_assert_eq(spec.flip, 1e-4);
    cr_assert_eq(spec.delay_ns, 2500000u);
    cr_assert_eq(spec.stall_ns, 50000000u);
    cr_assert_eq(spec.stall_every_ns, 1000000000u);
    cr_assert_eq(spec.seed, UINT64_MAX);
}

Test(fault, what_is_not_named_is_off)
{
    struct speadi_fault_spec spec = parse("delay=3us");

    cr_assert_eq(spec.loss, 0.0);
    cr_assert_eq(spec.burst, 1u);
    cr_assert_eq(spec.duplicate, 0.0);
    cr_assert_eq(spec.reorder, 0u);
    cr_assert_eq(spec.reorder_chance, 0.1);
    cr_assert_eq(spec.truncate, 0.0);
    cr_assert_eq(spec.flip, 0.0);
    cr_assert_eq(spec.delay_ns, 3000u);
    cr_assert_eq(spec.stall_every_ns, 0u);
    cr_assert_eq(spec.seed, 1u);
    cr_assert_eq(parse("delay=7ns").delay_ns, 7u);
    cr_assert_eq(parse("delay=1s").delay_ns, 1000000000u);
}

Test(fault, what_cannot_be_meant_is_refused_and_quoted)
{
    static const char *const cases[][2] = {
        {"", "KEY=VALUE"},
        {"loss", "KEY=VALUE"},
        {"loss=0.1,", "KEY=VALUE"},
        {",loss=0.1", "KEY=VALUE"},
        {"loss=0.1,,dup=0.1", "KEY=VALUE"},
        {"los=0.1", "\"los=0.1\": there is no \"los\"; known are loss, burst, dup"},
        {"=0.1", "there is no \"\""},
        {"loss=1.5", "\"loss=1.5\": loss takes a chance from 0 to 1"},
        {"loss=-0.1", "chance"},
        {"loss=nan", "chance"},
        {"loss=0.1x", "chance"},
        {"loss= 0.1", "chance"},
        {"loss=", "chance"},
        {"burst=0", "1 to 1000000"},
        {"burst=1000001", "1 to 1000000"},
        {"burst=1.5", "1 to 1000000"},
        {"reorder=1025", "0 to 1024"},
        {"reorder=-1", "0 to 1024"},
        {"delay=2", "delay takes a time such as 2ms"},
        {"delay=2m", "delay takes"},
        {"delay=2msx", "delay takes"},
        {"delay=1e300s", "delay takes"},
        {"delay=3601s", "delay takes"},
        {"stall=50ms", "LENGTH/PERIOD"},
        {"stall=1s/1s", "LENGTH/PERIOD"},
        {"stall=1s/2s/3s", "LENGTH/PERIOD"},
        {"seed=18446744073709551616", "64 bits"},
        {"seed=x", "64 bits"},
        {"dup=0.1,truncate=2", "\"truncate=2\""},
        {"loss=00000000000000000000000000000000000000000000000000000000000000.1", "KEY=VALUE"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct speadi_fault_spec spec = {.seed = 77};
        struct spead_err err = {0};

        cr_assert_eq(speadi_fault_parse(&spec, cases[i][0], &err), -EINVAL, "\"%s\" was taken",
                     cases[i][0]);
        cr_assert_not_null(strstr(err.text, cases[i][1]), "\"%s\": %s", cases[i][0], err.text);
        cr_assert_eq(spec.seed, 77u, "untouched on failure");
    }
}

Test(fault, a_decimal_point_is_one_in_every_locale)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        cr_skip_test("no locale with a decimal comma is installed");
    cr_assert_eq(parse("loss=0.25").loss, 0.25);
}

Test(fault, the_same_seed_gives_the_same_faults)
{
    const char *text = "loss=0.1,burst=3,dup=0.1,reorder=8,truncate=0.1,flip=0.1,seed=7";
    struct speadi_fault_dice a = dice_for(text), b = dice_for(text), other = dice_for(text);
    unsigned different = 0;

    other = dice_for("loss=0.1,burst=3,dup=0.1,reorder=8,truncate=0.1,flip=0.1,seed=8");
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct speadi_fault_decision x = speadi_fault_roll(&a, BYTES),
                                     y = speadi_fault_roll(&b, BYTES);

        cr_assert(x.drop == y.drop && x.duplicate == y.duplicate && x.hold == y.hold &&
                      x.keep_bytes == y.keep_bytes && x.flip_bit == y.flip_bit,
                  "packet %u", i);
        different += x.drop != speadi_fault_roll(&other, BYTES).drop;
    }
    cr_assert_gt(different, PACKETS / 20);
}

/* A user can add one fault to a run that failed. All other faults must then hit the same packets as without the new
 * fault. */
Test(fault, one_knob_does_not_move_the_others)
{
    struct speadi_fault_dice plain = dice_for("loss=0.05,flip=0.1,seed=3");
    struct speadi_fault_dice more = dice_for("loss=0.05,flip=0.1,dup=0.5,reorder=4,seed=3");

    for (uint32_t i = 0; i < PACKETS; i++) {
        struct speadi_fault_decision x = speadi_fault_roll(&plain, BYTES),
                                     y = speadi_fault_roll(&more, BYTES);

        cr_assert(x.drop == y.drop && x.flip_bit == y.flip_bit, "packet %u", i);
    }
}

Test(fault, chances_come_true)
{
    struct speadi_fault_dice dice = dice_for("loss=0.01,dup=0.02,reorder=8,reorder-chance=0.03,"
                                             "truncate=0.04,flip=0.05,seed=11");
    unsigned lost = 0, twice = 0, held = 0, cut = 0, flipped = 0, longest = 0;

    for (int i = 0; i < PACKETS; i++) {
        struct speadi_fault_decision decision = speadi_fault_roll(&dice, BYTES);

        lost += decision.drop;
        twice += decision.duplicate;
        held += decision.hold > 0;
        longest = decision.hold > longest ? decision.hold : longest;
        cut += decision.keep_bytes < BYTES;
        flipped += decision.flip_bit != UINT32_MAX;
        cr_assert(decision.flip_bit == UINT32_MAX || decision.flip_bit < decision.keep_bytes * 8);
    }
    assert_chance("loss", lost, 0.01);
    /* The factor 0.99 is in each line because these faults cannot hit a packet that was lost. */
    assert_chance("dup", twice, 0.02 * 0.99);
    assert_chance("reorder", held, 0.03 * 0.99);
    assert_chance("truncate", cut, 0.04 * 0.99);
    assert_chance("flip", flipped, 0.05 * 0.99);
    cr_assert_eq(longest, 8u);
}

Test(fault, chance_zero_never_and_chance_one_always)
{
    struct speadi_fault_dice never = dice_for("loss=0"),
                             always = dice_for("dup=1,truncate=1,flip=1");
    struct speadi_fault_dice all = dice_for("loss=1");

    for (int i = 0; i < PACKETS; i++) {
        struct speadi_fault_decision nothing = speadi_fault_roll(&never, BYTES),
                                     decision = speadi_fault_roll(&always, BYTES);

        cr_assert_not(nothing.drop || nothing.duplicate || nothing.hold);
        cr_assert_eq(nothing.keep_bytes, BYTES);
        cr_assert_eq(nothing.flip_bit, UINT32_MAX);
        cr_assert(decision.duplicate);
        cr_assert_lt(decision.keep_bytes, BYTES);
        cr_assert(speadi_fault_roll(&all, BYTES).drop);
    }
}

Test(fault, a_burst_loses_so_many_packets_in_a_row)
{
    struct speadi_fault_dice dice = dice_for("loss=0.0005,burst=5,seed=2");
    unsigned row = 0, bursts = 0;

    for (int i = 0; i < PACKETS; i++) {
        if (speadi_fault_roll(&dice, BYTES).drop) {
            row++;
        } else if (row > 0) {
            cr_assert_eq(row % 5, 0u, "%u packets in a row", row);
            bursts += row / 5;
            row = 0;
        }
    }
    cr_assert(bursts > 20 && bursts < 90, "%u bursts", bursts);
}

Test(fault, an_empty_packet_has_no_byte_to_cut_or_flip)
{
    struct speadi_fault_dice dice = dice_for("truncate=1,flip=1");
    struct speadi_fault_decision decision = speadi_fault_roll(&dice, 0);

    cr_assert_eq(decision.keep_bytes, 0u);
    cr_assert_eq(decision.flip_bit, UINT32_MAX);
}
