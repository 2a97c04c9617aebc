/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an endpoint has the meaning of the text that the user wrote. If a text is refused, the error quotes it.
 * Method: the tests have tables of texts. They look up only host names that are in every /etc/hosts. */
#include <criterion/criterion.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <speadi/address.h>

#include "netns.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

Test(address, what_was_parsed_is_written_the_same_way)
{
    static const struct {
        const char *text, *formatted;
        enum speadi_address_use use;
    } cases[] = {
        {"192.0.2.1:7148", "192.0.2.1:7148", SPEADI_ADDRESS_SEND},
        {"[2001:db8::1]:1", "[2001:db8::1]:1", SPEADI_ADDRESS_SEND},
        {"[::ffff:192.0.2.1]:65535", "192.0.2.1:65535", SPEADI_ADDRESS_SEND},
        {"[::ffff:239.1.2.3]:7148", "239.1.2.3:7148", SPEADI_ADDRESS_RECEIVE},
        {"[::ffff:192.0.2.1]", "192.0.2.1:0", SPEADI_ADDRESS_SENDER},
        {"[::ffff:192.0.2.1]:7148", "192.0.2.1:7148", SPEADI_ADDRESS_SENDER},
        {"[fe80::1%lo]:7148", "[fe80::1%lo]:7148", SPEADI_ADDRESS_SEND},
        {"239.1.2.3:7148", "239.1.2.3:7148", SPEADI_ADDRESS_RECEIVE},
        {":7148", "0.0.0.0:7148", SPEADI_ADDRESS_RECEIVE},
        {"7148", "0.0.0.0:7148", SPEADI_ADDRESS_RECEIVE},
        {"[::]:7148", "[::]:7148", SPEADI_ADDRESS_RECEIVE},
        {"localhost:07148", "127.0.0.1:7148", SPEADI_ADDRESS_SEND},
        {"192.0.2.1", "192.0.2.1:0", SPEADI_ADDRESS_SENDER},
        {"192.0.2.1:7148", "192.0.2.1:7148", SPEADI_ADDRESS_SENDER},
        {"[2001:db8::1]", "[2001:db8::1]:0", SPEADI_ADDRESS_SENDER},
        {"[2001:db8::1]:7148", "[2001:db8::1]:7148", SPEADI_ADDRESS_SENDER},
        {"localhost", "127.0.0.1:0", SPEADI_ADDRESS_SENDER},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct speadi_address address;
        struct spead_err err = {0};
        char text[SPEADI_ADDRESS_TEXT_MAX];

        cr_assert_eq(speadi_address_parse(&address, cases[i].text, cases[i].use, &err), 0, "%s: %s",
                     cases[i].text, err.text);
        cr_assert_str_eq(speadi_address_format(&address, text), cases[i].formatted, "%s gave %s",
                         cases[i].text, text);
    }
}

