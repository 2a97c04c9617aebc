/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: senders are told apart by endpoint, address and port, and a full table gives the entry of the right sender to a
 * new one. Method: time is an argument of the functions, so the test lets time pass without waiting. */
#include <criterion/criterion.h>

#include "sender_table.h"

static struct speadi_sender_table table;
static uint32_t replaced;

static void open_by_port(void)
{
    cr_assert_eq(speadi_sender_table_init(&table, 3, SPEAD_SENDER_KEY_PORT), 0);
}

static void release(void)
{
    speadi_sender_table_release(&table);
}

TestSuite(sender_table, .init = open_by_port, .fini = release);

static void open_by(enum spead_sender_key key)
{
    release();
    cr_assert_eq(speadi_sender_table_init(&table, 3, key), 0);
}

/* Returns the sender 192.0.2.`host` with this port. */
static struct spead_sender_address from(uint8_t host, uint16_t port)
{
    return (struct spead_sender_address){
        .address = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = host},
        .port = port,
        .known = true};
}

static struct speadi_sender *find(uint16_t endpoint, uint8_t host, uint16_t port)
{
    const struct spead_sender_address address = from(host, port);

    return speadi_sender_table_find(&table, endpoint, &address);
}

static struct speadi_sender *admit(uint8_t host, uint16_t port, uint64_t now_ns)
{
    const struct spead_sender_address address = from(host, port);

    return speadi_sender_table_admit(&table, 0, &address, now_ns, now_ns, &replaced);
}

Test(sender_table, senders_differ_by_endpoint_address_and_port)
{
    struct speadi_sender *sender = admit(1, 7000, 0);

    cr_expect_eq(find(0, 1, 7000), sender);
    cr_expect_null(find(1, 1, 7000));
    cr_expect_null(find(0, 2, 7000));
    cr_expect_null(find(0, 1, 7001));
}

Test(sender_table, by_address_the_port_does_not_matter)
{
    struct speadi_sender *sender;

    open_by(SPEAD_SENDER_KEY_ADDRESS);
    sender = admit(1, 7000, 0);
    cr_expect_eq(find(0, 1, 7001), sender);
    cr_expect_null(find(0, 2, 7000));
}

Test(sender_table, by_nothing_an_endpoint_has_one_sender)
{
    struct speadi_sender *sender;

    open_by(SPEAD_SENDER_KEY_NONE);
    sender = admit(1, 7000, 0);
    cr_expect_eq(find(0, 2, 7001), sender);
    cr_expect_null(find(1, 1, 7000));
}

Test(sender_table, an_endpoint_without_addresses_has_one_sender)
{
    const struct spead_sender_address unknown = {.port = 5};
    const struct spead_sender_address also_unknown = {.port = 6};
    struct speadi_sender *sender = speadi_sender_table_admit(&table, 0, &unknown, 0, 0, &replaced);

    cr_expect_eq(speadi_sender_table_find(&table, 0, &also_unknown), sender);
    cr_expect_null(speadi_sender_table_find(&table, 1, &unknown));
}

Test(sender_table, a_full_table_replaces_the_sender_that_is_silent_longest)
{
    uint32_t first = admit(1, 1, 0)->id;

    admit(2, 1, 1);
    admit(3, 1, 2);
    cr_expect_eq(replaced, SPEADI_SENDER_NONE);
    admit(4, 1, 3);
    cr_expect_eq(replaced, first);
    cr_expect_null(find(0, 1, 1));
    cr_expect(find(0, 2, 1) && find(0, 3, 1) && find(0, 4, 1));
    cr_expect_null(speadi_sender_table_get(&table, first), "the id must not name the new sender");

    speadi_sender_heard(&table, find(0, 2, 1), 4);
    admit(5, 1, 5);
    cr_expect_null(find(0, 3, 1));
    cr_expect_not_null(find(0, 2, 1), "it was heard later than sender 3");
}

