/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: after every failure of a device, reap() returns every packet that the engine took, once and in order. If the
 * engine can continue, it continues and counts the failure. Otherwise it ends with an error text. It leaves no object.
 * Method: the verbs double fails on request. Each call of the set-up fails once. Completions, queues, the port and the
 * device fail too. Kernel sockets on another host show which packets were really sent. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/send.h>

#include <speadi/clock.h>

#include "control.h"
#include "verbs_double.h"
#include "verbs_tx_rig.h"

static struct verbs_tx_rig rig;
static struct tx_packets *packets;
static char said[1024]; /* all lines of the log */

static void keep(void *arg, enum spead_log_level level, const char *line)
{
    size_t used = strlen(said);

    (void)arg, (void)level;
    snprintf(said + used, sizeof said - used, "%s\n", line);
}

static const struct spead_log log_to_said = {.fn = keep};

static void network(const char *far_address)
{
    const char *reason;

    test_use_verbs_double();
    if (!verbs_tx_network(&rig, (const char *const[]){far_address, NULL}, &reason))
        cr_skip_test("%s", reason);
    packets = tx_packets_make(4096);
}

static void to_group(void)
{
    network("239.1.2.3");
}

static void script(const char *text)
{
    cr_assert_eq(vdouble_script(text), 0, "%s: %s", text, vdouble_last_refusal());
}

static uint64_t objects(void)
{
    struct vdouble_counters counters;

    vdouble_counters(&counters);
    return counters.contexts + counters.pds + counters.mrs + counters.channels + counters.cqs +
           counters.qps;
}

static void open_engine(struct tx_harness_config config)
{
    config.log = &log_to_said;
    verbs_tx_open(&rig, config);
}

static void finish(void)
{
    verbs_tx_close(&rig);
    tx_packets_free(packets);
    cr_assert_eq(objects(), 0, "something of the device is left");
}

static struct speadi_tx_counters engine_counters(void)
{
    struct speadi_tx_counters counters = {0};

    rig.h.ops->counters(rig.h.state, &counters);
    return counters;
}

static void add(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        tx_packets_add(packets, 500, 0);
}

/* ---- Setting up ------------------------------------------------------------------------------- */

/* Opens the engine many times. In the first opening the 1st call of the verb fails, in the second opening the 2nd call,
 * and so on. The loop ends when an opening makes too few calls of the verb. After every failure there must be an error
 * text, and no object must be left. The engine can open although some queries fail. If is_vital is true, at least one
 * failure must make the opening fail. */
static void fail_each(const char *verb, bool is_vital)
{
    static uint8_t bytes[4096];
    const struct spead_send_memory memory = {.data = bytes, .bytes = sizeof bytes};
    uint64_t calls;
    unsigned n = 0, failures = 0;

    do {
        struct spead_err err = {0};
        char text[64];
        int ret;

        vdouble_reset();
        snprintf(text, sizeof text, "%s@%u=EAGAIN", verb, ++n);
        script(text);
        ret = verbs_tx_try(&rig,
                           (struct tx_harness_config){.memory = &memory,
                                                      .memory_count = 1,
                                                      .hardware_rate = true,
                                                      .rate_bytes_per_s = 1e8},
                           &err);
        calls = vdouble_calls(verb);
        failures += ret < 0;
        cr_assert(ret == 0 || *err.text, "%s fails in silence", text);
        cr_assert_eq(objects(), 0, "%s leaves something", text);
    } while (calls >= n && n < 100);
    cr_assert(!is_vital || failures > 0, "%s never failed", verb);
}

Test(tx_verbs_faults, a_set_up_that_fails_anywhere_leaves_nothing, .timeout = 120)
{
    static const char *const vital[] = {
        "get_device_list", "open_device", "alloc_pd",  "create_comp_channel",
        "create_cq",       "create_qp",   "modify_qp", "modify_qp_rate_limit",
        "reg_mr"};
    static const char *const answers[] = {"query_device", "query_device_ex", "query_port",
                                          "query_gid"};

    to_group();
    for (unsigned i = 0; i < sizeof vital / sizeof *vital; i++)
        fail_each(vital[i], true);
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++)
        fail_each(answers[i], false);
    finish();
}

/* ---- Frames and queues ---------------------------------------------------------------------------- */

/* What happened when all packets were sent: how many packets ended with an error, and how many arrived. */
struct outcome {
    unsigned errors, arrived;
};

static struct outcome send_all(void)
{
    struct outcome outcome = {0};
    uint8_t got[9000];

    tx_harness_send(&rig.h, packets);
    cr_assert_eq(rig.h.reaped, packets->count);
    for (unsigned i = 0; i < rig.h.reaped; i++)
        outcome.errors += rig.h.error[i] != 0;
    while (tx_harness_receive(&rig.h, 0, got, sizeof got) > 0)
        outcome.arrived++;
    return outcome;
}

