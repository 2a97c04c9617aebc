/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a burst has one entry for each change of sender, entries of different sources are apart, and socket addresses
 * are read without trusting their length. Method: the test adds senders to a burst as an engine does. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <string.h>

#include <rx_from.h>

static struct speadi_rx_burst burst;

static struct speadi_rx_from sender(uint16_t source, uint16_t port)
{
    return speadi_rx_from_v4(source, (const uint8_t[]){192, 0, 2, 1}, port);
}

static uint16_t add(uint16_t source, uint16_t port)
{
    const struct speadi_rx_from from = sender(source, port);

    return speadi_rx_from_add(&burst, &from);
}

Test(rx_from, packets_of_one_sender_share_an_entry)
{
    speadi_rx_burst_begin(&burst);
    cr_expect_eq(add(0, 1000), 0);
    cr_expect_eq(add(0, 1000), 0);
    cr_expect_eq(burst.from_count, 1u);
}

Test(rx_from, another_port_address_or_version_is_another_sender)
{
    const struct speadi_rx_from other = speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, 2}, 7);
    const struct speadi_rx_from v6 =
        speadi_rx_from_v6(0, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 7);

    speadi_rx_burst_begin(&burst);
    cr_expect_eq(add(0, 6), 0);
    cr_expect_eq(add(0, 7), 1);
    cr_expect_eq(speadi_rx_from_add(&burst, &other), 2);
    cr_expect_eq(speadi_rx_from_add(&burst, &v6), 3);
    cr_expect_eq(speadi_rx_from_add_unknown(&burst, 0), 4);
    cr_expect_eq(burst.from_count, 5u);
}

Test(rx_from, sources_that_alternate_keep_their_own_entries)
{
    speadi_rx_burst_begin(&burst);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_eq(add(3, 1000), 0);
        cr_expect_eq(add(63, 1000), 1);
        cr_expect_eq(speadi_rx_from_add_unknown(&burst, 5), 2);
    }
    cr_expect_eq(burst.from_count, 3u);
}

/* The index that is kept for a source is from the last burst. In the new burst, the entry with this index can be of
 * another source. */
Test(rx_from, a_new_burst_has_no_entry_of_the_last_one)
{
    speadi_rx_burst_begin(&burst);
    add(1, 1000);
    add(2, 1000);
    speadi_rx_burst_begin(&burst);
    cr_expect_eq(burst.count, 0u);
    cr_expect_eq(add(2, 2000), 0);
    cr_expect_eq(add(1, 2000), 1);
    cr_expect_eq(burst.from[0].source, 2);
    cr_expect_eq(burst.from[1].source, 1);
    cr_expect_eq(burst.from[1].sender.port, 2000);
}

Test(rx_from, a_full_burst_of_alternating_senders_has_room)
{
    speadi_rx_burst_begin(&burst);
    for (unsigned i = 0; i < SPEADI_RX_BURST_MAX; i++)
        cr_assert_eq(add(0, (uint16_t)(1 + i % 2)), i);
    cr_expect_eq(burst.from_count, SPEADI_RX_FROM_MAX);
    cr_expect_eq(add(0, 2), SPEADI_RX_FROM_MAX - 1, "the last one may be named again");
}

Test(rx_from, the_kernel_s_name_of_an_ipv4_sender_is_mapped)
{
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(7148)};
    struct speadi_rx_from from;

    inet_pton(AF_INET, "192.0.2.1", &name.sin_addr);
    from = speadi_rx_from_name(9, &name, sizeof name);
    cr_expect(from.sender.known);
    cr_expect_eq(from.sender.port, 7148);
    cr_expect_eq(from.source, 9);
    cr_expect_arr_eq(from.sender.address, mapped, sizeof mapped);
}

/* The engines give the kernel room for the address, but not for the scope behind it. The kernel still states the length
 * of the whole socket address, scope included. */
Test(rx_from, the_kernel_s_name_of_an_ipv6_sender_may_lack_its_scope)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(7148)};
    uint8_t kept[SPEADI_RX_NAME_BYTES];
    struct speadi_rx_from from;

    inet_pton(AF_INET6, "2001:db8::1", &name.sin6_addr);
    memcpy(kept, &name, sizeof kept);
    from = speadi_rx_from_name(0, kept, sizeof name);
    cr_expect(from.sender.known);
    cr_expect_eq(from.sender.port, 7148);
    cr_expect_arr_eq(from.sender.address, &name.sin6_addr, sizeof from.sender.address);
}

Test(rx_from, a_name_that_is_missing_or_of_another_kind_is_not_known)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(7148)};

    cr_expect_not(speadi_rx_from_name(0, &name, 0).sender.known);
    cr_expect_not(speadi_rx_from_name(0, &name, SPEADI_RX_NAME_BYTES - 1).sender.known);
    name.sin6_family = AF_INET;
    cr_expect_not(speadi_rx_from_name(0, &name, sizeof(struct sockaddr_in) - 1).sender.known);
    name.sin6_family = AF_UNIX;
    cr_expect_not(speadi_rx_from_name(0, &name, sizeof name).sender.known);
    cr_expect_eq(speadi_rx_from_name(4, &name, sizeof name).source, 4);
}