Test(sender_table, a_sender_with_live_heaps_keeps_its_entry)
{
    for (uint8_t host = 1; host <= 3; host++)
        speadi_sender_heap_entered(&table, admit(host, 1, host));
    cr_expect_null(admit(4, 1, 4));
    speadi_sender_heap_left(&table, find(0, 2, 1));
    cr_expect_not_null(admit(4, 1, 4));
    cr_expect_null(find(0, 2, 1));
}

Test(sender_table, a_sender_that_has_proven_itself_is_replaced_last)
{
    struct speadi_sender *working = admit(1, 1, 0);

    speadi_sender_heap_ended(&table, working, true, 1, 8);
    cr_expect_not(working->proven, "one heap of one packet is easily forged");
    speadi_sender_heap_ended(&table, working, true, 1, 8);
    cr_expect(working->proven);
    for (uint16_t port = 1; port < 1000; port++)
        cr_assert_not_null(admit(2, port, port));
    cr_expect_eq(find(0, 1, 1), working);
    cr_expect_eq(table.proven[0], 1u);
}

Test(sender_table, a_flood_of_senders_uses_only_the_entries_of_the_table)
{
    uint64_t bytes = speadi_sender_table_bytes(&table);

    for (uint32_t i = 0; i < 1000000; i++)
        cr_assert_not_null(admit((uint8_t)(i >> 16), (uint16_t)i, i));
    cr_expect_eq(table.count, 3u);
    cr_expect_eq(table.replaced, 999997u);
    cr_expect_eq(speadi_sender_table_bytes(&table), bytes);
}

/* ---- Addresses that somebody chooses -------------------------------------------------------------- */

#define SENDERS 4096u

/* Admits SENDERS senders. Returns the length of the longest chain: no search looks at more senders. With random
 * numbers, only one of 10^9 tables would have a chain of 16 senders. */
static uint32_t longest_chain(struct spead_sender_address address(uint32_t i))
{
    uint32_t longest = 0;

    release();
    cr_assert_eq(speadi_sender_table_init(&table, SENDERS, SPEAD_SENDER_KEY_PORT), 0);
    for (uint32_t i = 0; i < SENDERS; i++) {
        const struct spead_sender_address sender = address(i);

        cr_assert_not_null(speadi_sender_table_admit(&table, 0, &sender, 0, 0, &replaced));
    }
    for (uint32_t chain = 0; chain <= table.mask; chain++) {
        uint32_t length = 0;

        for (uint32_t i = table.chain[chain]; i != SPEADI_SENDER_NONE; i = table.sender[i].next)
            length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static struct spead_sender_address neighbour(uint32_t i)
{
    struct spead_sender_address sender = from((uint8_t)i, 7000);

    sender.address[14] = (uint8_t)(i >> 8);
    return sender;
}

static struct spead_sender_address port(uint32_t i)
{
    return from(1, (uint16_t)i);
}

static struct spead_sender_address v6(uint32_t i)
{
    return (struct spead_sender_address){
        .address = {0x20, 0x01, 0x0d, 0xb8, [8] = (uint8_t)(i >> 8), [15] = (uint8_t)i},
        .port = 7000,
        .known = true};
}

/* If the hash combined address and port by exclusive or, the port would cancel the address. */
static struct spead_sender_address cancelling(uint32_t i)
{
    struct spead_sender_address sender = {.known = true, .port = (uint16_t)i};

    sender.address[0] = (uint8_t)(i << 1);
    sender.address[1] = (uint8_t)(i >> 7);
    return sender;
}

Test(sender_table, no_choice_of_addresses_and_ports_makes_a_search_long)
{
    for (unsigned round = 0; round < 20; round++) { /* each table has another key */
        cr_expect_lt(longest_chain(neighbour), 16u, "hosts of one network with one port");
        cr_expect_lt(longest_chain(port), 16u, "ports of one host");
        cr_expect_lt(longest_chain(v6), 16u, "IPv6 hosts of one network");
        cr_expect_lt(longest_chain(cancelling), 16u, "a port that cancels the address");
    }
}
