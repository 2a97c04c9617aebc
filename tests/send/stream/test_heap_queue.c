/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the heap queue accepts exactly as many heaps as its bound allows. Heaps come out in the order in which the
 * queue accepted them. After the queue was closed, it stays closed.
 *
 * Method: one thread acts as producer and as owner thread. tests/stress/race_submit.c uses several threads. */
#include <criterion/criterion.h>

#include <errno.h>

#include <heap_queue.h>

static void publish(struct speadi_heap_queue *queue, uint64_t position, uint64_t counter)
{
    *speadi_heap_queue_at(queue, position) = (struct speadi_heap_entry){.counter = counter};
    speadi_heap_queue_publish(queue, position, counter % 2 == 0);
}

static int push(struct speadi_heap_queue *queue, uint64_t counter)
{
    uint64_t position;
    int ret = speadi_heap_queue_claim(queue, 1, &position);

    if (ret == 0)
        publish(queue, position, counter);
    return ret;
}

/* Admits the next heap. Returns NULL if there is none. */
static const struct speadi_heap_entry *admit(struct speadi_heap_queue *queue)
{
    if (!speadi_heap_queue_has_new(queue))
        return NULL;
    return speadi_heap_queue_at(queue, queue->admitted++);
}

Test(heap_queue, bound_is_exact_for_any_number)
{
    for (uint32_t most = 1; most <= 9; most++) {
        struct speadi_heap_queue queue;
        uint64_t next = 0;

        cr_assert_eq(speadi_heap_queue_init(&queue, most), 0);
        for (int round = 0; round < 50; round++) {
            while (next < speadi_heap_queue_oldest(&queue) + most)
                cr_assert_eq(push(&queue, next++), 0);
            cr_assert_eq(push(&queue, next), -EAGAIN, "%u in flight", most);
            while (admit(&queue) != NULL)
                ;
            cr_assert_eq(push(&queue, next), -EAGAIN, "admitting frees nothing");
            speadi_heap_queue_free_oldest(&queue);
        }
        speadi_heap_queue_release(&queue);
    }
}

Test(heap_queue, heaps_are_admitted_in_the_order_of_acceptance)
{
    struct speadi_heap_queue queue;

    cr_assert_eq(speadi_heap_queue_init(&queue, 3), 0);
    for (uint64_t i = 0; i < 100; i++) {
        cr_assert_eq(push(&queue, i), 0);
        cr_assert(speadi_heap_queue_has_new(&queue));
        cr_assert_eq(admit(&queue)->counter, i);
        cr_assert_not(speadi_heap_queue_has_new(&queue), "a used slot looks new again");
        cr_assert_eq(speadi_heap_queue_at(&queue, i)->counter, i);
        speadi_heap_queue_free_oldest(&queue);
    }
    speadi_heap_queue_release(&queue);
}

Test(heap_queue, closed_queue_drains_what_it_accepted)
{
    struct speadi_heap_queue queue;

    cr_assert_eq(speadi_heap_queue_init(&queue, 4), 0);
    cr_assert_eq(push(&queue, 1), 0);
    cr_expect_not(speadi_heap_queue_close(&queue));
    cr_expect(speadi_heap_queue_close(&queue), "closed before");
    cr_expect_eq(push(&queue, 2), -ESHUTDOWN);
    cr_expect_eq(speadi_heap_queue_accepted(&queue), 1);
    cr_expect_not(speadi_heap_queue_is_drained(&queue));
    cr_assert_eq(admit(&queue)->counter, 1);
    speadi_heap_queue_free_oldest(&queue);
    cr_expect_not(speadi_heap_queue_is_drained(&queue), "its callback has not returned");
    speadi_heap_queue_finish(&queue);
    cr_expect(speadi_heap_queue_is_drained(&queue));
    speadi_heap_queue_release(&queue);
}

Test(heap_queue, several_heaps_are_claimed_and_seen_together)
{
    struct speadi_heap_queue queue;
    uint64_t position, last;

    cr_assert_eq(speadi_heap_queue_init(&queue, 4), 0);
    cr_assert_eq(push(&queue, 0), 0);
    cr_expect_eq(speadi_heap_queue_claim(&queue, 4, &position), -EAGAIN, "one place is taken");
    cr_assert_eq(speadi_heap_queue_claim(&queue, 3, &position), 0);
    cr_expect_eq(position, 1);
    cr_expect_eq(speadi_heap_queue_claim(&queue, 1, &last), -EAGAIN);
    cr_assert_not_null(admit(&queue));
    for (uint64_t i = 3; i > 1; i--) {
        publish(&queue, i, 0);
        cr_expect_not(speadi_heap_queue_has_new(&queue), "a part of the heaps is seen");
    }
    publish(&queue, 1, 0);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not_null(admit(&queue));
    speadi_heap_queue_release(&queue);
}
