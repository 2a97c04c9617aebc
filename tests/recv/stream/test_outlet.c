/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the outlet hands over heaps to the consumer as outlet.h says. Here one thread uses both ends; tests/stress
 * tests the outlet with several threads.
 * Method: the heaps have no memory, and the test knows them by their heap counters. Each heap has one reference more
 * than the outlet releases, so that no heap is freed. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/heap_view.h>

#include "outlet.h"
#include "recv_config.h"

enum { HEAPS = 8 };

static struct spead_recv_stream_config config;
static struct speadi_outlet outlet;
static struct spead_heap heap[HEAPS], *taken[HEAPS];
static uint64_t shed[HEAPS];
static unsigned shed_count;
static struct speadi_block region; /* of size class 0 */

static void on_shed(void *arg, const struct spead_message *message, enum spead_shed_cause cause)
{
    (void)arg;
    if (cause != SPEAD_SHED_CANCELLED)
        shed[shed_count++] = message->key;
}

static int init(void)
{
    struct spead_channel_config channel = speadi_outlet_channel_config(&config, on_shed, NULL);

    return speadi_outlet_init(&outlet, &config, &channel, HEAPS, NULL);
}

static void open_with(enum spead_on_full on_full)
{
    config.on_full = on_full;
    cr_assert_eq(init(), 0);
}

static void number_heaps(void)
{
    config = (struct spead_recv_stream_config)SPEAD_RECV_STREAM_CONFIG_INIT;
    config.hand_over_heaps = 4;
    shed_count = 0;
    for (unsigned i = 0; i < HEAPS; i++) {
        heap[i].counter = i + 1;
        heap[i].length = 100 + i;
        heap[i].first_ns = 1000 + i;
        heap[i].complete = true;
        atomic_store(&heap[i].references, 100);
    }
}

static void release(void)
{
    speadi_outlet_release(&outlet);
}

TestSuite(outlet, .init = number_heaps, .fini = release);

/* Adds and sends heaps as a stream does. Heaps that do not fit into the channel stay pending in the outlet. Returns how
 * many heaps the channel took. */
static uint32_t push(unsigned first, unsigned count)
{
    int sent;

    for (unsigned i = first; i < first + count; i++)
        speadi_outlet_add(&outlet, &heap[i]);
    sent = speadi_outlet_send(&outlet, 0, outlet.pending_count);
    if (sent < 0)
        return 0;
    speadi_outlet_remove(&outlet, (uint32_t)sent);
    return (uint32_t)sent;
}

static int try_take(uint32_t max)
{
    return speadi_outlet_take(&outlet, taken, max, false, 0);
}

Test(outlet, heaps_come_out_in_order)
{
    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    cr_expect_eq(push(0, 3), 3u);
    cr_expect_eq(try_take(2), 2);
    cr_expect_eq(taken[0], &heap[0]);
    cr_expect_eq(taken[1], &heap[1]);
    cr_expect_eq(push(3, 3), 3u);
    cr_expect_eq(try_take(8), 4);
    for (unsigned i = 0; i < 4; i++)
        cr_expect_eq(taken[i], &heap[2 + i]);
    cr_expect_eq(try_take(1), -EAGAIN);
    cr_expect_eq(shed_count, 0u);
    cr_expect_eq(speadi_outlet_high_water(&outlet), 4u);
}

Test(outlet, a_message_says_what_its_heap_is)
{
    struct spead_receiver *receiver;
    struct spead_message message[2];

    config.message_stream = 7;
    heap[1].complete = false;
    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    cr_assert_eq(spead_receiver_open(&receiver, outlet.channel, "test", SPEAD_TYPE_HEAP, NULL), 0);
    push(0, 2);
    cr_assert_eq(spead_receiver_try_receive(receiver, message, 2), 2);
    cr_expect_eq(message[0].reference, (uintptr_t)&heap[0]);
    cr_expect_eq(message[0].offset, 0u);
    cr_expect_eq(message[0].length, 100u);
    cr_expect_eq(message[0].sequence, 0u);
    cr_expect_eq(message[0].time_ns, 1000u);
    cr_expect_eq(message[0].key, 1u);
    cr_expect_eq(message[0].stream, 7u);
    cr_expect_eq(message[0].type, SPEAD_TYPE_HEAP);
    cr_expect_eq(message[0].flags, 0u);
    cr_expect_eq(message[1].sequence, 1u);
    cr_expect_eq(message[1].flags, SPEAD_MESSAGE_INCOMPLETE);
    cr_expect_eq(try_take(1), -EBUSY, "somebody else receives");
    spead_receiver_close(receiver);
}

Test(outlet, full_sheds_the_newest)
{
    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    cr_expect_eq(push(0, 6), 6u);
    cr_assert_eq(shed_count, 2u);
    cr_expect_eq(shed[0], 5u);
    cr_expect_eq(shed[1], 6u);
    cr_expect_eq(try_take(8), 4);
    cr_expect_eq(taken[0], &heap[0]);
}

