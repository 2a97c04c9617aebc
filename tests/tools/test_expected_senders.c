/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the user learns which of the expected senders are missing and who else sends, and what is wrong in the file.
 * Method: the test writes the file and the list of senders. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expected_senders.h"

#define SECOND 1000000000ull
#define START  (1000 * SECOND)
#define MANY   40u

static struct expected_senders expected;
static struct spead_recv_sender sender[MANY];
static struct sender_list list = {.sender = sender, .room = MANY};
static char path[] = "/tmp/speadline-senders-XXXXXX";
static char said[2048];
static char *printed;
static struct spead_err err;

static void make_file(void)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
}

static void release(void)
{
    expected_senders_release(&expected);
    unlink(path);
    free(printed);
}

TestSuite(expected_senders, .init = make_file, .fini = release);

/* Loads a file with this text. Returns 0 or -errno. */
static int load(const char *text, enum spead_sender_key key)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    expected_senders_release(&expected);
    return expected_senders_load(&expected, path, 8, key, &err);
}

static void expect_refused(const char *text, enum spead_sender_key key, const char *sentence)
{
    cr_expect_lt(load(text, key), 0);
    cr_expect_not_null(strstr(err.text, path), "%s", err.text);
    cr_expect_not_null(strstr(err.text, sentence), "%s", err.text);
}

/* Adds the sender 192.0.2.`host` with this port to the list. */
static void hear(uint8_t host, uint16_t port)
{
    sender[list.count++] = (struct spead_recv_sender){
        .address = {.address = {[10] = 0xff, 0xff, 192, 0, 2, host}, .port = port, .known = true},
        .first_packet_mono_ns = START};
}

/* Returns the lines of the summary. */
static const char *summary(void)
{
    size_t bytes;
    FILE *to;

    free(printed);
    to = open_memstream(&printed, &bytes);
    expected_senders_look(&expected, &list);
    expected_senders_print(to, &expected, &list);
    fclose(to);
    return printed;
}

static void keep(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    strcat(strcat(said, line), "\n");
}

/* Returns what the log says at this time after the first packet. */
static const char *say(uint64_t after_ns)
{
    const struct spead_log log = {.fn = keep};

    said[0] = '\0';
    expected_senders_look(&expected, &list);
    expected_senders_say(&expected, &list, START + after_ns, &log);
    return said;
}

/* ---- Comparing ------------------------------------------------------------------------------ */

Test(expected_senders, the_missing_senders_of_a_file_are_named)
{
    cr_assert_eq(load("# the boards\n192.0.2.1:7148\n\n  192.0.2.9 # any port\n192.0.2.3:7148\n",
                      SPEAD_SENDER_KEY_PORT),
                 0);
    hear(3, 7148);
    cr_expect_str_eq(summary(),
                     "  expected 2 of 3 senders are missing: 192.0.2.1:7148, 192.0.2.9\n");
    hear(9, 41000);
    hear(1, 7148);
    cr_expect_str_eq(summary(), "  expected all 3 senders were heard\n");
}

Test(expected_senders, a_sender_with_another_port_is_missing_and_one_that_is_not_expected)
{
    cr_assert_eq(load("192.0.2.1:7148\n", SPEAD_SENDER_KEY_PORT), 0);
    hear(1, 41000);
    cr_expect_str_eq(summary(), "  expected 1 of 1 senders are missing: 192.0.2.1:7148\n"
                                "  expected 1 further senders were heard: 192.0.2.1:41000\n");
}

Test(expected_senders, by_address_each_port_of_the_host_is_the_sender)
{
    cr_assert_eq(load("192.0.2.1\n", SPEAD_SENDER_KEY_ADDRESS), 0);
    hear(1, 41000);
    cr_expect_str_eq(summary(), "  expected all 1 senders were heard\n");
    expect_refused("192.0.2.1:7148\n", SPEAD_SENDER_KEY_ADDRESS,
                   "line 1: with --sender-key address a sender has no port");
}

Test(expected_senders, an_ipv6_sender_is_found_and_named)
{
    cr_assert_eq(load("[2001:db8::9]\n[2001:db8::a]:7148\n", SPEAD_SENDER_KEY_PORT), 0);
    cr_expect_str_eq(summary(),
                     "  expected 2 of 2 senders are missing: [2001:db8::9], [2001:db8::a]:7148\n");
    list.count = 1;
    sender[0].address = (struct spead_sender_address){
        .address = {0x20, 0x01, 0x0d, 0xb8, [15] = 9}, .port = 5, .known = true};
    cr_expect_eq(strncmp(summary(), "  expected 1 of 2", 17), 0);
}

Test(expected_senders, a_sender_that_was_heard_and_has_lost_its_place_is_not_missing)
{
    cr_assert_eq(load("192.0.2.1\n", SPEAD_SENDER_KEY_PORT), 0);
    hear(1, 1);
    summary();
    list.count = 0;
    list.forgotten.senders = 1;
    cr_expect_str_eq(summary(), "  expected all 1 senders were heard\n");
}

