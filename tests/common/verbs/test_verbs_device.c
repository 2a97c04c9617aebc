/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a device is found by every name that a user can give, and the report describes it. If the device cannot be
 * used, one line says why and what to do.
 * Method: the verbs double runs in a network namespace that the test makes. In each test a script for the double
 * removes one capability. */
#include <criterion/criterion.h>

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>

#include <speadi/verbs_device.h>

#include "control.h"
#include "netns.h"
#include "verbs_double.h"

#define MTU 9000u

static struct speadi_verbs_device device;
static struct spead_err err;
static struct test_netns_pair network;

static void set_up(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, MTU, &reason))
        cr_skip_test("%s", reason);
}

/* Every test ends with this function, which asserts that no object is left. */
static void tear_down(void)
{
    struct vdouble_counters left;

    speadi_verbs_device_close(&device);
    vdouble_counters(&left);
    cr_assert_eq(left.contexts + left.pds + left.mrs + left.cqs + left.qps, 0, "objects are alive");
}

TestSuite(verbs_device, .init = set_up, .fini = tear_down);

static struct speadi_interface near_interface(void)
{
    struct speadi_interface interface;

    cr_assert_eq(speadi_interface_find(&interface, TEST_NEAR_INTERFACE, &err), 0, "%s", err.text);
    return interface;
}

static int open_near(void)
{
    struct speadi_interface interface = near_interface();

    return speadi_verbs_device_open(&device, &(struct speadi_verbs_wish){.interface = &interface},
                                    &err);
}

static void assert_near(void)
{
    cr_assert_str_eq(device.report.device, "vd_" TEST_NEAR_INTERFACE);
    cr_assert_str_eq(device.report.interface.name, TEST_NEAR_INTERFACE);
}

static void assert_fails(int code, const char *text)
{
    cr_assert_eq(open_near(), code, "%s", err.text);
    cr_assert(strstr(err.text, text), "'%s' should say '%s'", err.text, text);
    cr_assert_null(device.context);
}

Test(verbs_device, an_interface_names_it)
{
    cr_assert_eq(open_near(), 0, "%s", err.text);
    assert_near();
    cr_assert_eq(device.report.port, 1);
    cr_assert_eq(device.report.interface.index, if_nametoindex(TEST_NEAR_INTERFACE));
    cr_assert_eq(device.report.interface.mtu, MTU);
    cr_assert_eq(device.report.interface.vlan, 0);
    cr_assert(device.report.interface.up);
}

Test(verbs_device, its_own_name_names_it)
{
    struct speadi_verbs_wish wish = {.device = "vd_" TEST_NEAR_INTERFACE};

    cr_assert_eq(speadi_verbs_device_open(&device, &wish, &err), 0, "%s", err.text);
    assert_near();
}

static void opens_for(const char *text)
{
    struct speadi_address address;
    struct speadi_verbs_wish wish = {.address = &address};

    cr_assert_eq(speadi_address_parse(&address, text, SPEADI_ADDRESS_RECEIVE, &err), 0, "%s",
                 err.text);
    cr_assert_eq(speadi_verbs_device_open(&device, &wish, &err), 0, "%s: %s", text, err.text);
    assert_near();
    speadi_verbs_device_close(&device);
}

Test(verbs_device, an_address_of_the_interface_names_it)
{
    opens_for(TEST_NEAR_V4 ":7148");
    opens_for("[" TEST_NEAR_V6 "]:7148");
    opens_for("[" TEST_NEAR_LINK "%" TEST_NEAR_INTERFACE "]:7148");
}

Test(verbs_device, a_destination_or_a_group_names_the_one_that_its_route_leaves_by)
{
    opens_for(TEST_FAR_V4 ":7148");
    opens_for("[" TEST_FAR_V6 "]:7148");
    opens_for("239.1.2.3:7148");
}

Test(verbs_device, any_address_means_the_only_device_there_is)
{
    opens_for(":7148");
}

