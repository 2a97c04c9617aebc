/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: one thread can make a ring and another thread can use it. On a host without io_uring, the error text says why.
 * Method: the tests use real rings. On a host that forbids rings, they check this text, skip the rest and report it. */
#include <speadi/uring.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

static struct spead_err err;

static void need_uring(void)
{
    struct speadi_uring_features features;

    if (speadi_uring_probe(4, 8, &features, &err) < 0)
        cr_skip_test("%s", err.text);
}

Test(uring, probe_tells_what_there_is_or_why_there_is_nothing)
{
    struct speadi_uring_features features = {0};
    int ret = speadi_uring_probe(4, 8, &features, &err);

    if (ret == 0)
        cr_assert(features.bits & IORING_FEAT_NODROP, "feature bits were not read: %x",
                  features.bits);
    else
        cr_assert(err.code == ret && strstr(err.text, "io_uring"), "%d: \"%s\"", ret, err.text);
}

struct ring_on_a_thread {
    struct io_uring ring;
    int enabled, submitted;
};

static void *use_ring(void *arg)
{
    struct ring_on_a_thread *it = arg;
    struct io_uring_sqe *sqe;

    it->enabled = speadi_uring_enable(&it->ring, NULL);
    sqe = io_uring_get_sqe(&it->ring);
    io_uring_prep_nop(sqe);
    it->submitted = io_uring_submit_and_wait(&it->ring, 1);
    return NULL;
}

Test(uring, a_ring_made_here_works_on_the_thread_that_enables_it)
{
    struct ring_on_a_thread it;
    pthread_t thread;

    need_uring();
    cr_assert_eq(speadi_uring_open(&it.ring, 8, 0, &err), 0, "%s", err.text);
    pthread_create(&thread, NULL, use_ring, &it);
    pthread_join(thread, NULL);
    cr_expect_eq(it.enabled, 0);
    cr_expect_eq(it.submitted, 1);
    cr_expect_eq(io_uring_cq_ready(&it.ring), 1);
    cr_expect_eq(io_uring_get_events(&it.ring), -EEXIST, "only the owner may enter the ring");
    io_uring_queue_exit(&it.ring);
}

Test(uring, a_refused_ring_leaves_a_sentence)
{
    struct rlimit usual, none;
    struct io_uring ring;
    int ret;

    need_uring();
    getrlimit(RLIMIT_NOFILE, &usual);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = usual.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ret = speadi_uring_open(&ring, 8, 0, &err);
    /* Restore the usual limit before the assertions, because Criterion needs file descriptors for its reports. */
    setrlimit(RLIMIT_NOFILE, &usual);
    cr_expect_eq(ret, -EMFILE);
    cr_expect(strstr(err.text, "io_uring"), "\"%s\"", err.text);
}