static void recover_from(const char *fault, unsigned arrive_at_least)
{
    struct outcome outcome;

    to_group();
    open_engine((struct tx_harness_config){.buffer_bytes = 64 << 10});
    add(1000);
    script(fault);
    outcome = send_all();
    cr_assert_geq(outcome.errors, 1, "%s", fault);
    cr_assert_geq(outcome.arrived, arrive_at_least, "%s: %u arrived", fault, outcome.arrived);
    cr_assert_eq(engine_counters().rebuilds, 1, "%s", fault);
    cr_assert(strstr(said, "rebuilt"), "%s", said);
    finish();
}

/* The largest number of frames in the queue, which holds at most 64 KiB of frames. If one frame fails, only the frames
 * in the queue are flushed. */
enum { IN_QUEUE = 64 * 1024 / 500 };

Test(tx_verbs_faults, a_frame_that_fails_takes_only_the_queue_with_it)
{
    recover_from("tx.status@100=LOC_QP_OP_ERR", 1000 - IN_QUEUE);
}

Test(tx_verbs_faults, a_completion_queue_that_overruns_is_made_anew)
{
    recover_from("cq.overrun@5", 1000 - IN_QUEUE);
}

Test(tx_verbs_faults, a_completion_queue_that_cannot_be_read_is_made_anew)
{
    recover_from("poll_cq@7", 1000 - IN_QUEUE);
}

Test(tx_verbs_faults, a_frame_is_told_what_was_wrong_with_it_and_the_rest_that_they_were_swept_out)
{
    unsigned failed = 0;

    to_group();
    open_engine((struct tx_harness_config){0});
    add(40);
    script("tx.status@6=LOC_PROT_ERR");
    tx_harness_send(&rig.h, packets);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(rig.h.error[i], 0, "packet %u", i);
    cr_assert_eq(rig.h.error[5], -EFAULT);
    for (unsigned i = 6; i < 40; i++)
        failed += rig.h.error[i] == -EIO;
    cr_assert_gt(failed, 0);
    for (unsigned i = 6; i < 39; i++)
        cr_assert(rig.h.error[i] == -EIO || rig.h.error[i + 1] == 0,
                  "what follows the rebuild goes well");
    finish();
}

Test(tx_verbs_faults, a_queue_pair_that_dies_idle_is_made_anew)
{
    to_group();
    open_engine((struct tx_harness_config){0});
    add(10);
    tx_harness_send(&rig.h, packets);
    for (uint32_t number = 0; number < 4096; number++)
        vdouble_qp_fatal(number);
    rig.h.ops->wait(rig.h.state, speadi_clock_mono_ns() + 5000000000u, false);
    cr_assert_eq(rig.h.ops->send(rig.h.state, packets->packet, 10), 10);
    cr_assert_eq(engine_counters().rebuilds, 1);
    rig.h.ops->quiesce(rig.h.state);
    cr_assert_eq(tx_harness_reap(&rig.h), 20);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(rig.h.error[i], 0);
    finish();
}

Test(tx_verbs_faults, no_room_is_waited_for)
{
    struct outcome outcome;

    to_group();
    open_engine((struct tx_harness_config){.buffer_bytes = 64 << 10});
    add(1000);
    script("post_send@%7=ENOMEM delay_us=100");
    outcome = send_all();
    cr_assert_eq(outcome.errors, 0);
    cr_assert_eq(outcome.arrived, 1000);
    cr_assert_eq(engine_counters().rebuilds, 0);
    finish();
}

/* ---- Ends ----------------------------------------------------------------------------------------- */

/* Sends packets until send() returns an error, and returns this error. */
static int send_until_broken(void)
{
    const uint64_t deadline_ns = speadi_clock_mono_ns() + 10000000000u;
    unsigned taken = 0;
    int ret;

    do {
        ret = rig.h.ops->send(rig.h.state, packets->packet + taken, packets->count - taken);
        taken += ret > 0 ? (unsigned)ret : 0;
        if (taken == packets->count)
            taken = 0;
        tx_harness_reap(&rig.h);
        if (ret == 0)
            rig.h.ops->wait(rig.h.state, speadi_clock_mono_ns() + 100000000u, true);
        cr_assert_lt(speadi_clock_mono_ns(), deadline_ns, "it never ends");
    } while (ret >= 0);
    return ret;
}

static void end_by(const char *fault, int error, const char *word)
{
    struct speadi_tx_counters counters;

    to_group();
    open_engine((struct tx_harness_config){0});
    add(100);
    script(fault);
    cr_assert_eq(send_until_broken(), error, "%s", fault);
    cr_assert(strstr(said, word), "\"%s\" does not say \"%s\"", said, word);
    rig.h.ops->quiesce(rig.h.state);
    counters = engine_counters();
    cr_assert_eq(tx_harness_reap(&rig.h), counters.messages, "%s: taken is not reaped", fault);
    cr_assert_eq(rig.h.ops->send(rig.h.state, packets->packet, 1), error, "it stays broken");
    vdouble_reset();
    finish();
}

