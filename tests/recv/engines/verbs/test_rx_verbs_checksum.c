/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the engine obeys the verdict of the device on the checksums of each frame, on every kind of queue and for both
 * IP versions, so the CPU does not read the payload for that. Where the device gives no verdict, the option `checksum`
 * decides, and packets that nobody has checked are counted.
 * Method: the verbs double flips a bit of the last byte of a frame. The double can be made to say that each frame is
 * right. Then the flipped byte arrives only if the CPU has not computed the checksum. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "control.h"
#include "verbs_double.h"
#include "verbs_rx_usual.h"

#define GROUP_V4 "239.1.2.3:7148"
#define GROUP_V6 "[ff15::5]:7149"

TestSuite(rx_verbs_checksum, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

static const struct queue_kind {
    const char *name;
    struct verbs_rx_options options;
} kinds[] = {
    {"one queue", {.endpoints = {GROUP_V4}}},
    {"one queue, IPv6", {.endpoints = {GROUP_V6}}},
    {"a multi-packet queue",
     {.endpoints = {GROUP_V4}, .path = SPEAD_PATH_BOUNCE, .verbs.mprq = SPEAD_MPRQ_ON}},
    {"a multi-packet queue, IPv6",
     {.endpoints = {GROUP_V6}, .path = SPEAD_PATH_BOUNCE, .verbs.mprq = SPEAD_MPRQ_ON}},
    {"several queues", {.endpoints = {GROUP_V4}, .verbs.queues = 4}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void open_kind(const struct queue_kind *kind, const char *script,
                      enum spead_verbs_checksum checksum)
{
    struct verbs_rx_options options = kind->options;

    options.verbs.checksum = checksum;
    vdouble_reset();
    cr_assert_eq(vdouble_script(script), 0, "%s", script);
    verbs_rx_open(&rig, &options);
}

static bool is_intact(const struct speadi_rx_packet *packet)
{
    return rx_rig_packet_is(packet, sent, sizeof sent);
}

/* Sends one packet, which the double damages if the script says so. */
static struct speadi_rx_packet receive(const struct queue_kind *kind, uint32_t seed)
{
    const struct speadi_rx_packet *packet;

    send_one(0, seed);
    packet = take_one();
    cr_assert_eq(packet->source, 0, "%s", kind->name);
    return *packet;
}

static void expect_comes(const struct queue_kind *kind, uint32_t seed)
{
    const struct speadi_rx_packet packet = receive(kind, seed);

    cr_expect(is_intact(&packet), "%s: packet %u, bucket %u", kind->name, seed, packet.bucket);
    verbs_rx_rig_give_back(&rig);
}

static void expect_damaged_comes(const struct queue_kind *kind)
{
    const struct speadi_rx_packet packet = receive(kind, 1);

    cr_expect_eq(packet.flags, 0, "%s: bucket %u", kind->name, packet.bucket);
    cr_expect_not(is_intact(&packet), "%s: nothing was damaged", kind->name);
    verbs_rx_rig_give_back(&rig);
    expect_comes(kind, 2);
}

static void expect_damaged_is_refused(const struct queue_kind *kind)
{
    const struct speadi_rx_packet packet = receive(kind, 1);

    cr_expect_eq(packet.flags, SPEADI_RX_REFUSED, "%s", kind->name);
    cr_expect_eq(packet.bucket, SPEAD_RECV_MALFORMED_CHECKSUM, "%s", kind->name);
    verbs_rx_rig_give_back(&rig);
    expect_comes(kind, 2);
}

/* ---- The device checks --------------------------------------------------------------------- */

Test(rx_verbs_checksum, what_the_device_has_checked_the_cpu_does_not_check_again)
{
    static const char *const scripts[] = {"csum_blind=1 rx.corrupt@1",
                                          "csum_blind=1 rx.corrupt@1 cqe_bytes=128"};

    for (unsigned i = 0; i < 2 * KINDS; i++) {
        open_kind(&kinds[i / 2], scripts[i % 2], SPEAD_CHECKSUM_VERIFY);
        expect_damaged_comes(&kinds[i / 2]);
        cr_expect_eq(counters().unverified, 0, "%s", kinds[i / 2].name);
        cr_expect_null(strstr(rig.reason, "checksum"), "%s", rig.reason);
        tear_down();
    }
}

Test(rx_verbs_checksum, a_frame_that_the_device_finds_wrong_is_refused)
{
    for (unsigned i = 0; i < KINDS; i++) {
        open_kind(&kinds[i], "rx.corrupt@1", SPEAD_CHECKSUM_AUTO);
        expect_damaged_is_refused(&kinds[i]);
        cr_expect_eq(counters().unverified, 0, "%s", kinds[i].name);
        tear_down();
    }
}

/* If the program counted one completion too few or too many, it would read the verdict on another frame. */
Test(rx_verbs_checksum, the_verdicts_belong_to_their_frames_round_the_ring)
{
    for (unsigned i = 0; i < KINDS; i++) {
        open_kind(&kinds[i], "rx.corrupt@%3 len_err_fatal=0", SPEAD_CHECKSUM_AUTO);
        for (uint32_t n = 1; n <= 600; n++) {
            const struct speadi_rx_packet packet = receive(&kinds[i], n);

            cr_assert_eq(packet.flags, n % 3 == 0 ? SPEADI_RX_REFUSED : 0, "%s: packet %u",
                         kinds[i].name, n);
            verbs_rx_rig_give_back(&rig);
        }
        tear_down();
    }
}

Test(rx_verbs_checksum, entries_that_are_not_those_of_the_completions_are_not_used)
{
    for (unsigned i = 1; i < KINDS; i++) {
        open_kind(&kinds[i], "cqe_shift=1 csum_blind=1 rx.corrupt@1", SPEAD_CHECKSUM_AUTO);
        expect_damaged_is_refused(&kinds[i]);
        tear_down();
    }
}

/* ---- The device does not check ------------------------------------------------------------- */

/* The program cannot read the entries of the completion queue. Then the flags of libibverbs remain, and there is none
 * for IPv6. */
static const struct queue_kind *const plain_v6 = &kinds[1];
static const char without_entries[] = "mlx5=0 rx.corrupt@1";

Test(rx_verbs_checksum, by_default_a_packet_of_a_kind_that_nobody_checks_is_accepted_and_counted)
{
    open_kind(plain_v6, without_entries, SPEAD_CHECKSUM_AUTO);
    expect_damaged_comes(plain_v6);
    cr_expect_eq(counters().unverified, 2);
    cr_expect(strstr(rig.reason, "is trusted"), "%s", rig.reason);
}

Test(rx_verbs_checksum, verify_makes_the_cpu_check_what_the_device_does_not)
{
    open_kind(plain_v6, without_entries, SPEAD_CHECKSUM_VERIFY);
    expect_damaged_is_refused(plain_v6);
    cr_expect_eq(counters().unverified, 0);
    cr_expect(strstr(rig.reason, "the CPU checks"), "%s", rig.reason);
}

Test(rx_verbs_checksum, trust_accepts_even_what_the_device_finds_wrong)
{
    open_kind(&kinds[0], "rx.corrupt@1", SPEAD_CHECKSUM_TRUST);
    expect_damaged_comes(&kinds[0]);
    cr_expect_eq(counters().unverified, 1, "only the damaged packet");
    cr_expect(strstr(rig.reason, "is trusted"), "%s", rig.reason);
}

Test(rx_verbs_checksum, an_ipv4_frame_without_the_mark_of_the_device_is_checked_by_the_cpu)
{
    open_kind(&kinds[0], without_entries, SPEAD_CHECKSUM_AUTO);
    expect_damaged_is_refused(&kinds[0]);
    cr_expect_eq(counters().unverified, 0);
}
