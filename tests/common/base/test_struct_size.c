/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a struct of an older or of a newer caller is read and written as docs/adr/0017 says. The library touches no
 * other memory of the caller.
 * Method: the tests pass a struct of three fields as five versions of a caller would do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <speadi/struct_size.h>

struct thing {
    uint32_t struct_size;
    uint32_t first;
    uint64_t second;
    uint64_t third;
};

/* The struct as a future version of the library would know it. */
struct newer {
    struct thing thing;
    uint64_t fourth, fifth;
};

static const struct thing defaults = {sizeof defaults, 10, 20, 30};
static const struct speadi_struct_kind kind = {
    .what = "thing",
    .init = "THING_INIT",
    .defaults = &defaults,
    .size = sizeof(struct thing),
    .size_min = offsetof(struct thing, second),
};

static void expect_refused(const void *from, const char *word)
{
    struct thing own = {1, 2, 3, 4};
    struct spead_err err = {0};

    cr_expect_eq(speadi_struct_read(&own, from, &kind, &err), -EINVAL);
    cr_expect_eq(err.code, -EINVAL);
    cr_expect_str_eq(err.field, "struct_size");
    cr_expect_eq(strncmp(err.text, "struct_size ", 12), 0, "%s", err.text);
    cr_expect_not_null(strstr(err.text, "the thing configuration"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, word), "%s", err.text);
    cr_expect_eq(own.third, 4u, "what was refused is not half read");
}

Test(struct_size, fields_that_an_older_caller_lacks_get_their_defaults)
{
    struct thing from = {offsetof(struct thing, third), 1, 2, 3}, own;

    cr_expect_eq(speadi_struct_read(&own, &from, &kind, NULL), 0);
    cr_expect_eq(own.struct_size, sizeof own);
    cr_expect_eq(own.first, 1u);
    cr_expect_eq(own.second, 2u);
    cr_expect_eq(own.third, 30u);
    from.struct_size = offsetof(struct thing, second);
    cr_expect_eq(speadi_struct_read(&own, &from, &kind, NULL), 0);
    cr_expect_eq(own.second, 20u);
}

Test(struct_size, what_a_newer_caller_left_at_zero_is_read)
{
    struct newer from = {.thing = {sizeof from, 1, 2, 3}};
    struct thing own;

    cr_expect_eq(speadi_struct_read(&own, &from, &kind, NULL), 0);
    cr_expect_eq(own.struct_size, sizeof own);
    cr_expect_eq(own.third, 3u);
}

Test(struct_size, what_only_a_newer_library_knows_is_refused)
{
    struct newer from = {.thing = {sizeof from, 1, 2, 3}};

    from.fourth = 1;
    expect_refused(&from, "newer library");
    from.fourth = 0;
    ((unsigned char *)&from)[sizeof from - 1] = 1;
    expect_refused(&from, "newer library");
}

Test(struct_size, a_size_that_no_version_has_is_refused)
{
    struct newer from = {.thing = {0, 1, 2, 3}};

    expect_refused(&from, "start from THING_INIT");
    from.thing.struct_size = offsetof(struct thing, second) - 1;
    expect_refused(&from, "start from THING_INIT");
    from.thing.struct_size = SPEADI_STRUCT_SIZE_MAX + 1;
    expect_refused(&from, "start from THING_INIT");
}

Test(struct_size, an_older_caller_gets_what_it_has_room_for)
{
    struct thing to = {offsetof(struct thing, third), 1, 2, 3};

    cr_expect_eq(speadi_struct_write(&to, &defaults, sizeof defaults), 0);
    cr_expect_eq(to.struct_size, offsetof(struct thing, third));
    cr_expect_eq(to.first, 10u);
    cr_expect_eq(to.second, 20u);
    cr_expect_eq(to.third, 3u);
}

Test(struct_size, a_newer_caller_gets_zeros_for_what_is_not_known)
{
    struct newer to = {.thing = {offsetof(struct newer, fifth), 1, 2, 3}, .fourth = 4, .fifth = 5};

    cr_expect_eq(speadi_struct_write(&to, &defaults, sizeof defaults), 0);
    cr_expect_eq(to.thing.struct_size, offsetof(struct newer, fifth));
    cr_expect_eq(to.thing.third, 30u);
    cr_expect_eq(to.fourth, 0u);
    cr_expect_eq(to.fifth, 5u);
}

Test(struct_size, nothing_is_written_where_the_size_was_forgotten)
{
    struct thing to = {0, 1, 2, 3};

    cr_expect_eq(speadi_struct_write(&to, &defaults, sizeof defaults), -EINVAL);
    to.struct_size = 3;
    cr_expect_eq(speadi_struct_write(&to, &defaults, sizeof defaults), -EINVAL);
    to.struct_size = SPEADI_STRUCT_SIZE_MAX + 1;
    cr_expect_eq(speadi_struct_write(&to, &defaults, sizeof defaults), -EINVAL);
    cr_expect_eq(to.first, 1u);
    cr_expect_eq(to.third, 3u);
}