Test(address, what_cannot_be_meant_is_refused_and_quoted)
{
    static const struct {
        const char *text, *says;
        int error;
        enum speadi_address_use use;
    } cases[] = {
        {"foo:99999", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_SEND},
        {"127.0.0.1:0", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_RECEIVE},
        {"127.0.0.1:", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_SEND},
        {"127.0.0.1:80x", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_SEND},
        {"127.0.0.1:-1", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_SEND},
        {"127.0.0.1: 80", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_SEND},
        {"127.0.0.1:000000000000000000080", "port must be 1 to 65535", -EINVAL,
         SPEADI_ADDRESS_SEND},
        {"127.0.0.1", "HOST:PORT", -EINVAL, SPEADI_ADDRESS_SEND},
        {"7148", "HOST:PORT", -EINVAL, SPEADI_ADDRESS_SEND},
        {":7148", "HOST:PORT", -EINVAL, SPEADI_ADDRESS_SEND},
        {"foo", "PORT", -EINVAL, SPEADI_ADDRESS_RECEIVE},
        {"", "PORT", -EINVAL, SPEADI_ADDRESS_RECEIVE},
        {":", "PORT", -EINVAL, SPEADI_ADDRESS_RECEIVE},
        {"::1:7148", "[ADDRESS]:PORT", -EINVAL, SPEADI_ADDRESS_SEND},
        {"[::1]", "[ADDRESS]:PORT", -EINVAL, SPEADI_ADDRESS_SEND},
        {"[::1:7148", "[ADDRESS]:PORT", -EINVAL, SPEADI_ADDRESS_SEND},
        {"[]:7148", "PORT", -EINVAL, SPEADI_ADDRESS_RECEIVE},
        {"[127.0.0.1]:7148", "127.0.0.1", -ENOENT, SPEADI_ADDRESS_SEND},
        {"[fe80::1%nope0]:7148", "fe80::1%nope0", -ENOENT, SPEADI_ADDRESS_SEND},
        {"", "HOST:PORT", -EINVAL, SPEADI_ADDRESS_SENDER},
        {":7148", "HOST:PORT", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[]", "HOST:PORT", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"192.0.2.1:", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"192.0.2.1:0", "port must be 1 to 65535", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[::1", "[ADDRESS]:PORT", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[::1]x", "[ADDRESS]:PORT", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"2001:db8::1", "[ADDRESS]:PORT", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[::1]", "[ADDRESS]:PORT", -EINVAL, SPEADI_ADDRESS_RECEIVE},
        {"239.1.2.3", "one host", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[ff15::2]:7148", "one host", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[::ffff:239.1.2.3]:7148", "one host", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[::ffff:0.0.0.0]", "one host", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"0.0.0.0:7148", "one host", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"[::]", "one host", -EINVAL, SPEADI_ADDRESS_SENDER},
        {"no such host", "cannot find host", -ENOENT, SPEADI_ADDRESS_SENDER},
        {"no such host:7148", "cannot find host", -ENOENT, SPEADI_ADDRESS_SEND},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct speadi_address address = {.length = 77};
        struct spead_err err = {0};
        char quoted[80];

        snprintf(quoted, sizeof quoted, "\"%s\"", cases[i].text);
        cr_assert_eq(speadi_address_parse(&address, cases[i].text, cases[i].use, &err),
                     cases[i].error, "%s: %s", cases[i].text, err.text);
        cr_assert_not_null(strstr(err.text, quoted), "%s: %s", cases[i].text, err.text);
        cr_assert_not_null(strstr(err.text, cases[i].says), "%s: %s", cases[i].text, err.text);
        cr_assert_eq(address.length, 77u, "untouched on failure");
    }
}

Test(address, text_of_any_length_is_survived)
{
    static char text[5000];
    struct speadi_address address;
    struct spead_err err = {0};

    memset(text, 'a', sizeof text - 1);
    cr_assert_eq(speadi_address_parse(&address, text, SPEADI_ADDRESS_SEND, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "too long"), "%s", err.text);
    cr_assert_eq(speadi_address_parse(&address, NULL, SPEADI_ADDRESS_SEND, &err), -EINVAL);
}

Test(address, multicast_is_recognised_in_both_versions)
{
    static const struct {
        const char *text;
        bool multicast;
    } cases[] = {{"223.255.255.255:1", false}, {"224.0.0.1:1", true}, {"239.255.255.255:1", true},
                 {"240.0.0.1:1", false},       {"[ff02::1]:1", true}, {"[fe80::1]:1", false}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct speadi_address address;

        cr_assert_eq(speadi_address_parse(&address, cases[i].text, SPEADI_ADDRESS_SEND, NULL), 0);
        cr_assert_eq(speadi_address_is_multicast(&address), cases[i].multicast, "%s",
                     cases[i].text);
    }
}

static void two_hosts(void)
{
    struct test_netns_pair pair;
    const char *reason;

    if (!test_netns_pair(&pair, 1500, &reason))
        cr_skip_test("%s", reason);
}

Test(interface, is_found_by_its_name_and_by_its_addresses)
{
    struct speadi_interface by_name, by_v4, by_v6;
    struct spead_err err = {0};
    struct in_addr near;

    two_hosts();
    cr_assert_eq(speadi_interface_find(&by_name, TEST_NEAR_INTERFACE, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_interface_find(&by_v4, TEST_NEAR_V4, &err), 0, "%s", err.text);
    cr_assert_eq(speadi_interface_find(&by_v6, TEST_NEAR_V6, &err), 0, "%s", err.text);
    near.s_addr = by_name.v4.s_addr;
    cr_assert_eq(near.s_addr, htonl(0x0a4d0001), TEST_NEAR_V4);
    cr_assert_eq(by_name.index, if_nametoindex(TEST_NEAR_INTERFACE));
    cr_assert_eq(by_v4.index, by_name.index);
    cr_assert_eq(by_v6.index, by_name.index);
    cr_assert_eq(by_v4.v4.s_addr, near.s_addr);
    cr_assert_eq(by_v6.v4.s_addr, near.s_addr);
    cr_assert_eq(by_name.local.length, 0u);
    cr_assert_eq(by_v4.local.any.sa_family, AF_INET);
    cr_assert_eq(by_v6.local.any.sa_family, AF_INET6);
    cr_assert_eq(by_v4.local.v4.sin_port, 0u);
}

Test(interface, that_is_not_there_is_refused_and_quoted)
{
    struct speadi_interface interface = {.index = 77};
    struct spead_err err = {0};

    cr_assert_eq(speadi_interface_find(&interface, "nope0", &err), -ENODEV);
    cr_assert_not_null(strstr(err.text, "\"nope0\": there is no interface"), "%s", err.text);
    cr_assert_eq(speadi_interface_find(&interface, "192.0.2.77", &err), -ENODEV);
    cr_assert_not_null(strstr(err.text, "no interface has this address"), "%s", err.text);
    cr_assert_eq(speadi_interface_find(&interface, "", &err), -EINVAL);
    cr_assert_eq(interface.index, 77u);
    cr_assert_eq(speadi_interface_find(&interface, NULL, &err), 0);
    cr_assert_eq(interface.index, 0u);
}
