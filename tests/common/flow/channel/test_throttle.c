/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: at no time are more tickets taken than a throttle has. Every thread or node that waits for a ticket gets one.
 * Method: most tests wait with a waker that is called on the same thread. Only the tests in which a thread sleeps use
 * more threads. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <speadi/clock.h>
#include <speadline/throttle.h>

static struct spead_throttle *make(uint32_t tickets)
{
    struct spead_throttle *throttle;

    cr_assert_eq(spead_throttle_create(&throttle, tickets, NULL), 0);
    return throttle;
}

static struct spead_throttle_stats stats_of(struct spead_throttle *throttle)
{
    struct spead_throttle_stats stats = SPEAD_THROTTLE_STATS_INIT;

    spead_throttle_stats(throttle, &stats);
    return stats;
}

struct test_waker {
    struct spead_waker waker;
    int woken;
};

static void count_wake(struct spead_waker *waker)
{
    ((struct test_waker *)(void *)waker)->woken++;
}

Test(throttle, gives_its_tickets_and_then_none)
{
    struct spead_throttle *throttle = make(2);

    cr_expect_eq(spead_throttle_try_take(throttle), 0);
    cr_expect_eq(spead_throttle_try_take(throttle), 0);
    cr_expect_eq(spead_throttle_try_take(throttle), -EAGAIN);
    cr_expect_eq(stats_of(throttle).out, 2);
    spead_throttle_give(throttle);
    cr_expect_eq(spead_throttle_try_take(throttle), 0);
    cr_expect_eq(stats_of(throttle).high_water, 2);
    cr_expect_eq(stats_of(throttle).taken, 3);
    spead_throttle_unref(throttle);
}

Test(throttle, of_no_tickets_is_refused)
{
    struct spead_throttle *throttle;

    cr_expect_eq(spead_throttle_create(&throttle, 0, NULL), -EINVAL);
}

Test(throttle, hands_tickets_to_those_who_wait_in_their_order)
{
    struct spead_throttle *throttle = make(1);
    struct test_waker test_wakers[3];

    cr_assert_eq(spead_throttle_try_take(throttle), 0);
    for (int i = 0; i < 3; i++) {
        test_wakers[i] = (struct test_waker){.waker.wake = count_wake};
        cr_assert_eq(spead_throttle_announce(throttle, &test_wakers[i].waker), 0);
    }
    cr_expect_eq(stats_of(throttle).waiting, 3);
    for (int i = 0; i < 3; i++) {
        spead_throttle_give(throttle);
        cr_expect_eq(test_wakers[i].woken, 1, "number %d", i);
        cr_expect_eq(spead_throttle_try_take(throttle), -EAGAIN, "number %d has the ticket", i);
        cr_expect_eq(stats_of(throttle).out, 1);
    }
    spead_throttle_give(throttle);
    cr_expect_eq(stats_of(throttle).out, 0);
    spead_throttle_unref(throttle);
}

Test(throttle, announced_while_a_ticket_is_there_gives_it_at_once)
{
    struct spead_throttle *throttle = make(1);
    struct test_waker test_waker = {.waker.wake = count_wake};

    cr_expect_eq(spead_throttle_announce(throttle, &test_waker.waker), 1);
    cr_expect_eq(stats_of(throttle).out, 1);
    cr_expect_eq(test_waker.woken, 0);
    spead_throttle_unref(throttle);
}

Test(throttle, skips_those_who_left_the_queue)
{
    struct spead_throttle *throttle = make(1);
    struct test_waker first = {.waker.wake = count_wake}, second = first;

    cr_assert_eq(spead_throttle_try_take(throttle), 0);
    spead_throttle_announce(throttle, &first.waker);
    spead_throttle_announce(throttle, &second.waker);
    cr_expect(spead_throttle_retract(throttle, &first.waker));
    spead_throttle_give(throttle);
    cr_expect_eq(first.woken, 0);
    cr_expect_eq(second.woken, 1);
    /* The retract fails, because `second` already has the ticket. */
    cr_expect_not(spead_throttle_retract(throttle, &second.waker));
    cr_expect_eq(stats_of(throttle).out, 1);
    spead_throttle_unref(throttle);
}

