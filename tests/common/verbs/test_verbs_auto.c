/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: "auto" chooses verbs if this engine can be used and if it is clear which device to use. It logs what this
 * choice means. Otherwise it chooses another engine and logs the reason.
 * Method: the tests create receive streams and send streams on the verbs double, in a network namespace that the test
 * makes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadline/recv.h>
#include <speadline/send.h>

#include <speadi/engine_list.h>

#include "control.h"
#include "netns.h"
#include "verbs_double.h"

static char engine[16], reason[SPEADI_ENGINE_REASON_MAX];
static struct spead_err err;

static void set_up(void)
{
    struct test_netns_pair network;
    const char *missing;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 1500, &missing))
        cr_skip_test("%s", missing);
}

TestSuite(verbs_auto, .init = set_up);

static int receive_from(const char *const *endpoints, uint32_t count, const char *interface)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;
    struct spead_recv_stream *stream;
    int ret;

    config.endpoints = endpoints;
    config.endpoint_count = count;
    config.interface = interface;
    ret = spead_recv_stream_create(&stream, &config, &err);
    if (ret < 0)
        return ret;
    spead_recv_stream_plan(stream, &plan);
    snprintf(engine, sizeof engine, "%s", plan.engine);
    snprintf(reason, sizeof reason, "%s", plan.engine_reason);
    spead_recv_stream_destroy(stream);
    return 0;
}

static int send_to(const char *endpoint)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_plan plan = SPEAD_SEND_PLAN_INIT;
    struct spead_send_stream *stream;
    int ret;

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    ret = spead_send_stream_create(&stream, &config, &err);
    if (ret < 0)
        return ret;
    spead_send_stream_plan(stream, &plan);
    snprintf(engine, sizeof engine, "%s", plan.engine);
    snprintf(reason, sizeof reason, "%s", plan.engine_reason);
    spead_send_stream_destroy(stream);
    return 0;
}

static void assert_took(int ret, const char *name, const char *says)
{
    cr_assert_eq(ret, 0, "%s", err.text);
    cr_expect_str_eq(engine, name, "%s: %s", engine, reason);
    cr_expect(strstr(reason, says), "\"%s\" does not say \"%s\"", reason, says);
}

Test(verbs_auto, takes_verbs_and_says_that_packets_bypass_sockets)
{
    const char *group = "239.255.7.1:7148";

    assert_took(receive_from(&group, 1, TEST_NEAR_INTERFACE), "verbs", "bypass sockets");
    cr_expect(strstr(reason, "socket: usable, costs more"), "%s", reason);
    assert_took(receive_from(&group, 1, NULL), "verbs", "bypass sockets");
    assert_took(send_to(TEST_FAR_V4 ":7148"), "verbs", "bypass sockets");
    cr_expect(strstr(reason, "socket: usable, costs more"), "%s", reason);
}

Test(verbs_auto, loopback_has_no_device)
{
    const char *here = "127.0.0.1:7148";

    assert_took(receive_from(&here, 1, NULL), "socket", "verbs: interface lo is not Ethernet");
    assert_took(send_to(here), "socket", "verbs: interface lo is not Ethernet");
}

/* A verbs device cannot send to its own host or receive from it. So "auto" must choose the socket engine for an address
 * of this host. */
Test(verbs_auto, an_address_of_this_host_is_sent_to_by_sockets)
{
    assert_took(send_to(TEST_NEAR_V4 ":7148"), "socket", "verbs: " TEST_NEAR_V4);
}

Test(verbs_auto, whoever_listens_on_every_interface_keeps_doing_so)
{
    const char *any = ":7148";
    const char *two[] = {TEST_NEAR_V4 ":7148", "127.0.0.1:7149"};

    assert_took(receive_from(&any, 1, NULL), "socket", "verbs: no interface named");
    assert_took(receive_from(&any, 1, TEST_NEAR_INTERFACE), "verbs", "bypass");
    assert_took(receive_from(two, 2, NULL), "socket", "on several interfaces");
}

Test(verbs_auto, what_stands_in_the_way_of_verbs_is_in_the_reason)
{
    const char *group = "239.255.7.1:7148";
    static const struct {
        const char *script, *says;
    } cases[] = {
        {"net_raw=0", "spead-net-raw"},
        {"infiniband=1", "is InfiniBand"},
        /* The probe of the device finds no problem, but the engine cannot be opened. */
        {"max_pinned=4096", "reg_mr"},
        {"open_device@%1=EACCES", "open_device on vd_"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vdouble_reset();
        cr_assert_eq(vdouble_script(cases[i].script), 0);
        assert_took(receive_from(&group, 1, TEST_NEAR_INTERFACE), "socket", cases[i].says);
        assert_took(send_to(TEST_FAR_V4 ":7148"), "socket", cases[i].says);
    }
}

Test(verbs_auto, without_the_library_nothing_changes_but_the_reason)
{
    const char *group = "239.255.7.1:7148";

    setenv("SPEADLINE_LIBIBVERBS", "/nowhere/libibverbs.so.1", 1);
    assert_took(receive_from(&group, 1, TEST_NEAR_INTERFACE), "socket", "/nowhere/libibverbs.so.1");
    assert_took(send_to(TEST_FAR_V4 ":7148"), "socket", "/nowhere/libibverbs.so.1");
}