Test(verbs_device, an_unknown_name_is_answered_with_the_names_there_are)
{
    struct speadi_verbs_wish wish = {.device = "mlx5_7"};

    cr_assert_eq(speadi_verbs_device_open(&device, &wish, &err), -ENODEV);
    cr_assert(strstr(err.text, "\"mlx5_7\"") && strstr(err.text, "vd_" TEST_NEAR_INTERFACE), "%s",
              err.text);
}

Test(verbs_device, an_interface_without_a_device_is_named)
{
    struct speadi_interface interface;
    struct speadi_verbs_wish wish = {.interface = &interface};

    cr_assert_eq(speadi_interface_find(&interface, "lo", &err), 0);
    cr_assert_eq(speadi_verbs_device_open(&device, &wish, &err), -ENOTSUP);
    cr_assert(strstr(err.text, "lo is not Ethernet"), "%s", err.text);
}

Test(verbs_device, the_report_has_the_limits_of_the_device)
{
    const struct speadi_verbs_report *report = &device.report;

    vdouble_script("max_qp_wr=100 max_cqe=200 max_sge=7 max_mr_size=1000000");
    cr_assert_eq(open_near(), 0, "%s", err.text);
    cr_assert_eq(report->max_qp_wr, 100);
    cr_assert_eq(report->max_cqe, 200);
    cr_assert_eq(report->max_sge, 7);
    cr_assert_eq(report->max_mr_bytes, 1000000);
    cr_assert(report->ethernet && report->active && report->flow_steering);
    cr_assert(report->checksum && report->timestamp_mask && report->clock_khz);
    cr_assert(report->tso_bytes_max && report->rate_kbps_max && report->rss_queues_max);
    cr_assert(report->mprq.usable && device.mlx5);
    cr_assert_leq(report->mprq.stride_log_min, report->mprq.stride_log_max);
    cr_assert_gt(report->mprq.strides_log_max, 0);
    cr_assert_gt(report->comp_vectors, 0);
}

Test(verbs_device, what_the_device_lacks_is_not_in_the_report)
{
    const struct speadi_verbs_report *report = &device.report;

    vdouble_script("ip_csum=0 timestamps=0 max_tso=0 pacing=0 rss=0 striding=0");
    cr_assert_eq(open_near(), 0, "%s", err.text);
    cr_assert(!report->checksum && !report->timestamp_mask && !report->tso_bytes_max &&
              !report->rate_kbps_max && !report->rss_queues_max && !report->mprq.usable);
    cr_assert(device.mlx5, "it is an mlx5 all the same");
}

Test(verbs_device, a_device_of_another_make_has_no_multi_packet_queue)
{
    vdouble_script("mlx5=0");
    cr_assert_eq(open_near(), 0, "%s", err.text);
    cr_assert_not(device.report.mprq.usable);
}

Test(verbs_device, infiniband_is_refused_with_the_command_that_changes_it)
{
    vdouble_script("infiniband=1");
    assert_fails(-EPROTONOSUPPORT, "LINK_TYPE_P1=2");
}

Test(verbs_device, a_port_that_is_down_is_refused_with_the_command_that_raises_it)
{
    vdouble_script("port_down=1");
    assert_fails(-ENETDOWN, "ip link set " TEST_NEAR_INTERFACE " up");
}

Test(verbs_device, a_device_that_cannot_steer_is_refused)
{
    vdouble_script("flow_steering=0");
    assert_fails(-ENOTSUP, "steer");
}

/* The error text must name the verb that failed. The calls before that verb must leave no object behind. */
Test(verbs_device, a_verb_that_fails_in_open_is_named_and_leaves_nothing)
{
    static const char *const verbs[] = {"open_device", "query_device_ex", "query_port", "alloc_pd"};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char script[64];

        vdouble_reset();
        snprintf(script, sizeof script, "%s@%%1=EBADF", verbs[i]);
        cr_assert_eq(vdouble_script(script), 0);
        cr_assert_lt(open_near(), 0, "%s", verbs[i]);
        cr_assert_null(device.context);
    }
}

