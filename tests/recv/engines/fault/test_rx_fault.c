/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the fault decorator loses, repeats, delays and damages packets as specified. The same seed gives the same
 * faults. The decorator invents no packet and forgets none. Method: numbered packets go through a memory link to a
 * decorated engine, and the test identifies each packet by its first bytes. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rx_mem.h>
#include <rx_rig.h>
#include <script_engine.h>
#include <speadi/clock.h>

#define PACKETS 3000u
#define BYTES   200u
#define MS      1000000u

static struct rx_rig rig;

/* What the decorator has lent. */
static struct {
    unsigned whole[PACKETS];   /* how often packet i came undamaged */
    unsigned damaged[PACKETS]; /* how often packet i came cut off or with inverted bits */
    unsigned order[2 * PACKETS];
    unsigned count; /* number of lent packets, without the injected drops */
    unsigned injected;
} got;

static void open_rig(const char *fault)
{
    const struct rx_rig_options options = {.engine = "mem", .fault = fault};

    memset(&got, 0, sizeof got);
    cr_assert(rx_rig_open(&rig, &options), "%s", rig.reason);
}

static void make(uint8_t packet[BYTES], uint32_t number)
{
    rx_rig_fill(packet, BYTES, number);
    memcpy(packet, &number, sizeof number);
    /* The packet holds its number three times. If one bit is inverted, two of these three copies are still correct. */
    memcpy(packet + 4, &number, sizeof number);
    memcpy(packet + 8, &number, sizeof number);
}

/* Returns the number of the packet. It is the value that at least two of the three copies in the packet have. */
static uint32_t number_of(const uint8_t *packet)
{
    uint32_t a, b, c;

    memcpy(&a, packet, 4);
    memcpy(&b, packet + 4, 4);
    memcpy(&c, packet + 8, 4);
    return a == b || a == c ? a : b;
}

static void note(const struct speadi_rx_packet *p)
{
    uint8_t sent[BYTES];
    uint32_t number;

    if (p->flags & SPEADI_RX_INJECTED_DROP) {
        cr_assert_null(p->head, "what is dropped must not be read");
        got.injected++;
        return;
    }
    if (p->head_bytes < 12) { /* the packet was cut off inside its three numbers */
        got.count++;
        return;
    }
    number = number_of(p->head);
    cr_assert_lt(number, PACKETS);
    make(sent, number);
    if (rx_rig_packet_is(p, sent, BYTES))
        got.whole[number]++;
    else
        got.damaged[number]++;
    got.order[got.count++] = number;
}

static void send_all(void)
{
    for (uint32_t i = 0; i < PACKETS; i++) {
        uint8_t packet[BYTES];

        make(packet, i);
        cr_assert(rx_rig_send(&rig, 0, packet, BYTES));
    }
    spead_mem_link_close(rig.link[0]);
}

static void drain(void)
{
    int count;

    while ((count = rx_rig_poll(&rig)) > 0) {
        for (int i = 0; i < count; i++)
            note(&rig.burst.packet[i]);
        rx_rig_give_back(&rig);
    }
    cr_assert_eq(count, -ESHUTDOWN, "%d", count);
}

static void run(const char *fault)
{
    open_rig(fault);
    send_all();
    drain();
    rx_rig_close(&rig);
}

Test(rx_fault, without_a_fault_everything_passes_in_order)
{
    run("seed=3");
    cr_assert_eq(got.count, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++)
        cr_assert_eq(got.order[i], i);
}

Test(rx_fault, lost_packets_are_lent_as_injected_drops)
{
    run("loss=0.1");
    cr_expect_gt(got.injected, PACKETS / 20);
    cr_expect_lt(got.injected, PACKETS / 5);
    cr_expect_eq(got.injected + got.count, PACKETS);
}

Test(rx_fault, duplicates_come_on_top_of_everything_else)
{
    unsigned twice = 0;

    run("dup=0.1");
    for (unsigned i = 0; i < PACKETS; i++) {
        cr_assert(got.whole[i] == 1 || got.whole[i] == 2);
        twice += got.whole[i] == 2;
    }
    cr_expect_gt(twice, PACKETS / 20);
    cr_expect_eq(got.count, PACKETS + twice);
}

Test(rx_fault, late_packets_are_late_and_none_is_forgotten)
{
    unsigned late = 0;

    run("reorder=8");
    cr_assert_eq(got.count, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++) {
        cr_assert_eq(got.whole[i], 1);
        late += i > 0 && got.order[i] < got.order[i - 1];
        cr_assert_leq(abs((int)got.order[i] - (int)i), 16, "packet %u came as number %u",
                      got.order[i], i);
    }
    cr_expect_gt(late, PACKETS / 40);
}

Test(rx_fault, packets_are_cut_off_or_damaged)
{
    unsigned damaged = 0;

    run("flip=0.1");
    cr_assert_eq(got.count, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++) {
        cr_assert_eq(got.whole[i] + got.damaged[i], 1);
        damaged += got.damaged[i];
    }
    cr_expect_gt(damaged, PACKETS / 20);

    run("truncate=0.1");
    cr_assert_eq(got.count, PACKETS);
    damaged = PACKETS;
    for (unsigned i = 0; i < PACKETS; i++)
        damaged -= got.whole[i];
    cr_expect_gt(damaged, PACKETS / 20);
    cr_expect_lt(damaged, PACKETS / 5);
}

Test(rx_fault, the_same_seed_gives_the_same_faults)
{
    static const char fault[] = "loss=0.02,dup=0.02,reorder=5,flip=0.02,truncate=0.02,seed=%d";
    static unsigned first[2 * PACKETS], count;
    char text[100];

    snprintf(text, sizeof text, fault, 5);
    run(text);
    memcpy(first, got.order, sizeof first);
    count = got.count;
    run(text);
    cr_expect_eq(got.count, count);
    cr_expect_eq(memcmp(first, got.order, sizeof first), 0);
    snprintf(text, sizeof text, fault, 6);
    run(text);
    cr_expect_neq(memcmp(first, got.order, sizeof first), 0);
}

