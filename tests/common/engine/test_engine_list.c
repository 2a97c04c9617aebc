/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: speadi_engine_choose() opens the named engine. For "auto" it opens the first engine, in the order of the ranks,
 * that can be opened. The reason says correctly why the other engines were not chosen. The texts of refusals name the
 * engines of the list.
 * Method: each case has a list of invented engines, and says which of them can be used and opened. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <speadi/engine_list.h>
#include <speadi/err.h>

/* The engines are in the order of their names, as in the lists that CMake makes. The order of their ranks is
 * different. */
static const struct speadi_engine_about
    canoe = {.name = "canoe", .endpoint = SPEAD_ENDPOINT_UDP, .rank = 30},
    ferry = {.name = "ferry", .endpoint = SPEAD_ENDPOINT_MEM_LINK, .rank = 40},
    plane = {.name = "plane",
             .endpoint = SPEAD_ENDPOINT_UDP,
             .rank = 10,
             .caveat = "leaves the ground",
             .gives_way = true},
    train = {.name = "train", .endpoint = SPEAD_ENDPOINT_UDP, .rank = 20};

static const struct speadi_engine_about *const engines[] = {&canoe, &ferry, &plane, &train, NULL};
static const struct speadi_engine_about *const no_engines[] = {NULL};
static struct speadi_engine_list list = {"receive", "reads", engines};

/* A reason that is almost as long as an error may be, and that ends in a remedy. If it is not NULL, all engines that
 * cannot be used give this reason. */
static const char *long_reason;

/* the names of the engines that cannot be used, or cannot be opened */
static const char *unusable, *unopenable;
static const char
    *long_sentence; /* if it is set, no engine but the train can be used, and this says why */
static const struct speadi_engine_about *opened;
static char reason[SPEADI_ENGINE_REASON_MAX];
static struct spead_err err;

static int usable(void *arg, const struct speadi_engine_about *engine, struct spead_err *why)
{
    (void)arg;
    if (long_sentence && engine != &train)
        return speadi_err_set(why, -ENODEV, "%s", long_sentence);
    if (!unusable || !strstr(unusable, engine->name))
        return 0;
    return long_reason ? speadi_err_set(why, -EPERM, "%s", long_reason)
                       : speadi_err_set(why, -ENODEV, "no %s here", engine->name);
}

static int open_it(void *arg, const struct speadi_engine_about *engine, struct spead_err *why)
{
    (void)arg;
    if (unopenable && strstr(unopenable, engine->name))
        return speadi_err_set(why, -EIO, "%s broke", engine->name);
    opened = engine;
    return 0;
}

static int choose(const char *name, enum spead_endpoint_kind endpoint, const char *shape)
{
    const struct speadi_engine_choice choice = {
        .list = &list, .endpoint = endpoint, .shape = shape, .usable = usable, .open = open_it};

    opened = NULL;
    return speadi_engine_choose(&choice, name, reason, &err);
}

Test(engine_list, auto_takes_the_lowest_rank_and_says_what_is_with_the_others)
{
    cr_assert_eq(choose("auto", SPEAD_ENDPOINT_UDP, NULL), 0, "%s", err.text);
    cr_expect_eq(opened, &plane);
    cr_expect_str_eq(reason, "auto: plane, the cheapest usable one; leaves the ground; train: "
                             "usable, costs more; canoe: usable, costs more");
}

Test(engine_list, auto_passes_over_what_cannot_be_used)
{
    unusable = "plane";
    cr_assert_eq(choose(NULL, SPEAD_ENDPOINT_UDP, ""), 0, "%s", err.text);
    cr_expect_eq(opened, &train);
    cr_expect_str_eq(reason, "auto: train, the cheapest usable one; plane: no plane here; canoe: "
                             "usable, costs more");
}

/* The end of a sentence is often a command, and half a command does something else. */
Test(engine_list, the_sentences_about_the_others_are_whole)
{
    char sentence[SPEAD_ERR_TEXT_MAX];

    memset(sentence, 'x', sizeof sentence - 1);
    memcpy(sentence + sizeof sentence - 6, "`end`", 6);
    long_sentence = sentence;
    cr_assert_eq(choose("auto", SPEAD_ENDPOINT_UDP, NULL), 0, "%s", err.text);
    cr_expect_not_null(strstr(reason, "; plane: x"), "%s", reason);
    cr_expect_not_null(strstr(reason, "`end`; canoe: xxx"), "%s", reason);
    cr_expect_str_eq(reason + strlen(reason) - 6, "x`end`");
}

Test(engine_list, one_that_gives_way_is_passed_over_where_it_does_not_open)
{
    unopenable = "plane";
    cr_assert_eq(choose(NULL, SPEAD_ENDPOINT_UDP, NULL), 0, "%s", err.text);
    cr_expect_eq(opened, &train);
    cr_expect_not_null(strstr(reason, "plane: plane broke"), "%s", reason);
}

Test(engine_list, any_other_that_does_not_open_is_the_answer)
{
    unusable = "plane";
    unopenable = "train";
    cr_assert_eq(choose(NULL, SPEAD_ENDPOINT_UDP, NULL), -EIO);
    cr_expect_str_eq(err.text, "train broke");
    cr_expect_null(opened);
}

