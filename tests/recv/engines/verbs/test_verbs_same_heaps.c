/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: over a device that posts receives ahead, a stream delivers the same heaps as over any other engine, and counts
 * each packet in the same bucket.
 * Method: as in test_same_heaps.c, with the verbs double: an ordinary queue with and without placement, and a
 * multi-packet queue; and two and four queues of each kind. Sockets on the far host send. This engine places payload only
 * if there is one endpoint. If there are several queues, the stream reads each packet before the next one is sent, because
 * nobody knows the order of packets of different queues.
 * SPEADLINE_SEEDS=N runs N sequences. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <speadline/verbs.h>

#include "netns.h"
#include "offloads.h"
#include "same_paths.h"
#include "verbs_double.h"

#define GROUP "239.1.2.3"

struct verbs_path {
    struct same_path path; /* must be the first member */
    enum spead_receive_path receive;
    enum spead_verbs_mprq mprq;
    uint32_t queues; /* 0 means one */
};

static struct test_netns_pair hosts;
static int socket_of[SAME_SENDERS];
static struct sockaddr_in group = {.sin_family = AF_INET};

static void open_sender(unsigned i)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(7000 + i))};

    inet_pton(AF_INET, TEST_FAR_V4, &from.sin_addr);
    socket_of[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(socket_of[i], 0);
    cr_assert_eq(bind(socket_of[i], (const struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(
        setsockopt(socket_of[i], IPPROTO_IP, IP_MULTICAST_IF, &from.sin_addr, sizeof from.sin_addr),
        0);
}

static void set_up(void)
{
    const char *missing;

    test_use_verbs_double();
    if (!test_netns_pair(&hosts, 9000, &missing))
        cr_skip_test("%s", missing);
    inet_pton(AF_INET, GROUP, &group.sin_addr);
    test_netns_move(hosts.far);
    cr_assert(test_offloads_off(TEST_FAR_INTERFACE));
    for (unsigned i = 0; i < SAME_SENDERS; i++)
        open_sender(i);
    test_netns_move(hosts.near);
}

static struct spead_recv_stream *open_verbs(struct same_path *path,
                                            const struct same_sequence *sequence,
                                            struct spead_err *err)
{
    struct verbs_path *verbs = (struct verbs_path *)path;
    struct spead_recv_verbs_config options = SPEAD_RECV_VERBS_CONFIG_INIT;
    struct spead_recv_stream_config config = sequence->config;
    static const char *const endpoints[SAME_ENDPOINTS] = {GROUP ":7148", GROUP ":7149",
                                                          GROUP ":7150"};

    /* A device drops a packet for which no receive is posted. */
    path->unread_max = verbs->receive == SPEAD_PATH_PLACED ? config.placed_window : 64;
    options.mprq = verbs->mprq;
    if (verbs->queues > 1) {
        options.queues = verbs->queues;
        path->unread_max = 1;
    }
    config.endpoints = endpoints;
    config.endpoint_count = sequence->endpoints;
    config.engine = "verbs";
    config.engine_options = &options.options;
    config.interface = TEST_NEAR_INTERFACE;
    config.receive_path = verbs->receive;
    config.socket_buffer_bytes = 1u << 20;
    return same_start(&config, err);
}

static bool send_far(struct same_path *path, const struct same_step *step, const void *packet)
{
    (void)path;
    group.sin_port = htons((uint16_t)(7148 + step->endpoint));
    return sendto(socket_of[step->sender], packet, step->bytes, 0, (const struct sockaddr *)&group,
                  sizeof group) == (ssize_t)step->bytes;
}

static struct verbs_path path_of(const char *name, enum spead_receive_path receive,
                                 enum spead_verbs_mprq mprq)
{
    return (struct verbs_path){.path = {.name = name, .open = open_verbs, .send = send_far},
                               .receive = receive,
                               .mprq = mprq};
}

static struct same_totals compare_some(struct verbs_path *verbs, enum same_endpoints endpoints,
                                       uint64_t seeds)
{
    struct same_totals totals;
    const char *failure = same_compare((struct same_path *[]){&verbs->path}, 1, endpoints,
                                       same_seeds(seeds), &totals);

    cr_assert_null(failure, "%s", failure);
    cr_assert_str_eq(totals.missing, "");
    return totals;
}

static struct same_totals compare(struct verbs_path *verbs, enum same_endpoints endpoints)
{
    return compare_some(verbs, endpoints, 25);
}

TestSuite(verbs_same_heaps, .init = set_up, .timeout = 280);

Test(verbs_same_heaps, placed)
{
    struct verbs_path verbs = path_of("verbs placed", SPEAD_PATH_PLACED, SPEAD_MPRQ_OFF);
    struct same_totals totals = compare(&verbs, SAME_ONE_ENDPOINT);

    cr_expect_gt(totals.placed, 0u);
    cr_expect_gt(totals.repaired, 0u);
    cr_expect_gt(totals.moved, 0u);
}

static void compare_bounced(enum same_endpoints endpoints, enum spead_verbs_mprq mprq)
{
    struct verbs_path verbs =
        path_of(mprq == SPEAD_MPRQ_ON ? "verbs mprq" : "verbs bounced", SPEAD_PATH_BOUNCE, mprq);

    cr_expect_eq(compare(&verbs, endpoints).placed, 0u);
}

Test(verbs_same_heaps, bounced)
{
    compare_bounced(SAME_ONE_ENDPOINT, SPEAD_MPRQ_OFF);
}

Test(verbs_same_heaps, through_a_multi_packet_queue)
{
    compare_bounced(SAME_ONE_ENDPOINT, SPEAD_MPRQ_ON);
}

Test(verbs_same_heaps, bounced_at_apart_endpoints)
{
    compare_bounced(SAME_APART, SPEAD_MPRQ_OFF);
}

Test(verbs_same_heaps, through_a_multi_packet_queue_at_apart_endpoints)
{
    compare_bounced(SAME_APART, SPEAD_MPRQ_ON);
}

Test(verbs_same_heaps, bounced_at_joint_endpoints)
{
    compare_bounced(SAME_JOINT, SPEAD_MPRQ_OFF);
}

Test(verbs_same_heaps, through_a_multi_packet_queue_at_joint_endpoints)
{
    compare_bounced(SAME_JOINT, SPEAD_MPRQ_ON);
}

/* ---- Several queues ----------------------------------------------------------------------------- */

static struct same_totals compare_queues(uint32_t queues, enum spead_receive_path receive,
                                         enum spead_verbs_mprq mprq)
{
    struct verbs_path verbs = path_of("verbs queues", receive, mprq);

    verbs.queues = queues;
    return compare_some(&verbs, SAME_ONE_ENDPOINT, 8);
}

static void compare_placed(uint32_t queues)
{
    struct same_totals totals = compare_queues(queues, SPEAD_PATH_PLACED, SPEAD_MPRQ_OFF);

    cr_expect_gt(totals.placed, 0u);
    cr_expect_gt(totals.repaired, 0u);
}

Test(verbs_same_heaps, placed_through_two_queues)
{
    compare_placed(2);
}

Test(verbs_same_heaps, placed_through_four_queues)
{
    compare_placed(4);
}

Test(verbs_same_heaps, bounced_through_two_queues)
{
    cr_expect_eq(compare_queues(2, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_OFF).placed, 0u);
}

Test(verbs_same_heaps, bounced_through_four_queues)
{
    cr_expect_eq(compare_queues(4, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_OFF).placed, 0u);
}

Test(verbs_same_heaps, through_two_multi_packet_queues)
{
    cr_expect_eq(compare_queues(2, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_ON).placed, 0u);
}

Test(verbs_same_heaps, through_four_multi_packet_queues)
{
    cr_expect_eq(compare_queues(4, SPEAD_PATH_BOUNCE, SPEAD_MPRQ_ON).placed, 0u);
}