Test(rx_fault, a_delay_holds_packets_and_keeps_their_order)
{
    uint64_t before;

    open_rig("delay=30ms");
    before = speadi_clock_mono_ns();
    for (uint32_t i = 0; i < 10; i++) {
        uint8_t packet[BYTES];

        make(packet, i);
        cr_assert(rx_rig_send(&rig, 0, packet, BYTES));
    }
    for (unsigned seen = 0; seen < 10;) {
        int count = rx_rig_poll(&rig);

        cr_assert_gt(count, 0);
        cr_assert_geq(speadi_clock_mono_ns() - before, 30 * MS, "held at least as long");
        for (int i = 0; i < count; i++)
            note(&rig.burst.packet[i]);
        seen += (unsigned)count;
        rx_rig_give_back(&rig);
    }
    for (unsigned i = 0; i < 10; i++)
        cr_expect_eq(got.order[i], i);
    rx_rig_close(&rig);
}

/* 3000 packets come without a pause. These are more packets than the store of copies holds. A packet that gets no copy
 * must be lent unchanged, not lost. */
Test(rx_fault, a_full_store_forgets_nothing)
{
    run("delay=20ms,reorder=8");
    cr_assert_eq(got.count, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++)
        cr_assert_eq(got.whole[i], 1);
}

Test(rx_fault, after_quiesce_what_was_held_is_lent_at_once)
{
    uint8_t packet[BYTES];

    open_rig("delay=1000s");
    make(packet, 7);
    cr_assert(rx_rig_send(&rig, 0, packet, BYTES));
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
    rig.ops->quiesce(rig.engine);
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 1);
    cr_expect(rx_rig_packet_is(&rig.burst.packet[0], packet, BYTES));
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}

Test(rx_fault, a_stall_can_be_woken)
{
    uint8_t packet[BYTES];

    open_rig("stall=3599999ms/3600s"); /* The stall begins 1 ms after the rig is open. */
    usleep(2000);
    make(packet, 1);
    cr_assert(rx_rig_send(&rig, 0, packet, BYTES));
    cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0, "nothing moves");
    rig.ops->wake(rig.engine);
    rig.ops->wait(rig.engine, UINT64_MAX);
    rig.ops->quiesce(rig.engine);
    cr_expect_eq(rig.ops->poll(rig.engine, &rig.burst), 1);
    rx_rig_give_back(&rig);
    rx_rig_close(&rig);
}

/* The decorator changes only a copy of a packet, and the core must not see the original. But the reservation in which
 * the original landed must end. */
Test(rx_fault, placed_packets_that_are_changed_leave_their_place)
{
    static uint8_t memory[64][BYTES], packet[BYTES];
    uint64_t accepted = 0;
    unsigned placed = 0, moved = 0;

    open_rig("flip=0.3,dup=0.2,loss=0.1");
    for (uint32_t round = 0; round < 20; round++) {
        struct speadi_rx_range range[32];

        for (unsigned i = 0; i < 32; i++)
            range[i] =
                (struct speadi_rx_range){.data = memory[(accepted + i) % 64], .bytes = BYTES - 16};
        cr_assert_eq(rig.ops->reserve(rig.engine, 0, 0, 16, range, 32), 32);
        accepted += 32;
        for (uint32_t i = 0; i < 32; i++) {
            make(packet, round * 32 + i);
            cr_assert(rx_rig_send(&rig, 0, packet, BYTES));
        }
        cr_assert_geq(rx_rig_poll(&rig), 32);
        cr_expect_eq(rig.burst.reservations_ended[0], accepted);
        for (unsigned i = 0; i < rig.burst.count; i++) {
            const struct speadi_rx_packet *p = &rig.burst.packet[i];

            if (p->flags & SPEADI_RX_INJECTED_DROP)
                continue;
            make(packet, number_of(p->head));
            if (p->place == SPEADI_RX_UNPLACED) {
                moved++;
                continue;
            }
            placed++;
            cr_expect_eq(p->body, memory[p->place % 64]);
            cr_expect(rx_rig_packet_is(p, packet, BYTES), "what is in place is undamaged");
        }
        rx_rig_give_back(&rig);
    }
    cr_expect_gt(placed, 200);
    cr_expect_gt(moved, 100);
    rx_rig_close(&rig);
}

Test(rx_fault, a_wrong_specification_is_refused_and_the_engine_stays)
{
    struct spead_err err;
    const struct speadi_rx_engine_ops *ops;

    open_rig(NULL);
    ops = rig.ops;
    cr_expect_eq(speadi_rx_engine_wrap_fault(&rig.ops, &rig.engine, "lots=1", &err), -EINVAL);
    cr_expect_neq(strstr(err.text, "lots"), NULL, "%s", err.text);
    cr_expect_eq(rig.ops, ops);
    rx_rig_close(&rig);
}

Test(rx_fault, the_clock_is_the_inner_engines_if_it_has_one)
{
    struct script_engine *inner = script_engine_new();
    const struct speadi_rx_engine_ops *ops = &script_clock_ops;
    void *state = inner;

    cr_assert_eq(speadi_rx_engine_wrap_fault(&ops, &state, "loss=0.5", NULL), 0);
    inner->clock_ns = 4711;
    cr_expect_eq(ops->now(state), 4711u);
    ops->close(state);
    free(state);
    open_rig("loss=0.5"); /* Engine mem has no clock. */
    cr_expect_null(rig.ops->now);
    rx_rig_close(&rig);
}