Test(outlet, full_sheds_the_oldest_when_told)
{
    open_with(SPEAD_ON_FULL_DROP_OLDEST);
    cr_expect_eq(push(0, 6), 6u);
    cr_assert_eq(shed_count, 2u);
    cr_expect_eq(shed[0], 1u);
    cr_expect_eq(shed[1], 2u);
    cr_expect_eq(try_take(8), 4);
    cr_expect_eq(taken[0], &heap[2]);
    cr_expect_eq(taken[3], &heap[5]);
}

Test(outlet, full_keeps_the_rest_pending_in_block_mode)
{
    open_with(SPEAD_ON_FULL_BLOCK);
    cr_expect_eq(push(0, 6), 4u);
    cr_expect_eq(outlet.pending_count, 2u);
    cr_expect_eq(shed_count, 0u);
    cr_expect_eq(try_take(8), 4);
    cr_expect_eq(push(6, 0), 2u);
    cr_expect_eq(try_take(8), 2);
    cr_expect_eq(taken[0], &heap[4]);
}

static bool readable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, 0) == 1;
}

static void taking_ends_a_wait_for_room(void)
{
    cr_expect_eq(speadi_outlet_room(&outlet), 4u);
    push(0, 4);
    cr_expect_eq(speadi_outlet_room(&outlet), 0u);
    /* The outlet announces its waker. Nobody takes a heap, so the wait ends at its deadline. */
    speadi_outlet_wait_room(&outlet, speadi_clock_mono_ns());
    cr_expect_eq(speadi_outlet_room(&outlet), 0u);
    cr_expect_not(readable(spead_sender_fd(outlet.sender)));
    try_take(1);
    cr_expect(readable(spead_sender_fd(outlet.sender)));
    /* A heap was taken, so the wait returns although it has no deadline. */
    speadi_outlet_wait_room(&outlet, UINT64_MAX);
    cr_expect_eq(speadi_outlet_room(&outlet), 1u);
    try_take(8);
}

Test(outlet, taking_ends_a_wait_for_room_in_block_mode)
{
    open_with(SPEAD_ON_FULL_BLOCK);
    taking_ends_a_wait_for_room();
}

/* When a stream stops, it waits until the channel has room for its last heaps. It also waits if the policy of the
 * channel is to shed. */
Test(outlet, taking_ends_a_wait_for_room_where_heaps_are_shed)
{
    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    taking_ends_a_wait_for_room();
    release();
    number_heaps();
    open_with(SPEAD_ON_FULL_DROP_OLDEST);
    taking_ends_a_wait_for_room();
}

/* Heaps of this stream wait although the channel has free places, because the bound of bytes is reached. */
static void open_with_bytes(void)
{
    static const uint32_t ring[] = {4};

    config.hand_over_heaps = 0;
    open_with(SPEAD_ON_FULL_BLOCK);
    cr_assert_eq(speadi_outlet_set_bound(&outlet, ring, 1, NULL), 0);
    for (unsigned i = 0; i < HEAPS; i++)
        heap[i].region = &region;
    for (unsigned i = 0; i < 4; i++)
        speadi_outlet_add(&outlet, &heap[i]);
    cr_assert_eq(speadi_outlet_fitting(&outlet), 4u);
    cr_assert_eq(speadi_outlet_send(&outlet, 0, 4), 4);
    speadi_outlet_remove(&outlet, 4);
    speadi_outlet_add(&outlet, &heap[4]);
    cr_assert_eq(speadi_outlet_fitting(&outlet), 0u);
    cr_assert_gt(speadi_outlet_room(&outlet), 4u);
}

static void *wait_for_room(void *has_taken)
{
    speadi_outlet_wait_room(&outlet, UINT64_MAX);
    return atomic_load((atomic_bool *)has_taken) ? has_taken : NULL;
}

Test(outlet, where_bytes_make_heaps_wait_taking_ends_the_wait_and_nothing_else)
{
    atomic_bool has_taken = false;
    pthread_t thread;
    void *result;

    open_with_bytes();
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_room, &has_taken), 0);
    usleep(20000); /* a wait that ends without a reason has ended by then */
    atomic_store(&has_taken, true);
    cr_expect_eq(try_take(1), 1);
    cr_assert_eq(pthread_join(thread, &result), 0);
    cr_expect_not_null(result, "the wait ended before a heap was taken");
    cr_expect_eq(speadi_outlet_fitting(&outlet), 1u);
    speadi_outlet_remove(&outlet, 1);
}

Test(outlet, where_bytes_make_heaps_wait_a_stop_ends_the_wait)
{
    open_with_bytes();
    speadi_wake_fd_signal(&outlet.stop_wake);
    speadi_outlet_wait_room(&outlet, UINT64_MAX);
    speadi_outlet_remove(&outlet, 1);
}

