/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: memory of every kind is registered with the access that it needs. If a registration fails, the error text names
 * the remedy. An arena has the kind of pages that it reports.
 * Method: the verbs double checks the arguments of each call. A script limits how much memory the double pins. */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <speadi/numbers.h>
#include <speadi/verbs_device.h>

#include "control.h"
#include "netns.h"
#include "verbs_double.h"

static struct speadi_verbs_device device;
static struct speadi_verbs_arena arena;
static struct spead_err err;

static void set_up(void)
{
    struct speadi_verbs_wish wish = {.device = "vd_" TEST_NEAR_INTERFACE};
    struct test_netns_pair network;
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&network, 1500, &reason))
        cr_skip_test("%s", reason);
    cr_assert_eq(speadi_verbs_device_open(&device, &wish, &err), 0, "%s", err.text);
}

static void tear_down(void)
{
    speadi_verbs_device_close(&device);
    speadi_verbs_arena_destroy(&arena);
}

TestSuite(verbs_memory, .init = set_up, .fini = tear_down);

static struct speadi_verbs_span all_of(const struct speadi_verbs_arena *of)
{
    return (struct speadi_verbs_span){
        .data = of->data, .bytes = of->bytes, .fd = -1, .write = true};
}

Test(verbs_memory, host_memory_is_named_by_its_own_address)
{
    struct speadi_verbs_memory memory;
    struct speadi_verbs_span span;

    cr_assert_eq(speadi_verbs_arena_create(&arena, 10000, &err), 0);
    span = all_of(&arena);
    cr_assert_eq(speadi_verbs_register(&device, &memory, &span, &err), 0, "%s", err.text);
    cr_assert_eq(memory.address, (uintptr_t)arena.data);
    cr_assert_eq(memory.key, memory.mr->lkey);
    cr_assert_eq(device.registrations, 1);
    speadi_verbs_deregister(&device, &memory);
    speadi_verbs_deregister(&device, &memory);
    cr_assert_eq(device.registrations, 0);
}

Test(verbs_memory, a_dma_buf_that_the_cpu_must_not_touch_is_named_by_its_device_address)
{
    struct speadi_verbs_memory memory;
    struct speadi_verbs_span span = {
        .bytes = 65536, .fd_offset = 4096, .iova = 0x7000000000, .write = true};

    span.fd = memfd_create("device memory", MFD_CLOEXEC);
    cr_assert_eq(ftruncate(span.fd, 1 << 20), 0);
    span.data = mmap(NULL, 1 << 20, PROT_NONE, MAP_SHARED, span.fd, 0);
    cr_assert_eq(speadi_verbs_register(&device, &memory, &span, &err), 0, "%s", err.text);
    cr_assert_eq(memory.address, 0x7000000000);
    speadi_verbs_deregister(&device, &memory);
    munmap(span.data, 1 << 20);
    close(span.fd);
}

Test(verbs_memory, a_bound_on_locked_memory_is_named_with_its_remedy)
{
    struct rlimit limit = {.rlim_cur = 64 << 10, .rlim_max = 64 << 10};
    struct speadi_verbs_memory memory;
    struct speadi_verbs_span span;

    cr_assert_eq(speadi_verbs_arena_create(&arena, 1 << 20, &err), 0);
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    vdouble_script("max_pinned=65536");
    span = all_of(&arena);
    cr_assert_eq(speadi_verbs_register(&device, &memory, &span, &err), -ENOMEM);
    cr_assert(strstr(err.text, "reg_mr on vd_"), "%s", err.text);
    cr_assert(strstr(err.text, "64 KiB may be locked: a line in /etc/security/limits.d"), "%s",
              err.text);
    cr_assert_null(memory.mr);
    cr_assert_eq(device.registrations, 0);
}

Test(verbs_memory, memory_that_is_not_mapped_is_an_error_of_ours)
{
    struct speadi_verbs_memory memory;
    struct speadi_verbs_span span = {.bytes = 4096, .fd = -1, .write = true};

    span.data = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_eq(speadi_verbs_register(&device, &memory, &span, &err), -EFAULT);
    cr_assert(strstr(err.text, "not mapped"), "%s", err.text);
    munmap(span.data, 4096);
}

Test(verbs_memory, an_arena_is_zero_aligned_and_says_its_pages)
{
    cr_assert_eq(speadi_verbs_arena_create(&arena, 5 << 20, &err), 0);
    cr_assert_eq(arena.bytes, 6 << 20, "whole huge pages, in case there are some");
    cr_assert_eq((uintptr_t)arena.data % (2 << 20), 0);
    cr_assert_neq(arena.pages, SPEADI_ARENA_SMALL);
    for (size_t i = 0; i < arena.bytes; i += 4096)
        cr_assert_eq(arena.data[i], 0);
    memset(arena.data, 1, arena.bytes);
    cr_assert_gt(strlen(speadi_arena_pages_name(arena.pages)), 0);
}

Test(verbs_memory, a_small_arena_does_not_cost_a_huge_page)
{
    cr_assert_eq(speadi_verbs_arena_create(&arena, 5000, &err), 0);
    cr_assert_eq(arena.bytes, speadi_round_up(5000, (size_t)sysconf(_SC_PAGESIZE)));
    cr_assert_eq(arena.pages, SPEADI_ARENA_SMALL);
}

/* From now on, mmap() with MAP_HUGETLB and without a size of pages kills this process. Bits 26 to 31 of the flags are
 * the size. */
static bool forbid_huge_pages_of_the_default_size(void)
{
    const uint32_t size_bits = 0x3fu << 26;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, MAP_HUGETLB | size_bits),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MAP_HUGETLB, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* If an arena of 4 MiB asked for pages of the default size, it would get no huge page on a host whose default is 1
 * GiB. */
Test(verbs_memory, an_arena_asks_for_huge_pages_of_2_MiB_and_not_of_the_default_size)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (!forbid_huge_pages_of_the_default_size())
            _exit(77);
        _exit(speadi_verbs_arena_create(&arena, 4 << 20, &err) == 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        cr_skip_test("this system lets no process install a seccomp filter");
    cr_assert(WIFEXITED(status), "the arena asked for huge pages without their size");
    cr_assert_eq(WEXITSTATUS(status), 0);
}

Test(verbs_memory, an_arena_that_cannot_be_is_no_memory)
{
    cr_assert_eq(speadi_verbs_arena_create(&arena, SIZE_MAX - 4096, &err), -ENOMEM);
    cr_assert_eq(speadi_verbs_arena_create(&arena, SIZE_MAX / 4, &err), -ENOMEM);
    cr_assert_null(arena.data);
}

/* After a fork(), the device still writes into the pages of the parent. So the child must not have these pages. */
Test(verbs_memory, a_child_after_fork_does_not_have_the_arena)
{
    int status;
    pid_t child;

    cr_assert_eq(speadi_verbs_arena_create(&arena, 8192, &err), 0);
    child = fork();
    if (child == 0) {
        unsigned char resident;

        _exit(mincore(arena.data, 4096, &resident) < 0 && errno == ENOMEM ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "the child has the arena mapped");
}
