/* SPDX-License-Identifier: Apache-2.0 */
/* Two checks for tests of receive streams: one checks the buckets, the other checks the next heap. */
#ifndef TEST_RECV_EXPECT_H
#define TEST_RECV_EXPECT_H

#include <criterion/criterion.h>

#include "recv_rig.h"

#define EXPECT_BUCKETS(rig, text) cr_expect_str_eq(recv_rig_buckets(rig), text)

static inline void expect_heap(struct recv_rig *rig, uint64_t counter, bool complete)
{
    struct spead_heap *heap = recv_rig_take(rig);

    cr_assert_not_null(heap, "heap %llu was not handed over", (unsigned long long)counter);
    cr_expect_eq(spead_heap_counter(heap), counter);
    cr_expect_eq(spead_heap_is_complete(heap), complete);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
}

static inline void expect_no_heap(struct recv_rig *rig)
{
    struct spead_heap *heap = recv_rig_take(rig);

    cr_expect_null(heap);
    spead_heap_unref(heap);
}

#endif