Test(outlet, where_bytes_make_heaps_wait_the_wait_ends_at_its_deadline)
{
    open_with_bytes();
    speadi_outlet_wait_room(&outlet, speadi_clock_mono_ns());
    cr_expect_eq(speadi_outlet_fitting(&outlet), 0u);
    speadi_outlet_remove(&outlet, 1);
}

Test(outlet, where_bytes_make_heaps_wait_the_end_of_the_consumer_ends_the_wait)
{
    open_with_bytes();
    try_take(1);
    spead_receiver_close(outlet.receiver);
    outlet.receiver = NULL;
    speadi_outlet_wait_room(&outlet, UINT64_MAX);
    cr_expect_eq(speadi_outlet_room(&outlet), UINT32_MAX);
    speadi_outlet_remove(&outlet, 1);
}

Test(outlet, the_bell_ends_a_wait_for_room)
{
    open_with(SPEAD_ON_FULL_BLOCK);
    push(0, 4);
    speadi_outlet_wait_room(&outlet, speadi_clock_mono_ns());
    speadi_wake_fd_signal(&outlet.stop_wake);
    /* The stop was signalled, so the wait returns although it has no deadline. */
    speadi_outlet_wait_room(&outlet, UINT64_MAX);
    cr_expect_eq(speadi_outlet_room(&outlet), 0u);
    try_take(8);
}

Test(outlet, the_end_comes_after_everything_sent)
{
    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    push(0, 1);
    speadi_outlet_close(&outlet, 0);
    cr_expect_eq(speadi_outlet_take(&outlet, taken, 1, true, 0), 1);
    cr_expect_eq(speadi_outlet_take(&outlet, taken, 1, true, 0), -ESHUTDOWN);
    cr_expect_eq(try_take(1), -ESHUTDOWN);
}

/* The outlet's own take() returns -ESHUTDOWN whatever the error of the stream was. But a receiving end that the caller
 * has opened gets the error of the stream. */
Test(outlet, an_error_ends_the_channel)
{
    struct spead_receiver *receiver;
    struct spead_message message;

    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    cr_assert_eq(spead_receiver_open(&receiver, outlet.channel, "test", SPEAD_TYPE_HEAP, NULL), 0);
    speadi_outlet_close(&outlet, -ENETDOWN);
    cr_expect_eq(spead_receiver_try_receive(receiver, &message, 1), -ENETDOWN);
    spead_receiver_close(receiver);
    release();
    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    speadi_outlet_close(&outlet, -ETIMEDOUT);
    cr_expect_eq(speadi_outlet_take(&outlet, taken, 1, true, 0), -ESHUTDOWN);
}

Test(outlet, nobody_receives_any_more)
{
    struct spead_receiver *receiver;

    open_with(SPEAD_ON_FULL_BLOCK);
    cr_assert_eq(spead_receiver_open(&receiver, outlet.channel, "test", SPEAD_TYPE_HEAP, NULL), 0);
    push(0, 4);
    spead_receiver_close(receiver);
    cr_expect_gt(speadi_outlet_room(&outlet), 4u, "so that a send is tried");
    cr_expect_eq(push(4, 1), 0u);
    cr_expect_eq(speadi_outlet_send(&outlet, 0, 1), -EPIPE);
    cr_expect_eq(try_take(1), -ESHUTDOWN);
}

Test(outlet, waiting_ends_at_the_deadline)
{
    uint64_t soon = speadi_clock_mono_ns() + 1000000;

    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    cr_expect_eq(speadi_outlet_take(&outlet, taken, 1, true, soon), -ETIMEDOUT);
    cr_expect_eq(speadi_outlet_take(&outlet, taken, 1, true, 1), -ETIMEDOUT, "long past");
}

Test(outlet, the_descriptor_is_readable_while_something_waits)
{
    int fd;

    open_with(SPEAD_ON_FULL_DROP_NEWEST);
    push(0, 2);
    fd = speadi_outlet_fd(&outlet);
    cr_assert_geq(fd, 0);
    cr_expect_eq(speadi_outlet_fd(&outlet), fd);
    cr_expect(readable(fd));
    try_take(1);
    cr_expect(readable(fd));
    try_take(1);
    cr_expect_eq(try_take(1), -EAGAIN);
    cr_expect_not(readable(fd));
    push(2, 1);
    cr_expect(readable(fd));
    try_take(1);
    cr_expect_eq(try_take(1), -EAGAIN);
    speadi_outlet_close(&outlet, 0);
    cr_expect(readable(fd), "the end waits too");
    cr_expect_eq(try_take(1), -ESHUTDOWN);
}

/* If the creation of a stream fails, the stream looks at `pending`: NULL means that the outlet need not be released. */
Test(outlet_limits, without_descriptors_there_is_nothing_to_release)
{
    struct rlimit limit;
    int next = open("/dev/null", O_RDONLY);

    config = (struct spead_recv_stream_config)SPEAD_RECV_STREAM_CONFIG_INIT;
    config.hand_over_heaps = 4;
    cr_assert_geq(next, 0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)next;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(init(), -EMFILE);
    cr_expect_null(outlet.pending);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
