/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an engine gets its own options and not those of another engine. Options that an older caller does not know have
 * their defaults.
 * Method: the tests make lists of options for engines that need not exist. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <speadi/engine_list.h>

struct canoe_options {
    struct spead_engine_options options;
    uint32_t paddles, seats;
};

static struct canoe_options canoe = {{.struct_size = sizeof canoe, .engine = "canoe"}, 2, 3};
static struct spead_engine_options plane = {.struct_size = sizeof plane, .engine = "plane"};
static struct spead_err err;

static const struct canoe_options defaults = {
    {.struct_size = sizeof defaults, .engine = "canoe"}, 1, 1};
static const struct speadi_struct_kind kind = {
    .what = "canoe",
    .init = "CANOE_INIT",
    .defaults = &defaults,
    .size = sizeof defaults,
    .size_min = sizeof defaults.options,
};

Test(engine_options, each_engine_finds_its_own_in_the_chain)
{
    plane.next = &canoe.options;
    cr_expect_eq(speadi_engine_options_find(&plane, "plane"), &plane);
    cr_expect_eq(speadi_engine_options_find(&plane, "canoe"), &canoe.options);
    cr_expect_null(speadi_engine_options_find(&plane, "ferry"));
    cr_expect_null(speadi_engine_options_find(NULL, "plane"));
}

Test(engine_options, they_are_read_over_the_defaults)
{
    struct canoe_options own;

    cr_assert_eq(speadi_engine_options_read(&own, &kind, &canoe.options, &err), 0);
    cr_expect_eq(own.paddles, 2u);
    cr_expect_eq(own.seats, 3u);
    cr_assert_eq(speadi_engine_options_read(&own, &kind, NULL, &err), 0);
    cr_expect_eq(own.seats, 1u, "nothing to read: the default");
}

Test(engine_options, an_older_caller_gets_the_defaults_of_what_it_does_not_know)
{
    struct canoe_options own;

    canoe.options.struct_size = offsetof(struct canoe_options, seats);
    cr_assert_eq(speadi_engine_options_read(&own, &kind, &canoe.options, &err), 0);
    cr_expect_eq(own.paddles, 2u);
    cr_expect_eq(own.seats, 1u);
}

Test(engine_options, a_size_that_cannot_be_is_refused)
{
    struct canoe_options own = {0};

    canoe.options.struct_size = 0;
    cr_assert_eq(speadi_engine_options_read(&own, &kind, &canoe.options, &err), -EINVAL);
    cr_expect(strstr(err.text, "canoe") && strstr(err.text, "struct_size"), "%s", err.text);
}

Test(engine_options, a_chain_that_has_no_end_is_refused_by_name)
{
    cr_expect_eq(speadi_engine_options_check(NULL, &err), 0);
    plane.next = &canoe.options;
    cr_expect_eq(speadi_engine_options_check(&plane, &err), 0);
    canoe.options.next = &plane;
    cr_assert_eq(speadi_engine_options_check(&plane, &err), -EINVAL);
    cr_expect_str_eq(err.field, "engine_options");
}
