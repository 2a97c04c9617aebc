/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what is delivered, and in which bucket each packet is counted, never depends on the engine or the receive path.
 * Method: random sequences of packets (same_heaps.h) with a clock that the test steps. A scripted engine reads each
 * sequence without placement. Then every other engine and path reads it, and each outcome must be the same, heap by
 * heap and count by count; of apart endpoints for each of them, and in the sums. SPEADLINE_SEEDS=N runs N sequences. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadi/streaming_copy.h>

#include "netns.h"
#include "same_paths.h"

#define PORT 7148 /* of the first endpoint */

/* ---- Memory links -------------------------------------------------------------------------- */

struct mem_path {
    struct same_path path; /* must be the first member */
    enum spead_receive_path receive;
    enum spead_copy copy;
    struct spead_mem_link *link[SAME_ENDPOINTS];
};

static struct spead_recv_stream *open_mem(struct same_path *path,
                                          const struct same_sequence *sequence,
                                          struct spead_err *err)
{
    struct mem_path *mem = (struct mem_path *)path;
    struct spead_recv_stream_config config = sequence->config;
    struct spead_recv_stream *stream = NULL;

    for (unsigned i = 0; i < SAME_ENDPOINTS; i++)
        if (spead_mem_link_create(&mem->link[i], 1024, 4096, err) < 0)
            return NULL;
    config.links = mem->link;
    config.link_count = sequence->endpoints;
    config.receive_path = mem->receive;
    config.copy = mem->copy;
    if (spead_recv_stream_create(&stream, &config, err) < 0 ||
        spead_recv_stream_start(stream, err) < 0)
        return NULL;
    return stream;
}

static bool send_mem(struct same_path *path, const struct same_step *step, const void *packet)
{
    struct mem_path *mem = (struct mem_path *)path;

    return spead_mem_link_push(mem->link[step->endpoint], packet, step->bytes) == 0;
}

static void close_mem(struct same_path *path)
{
    for (unsigned i = 0; i < SAME_ENDPOINTS; i++)
        spead_mem_link_unref(((struct mem_path *)path)->link[i]);
}

/* ---- Kernel sockets ------------------------------------------------------------------------ */

struct kernel_path {
    struct same_path path; /* must be the first member */
    enum spead_receive_path receive;
    const char *engine;
};

static int socket_of[SAME_SENDERS];

static void open_sockets(void)
{
    const char *missing;

    if (!test_netns_enter(&missing))
        cr_skip_test("%s", missing);
    for (unsigned i = 0; i < SAME_SENDERS; i++) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(7000 + i))};

        inet_pton(AF_INET, "127.0.0.1", &from.sin_addr);
        socket_of[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        cr_assert_geq(socket_of[i], 0);
        cr_assert_eq(bind(socket_of[i], (const struct sockaddr *)&from, sizeof from), 0);
    }
}

static struct spead_recv_stream *open_kernel(struct same_path *path,
                                             const struct same_sequence *sequence,
                                             struct spead_err *err)
{
    const struct kernel_path *kernel = (const struct kernel_path *)path;
    struct spead_recv_stream_config config = sequence->config;
    static const char *const endpoints[SAME_ENDPOINTS] = {"127.0.0.1:7148", "127.0.0.1:7149",
                                                          "127.0.0.1:7150"};

    config.endpoints = endpoints;
    config.endpoint_count = sequence->endpoints;
    config.engine = kernel->engine;
    config.receive_path = kernel->receive;
    return same_start(&config, err);
}

static bool send_kernel(struct same_path *path, const struct same_step *step, const void *packet)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)(PORT + step->endpoint))};

    (void)path;
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    return sendto(socket_of[step->sender], packet, step->bytes, 0, (const struct sockaddr *)&to,
                  sizeof to) == (ssize_t)step->bytes;
}

/* ---- The comparison ------------------------------------------------------------------------ */

#define MEM(name_, receive_)          \
    (struct mem_path)                 \
    {                                 \
        .path = {.name = name_,       \
                 .open = open_mem,    \
                 .send = send_mem,    \
                 .close = close_mem,  \
                 .one_sender = true}, \
        .receive = receive_           \
    }
#define KERNEL(name_, engine_, receive_)                                                        \
    (struct kernel_path)                                                                        \
    {                                                                                           \
        .path = {.name = name_, .open = open_kernel, .send = send_kernel}, .receive = receive_, \
        .engine = engine_                                                                       \
    }

static struct same_totals totals;

static void compare(struct same_path *const *paths, unsigned count, enum same_endpoints endpoints,
                    uint64_t seeds)
{
    const char *failure = same_compare(paths, count, endpoints, same_seeds(seeds), &totals);

    cr_assert_null(failure, "%s", failure);
    if (totals.missing[0] != '\0')
        cr_skip_test("%s", totals.missing);
    cr_log_info("%llu runs, %llu packets placed, %llu repaired, %llu heaps moved",
                (unsigned long long)totals.runs, (unsigned long long)totals.placed,
                (unsigned long long)totals.repaired, (unsigned long long)totals.moved);
    cr_expect_gt(totals.placed, 0u);
    cr_expect_gt(totals.repaired, 0u);
}

TestSuite(same_heaps, .timeout = 280);

/* ---- Over one endpoint, apart endpoints and joint endpoints ----------------------------------- */

