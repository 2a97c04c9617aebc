/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the hold (fault_hold.c) keeps copies of packets. It gives each copy back with the right bytes, in the right
 * order and not too early.
 * Method: the tests put packets of known bytes into the hold, and choose the decisions and the times themselves. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <speadi/fault_hold.h>

#define COPIES 8u

static struct speadi_fault_hold hold;

static const struct speadi_fault_decision unchanged = {.keep_bytes = UINT32_MAX,
                                                       .flip_bit = UINT32_MAX};

static void set_up(void)
{
    cr_assert_eq(speadi_fault_hold_init(&hold, COPIES), 0);
}

static void tear_down(void)
{
    speadi_fault_hold_release(&hold);
}

TestSuite(fault_hold, .init = set_up, .fini = tear_down);

static uint16_t take(const char *text)
{
    const struct iovec packet = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct iovec copied;
    int copy = speadi_fault_hold_take(&hold, &packet, 1, &unchanged, &copied);

    cr_assert_geq(copy, 0);
    return (uint16_t)copy;
}

/* ---- The store ----------------------------------------------------------------------------- */

Test(fault_hold, a_copy_has_all_pieces_and_outlives_the_packet)
{
    char head[] = "head ", tail[] = "tail";
    const struct iovec packet[] = {{head, 5}, {NULL, 0}, {tail, 4}};
    struct iovec copied;

    cr_assert_geq(speadi_fault_hold_take(&hold, packet, 3, &unchanged, &copied), 0);
    memset(head, 'x', sizeof head);
    cr_assert_eq(copied.iov_len, 9);
    cr_expect_arr_eq(copied.iov_base, "head tail", 9);
}

Test(fault_hold, a_verdict_cuts_the_copy_and_inverts_one_bit)
{
    uint8_t bytes[] = {0, 0, 0, 0};
    const struct iovec packet = {bytes, sizeof bytes};
    const struct speadi_fault_decision decision = {.keep_bytes = 3, .flip_bit = 2 * 8 + 5};
    struct iovec copied;

    cr_assert_geq(speadi_fault_hold_take(&hold, &packet, 1, &decision, &copied), 0);
    cr_expect_eq(copied.iov_len, 3);
    cr_expect_arr_eq(copied.iov_base, ((uint8_t[]){0, 0, 1 << 5}), 3);
    cr_expect_eq(bytes[2], 0, "the packet itself stays as it is");
}

Test(fault_hold, a_full_store_takes_nothing_until_a_copy_comes_back)
{
    const struct iovec packet = {(void *)(uintptr_t) "x", 1};
    struct iovec copied;
    bool seen[COPIES] = {false};

    for (unsigned i = 0; i < COPIES; i++) {
        uint16_t copy = take("x");

        cr_assert(copy < COPIES && !seen[copy], "copy %u twice", copy);
        seen[copy] = true;
    }
    cr_expect_eq(speadi_fault_hold_take(&hold, &packet, 1, &unchanged, &copied), -1);
    speadi_fault_hold_give_back(&hold, 5);
    cr_expect_eq(speadi_fault_hold_take(&hold, &packet, 1, &unchanged, &copied), 5);
}

Test(fault_hold, the_longest_packet_fits_and_a_longer_one_is_not_taken)
{
    static uint8_t bytes[SPEADI_FAULT_COPY_BYTES + 1];
    const struct iovec longest = {bytes, SPEADI_FAULT_COPY_BYTES};
    const struct iovec longer = {bytes, SPEADI_FAULT_COPY_BYTES + 1};
    struct iovec copied;

    cr_expect_eq(speadi_fault_hold_take(&hold, &longer, 1, &unchanged, &copied), -1);
    for (unsigned i = 0; i < COPIES; i++)
        cr_expect_geq(speadi_fault_hold_take(&hold, &longest, 1, &unchanged, &copied), 0);
    cr_expect_eq(speadi_fault_hold_bytes(&hold), COPIES * SPEADI_FAULT_COPY_BYTES);
}

/* ---- The delay line ------------------------------------------------------------------------ */

