/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: what docs/troubleshooting.md says about the host is true: what the kernel drops, ports and permissions.
 * Method: as in test_trouble_senders.c. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "symptom.h"

TestSuite(trouble_host, .init = tool_enter, .timeout = 120);

static json_int_t beside(const char *what)
{
    return number(json_object_get(symptom_object(), "ledger"), what);
}

/* ---- What the kernel dropped ------------------------------------------------------------------ */

/* Sends 100 heaps of 8 KiB while the receiver does not read. */
static void send_a_burst(int fd)
{
    symptom_asleep();
    for (uint64_t counter = 1; counter <= 100; counter++)
        symptom_piece(fd, counter, 8192, 0, 8192);
    symptom_awake();
}

Test(trouble_host, a_socket_buffer_that_was_full)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict --buffer 200K");
    send_a_burst(fd);
    symptom_end_after(10, 3);
    cr_expect_gt(beside("buffer_drops"), 0);
    symptom_shows(
        "messages at our sockets, whose buffer was full: raise net.core.rmem_max and --buffer");
    symptom_begin("--buffer 8M --ring-heaps 256");
    send_a_burst(fd);
    symptom_end_after(110, 0);
    cr_expect_eq(beside("kernel_drops"), 0);
    symptom_hides("whose buffer was full");
}

/* Sends a datagram with a wrong UDP checksum to the receiver. */
static void send_damaged(void)
{
    struct {
        struct udphdr udp;
        char payload[100];
    } datagram = {.udp = {.source = htons(5000),
                          .dest = htons(7148),
                          .len = htons(sizeof datagram),
                          .check = htons(0x1234)}};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);

    cr_assert_geq(fd, 0, "%s", strerror(errno));
    cr_assert_eq(sendto(fd, &datagram, sizeof datagram, 0, (const struct sockaddr *)&at, sizeof at),
                 (ssize_t)sizeof datagram, "%s", strerror(errno));
    close(fd);
}

Test(trouble_host, packets_with_a_wrong_checksum)
{
    int fd = symptom_from("127.0.0.1", 0);

    symptom_begin("--strict");
    send_damaged();
    symptom_stamped(fd, 1, 1);
    symptom_end_after(1, 3);
    cr_expect_eq(beside("checksum_drops"), 1);
    symptom_shows("with a wrong checksum: they were damaged on the way or in the sender");
    symptom_hides("rmem_max");
}

Test(trouble_host, packets_of_a_sender_that_source_turns_away)
{
    int wanted = symptom_from("127.0.0.2", 0), other = symptom_from("127.0.0.3", 0);

    symptom_begin("--strict --source 127.0.0.2");
    symptom_stamped(other, 1, 1);
    symptom_stamped(wanted, 1, 1);
    symptom_end_after(1, 0);
    cr_expect_eq(number(symptom_object(), "heaps"), 1);
    symptom_shows("messages came from others than --source and were turned away");
}

/* ---- What cannot be had ------------------------------------------------------------------------ */

/* Runs a program to its end and expects its status. Returns what it said; the caller must free it. */
static char *run(const char *path, const char *line, int status)
{
    struct program program = {0};
    char *said;

    program_start(&program, path, line);
    expect_status(&program, status);
    said = program_err(&program);
    program_release(&program);
    return said;
}

static void expect_said(const char *path, const char *line, int status, const char *text)
{
    char *said = run(path, line, status);

    cr_expect_not_null(strstr(said, text), "no \"%s\" in: %s", text, said);
    symptom_page_has(text);
    free(said);
}

Test(trouble_host, a_port_that_another_program_has)
{
    symptom_begin("");
    expect_said(SPEAD_RECV, SYMPTOM_ENDPOINT, 1, "Address already in use");
    symptom_interrupt(0);
    expect_said(SPEAD_RECV, SYMPTOM_ENDPOINT " --seconds 0.01", 0, "no packet has come to");
}

/* Makes this process that of an ordinary user, who has no capabilities. */
static void become_ordinary(void)
{
    cr_assert_eq(setgroups(0, NULL), 0);
    cr_assert_eq(setgid(65534), 0);
    cr_assert_eq(setuid(65534), 0);
    if (access(SPEAD_RECV, X_OK) < 0)
        cr_skip_test("others than root cannot reach the build folder");
}

Test(trouble_host, a_buffer_that_the_system_does_not_grant)
{
    become_ordinary();
    expect_said(SPEAD_RECV, SYMPTOM_ENDPOINT " --seconds 0.01 --buffer 1G", 0,
                "raise the limit with");
}

Test(trouble_host, nobody_listens_where_the_sender_sends)
{
    expect_said(SPEAD_SEND, SYMPTOM_ENDPOINT " --heaps 3 --heap-size 1000 --rate 0.001", 0,
                "by ICMP");
}
