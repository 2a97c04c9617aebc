/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream gets the engine that it asked for. With "auto" it gets the cheapest engine and a text that gives the
 * reason. It never gets another engine without such a text. Method: the test opens engines by name over memory links
 * and loopback addresses, and reads the texts. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <engine_names.h>
#include <netns.h>
#include <rx_engine.h>

static const struct speadi_rx_engine_ops *ops;
static void *state;
static char reason[SPEADI_ENGINE_REASON_MAX];
static struct spead_err err;
static struct spead_mem_link *mem_link;
static struct speadi_address address;

static struct speadi_rx_config over_memory(void)
{
    cr_assert_eq(spead_mem_link_create(&mem_link, 4, 100, NULL), 0);
    return (struct speadi_rx_config){.links = &mem_link, .count = 1, .packet_bytes_max = 100};
}

static struct speadi_rx_config over_udp(void)
{
    const char *missing;

    if (!test_netns_enter(&missing))
        cr_skip_test("%s", missing);
    cr_assert_eq(speadi_address_parse(&address, "127.0.0.1:17250", SPEADI_ADDRESS_RECEIVE, NULL),
                 0);
    return (struct speadi_rx_config){.addresses = &address,
                                     .count = 1,
                                     .packet_bytes_max = 9200,
                                     .socket_buffer_bytes = 1u << 20};
}

static struct speadi_rx_facts facts;

static int open_engine(const char *name, const struct speadi_rx_config *config)
{
    return speadi_rx_engine_open(&ops, &state, name, config, reason, &facts, &err);
}

static void close_engine(void)
{
    ops->close(state);
    free(state);
    spead_mem_link_unref(mem_link);
}

Test(rx_engine, memory_links_are_read_by_mem)
{
    const struct speadi_rx_config config = over_memory();

    cr_assert_eq(open_engine("auto", &config), 0, "%s", err.text);
    cr_expect_str_eq(ops->about.name, "mem");
    cr_expect_neq(strstr(reason, "mem"), NULL, "%s", reason);
    close_engine();
}

static const char *cheapest_usable(const struct speadi_rx_config *config)
{
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;

    for (uint32_t i = 0; spead_recv_engine_info(i, &info) == 0; i++) {
        const struct speadi_rx_engine_ops *each = speadi_rx_engine_find(info.name);

        if (info.endpoint == SPEAD_ENDPOINT_UDP &&
            (each->usable == NULL || each->usable(config, NULL) == 0))
            return info.name;
    }
    cr_skip_test("no engine for UDP can be used here");
    return NULL;
}

Test(rx_engine, auto_says_what_it_took_and_what_is_with_the_others)
{
    const struct speadi_rx_config config = over_udp();

    const char *cheapest = cheapest_usable(&config);
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;
    char says[80];

    cr_assert_eq(open_engine(NULL, &config), 0, "%s", err.text);
    cr_expect_str_eq(ops->about.name, cheapest);
    snprintf(says, sizeof says, "auto: %s", cheapest);
    cr_expect_neq(strstr(reason, says), NULL, "%s", reason);
    for (uint32_t i = 0; spead_recv_engine_info(i, &info) == 0; i++) {
        snprintf(says, sizeof says, "; %s: ", info.name);
        if (info.endpoint == SPEAD_ENDPOINT_UDP && strcmp(info.name, cheapest) != 0)
            cr_expect_neq(strstr(reason, says), NULL, "%s", reason);
    }
    close_engine();
}

/* The engine has buffers for 64 receives of the largest size. The fault decorator can keep 2048 more packets. */
Test(rx_engine, buffers_are_told_with_those_of_the_decorator)
{
    const struct speadi_rx_config config = over_udp();
    struct speadi_rx_counters counters;
    uint64_t alone;

    cr_assert_eq(open_engine("socket", &config), 0);
    ops->counters(state, &counters);
    alone = counters.memory_bytes;
    cr_expect_geq(alone, 64u * 65536u);
    cr_assert_eq(speadi_rx_engine_wrap_fault(&ops, &state, "loss=0.5", &err), 0, "%s", err.text);
    ops->counters(state, &counters);
    cr_expect_geq(counters.memory_bytes, alone + 2048u * 65536u);
    close_engine();
}

