/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a message type is found by its name, always has the same id, and counts the references of its messages.
 * Method: Criterion runs each test in a process of its own, so each test begins with an empty registry. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadline/message.h>

static int references;

static void ref(const struct spead_message *message)
{
    references += (int)message->reference;
}

static void unref(const struct spead_message *message)
{
    references -= (int)message->reference;
}

static int64_t pack(const struct spead_message *message, void *bytes, size_t max)
{
    (void)message;
    (void)bytes;
    (void)max;
    return 0;
}

static const struct spead_message_type spectrum = {
    .name = "beam.spectrum-1", .ref = ref, .unref = unref};

Test(message_type, is_found_by_its_name_and_keeps_its_id)
{
    int id = spead_message_type_register(&spectrum, NULL);

    cr_assert_geq(id, 0);
    cr_expect_eq(spead_message_type_find("beam.spectrum-1"), id);
    cr_expect_eq(spead_message_type_get((uint16_t)id), &spectrum);
    cr_expect_eq(spead_message_type_register(&spectrum, NULL), id);
}

Test(message_type, the_librarys_own_are_there_from_the_start)
{
    cr_expect_eq(spead_message_type_find("plain"), SPEAD_TYPE_PLAIN);
    cr_expect_eq(spead_message_type_find("heap"), SPEAD_TYPE_HEAP);
    cr_expect_eq(spead_message_type_find("region"), SPEAD_TYPE_REGION);
    cr_expect_eq(spead_message_type_find("nothing"), -ENOENT);
    cr_expect_null(spead_message_type_get(900));
    cr_expect_null(spead_message_type_get(UINT16_MAX));
}

Test(message_type, of_a_name_that_is_taken_is_refused)
{
    static const struct spead_message_type other = {.name = "heap"};
    struct spead_err err;

    cr_expect_eq(spead_message_type_register(&other, &err), -EEXIST);
    cr_expect(strstr(err.text, "\"heap\"") != NULL, "%s", err.text);
}

Test(message_type, with_a_bad_name_or_half_a_codec_is_refused)
{
    static const char *const names[] = {NULL, "", "Heap", "a b", "naïve"};
    static const struct spead_message_type half = {.name = "half", .pack = pack};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct spead_message_type type = {.name = names[i]};

        cr_expect_eq(spead_message_type_register(&type, NULL), -EINVAL, "name %u", i);
    }
    cr_expect_eq(spead_message_type_register(&half, NULL), -EINVAL);
}

Test(message_type, one_too_many_is_refused_and_says_so)
{
    static struct spead_message_type types[SPEAD_TYPES_MAX];
    static char names[SPEAD_TYPES_MAX][24];
    int registered = 0, ret;

    do {
        snprintf(names[registered], sizeof names[registered], "type-%d", registered);
        types[registered].name = names[registered];
        ret = spead_message_type_register(&types[registered], NULL);
    } while (ret >= 0 && ++registered < SPEAD_TYPES_MAX);
    cr_expect_eq(ret, -ENOSPC);
    cr_expect_eq(registered, SPEAD_TYPES_MAX - 3);
}

Test(message_type, counts_references_with_the_message_in_hand)
{
    struct spead_message message = {.reference = 5};

    message.type = (uint16_t)spead_message_type_register(&spectrum, NULL);
    spead_message_ref(&message);
    cr_expect_eq(references, 5);
    spead_message_unref(&message);
    cr_expect_eq(references, 0);
    /* Without an object, ref and unref of the type are not called. */
    message.reference = 0;
    message.type = SPEAD_TYPE_HEAP;
    spead_message_ref(&message);
    spead_message_unref(&message);
}

Test(message_type, a_child_inherits_what_it_came_from_and_keeps_what_it_is)
{
    const struct spead_message parent = {.stream = 1,
                                         .sequence = 2,
                                         .time_ns = 3,
                                         .key = 4,
                                         .priority = 5,
                                         .reference = 6,
                                         .type = 7};
    struct spead_message child = {.reference = 16, .offset = 17, .type = 1, .flags = 1};

    spead_message_inherit(&child, &parent);
    cr_expect(child.stream == 1 && child.sequence == 2 && child.time_ns == 3 && child.key == 4 &&
              child.priority == 5);
    cr_expect(child.reference == 16 && child.offset == 17 && child.type == 1 && child.flags == 1);
}
