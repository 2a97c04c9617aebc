/* The ring between a stream and its consumer, both ends on one thread (races: tests/stress).
 * Method: heaps without memory, told apart by counter. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/heap_view.h>

#include "handover.h"

static struct speadi_handover ring;
static struct spead_heap heap[8], *all[8], *shed[8], *taken[8];

static void open_ring_of_four(void)
{
    cr_assert_eq(speadi_handover_init(&ring, 4), 0);
    for (unsigned i = 0; i < 8; i++)
        all[i] = &heap[i];
}

static void release(void)
{
    while (speadi_handover_take(&ring, taken, 8, false, 0) > 0)
        ; /* they have no memory that could be given back */
    speadi_handover_release(&ring);
}

TestSuite(handover, .init = open_ring_of_four, .fini = release);

Test(handover, heaps_come_out_in_order)
{
    cr_expect_eq(speadi_handover_push(&ring, all, 3, false, shed), 0u);
    cr_expect_eq(speadi_handover_take(&ring, taken, 2, false, 0), 2);
    cr_expect_eq(speadi_handover_push(&ring, all + 3, 3, false, shed), 0u);
    cr_expect_eq(speadi_handover_take(&ring, taken + 2, 6, false, 0), 4);
    for (unsigned i = 0; i < 6; i++)
        cr_expect_eq(taken[i], &heap[i]);
    cr_expect_eq(speadi_handover_take(&ring, taken, 1, false, 0), -EAGAIN);
    cr_expect_eq(ring.high_water, 4u);
}

Test(handover, full_sheds_the_newest)
{
    cr_expect_eq(speadi_handover_push(&ring, all, 6, false, shed), 2u);
    cr_expect_eq(shed[0], &heap[4]);
    cr_expect_eq(shed[1], &heap[5]);
    cr_expect_eq(speadi_handover_take(&ring, taken, 8, false, 0), 4);
    cr_expect_eq(taken[0], &heap[0]);
}

Test(handover, full_sheds_the_oldest_when_told)
{
    cr_expect_eq(speadi_handover_push(&ring, all, 6, true, shed), 2u);
    cr_expect_eq(shed[0], &heap[0]);
    cr_expect_eq(shed[1], &heap[1]);
    cr_expect_eq(speadi_handover_take(&ring, taken, 8, false, 0), 4);
    cr_expect_eq(taken[0], &heap[2]);
    cr_expect_eq(taken[3], &heap[5]);
}

Test(handover, the_end_comes_after_everything_pushed)
{
    speadi_handover_push(&ring, all, 1, false, shed);
    speadi_handover_end(&ring);
    cr_expect_eq(speadi_handover_take(&ring, taken, 1, true, 0), 1);
    cr_expect_eq(speadi_handover_take(&ring, taken, 1, true, 0), -ESHUTDOWN);
    cr_expect_eq(speadi_handover_take(&ring, taken, 1, false, 0), -ESHUTDOWN);
}

Test(handover, waiting_ends_at_the_deadline)
{
    cr_expect_eq(speadi_handover_take(&ring, taken, 1, true, speadi_clock_mono_ns() + 1000000),
                 -ETIMEDOUT);
    cr_expect_eq(speadi_handover_take(&ring, taken, 1, true, 1), -ETIMEDOUT, "long past");
}

static bool readable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, 0) == 1;
}

Test(handover, the_descriptor_is_readable_while_something_waits)
{
    int fd;

    speadi_handover_push(&ring, all, 2, false, shed);
    fd = speadi_handover_fd(&ring);
    cr_assert_geq(fd, 0);
    cr_expect_eq(speadi_handover_fd(&ring), fd);
    cr_expect(readable(fd));
    speadi_handover_take(&ring, taken, 1, false, 0);
    cr_expect(readable(fd));
    speadi_handover_take(&ring, taken, 1, false, 0);
    cr_expect_not(readable(fd));
    speadi_handover_push(&ring, all, 1, false, shed);
    cr_expect(readable(fd));
    speadi_handover_end(&ring);
    speadi_handover_take(&ring, taken, 1, false, 0);
    cr_expect(readable(fd), "the end waits too");
}

Test(handover, taking_wakes_an_owner_that_waits_for_room)
{
    speadi_handover_push(&ring, all, 4, false, shed);
    cr_expect_eq(speadi_handover_room(&ring), 0u);
    speadi_handover_wait_room(&ring, speadi_clock_mono_ns()); /* announces itself, times out */
    speadi_handover_take(&ring, taken, 1, false, 0);
    cr_expect(readable(ring.room_bell.fd));
    cr_expect_eq(speadi_handover_room(&ring), 1u);
}

/* A stream that cannot be made takes its handover apart by looking at slot. */
Test(handover_limits, without_descriptors_there_is_nothing_to_release)
{
    struct rlimit limit;
    int next = open("/dev/null", O_RDONLY);

    cr_assert_geq(next, 0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)next;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect_eq(speadi_handover_init(&ring, 4), -EMFILE);
    cr_expect_null(ring.slot);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