Test(verbs_device, a_probe_without_the_capability_names_the_remedy)
{
    struct speadi_interface interface = near_interface();
    struct speadi_verbs_wish wish = {.interface = &interface};
    struct speadi_verbs_report report;

    vdouble_script("net_raw=0");
    cr_assert_eq(speadi_verbs_probe(&wish, &report, &err), -EPERM);
    cr_assert(strstr(err.text, "create_qp on vd_" TEST_NEAR_INTERFACE), "%s", err.text);
    cr_assert(strstr(err.text, "start it with spead-net-raw"), "%s", err.text);
    cr_assert_not(strstr(err.text, "setcap"), "the file of this program may be an interpreter: %s",
                  err.text);
    cr_assert_str_eq(report.device, "vd_" TEST_NEAR_INTERFACE, "the report came as far as that");
    vdouble_reset();
    cr_assert_eq(speadi_verbs_probe(&wish, &report, &err), 0, "%s", err.text);
}

Test(verbs_device, a_completion_vector_past_the_last_is_refused_with_the_range)
{
    cr_assert_eq(open_near(), 0, "%s", err.text);
    cr_assert_eq(speadi_verbs_check_vector(&device, -1, &err), 0);
    cr_assert_eq(speadi_verbs_check_vector(&device, 0, &err), 0);
    cr_assert_eq(speadi_verbs_check_vector(&device, (int)device.report.comp_vectors, &err),
                 -EINVAL);
    cr_assert(strstr(err.text, "has 0 to "), "%s", err.text);
    cr_assert_eq(speadi_verbs_check_vector(&device, -2, &err), -EINVAL);
}

Test(verbs_device, events_of_port_and_device_come_in_order_and_without_waiting)
{
    struct speadi_verbs_event event;

    cr_assert_eq(open_near(), 0, "%s", err.text);
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 0, "nothing has happened yet");
    vdouble_script("port_down=1");
    vdouble_script("port_down=0");
    vdouble_script("device_fatal=1");
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 1);
    cr_assert_eq(event.kind, SPEADI_VERBS_PORT_DOWN);
    cr_assert_str_eq(event.text, "port error");
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 1);
    cr_assert_eq(event.kind, SPEADI_VERBS_PORT_UP);
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 1);
    cr_assert_eq(event.kind, SPEADI_VERBS_DEVICE_GONE);
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 0);
}

Test(verbs_device, a_removed_device_says_so_once_although_its_descriptor_fails_for_good)
{
    struct speadi_verbs_event event;

    cr_assert_eq(open_near(), 0, "%s", err.text);
    vdouble_script("get_async_event@%1=EIO");
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 1);
    cr_assert_eq(event.kind, SPEADI_VERBS_DEVICE_GONE);
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 0);
}

Test(verbs_device, a_fatal_error_names_its_queue_pair)
{
    struct speadi_verbs_event event;
    struct ibv_qp_init_attr attr = {.cap = {1, 1, 1, 1, 0}, .qp_type = IBV_QPT_RAW_PACKET};
    struct ibv_qp_attr init = {.qp_state = IBV_QPS_INIT, .port_num = 1};
    struct ibv_cq *cq;
    struct ibv_qp *qp;

    cr_assert_eq(open_near(), 0, "%s", err.text);
    cq = device.verbs->create_cq(device.context, 1, NULL, NULL, 0);
    attr.send_cq = attr.recv_cq = cq;
    qp = device.verbs->create_qp(device.pd, &attr);
    cr_assert_eq(device.verbs->modify_qp(qp, &init, IBV_QP_STATE | IBV_QP_PORT), 0);
    cr_assert_eq(vdouble_qp_fatal(qp->qp_num), 0);
    cr_assert_eq(speadi_verbs_next_event(&device, &event), 1);
    cr_assert_eq(event.kind, SPEADI_VERBS_QP_FATAL);
    cr_assert_eq(event.qp, qp);
    /* These calls would hang if an event were not acknowledged. */
    cr_assert_eq(device.verbs->destroy_qp(qp), 0);
    cr_assert_eq(device.verbs->destroy_cq(cq), 0);
}

