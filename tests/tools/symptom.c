/* SPDX-License-Identifier: Apache-2.0 */
/* See symptom.h. */
#include "symptom.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <speadline/item.h>

struct test_packet symptom_packet;

static struct program receiver;
static const char *preload;
static json_t *object;
static char *said;

/* ---- Packets ------------------------------------------------------------------------------- */

static struct sockaddr_in loopback(const char *address, unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    cr_assert_eq(inet_pton(AF_INET, address, &at.sin_addr), 1);
    return at;
}

int symptom_from(const char *address, unsigned port)
{
    struct sockaddr_in at = loopback(address, port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0, "%s", strerror(errno));
    return fd;
}

void symptom_send(int from)
{
    struct sockaddr_in at = loopback("127.0.0.1", 7148);

    cr_assert_eq(sendto(from, symptom_packet.bytes, symptom_packet.length, 0,
                        (const struct sockaddr *)&at, sizeof at),
                 (ssize_t)symptom_packet.length, "%s", strerror(errno));
}

void symptom_piece(int from, uint64_t counter, uint64_t length, uint64_t offset, size_t bytes)
{
    test_packet_data(&symptom_packet, 40, counter, length, offset, NULL, bytes);
    symptom_send(from);
}

void symptom_stamped(int from, uint64_t counter, uint64_t value)
{
    test_packet_specials(&symptom_packet, 40, counter, 8, 0, 8);
    test_packet_immediate(&symptom_packet, 0x1600, value);
    test_packet_payload(&symptom_packet, "01234567", 8);
    symptom_send(from);
}

void symptom_control(int from, uint64_t counter, uint64_t value)
{
    test_packet_specials(&symptom_packet, 40, counter, 1, 0, 1);
    test_packet_immediate(&symptom_packet, SPEAD_ID_STREAM_CONTROL, value);
    test_packet_payload(&symptom_packet, "", 1);
    symptom_send(from);
}

/* ---- The receiver -------------------------------------------------------------------------- */

static void forget(void)
{
    free(said);
    said = NULL;
    json_decref(object);
    object = NULL;
}

void symptom_begin(const char *options)
{
    char line[512];

    forget();
    receiver = (struct program){.preload = preload};
    snprintf(line, sizeof line, SYMPTOM_ENDPOINT " --json%s %s",
             strstr(options, "--ring-heaps") ? "" : " --ring-heaps 64", options);
    program_start(&receiver, SPEAD_RECV, line);
    cr_assert(program_says(&receiver, "listening on"), "spead-recv %s did not start", line);
}

void symptom_preload(const char *library)
{
    preload = library;
}

void symptom_asleep(void)
{
    siginfo_t stopped = {0};

    cr_assert_eq(kill(receiver.pid, SIGSTOP), 0);
    cr_assert_eq(waitid(P_PID, (id_t)receiver.pid, &stopped, WSTOPPED), 0);
}

void symptom_awake(void)
{
    kill(receiver.pid, SIGCONT);
}

void symptom_await(unsigned datagrams)
{
    await_udp_count("InDatagrams", datagrams);
}

void symptom_end(int status)
{
    int ended = program_wait(&receiver);

    cr_assert_eq(ended, status, "status %d instead of %d: %s", ended, status, symptom_said());
    symptom_said();
    object = object_of(&receiver);
    expect_sum(json_object_get(object, "ledger"), "seen");
    program_release(&receiver);
}

void symptom_interrupt(int status)
{
    kill(receiver.pid, SIGINT);
    symptom_end(status);
}

void symptom_interrupt_twice(int status)
{
    interrupt(&receiver);
    symptom_interrupt(status);
}

void symptom_end_after(unsigned datagrams, int status)
{
    symptom_await(datagrams);
    symptom_interrupt(status);
}

const json_t *symptom_object(void)
{
    return object;
}

const char *symptom_said(void)
{
    if (!object) {
        free(said);
        said = program_err(&receiver);
    }
    return said;
}

/* ---- What it says, and the page ------------------------------------------------------------- */

/* Turns each run of white space into one space. */
static void squeeze(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++)
        if (!isspace((unsigned char)*from))
            *to++ = *from;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
}

static bool has(const char *where, const char *text)
{
    char *squeezed = strdup(where);
    bool found;

    squeeze(squeezed);
    found = strstr(squeezed, text) != NULL;
    free(squeezed);
    return found;
}

static char *read_page(void)
{
    FILE *file = fopen(TROUBLESHOOTING, "re");
    struct stat st;
    char *page;

    cr_assert(file != NULL && fstat(fileno(file), &st) == 0, "%s", TROUBLESHOOTING);
    page = calloc(1, (size_t)st.st_size + 1);
    cr_assert_eq(fread(page, 1, (size_t)st.st_size, file), (size_t)st.st_size);
    fclose(file);
    return page;
}

void symptom_page_has(const char *text)
{
    char *page = read_page();

    cr_expect(has(page, text), "the page does not quote: %s", text);
    free(page);
}

void symptom_says(const char *text)
{
    cr_expect(has(symptom_said(), text), "\"%s\" is not in: %s", text, symptom_said());
}

void symptom_shows(const char *text)
{
    symptom_says(text);
    symptom_page_has(text);
}

void symptom_hides(const char *text)
{
    cr_expect_not(has(symptom_said(), text), "\"%s\" is in: %s", text, symptom_said());
}
