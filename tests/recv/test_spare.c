/* Spare buffers for packets that cannot be used where they lie.
 * Method: packets with a head and a body in different places. */
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
    cr_expect_not(speadi_spare_park(&spare, &split));
    speadi_spare_end_burst(&spare);
    cr_expect_neq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
}

Test(spare, parked_packets_outlive_the_burst_in_order)
{
    uint32_t copy = speadi_spare_copy(&spare, &split);

    cr_expect(speadi_spare_park(&spare, &split));
    cr_expect(speadi_spare_park(&spare, &spare.packet[copy]), "a copy is not copied again");
    speadi_spare_end_burst(&spare);
    cr_expect_eq(spare.parked_count, 2u);
    cr_expect_eq(spare.parked[1], copy);
    cr_expect_neq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
    cr_expect_eq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
    for (uint32_t i = 0; i < spare.parked_count; i++)
        cr_expect_eq(memcmp(spare.packet[spare.parked[i]].head, "headbody", 8), 0);
}

Test(spare, all_sixty_four_can_be_used)
{
    speadi_spare_release(&spare);
    cr_assert_eq(speadi_spare_init(&spare, SPEADI_SPARES_MAX, 8), 0);
    for (unsigned i = 0; i < SPEADI_SPARES_MAX; i++)
        cr_expect_eq(speadi_spare_copy(&spare, &split), i);
    cr_expect_eq(speadi_spare_copy(&spare, &split), SPEADI_SPARE_NONE);
}