Test(engine_list, auto_looks_only_at_engines_of_the_streams_kind_of_endpoint)
{
    cr_assert_eq(choose("auto", SPEAD_ENDPOINT_MEM_LINK, NULL), 0, "%s", err.text);
    cr_expect_eq(opened, &ferry);
    cr_expect_str_eq(reason, "auto: ferry, the cheapest usable one");
}

Test(engine_list, where_none_can_be_used_each_is_named_with_its_reason)
{
    unusable = "plane train canoe";
    cr_assert_eq(choose("auto", SPEAD_ENDPOINT_UDP, NULL), -ENOTSUP);
    cr_expect_str_eq(err.text, "no receive engine for UDP endpoints can be used here; plane: no "
                               "plane here; train: no train here; canoe: no canoe here");
}

#define LONG_REASON                                                                               \
    "it is forbidden here by a sysctl that an administrator has set for the whole host, and it "  \
    "can be allowed again: `sudo sysctl -w kernel.io_uring_disabled=0` (a file in /etc/sysctl.d " \
    "keeps it over a reboot)"

Test(engine_list, the_reason_has_every_remedy_whole)
{
    unusable = "plane canoe";
    long_reason = LONG_REASON;
    cr_assert_eq(choose("auto", SPEAD_ENDPOINT_UDP, NULL), 0, "%s", err.text);
    cr_expect_str_eq(reason, "auto: train, the cheapest usable one; plane: " LONG_REASON
                             "; canoe: " LONG_REASON);
}

Test(engine_list, a_refusal_in_which_not_all_reasons_fit_has_the_rest_whole_and_says_where_more_is)
{
    unusable = "plane train canoe";
    long_reason = LONG_REASON;
    cr_assert_eq(choose("auto", SPEAD_ENDPOINT_UDP, NULL), -ENOTSUP);
    cr_expect_str_eq(err.text, "no receive engine for UDP endpoints can be used here; "
                               "spead-info engines says more");
}

Test(engine_list, where_there_is_none_of_that_kind_this_is_said)
{
    list.engine = no_engines;
    cr_assert_eq(choose("auto", SPEAD_ENDPOINT_UDP, NULL), -ENOTSUP);
    cr_expect_str_eq(err.text, "this library has no receive engine for UDP endpoints");
}

Test(engine_list, a_named_engine_is_opened_without_asking_whether_it_is_usable)
{
    unusable = "plane";
    cr_assert_eq(choose("plane", SPEAD_ENDPOINT_UDP, "two wings"), 0, "%s", err.text);
    cr_expect_eq(opened, &plane);
    cr_expect_str_eq(reason, "plane: asked for; leaves the ground; two wings");
    unopenable = "plane";
    cr_expect_eq(choose("plane", SPEAD_ENDPOINT_UDP, NULL), -EIO, "it does not give way then");
    cr_expect_str_eq(err.text, "plane broke");
}

Test(engine_list, an_unknown_name_is_refused_with_those_there_are_by_rank)
{
    cr_assert_eq(choose("warp", SPEAD_ENDPOINT_UDP, NULL), -EINVAL);
    cr_expect_str_eq(err.text, "engine \"warp\" is unknown; to receive there are auto, plane, "
                               "train, canoe and ferry");
}

Test(engine_list, an_engine_for_other_endpoints_is_refused)
{
    cr_assert_eq(choose("ferry", SPEAD_ENDPOINT_UDP, NULL), -EINVAL);
    cr_expect_str_eq(err.text,
                     "engine \"ferry\" reads memory links, but the stream has UDP endpoints");
}

Test(engine_list, information_comes_by_rank_and_ends)
{
    static const char *const names[] = {"plane", "train", "canoe", "ferry"};
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;

    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(speadi_engine_describe(&list, i, &info), 0);
        cr_expect_str_eq(info.name, names[i]);
    }
    cr_expect_eq(info.endpoint, SPEAD_ENDPOINT_MEM_LINK);
    cr_expect_eq(info.rank, 40u);
    cr_expect_null(info.caveat);
    cr_assert_eq(speadi_engine_describe(&list, 0, &info), 0);
    cr_expect_str_eq(info.caveat, "leaves the ground");
    cr_expect_eq(speadi_engine_describe(&list, 4, &info), -ERANGE);
}

Test(engine_list, an_older_caller_gets_what_it_has_room_for)
{
    struct spead_engine_info info = {.struct_size = offsetof(struct spead_engine_info, caveat),
                                     .endpoint = SPEAD_ENDPOINT_TEXT};

    cr_assert_eq(speadi_engine_describe(&list, 0, &info), 0);
    cr_expect_str_eq(info.name, "plane");
    cr_expect_null(info.caveat, "beyond its structure: not written");
    cr_expect_eq(info.endpoint, SPEAD_ENDPOINT_TEXT);
    info.struct_size = 0;
    cr_expect_eq(speadi_engine_describe(&list, 0, &info), -EINVAL);
}
