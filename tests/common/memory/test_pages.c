/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: memory is populated also where the kernel does not have MADV_POPULATE_WRITE (before Linux 5.14), or where a filter
 * refuses it.
 * Method: a filter of system calls refuses it; then the test asks the kernel which pages are there. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <pages.h>

#include <refused_calls.h>

#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23
#endif

static void populate_where_it_fails_with(int error)
{
    const struct test_refused_call call = {
        .number = SYS_madvise, .error = error, .argument = 3, .value = MADV_POPULATE_WRITE};
    size_t page = speadi_pages_size();
    unsigned char is_there[4];
    uint8_t *data =
        mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ret = test_refuse_calls(&call, 1);

    if (ret < 0)
        cr_skip_test("no filter of system calls can be set here: %s", strerror(-ret));
    cr_assert_neq(data, MAP_FAILED);
    speadi_pages_fault_in(data, 4 * page);
    cr_assert_eq(mincore(data, 4 * page, is_there), 0);
    for (unsigned i = 0; i < 4; i++)
        cr_expect(is_there[i] & 1, "page %u", i);
    munmap(data, 4 * page);
}

Test(pages, an_older_kernel_populates)
{
    populate_where_it_fails_with(EINVAL);
}

Test(pages, a_filter_that_refuses_it_does_not_keep_pages_away)
{
    populate_where_it_fails_with(EPERM);
}