static void compare_scripts(enum same_endpoints endpoints, uint64_t seeds)
{
    static struct same_script ahead, at_once;

    same_script_init(&ahead, "script ahead", SPEAD_PATH_PLACED, true, false);
    same_script_init(&at_once, "script at once", SPEAD_PATH_PLACED, false, false);
    compare((struct same_path *[]){&ahead.path, &at_once.path}, 2, endpoints, seeds);
    cr_expect_gt(totals.moved, 0u);
}

static void compare_device(enum same_endpoints endpoints, uint64_t seeds)
{
    static struct same_script placed, bounced;

    same_script_init(&placed, "device placed", SPEAD_PATH_PLACED, true, true);
    same_script_init(&bounced, "device bounced", SPEAD_PATH_BOUNCE, false, true);
    compare((struct same_path *[]){&placed.path, &bounced.path}, 2, endpoints, seeds);
    cr_expect_gt(totals.moved, 0u);
}

static void compare_links(enum same_endpoints endpoints, uint64_t seeds)
{
    static struct mem_path placed, bounced, streaming;

    placed = MEM("mem placed", SPEAD_PATH_PLACED);
    bounced = MEM("mem bounced", SPEAD_PATH_BOUNCE);
    streaming = MEM("mem streaming", SPEAD_PATH_BOUNCE);
    streaming.copy = speadi_copy_variant_of_cpu() ? SPEAD_COPY_STREAMING : SPEAD_COPY_CACHED;
    compare((struct same_path *[]){&placed.path, &bounced.path, &streaming.path}, 3, endpoints,
            seeds);
    cr_expect_gt(totals.moved, 0u);
}

static void compare_sockets(enum same_endpoints endpoints, uint64_t seeds)
{
    static struct kernel_path placed, bounced;

    open_sockets();
    placed = KERNEL("socket placed", "socket", SPEAD_PATH_PLACED);
    bounced = KERNEL("socket bounced", "socket", SPEAD_PATH_BOUNCE);
    compare((struct same_path *[]){&placed.path, &bounced.path}, 2, endpoints, seeds);
}

static void compare_uring(enum same_endpoints endpoints, uint64_t seeds)
{
    static struct kernel_path placed, bounced;

    if (!speadi_rx_engine_find("uring"))
        cr_skip_test("engine uring is not built");
    open_sockets();
    placed = KERNEL("uring placed", "uring", SPEAD_PATH_PLACED);
    bounced = KERNEL("uring bounced", "uring", SPEAD_PATH_BOUNCE);
    compare((struct same_path *[]){&placed.path, &bounced.path}, 2, endpoints, seeds);
}

/* Each sender comes through a queue of its own, or two of them through one. */
static void compare_queues(unsigned queues, uint64_t seeds)
{
    static struct same_script script, device;

    same_script_init(&script, "script queues", SPEAD_PATH_PLACED, true, false);
    same_script_init(&device, "device queues", SPEAD_PATH_PLACED, true, true);
    script.queues = device.queues = queues;
    compare((struct same_path *[]){&script.path, &device.path}, 2, SAME_ONE_ENDPOINT, seeds);
    cr_expect_gt(totals.moved, 0u);
}

Test(same_heaps, over_an_engine_with_two_queues)
{
    compare_queues(2, 200);
}

Test(same_heaps, over_an_engine_with_four_queues)
{
    compare_queues(4, 200);
}

Test(same_heaps, over_engines_that_post_ahead_and_engines_that_do_not)
{
    compare_scripts(SAME_ONE_ENDPOINT, 300);
}

Test(same_heaps, in_memory_that_the_cpu_cannot_touch)
{
    compare_device(SAME_ONE_ENDPOINT, 200);
}

Test(same_heaps, over_memory_links_placed_and_bounced)
{
    compare_links(SAME_ONE_ENDPOINT, 300);
}

Test(same_heaps, over_sockets_placed_and_bounced)
{
    compare_sockets(SAME_ONE_ENDPOINT, 100);
}

Test(same_heaps, over_io_uring_placed_and_bounced)
{
    compare_uring(SAME_ONE_ENDPOINT, 60);
}

Test(same_heaps, over_engines_that_post_ahead_at_apart_endpoints)
{
    compare_scripts(SAME_APART, 60);
}

Test(same_heaps, in_device_memory_at_apart_endpoints)
{
    compare_device(SAME_APART, 50);
}

Test(same_heaps, over_memory_links_at_apart_endpoints)
{
    compare_links(SAME_APART, 60);
}

Test(same_heaps, over_sockets_at_apart_endpoints)
{
    compare_sockets(SAME_APART, 40);
}

Test(same_heaps, over_io_uring_at_apart_endpoints)
{
    compare_uring(SAME_APART, 25);
}

Test(same_heaps, over_engines_that_post_ahead_at_joint_endpoints)
{
    compare_scripts(SAME_JOINT, 60);
}

Test(same_heaps, in_device_memory_at_joint_endpoints)
{
    compare_device(SAME_JOINT, 50);
}

Test(same_heaps, over_memory_links_at_joint_endpoints)
{
    compare_links(SAME_JOINT, 60);
}

Test(same_heaps, over_sockets_at_joint_endpoints)
{
    compare_sockets(SAME_JOINT, 40);
}

Test(same_heaps, over_io_uring_at_joint_endpoints)
{
    compare_uring(SAME_JOINT, 25);
}
