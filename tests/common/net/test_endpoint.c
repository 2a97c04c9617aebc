/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the interface of an endpoint is the one that the user wrote behind the port, or the zone of the address, or the
 * interface of the stream. If two of them contradict each other, the endpoint is refused.
 * Method: the tests have tables of texts, on a host with the interfaces lo and near0. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/endpoint.h>

#include "netns.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void two_hosts(void)
{
    struct test_netns_pair pair;
    const char *reason;

    if (!test_netns_pair(&pair, 1500, &reason))
        cr_skip_test("%s", reason);
}

static int parse(struct speadi_endpoint *endpoint, const char *text, const char *fallback,
                 struct spead_err *err)
{
    struct speadi_interface interface;

    cr_assert_eq(speadi_interface_find(&interface, fallback, err), 0, "%s", err->text);
    return speadi_endpoint_parse(endpoint, text, SPEADI_ADDRESS_RECEIVE, &interface, err);
}

Test(endpoint, takes_its_interface_from_the_text_or_from_the_stream)
{
    static const struct {
        const char *text, *fallback, *formatted, *interface;
        bool has_local; /* the interface was given by one of its addresses */
    } cases[] = {
        {"239.1.2.3:7148", NULL, "239.1.2.3:7148", "", false},
        {"239.1.2.3:7148%lo", NULL, "239.1.2.3:7148", "lo", false},
        {"239.1.2.3:7148%" TEST_NEAR_V4, NULL, "239.1.2.3:7148", TEST_NEAR_INTERFACE, true},
        {"239.1.2.3:7148", "lo", "239.1.2.3:7148", "lo", false},
        {"239.1.2.3:7148%lo", "lo", "239.1.2.3:7148", "lo", false},
        {":7148%lo", NULL, "0.0.0.0:7148", "lo", false},
        {"7148%lo", NULL, "0.0.0.0:7148", "lo", false},
        {"[ff15::7]:7148%lo", NULL, "[ff15::7]:7148", "lo", false},
        {"[ff15::7]:7148%" TEST_NEAR_V6, NULL, "[ff15::7]:7148", TEST_NEAR_INTERFACE, true},
        {"[ff02::7%lo]:7148", NULL, "[ff02::7%lo]:7148", "lo", false},
        {"[ff02::7%lo]:7148%lo", NULL, "[ff02::7%lo]:7148", "lo", false},
        {"[ff02::7%lo]:7148", "lo", "[ff02::7%lo]:7148", "lo", false},
        {"[::ffff:239.1.2.3]:7148%lo", NULL, "239.1.2.3:7148", "lo", false},
    };

    two_hosts();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct speadi_endpoint endpoint;
        struct spead_err err = {0};
        char text[SPEADI_ADDRESS_TEXT_MAX];

        cr_assert_eq(parse(&endpoint, cases[i].text, cases[i].fallback, &err), 0, "%s: %s",
                     cases[i].text, err.text);
        cr_expect_str_eq(speadi_address_format(&endpoint.address, text), cases[i].formatted,
                         "%s gave %s", cases[i].text, text);
        cr_expect_str_eq(endpoint.interface.name, cases[i].interface, "%s gave %s", cases[i].text,
                         endpoint.interface.name);
        cr_expect_eq(endpoint.interface.local.length > 0, cases[i].has_local, "%s", cases[i].text);
    }
}

Test(endpoint, whose_interfaces_contradict_each_other_is_refused_and_quoted)
{
    static const struct {
        const char *text, *fallback, *says;
        int error;
    } cases[] = {
        {"239.1.2.3:7148%lo", TEST_NEAR_INTERFACE, "interface of the stream is near0", -EINVAL},
        {"[ff02::7%lo]:7148", TEST_NEAR_INTERFACE, "interface of the stream is near0", -EINVAL},
        {"[ff02::7%lo]:7148%near0", NULL, "its zone is lo", -EINVAL},
        {"239.1.2.3:7148%nope0", NULL, "\"nope0\": there is no interface", -ENODEV},
        {"239.1.2.3:7148%", NULL, "an interface needs a name", -EINVAL},
        {"239.1.2.3%lo:7148", NULL, "%IF behind it for an interface", -EINVAL},
        {":7148%lo%lo", NULL, "\"lo%lo\": there is no interface", -ENODEV},
    };

    two_hosts();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct speadi_endpoint endpoint = {.address.length = 77};
        struct spead_err err = {0};

        cr_assert_eq(parse(&endpoint, cases[i].text, cases[i].fallback, &err), cases[i].error,
                     "%s: %s", cases[i].text, err.text);
        cr_expect_not_null(strstr(err.text, cases[i].says), "%s: %s", cases[i].text, err.text);
        cr_expect_eq(endpoint.address.length, 77u, "untouched on failure");
    }
}
