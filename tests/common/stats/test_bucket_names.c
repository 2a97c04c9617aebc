/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: each bucket of the ledgers has a name of its own that a user can print, search and type.
 * Method: the tests ask for the names of all buckets, and for the name of the first index after the last bucket. */
#include <criterion/criterion.h>
#include <string.h>

#include <speadline/stats.h>

static void expect_complete(const char *(*name)(unsigned), unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        cr_assert_not_null(name(i), "bucket %u has no name", i);
        cr_expect_gt(strlen(name(i)), 0, "bucket %u has an empty name", i);
        cr_expect_eq(name(i)[strspn(name(i), "abcdefghijklmnopqrstuvwxyz-")], '\0', "\"%s\"",
                     name(i));
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(name(i), name(j), "buckets %u and %u", i, j);
    }
    cr_expect_null(name(count));
    cr_expect_null(name((unsigned)-1));
}

Test(bucket_names, receive_names_are_complete_and_unique)
{
    expect_complete(spead_recv_bucket_name, SPEAD_RECV_BUCKET_COUNT);
}

Test(bucket_names, send_names_are_complete_and_unique)
{
    expect_complete(spead_send_bucket_name, SPEAD_SEND_BUCKET_COUNT);
}

/* Scripts of users search for these names, so the names must not change. */
Test(bucket_names, names_spell_the_bucket)
{
    cr_expect_str_eq(spead_recv_bucket_name(SPEAD_RECV_DELIVERED), "delivered");
    cr_expect_str_eq(spead_recv_bucket_name(SPEAD_RECV_OUT_OF_ORDER), "out-of-order");
    cr_expect_str_eq(spead_recv_bucket_name(SPEAD_RECV_OVER_CAP_HEAP_SIZE), "over-cap-heap-size");
    cr_expect_str_eq(spead_recv_bucket_name(SPEAD_RECV_MALFORMED_MAGIC), "malformed-magic");
    cr_expect_str_eq(spead_recv_bucket_name(SPEAD_RECV_MALFORMED_HEAP_LENGTH),
                     "malformed-heap-length");
    cr_expect_str_eq(spead_send_bucket_name(SPEAD_SEND_SENT), "sent");
    cr_expect_str_eq(spead_send_bucket_name(SPEAD_SEND_INJECTED), "injected");
}