Test(fault_hold, a_delayed_copy_is_due_at_its_time_and_behind_those_before_it)
{
    uint16_t first = take("1"), second = take("2");

    cr_expect_eq(speadi_fault_hold_next_due_ns(&hold), UINT64_MAX, "the line is empty");
    cr_expect_eq(speadi_fault_hold_due(&hold, UINT64_MAX), -1);
    speadi_fault_hold_delay(&hold, first, 200);
    speadi_fault_hold_delay(&hold, second, 100);
    cr_expect_eq(speadi_fault_hold_next_due_ns(&hold), 200);
    cr_expect_eq(speadi_fault_hold_due(&hold, 199), -1, "the second waits behind the first");
    cr_expect_eq(speadi_fault_hold_due(&hold, 200), first);
    speadi_fault_hold_pop(&hold);
    cr_expect_eq(speadi_fault_hold_due(&hold, 200), second);
    speadi_fault_hold_pop(&hold);
    cr_expect_eq(speadi_fault_hold_due(&hold, UINT64_MAX), -1);
}

Test(fault_hold, the_delay_line_keeps_its_order_when_it_wraps)
{
    uint32_t rounds = SPEADI_FAULT_COPIES_MAX + 5;
    uint16_t copy[3] = {take("a"), take("b"), take("c")};

    for (uint32_t i = 0; i < 2; i++)
        speadi_fault_hold_delay(&hold, copy[i], i);
    for (uint32_t i = 2; i < rounds; i++) {
        speadi_fault_hold_delay(&hold, copy[i % 3], i);
        cr_assert_eq(speadi_fault_hold_next_due_ns(&hold), i - 2);
        cr_assert_eq(speadi_fault_hold_due(&hold, i), copy[(i - 2) % 3]);
        speadi_fault_hold_pop(&hold);
    }
}

/* ---- The late copies ----------------------------------------------------------------------- */

Test(fault_hold, a_late_copy_goes_once_enough_packets_have_overtaken_it)
{
    uint16_t three = take("3"), one = take("1"), got[COPIES];

    cr_expect_eq(speadi_fault_hold_slack(&hold), UINT32_MAX, "nothing is late");
    speadi_fault_hold_back(&hold, three, 3);
    speadi_fault_hold_back(&hold, one, 1);
    cr_expect_eq(speadi_fault_hold_slack(&hold), 1);
    cr_expect_eq(speadi_fault_hold_take_late(&hold, false, got, COPIES), 0);
    speadi_fault_hold_overtaken(&hold, 1);
    cr_assert_eq(speadi_fault_hold_take_late(&hold, false, got, COPIES), 1);
    cr_expect_eq(got[0], one);
    cr_expect_eq(speadi_fault_hold_slack(&hold), 2);
    speadi_fault_hold_overtaken(&hold, 2);
    cr_assert_eq(speadi_fault_hold_take_late(&hold, false, got, COPIES), 1);
    cr_expect_eq(got[0], three);
    cr_expect_eq(hold.late_count, 0);
}

Test(fault_hold, a_late_copy_that_finds_no_room_goes_first_the_next_time)
{
    uint16_t copy[3] = {take("a"), take("b"), take("c")}, got[COPIES];

    speadi_fault_hold_back(&hold, copy[0], 1);
    speadi_fault_hold_back(&hold, copy[1], 9);
    speadi_fault_hold_back(&hold, copy[2], 1);
    /* After five packets, the copies 0 and 2 are due: each of them waited for only one packet. */
    speadi_fault_hold_overtaken(&hold, 5);
    cr_assert_eq(speadi_fault_hold_take_late(&hold, false, got, 1), 1);
    cr_expect_eq(got[0], copy[0]);
    cr_assert_eq(speadi_fault_hold_take_late(&hold, false, got, 1), 1);
    cr_expect_eq(got[0], copy[2]);
    cr_expect_eq(speadi_fault_hold_take_late(&hold, false, got, 1), 0);
}

Test(fault_hold, all_late_copies_go_in_order_of_arrival_when_nothing_follows)
{
    uint16_t copy[3] = {take("a"), take("b"), take("c")}, got[COPIES];

    for (unsigned i = 0; i < 3; i++)
        speadi_fault_hold_back(&hold, copy[i], 10 - i);
    cr_assert_eq(speadi_fault_hold_take_late(&hold, true, got, COPIES), 3);
    cr_expect_arr_eq(got, copy, sizeof copy);
}