Test(rx_engine, the_effective_socket_buffer_is_told)
{
    const struct speadi_rx_config config = over_udp();
    cr_assert_eq(speadi_rx_engine_open(&ops, &state, "socket", &config, reason, &facts, &err), 0);
    cr_expect_eq(facts.buffer_bytes, 1u << 20);
    close_engine();
}

Test(rx_engine, an_unknown_name_is_refused_with_those_there_are)
{
    const struct speadi_rx_config config = over_memory();
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;

    cr_assert_eq(open_engine("warp", &config), -EINVAL);
    cr_expect_neq(strstr(err.text, "\"warp\""), NULL, "%s", err.text);
    for (uint32_t i = 0; spead_recv_engine_info(i, &info) == 0; i++)
        cr_expect_neq(strstr(err.text, info.name), NULL, "%s", err.text);
    spead_mem_link_unref(mem_link);
}

Test(rx_engine, all_are_listed_by_rank_and_each_says_whether_it_is_usable)
{
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;
    uint32_t count = 0, rank = 0;
    bool has_mem = false;

    for (; spead_recv_engine_info(count, &info) == 0; count++) {
        cr_expect_geq(info.rank, rank, "%s", info.name);
        rank = info.rank;
        cr_expect_not_null(speadi_rx_engine_find(info.name), "%s", info.name);
        if (spead_recv_engine_usable(info.name, &err) < 0)
            cr_expect_str_not_empty(err.text, "%s", info.name);
        has_mem |= strcmp(info.name, "mem") == 0;
    }
    cr_expect_geq(count, 1u);
    cr_expect(has_mem);
    cr_expect_eq(spead_recv_engine_usable("mem", &err), 0, "it needs nothing");
    cr_expect_eq(spead_recv_engine_usable("warp", &err), -EINVAL);
}

Test(rx_engine, an_engine_that_cannot_read_such_endpoints_is_refused)
{
    const struct speadi_rx_config memory = over_memory(), udp = over_udp();

    cr_expect_eq(open_engine("socket", &memory), -EINVAL);
    cr_expect_neq(strstr(err.text, "memory links"), NULL, "%s", err.text);
    cr_expect_eq(open_engine("mem", &udp), -EINVAL);
    cr_expect_neq(strstr(err.text, "UDP"), NULL, "%s", err.text);
    spead_mem_link_unref(mem_link);
}

Test(rx_engine, a_stream_reads_at_most_64_endpoints)
{
    struct speadi_rx_config config = over_memory();

    config.count = SPEADI_RX_SOURCES_MAX + 1;
    cr_expect_eq(open_engine("mem", &config), -EINVAL);
    config.count = 0;
    cr_expect_eq(open_engine("mem", &config), -EINVAL);
    spead_mem_link_unref(mem_link);
}

static void refuse_taken_address(const char *name)
{
    const struct speadi_rx_config config = over_udp();
    const struct speadi_rx_engine_ops *first_ops;
    void *first;

    if (open_engine(name, &config) < 0)
        cr_skip_test("%s", err.text);
    first_ops = ops;
    first = state;
    ops = NULL;
    cr_expect_eq(open_engine(name, &config), -EADDRINUSE);
    cr_expect_neq(strstr(err.text, "17250"), NULL, "%s", err.text);
    cr_expect_null(ops, "nothing is handed out");
    first_ops->close(first);
    free(first);
}

ParameterizedTestParameters(rx_engine, a_taken_address_is_named)
{
    static char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = test_engines(TEST_RECEIVES, TEST_KERNEL, names);

    return cr_make_param_array(char[TEST_ENGINE_LENGTH], names, count);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], rx_engine, a_taken_address_is_named)
{
    refuse_taken_address(*engine);
}