/* ---- Summary of events --------------------------------------------------------------------- */

static char said[1024];

static void note(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg, (void)level;
    strncat(said, line, sizeof said - strlen(said) - 1);
}

static const struct spead_log log_said = {.fn = note};

Test(verbs_device, a_port_that_goes_up_and_down_is_said_once_in_a_while_with_what_was_left_out)
{
    const struct speadi_verbs_queues none = {0};

    cr_assert_eq(open_near(), 0, "%s", err.text);
    device.down_said.quiet_ns = UINT64_MAX;
    device.up_said.quiet_ns = UINT64_MAX;
    for (unsigned i = 0; i < 5; i++) {
        vdouble_script("port_down=1");
        vdouble_script("port_down=0");
    }
    cr_expect_eq(speadi_verbs_take_events(&device, &none, &log_said).link_downs, 5);
    cr_expect_str_empty(said);
    device.down_said.quiet_ns = 0;
    vdouble_script("port_down=1");
    cr_expect_eq(speadi_verbs_take_events(&device, &none, &log_said).link_downs, 1);
    cr_expect(strstr(said, "until it is up (5 more like this were left out)"), "%s", said);
}

Test(verbs_device, news_of_port_and_device_are_counted_and_said)
{
    const struct speadi_verbs_queues none = {0};
    struct speadi_verbs_news news;

    cr_assert_eq(open_near(), 0, "%s", err.text);
    vdouble_script("port_down=1");
    vdouble_script("port_down=0");
    vdouble_script("port_down=1");
    news = speadi_verbs_take_events(&device, &none, &log_said);
    cr_expect_eq(news.link_downs, 2);
    cr_expect_not(news.device_gone || news.queue_failed || news.cq_overrun);
    cr_expect(strstr(said, "frames are lost until it is up"), "%s", said);
    vdouble_script("device_fatal=1");
    news = speadi_verbs_take_events(&device, &none, &log_said);
    cr_expect(news.device_gone);
    cr_expect(strstr(said, "the stream ends"), "%s", said);
    news = speadi_verbs_take_events(&device, &none, NULL);
    cr_expect_not(news.device_gone, "it was told");
}

Test(verbs_device, a_queue_pair_that_fails_is_news_to_its_own_engine_alone)
{
    struct ibv_qp_init_attr attr = {.cap = {1, 1, 1, 1, 0}, .qp_type = IBV_QPT_RAW_PACKET};
    struct speadi_verbs_queues ours = {0};
    struct ibv_qp *qp[2];
    struct ibv_cq *cq;

    cr_assert_eq(open_near(), 0, "%s", err.text);
    cq = device.verbs->create_cq(device.context, 1, NULL, NULL, 0);
    attr.send_cq = attr.recv_cq = cq;
    for (int i = 0; i < 2; i++) {
        qp[i] = device.verbs->create_qp(device.pd, &attr);
        cr_assert_eq(speadi_verbs_pair_move(qp[i], &device, IBV_QPS_INIT), 0);
    }
    ours.qp = qp[0];
    ours.cq = &cq;
    ours.cq_count = 1;
    cr_assert_eq(vdouble_qp_fatal(qp[1]->qp_num), 0);
    cr_expect_not(speadi_verbs_take_events(&device, &ours, NULL).queue_failed);
    cr_assert_eq(vdouble_qp_fatal(qp[0]->qp_num), 0);
    cr_expect(speadi_verbs_take_events(&device, &ours, NULL).queue_failed);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(device.verbs->destroy_qp(qp[i]), 0);
    cr_assert_eq(device.verbs->destroy_cq(cq), 0);
}
