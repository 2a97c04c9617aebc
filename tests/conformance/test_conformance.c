/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: heaps arrive whole and the ledger is exact, for all engines, sizes, orders of arrival and address families.
 * Method: the test has a table of modes. For each row, a real sender and a real receiver run in one thread, in a
 * network namespace that the test makes. The thread polls them alternately, so that nothing is lost. CI runs all pairs
 * of modes. With SPEADLINE_FULL=1 every combination runs (label slow). */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_names.h"
#include "loop_check.h"
#include "netns.h"
#include "pairwise.h"

enum axis { ENGINES, PACKET, HEAP, ARRIVAL, HOST, PATH, SEND_PATH, AXES };

static struct {
    char tx[TEST_ENGINE_LENGTH], rx[TEST_ENGINE_LENGTH];
} engines[PAIRWISE_VALUES_MAX]; /* list_engines() fills this array */
static const uint32_t packets[] = {56, 64, 200, 1472, 8972, 65507};
static const uint64_t heaps[] = {0, 1, 10007, 4u << 20};
static const struct {
    const char *name, *fault;
} arrivals[] = {{"in order", NULL},
                {"shuffled", "reorder=16,seed=3"},
                {"in order with duplicates", "dup=0.1,seed=4"},
                {"shuffled with duplicates", "reorder=16,dup=0.1,seed=5"}};
static const char *const hosts[] = {"127.0.0.1", "[::1]", "239.255.7.1", "[ff15::7148]"};
static const char *const paths[] = {"auto", "placed", "bounce"};
static const char *const send_paths[] = {"auto", "gathered", "by reference"};

static struct pairwise table = {.axes = AXES, .values = {0, 6, 4, 4, 4, 3, 3}};

static void add_pair(const char *tx, const char *rx)
{
    unsigned n = table.values[ENGINES];

    cr_assert_lt(n, (unsigned)PAIRWISE_VALUES_MAX);
    snprintf(engines[n].tx, sizeof engines[n].tx, "%s", tx);
    snprintf(engines[n].rx, sizeof engines[n].rx, "%s", rx);
    table.values[ENGINES]++;
}

/* Lists the pairs of engines. Each engine is paired with itself. Each engine that uses the kernel is also paired with
 * every other engine that uses the kernel. */
static void list_engines(void)
{
    char tx[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH], rx[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned both = test_engines(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL, tx), senders, receivers;

    table.values[ENGINES] = 0;
    for (unsigned i = 0; i < both; i++)
        add_pair(tx[i], tx[i]);
    senders = test_engines(TEST_SENDS, TEST_KERNEL, tx);
    receivers = test_engines(TEST_RECEIVES, TEST_KERNEL, rx);
    for (unsigned i = 0; i < senders; i++)
        for (unsigned k = 0; k < receivers; k++)
            if (strcmp(tx[i], rx[k]) != 0)
                add_pair(tx[i], rx[k]);
}

static bool over_links(const unsigned *row)
{
    return test_engine_kind(engines[row[ENGINES]].tx) == TEST_MEM;
}

/* Returns true if the row can run. A memory link has no address, so with it the table has only one host, and a sender to
 * it has only one way to hand packets over. An IPv6 header is larger than an IPv4 header, so a datagram of 65507 bytes does not fit behind it. */
static bool allowed(const unsigned *row)
{
    bool v6 = row[HOST] == 1 || row[HOST] == 3;

    if (over_links(row))
        return row[HOST] == 0 && row[SEND_PATH] == 0;
    return !(v6 && packets[row[PACKET]] > 65487);
}

/* Returns how many heaps to send. The number is smaller if the packets are small and the heap is large, because the
 * heap then has many packets. */
static unsigned heap_count(uint32_t packet, uint64_t heap)
{
    return heap > 1000000 ? (packet < 1000 ? 1 : 3) : 12;
}

static bool shuffled(const unsigned *row)
{
    return row[ARRIVAL] == 1 || row[ARRIVAL] == 3;
}

static bool duplicated(const unsigned *row)
{
    return row[ARRIVAL] >= 2;
}

static void describe(const unsigned *row, char text[200])
{
    snprintf(text, 200, "%s (%s) to %s, packets of %u, heaps of %llu, %s, to %s, %s path",
             engines[row[ENGINES]].tx, send_paths[row[SEND_PATH]], engines[row[ENGINES]].rx,
             packets[row[PACKET]], (unsigned long long)heaps[row[HEAP]],
             arrivals[row[ARRIVAL]].name, over_links(row) ? "a link" : hosts[row[HOST]],
             paths[row[PATH]]);
}

static bool conforms(const unsigned *row)
{
    char where[200];
    const struct loop_case c = {.tx_engine = engines[row[ENGINES]].tx,
                                .rx_engine = engines[row[ENGINES]].rx,
                                .host = hosts[row[HOST]],
                                .packet_bytes = packets[row[PACKET]],
                                .heap_bytes = heaps[row[HEAP]],
                                .heaps = heap_count(packets[row[PACKET]], heaps[row[HEAP]]),
                                .tx_fault = arrivals[row[ARRIVAL]].fault,
                                .allow_out_of_order = shuffled(row),
                                .path = (enum spead_receive_path)row[PATH],
                                .send_path = (enum spead_send_path)row[SEND_PATH],
                                .live_heaps = 32};

    describe(row, where);
    return loop_conforms(&c, duplicated(row), where);
}

static struct pairwise *all_pairs(void)
{
    list_engines();
    pairwise_make(&table, allowed);
    return &table;
}

ParameterizedTestParameters(conformance, every_pair_of_modes_delivers_all_heaps_and_an_exact_ledger)
{
    all_pairs();
    return cr_make_param_array(unsigned[PAIRWISE_AXES_MAX], table.row, table.rows);
}

ParameterizedTest(unsigned (*row)[PAIRWISE_AXES_MAX], conformance,
                  every_pair_of_modes_delivers_all_heaps_and_an_exact_ledger, .timeout = 120)
{
    const char *reason;

    list_engines();
    if (!over_links(*row) && !test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    cr_assert(conforms(*row));
}

/* If the table lost a pair, the other tests would check less, and nobody would notice. So this test checks the
 * table. */
Test(conformance, the_table_holds_every_allowed_pair)
{
    const struct pairwise *p = all_pairs();

    cr_assert_geq(p->rows, 24u);
    cr_assert_lt(p->rows, (unsigned)PAIRWISE_ROWS_MAX);
    for (unsigned e = 0; e < table.values[ENGINES]; e++)
        for (unsigned k = 0; k < table.values[PACKET]; k++)
            cr_expect(pairwise_meets(p, ENGINES, e, PACKET, k),
                      "engines %u never meet packet size %u", e, packets[k]);
}

Test(conformance, every_combination_of_modes_conforms, .timeout = 3600)
{
    unsigned row[PAIRWISE_AXES_MAX] = {0}, failed = 0, ran = 0;
    const char *reason;

    if (!getenv("SPEADLINE_FULL"))
        cr_skip_test("the full product runs with SPEADLINE_FULL=1 (ctest -L slow)");
    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    list_engines();
    do {
        if (!allowed(row))
            continue;
        ran++;
        failed += !conforms(row);
    } while (pairwise_next_combination(&table, row));
    cr_assert_eq(failed, 0u, "%u of %u combinations failed", failed, ran);
}