Test(tx_verbs_faults, a_device_that_goes_away_ends_the_stream)
{
    end_by("device_fatal=1", -ENODEV, "the stream ends");
}

Test(tx_verbs_faults, a_post_that_is_refused_for_good_ends_the_stream)
{
    end_by("post_send@4=EINVAL", -EINVAL, "post_send");
}

Test(tx_verbs_faults, a_full_queue_with_nothing_in_it_ends_the_stream)
{
    end_by("post_send@%1=ENOMEM", -ENOMEM, "post_send");
}

Test(tx_verbs_faults, a_queue_that_cannot_be_made_anew_ends_the_stream)
{
    end_by("tx.status@10=GENERAL_ERR create_qp@1=ENOSPC", -ENOSPC, "rebuilt");
}

Test(tx_verbs_faults, a_port_that_goes_down_is_counted_and_sent_to)
{
    to_group();
    open_engine((struct tx_harness_config){0});
    script("port_down=1");
    rig.h.ops->wait(rig.h.state, speadi_clock_mono_ns() + 5000000000u, false);
    cr_assert_eq(engine_counters().link_downs, 1);
    cr_assert(strstr(said, "until it is up"), "%s", said);
    add(10);
    tx_harness_send(&rig.h, packets);
    cr_assert_eq(tx_harness_receive(&rig.h, 0, (uint8_t[100]){0}, 100), -1);
    script("port_down=0");
    tx_harness_send(&rig.h, packets);
    tx_harness_expect(&rig.h, packets);
    finish();
}

/* The double delays the completions of these packets by a minute. quiesce() must complete the packets earlier. */
Test(tx_verbs_faults, what_does_not_complete_is_swept_out_at_the_end)
{
    to_group();
    open_engine((struct tx_harness_config){0});
    script("delay_us=60000000");
    add(10);
    cr_assert_eq(rig.h.ops->send(rig.h.state, packets->packet, 10), 10);
    cr_assert_eq(tx_harness_reap(&rig.h), 0);
    rig.h.ops->quiesce(rig.h.state);
    cr_assert_eq(tx_harness_reap(&rig.h), 10);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(rig.h.error[i], -ECANCELED);
    finish();
}

/* ---- Next hops ---------------------------------------------------------------------------------- */

static void command(const char *line)
{
    cr_assert_eq(system(line), 0, "%s", line);
}

/* Waits until the engine has noticed a change of the neighbour table. During its wait() the engine also watches this
 * table. */
static void let_notice(void)
{
    rig.h.ops->wait(rig.h.state, speadi_clock_mono_ns() + 200000000u, false);
}

Test(tx_verbs_faults, frames_follow_a_next_hop_to_its_new_mac)
{
    network(TEST_FAR_V4);
    open_engine((struct tx_harness_config){0});
    add(5);
    command("ip neighbour replace " TEST_FAR_V4 " lladdr 02:00:00:00:00:99 nud permanent "
            "dev " TEST_NEAR_INTERFACE);
    let_notice();
    tx_harness_send(&rig.h, packets);
    cr_assert_eq(tx_harness_receive(&rig.h, 0, (uint8_t[100]){0}, 100), -1,
                 "nobody has that address");
    test_netns_move(rig.network.far);
    command("ip link set " TEST_FAR_INTERFACE " address 02:00:00:00:00:99");
    test_netns_move(rig.network.near);
    tx_harness_send(&rig.h, packets);
    tx_harness_expect(&rig.h, packets);
    finish();
}

Test(tx_verbs_faults, a_next_hop_that_is_lost_is_counted_and_keeps_its_mac)
{
    network(TEST_FAR_V4);
    open_engine((struct tx_harness_config){0});
    test_netns_move(rig.network.far);
    command("ip link set " TEST_FAR_INTERFACE " arp off");
    test_netns_move(rig.network.near);
    command("cd /proc/sys/net/ipv4/neigh/" TEST_NEAR_INTERFACE
            " && echo 10 > retrans_time_ms && ip neighbour change " TEST_FAR_V4
            " nud probe dev " TEST_NEAR_INTERFACE);
    for (unsigned i = 0; i < 50 && engine_counters().neighbours_lost == 0; i++)
        let_notice();
    cr_assert_eq(engine_counters().neighbours_lost, 1);
    cr_assert(strstr(said, TEST_FAR_V4), "%s", said);
    add(5);
    tx_harness_send(&rig.h, packets);
    tx_harness_expect(&rig.h, packets);
    finish();
}