Test(expected_senders, of_a_number_only_numbers_are_told)
{
    cr_assert_eq(expected_senders_load(&expected, "3", 8, SPEAD_SENDER_KEY_PORT, &err), 0);
    hear(1, 1);
    cr_expect_str_eq(summary(), "  expected 2 of 3 senders are missing\n");
    for (uint8_t host = 2; host <= 5; host++)
        hear(host, 1);
    cr_expect_str_eq(summary(), "  expected all 3 senders were heard\n"
                                "  expected 2 further senders were heard\n");
}

Test(expected_senders, a_flood_of_senders_makes_no_long_line)
{
    json_t *object;

    cr_assert_eq(load("192.0.2.200\n", SPEAD_SENDER_KEY_PORT), 0);
    for (uint8_t host = 1; host <= MANY; host++)
        hear(host, 1);
    cr_expect_not_null(strstr(summary(), "40 further senders were heard: 192.0.2.1:1, 192.0.2.2:1, "
                                         "192.0.2.3:1, 192.0.2.4:1, 192.0.2.5:1, 192.0.2.6:1 and "
                                         "34 more\n"));
    object = expected_senders_json(&expected, &list);
    cr_expect_eq(json_array_size(json_object_get(object, "unexpected_senders")), MANY);
    cr_expect_str_eq(
        json_string_value(json_array_get(json_object_get(object, "missing_senders"), 0)),
        "192.0.2.200");
    json_decref(object);
}

Test(expected_senders, packets_without_an_address_are_of_no_expected_sender)
{
    cr_assert_eq(load("192.0.2.1\n", SPEAD_SENDER_KEY_PORT), 0);
    list.count = 1;
    sender[0] = (struct spead_recv_sender){0};
    cr_expect_str_eq(summary(), "  expected 1 of 1 senders are missing: 192.0.2.1\n"
                                "  expected 1 further senders were heard: unknown\n");
}

Test(expected_senders, the_log_names_the_missing_once_five_seconds_after_the_first_packet)
{
    cr_assert_eq(load("192.0.2.1\n192.0.2.2\n", SPEAD_SENDER_KEY_PORT), 0);
    cr_expect_str_eq(say(100 * SECOND), "", "no packet has come");
    hear(2, 1);
    cr_expect_str_eq(say(4 * SECOND), "");
    cr_expect_str_eq(say(5 * SECOND), "1 of 2 senders are missing: 192.0.2.1\n");
    cr_expect_str_eq(say(6 * SECOND), "");
}

Test(expected_senders, without_the_option_nothing_is_said)
{
    hear(1, 1);
    cr_expect_str_eq(summary(), "");
    cr_expect_str_eq(say(10 * SECOND), "");
}

/* ---- What is refused ------------------------------------------------------------------------ */

Test(expected_senders, a_wrong_line_is_named_with_its_number)
{
    expect_refused("192.0.2.1\n# no\n192.0.2.1:99999\n", SPEAD_SENDER_KEY_PORT, ", line 3: ");
    expect_refused("192.0.2.1\n192.0.2.2\n192.0.2.1\n", SPEAD_SENDER_KEY_PORT,
                   "line 3: the sender of line 1 again");
    expect_refused("239.1.2.3\n", SPEAD_SENDER_KEY_PORT, "line 1: ");
    expect_refused("\n\n:7148\n", SPEAD_SENDER_KEY_PORT, "line 3: ");
    expect_refused(
        "1.0.0.1\n1.0.0.2\n1.0.0.3\n1.0.0.4\n1.0.0.5\n1.0.0.6\n1.0.0.7\n1.0.0.8\n1.0.0.9\n",
        SPEAD_SENDER_KEY_PORT, "line 9: more senders than --senders has room for");
    expect_refused("# nobody\n", SPEAD_SENDER_KEY_PORT, "names no sender");
}

Test(expected_senders, a_line_that_is_too_long_is_refused)
{
    char text[1000];

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    expect_refused(text, SPEAD_SENDER_KEY_PORT, "line 1: the line is too long");
}

Test(expected_senders, a_wrong_number_or_a_file_that_is_not_there_is_refused)
{
    cr_expect_lt(expected_senders_load(&expected, "0", 8, SPEAD_SENDER_KEY_PORT, &err), 0);
    cr_expect_str_eq(err.text, "0: must be 1 to 8, the value of --senders");
    cr_expect_lt(expected_senders_load(&expected, "9", 8, SPEAD_SENDER_KEY_PORT, &err), 0);
    cr_expect_lt(expected_senders_load(&expected, "/nowhere/x", 8, SPEAD_SENDER_KEY_PORT, &err), 0);
    cr_expect_not_null(strstr(err.text, "/nowhere/x: No such file or directory (give a number"));
}
