/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: payload is copied by streaming stores only into heaps that will leave the cache before they are read; the plan
 * says the rule, and no byte depends on it.
 * Method: a scripted stream on a made-up host whose last cache has a known size. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/cache_share.h>

#include "made_sys.h"
#include "recv_expect.h"
#include "recv_rig.h"

#define KIB          1024u
#define HEAP_BYTES   (256 * KIB)
#define PACKET_BYTES 1432u

static struct recv_rig rig;

/* Describes the caches of CPU 0: 48 KiB of L1, and an L2 cache of this size for these CPUs. */
static void make_caches(unsigned kib, const char *cpus)
{
    static const char folder[] = "/sys/devices/system/cpu/cpu0/cache/index";
    const struct {
        const char *level, *type;
        unsigned kib;
    } caches[] = {{"1", "Data", 48}, {"1", "Instruction", 64}, {"2", "Unified", kib}};
    char path[128];

    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%u/level", folder, i);
        made_sys_write(path, "%s\n", caches[i].level);
        snprintf(path, sizeof path, "%s%u/type", folder, i);
        made_sys_write(path, "%s\n", caches[i].type);
        snprintf(path, sizeof path, "%s%u/size", folder, i);
        made_sys_write(path, "%uK\n", caches[i].kib);
        snprintf(path, sizeof path, "%s%u/shared_cpu_list", folder, i);
        made_sys_write(path, "%s\n", i == 2 ? cpus : "0");
    }
}

static void set_up(void)
{
    made_sys_begin();
    recv_rig_init(&rig);
    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    rig.config.heap_bytes_max = 4 * HEAP_BYTES;
    rig.config.held_heaps = 16;
}

static void tear_down(void)
{
    recv_rig_close(&rig);
    made_sys_remove();
}

TestSuite(recv_copy, .init = set_up, .fini = tear_down);

static void need_streaming(void)
{
    if (!speadi_copy_variant_of_cpu())
        cr_skip_test("this CPU has no streaming copy");
}

static const char *reason(void)
{
    static struct spead_recv_plan plan;

    plan = (struct spead_recv_plan)SPEAD_RECV_PLAN_INIT;
    spead_recv_stream_plan(rig.stream, &plan);
    return plan.copy_reason;
}

static void expect_reason(const char *part)
{
    cr_expect_not_null(strstr(reason(), part), "\"%s\" lacks \"%s\"", reason(), part);
}

/* Sends all of a heap but its last packet. Returns true if its payload is streamed. */
static bool begin(uint64_t counter, uint64_t heap_bytes)
{
    for (uint64_t at = 0; at + PACKET_BYTES < heap_bytes; at += PACKET_BYTES)
        recv_rig_data(&rig, counter, heap_bytes, at, PACKET_BYTES);
    recv_rig_run(&rig);
    return rig.stream->table.newest->copy != NULL;
}

/* Sends the last packet, and takes the heap. */
static struct spead_heap *end(uint64_t counter, uint64_t heap_bytes)
{
    uint64_t at = (heap_bytes - 1) / PACKET_BYTES * PACKET_BYTES;
    struct spead_heap *heap;

    recv_rig_data(&rig, counter, heap_bytes, at, heap_bytes - at);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect(spead_heap_is_complete(heap));
    cr_expect(recv_rig_heap_is_right(heap), "heap %d", (int)counter);
    return heap;
}

Test(recv_copy, streaming_as_asked_for_delivers_every_byte)
{
    need_streaming();
    rig.config.copy = SPEAD_COPY_STREAMING;
    recv_rig_open(&rig);
    expect_reason("as asked for");
    for (uint64_t bytes = 1; bytes < HEAP_BYTES; bytes = bytes * 3 + 7) {
        if (bytes > PACKET_BYTES)
            cr_expect(begin(bytes, bytes));
        spead_heap_unref(end(bytes, bytes));
    }
}

Test(recv_copy, cached_as_asked_for_is_never_streaming)
{
    struct spead_heap *held[8];

    make_caches(1024, "0");
    rig.config.copy = SPEAD_COPY_CACHED;
    recv_rig_open(&rig);
    expect_reason("cached, as asked for");
    for (unsigned i = 0; i < 8; i++) {
        cr_expect_not(begin(i + 1, HEAP_BYTES));
        held[i] = end(i + 1, HEAP_BYTES);
    }
    for (unsigned i = 0; i < 8; i++)
        spead_heap_unref(held[i]);
}

Test(recv_copy, heaps_are_streamed_while_those_in_use_have_more_than_twice_the_cache)
{
    struct spead_heap *held[4];

    need_streaming();
    make_caches(2 * HEAP_BYTES / KIB, "0-1");
    recv_rig_open(&rig);
    for (uint64_t i = 0; i < 4; i++) {
        cr_expect_not(begin(i + 1, HEAP_BYTES), "%d heaps are in use", (int)i + 1);
        held[i] = end(i + 1, HEAP_BYTES);
    }
    cr_expect(begin(5, HEAP_BYTES), "the fifth heap is too much");
    spead_heap_unref(end(5, HEAP_BYTES));
    spead_heap_unref(held[0]);
    cr_expect_not(begin(6, HEAP_BYTES), "the consumer has released a heap");
    spead_heap_unref(end(6, HEAP_BYTES));
    for (unsigned i = 1; i < 4; i++)
        spead_heap_unref(held[i]);
}

Test(recv_copy, small_heaps_are_never_streamed)
{
    make_caches(64, "0");
    recv_rig_open(&rig);
    cr_expect_not(begin(1, 64 * KIB - 1));
    spead_heap_unref(end(1, 64 * KIB - 1));
}

Test(recv_copy, the_plan_says_the_rule)
{
    need_streaming();
    make_caches(32768, "0-7");
    recv_rig_open(&rig);
    expect_reason("while the heaps in use have more than 64.0 MiB, twice what counts of the cache: "
                  "8 CPUs use an L2 cache of 32.0 MiB");
}

Test(recv_copy, a_cache_that_is_too_large_for_its_cpus_counts_16_mib_for_each)
{
    struct speadi_cache_share share;

    make_caches(491520, "0-1");
    share = speadi_cache_share();
    cr_expect_eq(share.level, 2);
    cr_expect_eq(share.cpus, 2);
    cr_expect_eq(share.cache_bytes, 491520u * KIB);
    cr_expect_eq(share.bytes, 2 * SPEADI_CACHE_CPU_BYTES);
    recv_rig_open(&rig);
    if (speadi_copy_variant_of_cpu())
        expect_reason("of which 16 MiB for each CPU count");
}

Test(recv_copy, a_host_that_does_not_describe_its_caches_copies_through_them)
{
    need_streaming();
    recv_rig_open(&rig);
    expect_reason("cached: the kernel does not say how large the caches are");
    cr_expect_not(begin(1, HEAP_BYTES));
    spead_heap_unref(end(1, HEAP_BYTES));
}
