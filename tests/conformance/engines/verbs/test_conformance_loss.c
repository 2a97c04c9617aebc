/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: over a device that loses, repeats, swaps or damages frames, and whose verbs take their time, a stream loses those
 * frames and no others, however payload gets into heaps.
 * Method: as in test_conformance_verbs.c, but the receiver has a thread of its own and the sender is paced, as in two
 * programs. Each verb that changes the device takes 2 ms, while frames go on arriving. The rate is half of the rate at
 * which this device loses nothing without faults (rx_verbs_stream), so a stream that calls such a verb because of a fault
 * would find frames without a receive. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include <speadline/verbs.h>

#include "control.h"
#include "loop_run.h"
#include "netns.h"
#include "offloads.h"
#include "pairwise.h"
#include "verbs_double.h"

enum { MTU = 9000, PACKET = 8972, HEAP = 400 << 10, HEAPS = 25 };

#define RATE_BYTES_PER_S 15e6

enum axis { MODE, FAULT, HOST, ORDER, AXES };

static const struct {
    const char *name;
    enum spead_receive_path path;
    enum spead_verbs_mprq mprq;
} modes[] = {{"bounced", SPEAD_PATH_BOUNCE, SPEAD_MPRQ_OFF},
             {"placed", SPEAD_PATH_PLACED, SPEAD_MPRQ_OFF},
             {"multi-packet", SPEAD_PATH_BOUNCE, SPEAD_MPRQ_ON}};
/* One frame of so many. A frame with a flipped byte has a wrong checksum, so it is lost too. */
static const char *const faults[] = {"rx.drop@%1000", "rx.drop@%100", "rx.dup@%100", "rx.swap@%100",
                                     "rx.corrupt@%100"};
static const char *const hosts[] = {TEST_NEAR_V4, "[ff15::7148]"};

static struct pairwise table = {.axes = AXES, .values = {3, 5, 2, 2}};

static void lay_cable(struct test_netns_pair *pair)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(pair, MTU, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(pair->far);
    if (!test_offloads_off(TEST_FAR_INTERFACE))
        cr_skip_test("offloads of a veth cannot be switched off");
}

ParameterizedTestParameters(conformance_loss, only_frames_that_a_device_loses_are_lost)
{
    pairwise_make(&table, NULL);
    return cr_make_param_array(unsigned[PAIRWISE_AXES_MAX], table.row, table.rows);
}

/* A device counts the frames that its script drops, and no frame is dropped otherwise unless the test fails. */
static uint64_t dropped_frames(void)
{
    struct vdouble_counters device;

    vdouble_counters(&device);
    return device.rx_faulted;
}

/* The packets that the stream did not get into a heap, for whatever reason. */
static uint64_t lost_packets(const struct loop_result *r)
{
    const struct spead_count *bucket = r->received.total.bucket;

    return r->sent.bucket[SPEAD_SEND_SENT].packets - bucket[SPEAD_RECV_DELIVERED].packets;
}

ParameterizedTest(unsigned (*row)[PAIRWISE_AXES_MAX], conformance_loss,
                  only_frames_that_a_device_loses_are_lost, .timeout = 120)
{
    struct test_netns_pair pair;
    const unsigned *at = *row;
    const bool in_order = at[ORDER] == 0, swaps = strstr(faults[at[FAULT]], "swap") != NULL;
    const struct loop_case c = {.tx_engine = "socket",
                                .rx_engine = "verbs",
                                .mprq = modes[at[MODE]].mprq,
                                .pair = &pair,
                                .host = hosts[at[HOST]],
                                .packet_bytes = at[HOST] == 0 ? PACKET : PACKET - 20,
                                .heap_bytes = HEAP,
                                .heaps = HEAPS,
                                .lost = dropped_frames,
                                .paced_bytes_per_s = RATE_BYTES_PER_S,
                                .allow_out_of_order = !in_order,
                                .deliver_incomplete = true,
                                .path = modes[at[MODE]].path};
    struct vdouble_counters device;
    struct loop_result r;
    char where[120];

    snprintf(where, sizeof where, "%s, %s, to %s, %s", modes[at[MODE]].name, faults[at[FAULT]],
             c.host, in_order ? "in order" : "in any order");
    lay_cable(&pair);
    cr_assert_eq(vdouble_script("verb_us=2000"), 0);
    cr_assert_eq(vdouble_script(faults[at[FAULT]]), 0);
    cr_assert(loop_run(&c, &r), "%s: %s", where, r.error);
    vdouble_counters(&device);
    cr_expect_gt(device.faults, 0u, "%s", where);
    cr_expect_eq(device.rx_out_of_buffer, 0u, "%s", where);
    cr_expect_eq(r.received.counters.engine_rebuilds, 0u, "%s", where);
    cr_expect_eq(device.rx_delivered, r.received.total.seen.packets, "%s", where);
    cr_expect_eq(r.wrong_bytes + r.dirty_hole_bytes + r.repeated_heaps, 0u, "%s", where);
    cr_expect(loop_ledger_adds_up(&r.received), "%s", where);
    /* In order, a heap takes no packet that comes behind a missing one: these are out-of-order, and no loss. */
    cr_expect_leq(lost_packets(&r),
                  device.faults + r.received.total.bucket[SPEAD_RECV_OUT_OF_ORDER].packets,
                  "%s: %lu of %lu", where, lost_packets(&r), device.faults);
    if (!in_order || !swaps)
        cr_expect_geq(r.complete + device.faults, HEAPS, "%s", where);
    cr_expect_eq(r.complete + r.incomplete, HEAPS, "%s", where);
}

/* If the table lost a pair, the other test would check less, and nobody would notice. */
Test(conformance_loss, the_table_holds_every_mode_with_every_fault)
{
    pairwise_make(&table, NULL);
    for (unsigned mode = 0; mode < table.values[MODE]; mode++)
        for (unsigned fault = 0; fault < table.values[FAULT]; fault++)
            cr_expect(pairwise_meets(&table, MODE, mode, FAULT, fault), "%s never meets %s",
                      modes[mode].name, faults[fault]);
}
