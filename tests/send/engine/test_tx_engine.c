/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the stream opens the engine that its configuration names. With "auto" it says which engine it has chosen and
 * why. If an engine cannot work, the stream refuses the configuration with a text that says why.
 * Method: the tests open the real engines. */
#include "tx_engine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const struct speadi_tx_engine_ops *ops;
static void *state;
static char reason[SPEADI_ENGINE_REASON_MAX];
static struct spead_err err;

static int open_to(const char *name, const struct speadi_tx_config *config)
{
    struct speadi_tx_facts facts;

    ops = NULL;
    return speadi_tx_engine_open(&ops, &state, name, config, reason, &facts, &err);
}

static int open_to_loopback(const char *name)
{
    static const struct speadi_interface no_interface;
    const struct speadi_address address = {
        .v4 = {.sin_family = AF_INET,
               .sin_port = htons(17100),
               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .length = sizeof(struct sockaddr_in),
    };

    return open_to(name, &(struct speadi_tx_config){.addresses = &address,
                                                    .count = 1,
                                                    .interface = &no_interface,
                                                    .socket_buffer_bytes = 65536,
                                                    .multicast_ttl = 1,
                                                    .packet_bytes_max = 1472,
                                                    .train_bytes_max = 65536});
}

static int open_to_link(const char *name)
{
    struct spead_mem_link *link;
    int ret;

    cr_assert_eq(spead_mem_link_create(&link, 4, 100, &err), 0, "%s", err.text);
    ret = open_to(name,
                  &(struct speadi_tx_config){.links = &link, .count = 1, .packet_bytes_max = 100});
    spead_mem_link_unref(link);
    return ret;
}

static void close_it(void)
{
    if (ops) {
        ops->close(state);
        free(state);
    }
}

TestSuite(tx_engine, .fini = close_it);

Test(tx_engine, auto_takes_a_usable_engine_and_says_which_and_why)
{
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;

    cr_assert_eq(open_to_loopback("auto"), 0, "%s", err.text);
    cr_expect(strstr(reason, ops->about.name) && strstr(reason, "cheapest"), "\"%s\"", reason);
    for (uint32_t i = 0; spead_send_engine_info(i, &info) == 0; i++)
        if (info.endpoint == SPEAD_ENDPOINT_UDP)
            cr_expect(strstr(reason, info.name), "all engines are accounted for: \"%s\"", reason);
}

Test(tx_engine, no_name_means_auto)
{
    cr_assert_eq(open_to_loopback(NULL), 0, "%s", err.text);
    cr_expect(strstr(reason, "auto"), "\"%s\"", reason);
}

Test(tx_engine, an_engine_that_is_asked_for_is_taken)
{
    cr_assert_eq(open_to_loopback("socket"), 0, "%s", err.text);
    cr_expect_str_eq(ops->about.name, "socket");
    cr_expect(strstr(reason, "asked for"), "\"%s\"", reason);
}

Test(tx_engine, memory_links_imply_the_memory_engine)
{
    cr_assert_eq(open_to_link("auto"), 0, "%s", err.text);
    cr_expect_str_eq(ops->about.name, "mem");
}

Test(tx_engine, engines_that_do_not_fit_the_destinations_are_refused_by_name)
{
    cr_expect_eq(open_to_link("socket"), -EINVAL);
    cr_expect(strstr(err.text, "socket") && strstr(err.text, "mem"), "\"%s\"", err.text);
    cr_expect_eq(open_to_loopback("mem"), -EINVAL);
    cr_expect(strstr(err.text, "mem"), "\"%s\"", err.text);
    cr_expect_eq(open_to_loopback("carrier-pigeon"), -EINVAL);
    cr_expect(strstr(err.text, "carrier-pigeon"), "\"%s\"", err.text);
}

Test(tx_engine, a_stream_has_at_least_one_destination)
{
    cr_expect_eq(open_to("auto", &(struct speadi_tx_config){.count = 0}), -EINVAL);
    cr_expect_eq(open_to("auto", &(struct speadi_tx_config){.count = 65}), -EINVAL);
}

Test(tx_engine, all_are_listed_by_rank_and_each_says_whether_it_is_usable)
{
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;
    uint32_t count = 0, rank = 0;

    for (; spead_send_engine_info(count, &info) == 0; count++) {
        cr_expect_geq(info.rank, rank, "%s", info.name);
        rank = info.rank;
        if (spead_send_engine_usable(info.name, &err) < 0)
            cr_expect_str_not_empty(err.text, "%s", info.name);
    }
    cr_expect_geq(count, 1u);
    cr_expect_eq(spead_send_engine_usable("mem", &err), 0, "it needs nothing");
    cr_expect_eq(spead_send_engine_usable("warp", &err), -EINVAL);
}