Test(throttle, wait_ends_at_the_deadline_and_leaves_the_queue)
{
    struct spead_throttle *throttle = make(1);

    cr_assert_eq(spead_throttle_take(throttle, 0), 0);
    cr_expect_eq(spead_throttle_take(throttle, speadi_clock_mono_ns() + 1000000), -ETIMEDOUT);
    cr_expect_eq(stats_of(throttle).waiting, 0);
    spead_throttle_give(throttle);
    cr_expect_eq(stats_of(throttle).out, 0);
    spead_throttle_unref(throttle);
}

Test(throttle, cancelled_lets_everyone_go)
{
    struct spead_throttle *throttle = make(1);
    struct test_waker test_waker = {.waker.wake = count_wake};

    cr_assert_eq(spead_throttle_try_take(throttle), 0);
    spead_throttle_announce(throttle, &test_waker.waker);
    spead_throttle_cancel(throttle);
    cr_expect_eq(test_waker.woken, 1);
    cr_expect(spead_throttle_is_cancelled(throttle));
    cr_expect_eq(spead_throttle_try_take(throttle), -ECANCELED);
    cr_expect_eq(spead_throttle_take(throttle, 0), -ECANCELED);
    cr_expect_eq(spead_throttle_announce(throttle, &test_waker.waker), -ECANCELED);
    spead_throttle_unref(throttle);
}

/* The wake function of this waker reads the statistics of the throttle, and then gives back a reference, perhaps the
 * last one. A thread can do the same as soon as it is woken. If the throttle held its lock when it calls the wake
 * function, stats_of() would wait for ever. */
struct last_waker {
    struct spead_waker waker;
    struct spead_throttle *throttle;
};

static void use_and_free(struct spead_waker *waker)
{
    struct last_waker *last = (struct last_waker *)(void *)waker;
    struct spead_throttle *throttle = last->throttle;

    last->throttle = NULL;
    (void)stats_of(throttle);
    spead_throttle_unref(throttle);
}

Test(throttle, may_be_freed_by_whom_give_wakes, .timeout = 60)
{
    struct last_waker last = {.waker.wake = use_and_free, .throttle = make(1)};
    struct spead_throttle *throttle = last.throttle;

    cr_assert_eq(spead_throttle_try_take(throttle), 0);
    cr_assert_eq(spead_throttle_announce(throttle, &last.waker), 0);
    spead_throttle_give(throttle);
    cr_expect_null(last.throttle);
}

Test(throttle, may_be_freed_by_whom_cancel_wakes, .timeout = 60)
{
    struct last_waker last[3];
    struct spead_throttle *throttle = make(1);

    cr_assert_eq(spead_throttle_try_take(throttle), 0);
    for (int i = 0; i < 3; i++) {
        last[i] = (struct last_waker){.waker.wake = use_and_free, .throttle = throttle};
        if (i > 0)
            spead_throttle_ref(throttle);
        cr_assert_eq(spead_throttle_announce(throttle, &last[i].waker), 0);
    }
    spead_throttle_cancel(throttle);
    for (int i = 0; i < 3; i++)
        cr_expect_null(last[i].throttle);
}

static atomic_int working, most;

static void *produce(void *arg)
{
    for (int i = 0; i < 20; i++) {
        int now, seen = atomic_load(&most);

        cr_assert_eq(spead_throttle_take(arg, 0), 0);
        now = atomic_fetch_add(&working, 1) + 1;
        while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
            ;
        sched_yield();
        atomic_fetch_sub(&working, 1);
        spead_throttle_give(arg);
    }
    return NULL;
}

Test(throttle, of_four_never_has_more_than_four_of_a_hundred_producers_in_work)
{
    struct spead_throttle *throttle = make(4);
    pthread_t threads[100];

    for (int i = 0; i < 100; i++)
        pthread_create(&threads[i], NULL, produce, throttle);
    for (int i = 0; i < 100; i++)
        pthread_join(threads[i], NULL);
    cr_expect_leq(atomic_load(&most), 4);
    cr_expect_eq(stats_of(throttle).taken, 2000);
    cr_expect_eq(stats_of(throttle).out, 0);
    spead_throttle_unref(throttle);
}
