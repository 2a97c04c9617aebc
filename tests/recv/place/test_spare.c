/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spare buffers hold whole copies of packets that the core cannot use yet. Method: the head and the body of each
 * packet lie in different places. */
#include <criterion/criterion.h>

#include <string.h>

#include "spare.h"

static struct speadi_spare spare;
static const struct speadi_rx_packet split = {
    .head = (const uint8_t *)"head",
    .head_bytes = 4,
    .body = (const uint8_t *)"body",
    .body_bytes = 4,
    .datagram_bytes = 8,
    .source = 3,
    .place = 17,
};

static void open_three(void)
{
    cr_assert_eq(speadi_spare_init(&spare, 3, 8), 0);
}

static void release(void)
{
    speadi_spare_release(&spare);
}

TestSuite(spare, .init = open_three, .fini = release);

Test(spare, a_copy_is_the_whole_packet_in_one_piece)
{
    const struct speadi_rx_packet *copy = &spare.packet[speadi_spare_copy(&spare, &split)];

    cr_expect_eq(copy->head_bytes, 8u);
    cr_expect_eq(memcmp(copy->head, "headbody", 8), 0);
    cr_expect_null(copy->body);
    cr_expect_eq(copy->source, 3u);
    cr_expect_eq(copy->place, SPEADI_RX_UNPLACED);
}

Test(spare, none_left_is_said)
{
    for (int i = 0; i < 3; i++)
        cr_expect_neq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
    cr_expect_eq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
    speadi_spare_end_burst(&spare);
    cr_expect_neq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
}

Test(spare, parked_packets_outlive_the_burst_in_order)
{
    const struct speadi_parked where = {.offset = 64, .bytes = 4};
    uint32_t copy = speadi_spare_copy(&spare, &split);
    uint32_t later = speadi_spare_copy(&spare, &split);

    speadi_spare_park(&spare, later, &where);
    cr_expect_not(speadi_spare_is_half_parked(&spare));
    speadi_spare_park(&spare, copy, &where);
    cr_expect(speadi_spare_is_half_parked(&spare));
    speadi_spare_end_burst(&spare);
    cr_expect_eq(spare.parked_count, 2u);
    cr_expect_eq(spare.parked[1], copy);
    cr_expect_eq(spare.where[copy].offset, 64u);
    cr_expect_neq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
    cr_expect_eq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
    for (uint32_t i = 0; i < spare.parked_count; i++)
        cr_expect_eq(memcmp(spare.packet[spare.parked[i]].head, "headbody", 8), 0);

    speadi_spare_unpark(&spare, 0);
    cr_expect_eq(spare.parked_count, 1u);
    cr_expect_eq(spare.parked[0], copy);
    speadi_spare_end_burst(&spare);
    cr_expect_neq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE, "all but the parked one");
    cr_expect_neq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
    cr_expect_eq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
}

Test(spare, a_copy_that_is_dropped_is_free_at_once_and_only_once)
{
    uint32_t first = speadi_spare_copy(&spare, &split), second = speadi_spare_copy(&spare, &split);

    speadi_spare_park(&spare, second, &(struct speadi_parked){.offset = 0});
    speadi_spare_drop(&spare, second); /* it is parked */
    speadi_spare_drop(&spare, first);
    cr_expect_eq(spare.free_count, 2u);
    speadi_spare_unpark(&spare, 0);
    cr_expect_eq(spare.free_count, 3u);
    speadi_spare_end_burst(&spare);
    cr_expect_eq(spare.free_count, 3u);
}

Test(spare, a_body_out_of_reach_is_not_copied)
{
    struct speadi_rx_packet packet = split;
    uint32_t copy;

    packet.body = NULL;
    copy = speadi_spare_copy(&spare, &packet);
    cr_expect_eq(spare.packet[copy].head_bytes, 4u);
    cr_expect_eq(spare.packet[copy].body_bytes, 4u);
    cr_expect_eq(speadi_spare_index(&spare, &spare.packet[copy]), copy);
    cr_expect_eq(speadi_spare_index(&spare, &packet), SPEADI_SPARE_NONE);
}

Test(spare, all_can_be_used_and_lowest_first)
{
    speadi_spare_release(&spare);
    cr_assert_eq(speadi_spare_init(&spare, SPEADI_SPARES_MAX, 8), 0);
    for (unsigned i = 0; i < SPEADI_SPARES_MAX; i++)
        cr_expect_eq(speadi_spare_copy(&spare, &split), i);
    cr_expect_eq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
}
