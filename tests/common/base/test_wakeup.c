/* A wait ends for a ring, for a descriptor and for its deadline, and for nothing that was dealt with.
 *
 * Method: everything that ends a wait is put in place beforehand, so that a wait that misses it hangs and
 * the test's time limit fails it. */
#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/wakeup.h>

static struct speadi_wakeup open_bell(void)
{
    struct speadi_wakeup bell;

    cr_assert_eq(speadi_wakeup_open(&bell), 0);
    return bell;
}

Test(wakeup, a_ring_before_the_wait_is_not_lost, .timeout = 10)
{
    struct speadi_wakeup bell = open_bell();

    speadi_wakeup_ring(&bell);
    speadi_wakeup_ring(&bell);
    speadi_wakeup_wait(&bell, NULL, 0, 0, UINT64_MAX);
    cr_assert_not(speadi_wakeup_clear(&bell), "the wait cleared the bell");
    speadi_wakeup_close(&bell);
}

Test(wakeup, a_readable_descriptor_ends_the_wait_and_leaves_the_bell_silent, .timeout = 10)
{
    struct speadi_wakeup bell = open_bell();
    int ends[2], quiet[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(pipe(quiet), 0);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    speadi_wakeup_wait(&bell, (int[]){quiet[0], ends[0]}, 2, POLLIN, UINT64_MAX);
    cr_assert_not(speadi_wakeup_clear(&bell));
    speadi_wakeup_close(&bell);
}

Test(wakeup, a_deadline_ends_the_wait_and_not_before_its_time, .timeout = 10)
{
    struct speadi_wakeup bell = open_bell();
    uint64_t deadline = speadi_clock_mono_ns() + 2000000;

    speadi_wakeup_wait(&bell, NULL, 0, 0, deadline);
    cr_assert_geq(speadi_clock_mono_ns(), deadline);
    speadi_wakeup_wait(&bell, NULL, 0, 0, 1); /* long past: returns at once */
    speadi_wakeup_close(&bell);
}

static struct speadi_wakeup handler_bell;

static void ring_from_handler(int signal)
{
    (void)signal;
    speadi_wakeup_ring(&handler_bell);
}

Test(wakeup, a_signal_handler_can_ring, .timeout = 10)
{
    handler_bell = open_bell();
    signal(SIGUSR1, ring_from_handler);
    raise(SIGUSR1);
    speadi_wakeup_wait(&handler_bell, NULL, 0, 0, UINT64_MAX);
    speadi_wakeup_close(&handler_bell);
}

Test(wakeup, closing_twice_is_harmless)
{
    struct speadi_wakeup bell = open_bell();

    speadi_wakeup_close(&bell);
    cr_assert_eq(bell.fd, -1);
    speadi_wakeup_close(&bell);
}
