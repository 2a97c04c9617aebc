/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_run.h. */
#include "tool_run.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"

void tool_enter(void)
{
    const char *reason;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
}

json_t *object_of(const struct program *program)
{
    char *text = program_out(program);
    char *end = strchr(text, '\n');
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    cr_assert_not_null(object, "not one JSON object: \"%s\"", text);
    cr_assert(end != NULL && end[1] == '\0', "more than a line: \"%s\"", text);
    free(text);
    return object;
}

json_int_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    cr_assert(json_is_integer(value), "no number %s", key);
    return json_integer_value(value);
}

uint64_t digits(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    char *end;
    unsigned long long value;

    cr_assert(text && *text >= '0' && *text <= '9', "no string of digits %s", key);
    value = strtoull(text, &end, 10);
    cr_assert_eq(*end, '\0', "%s: %s", key, text);
    return value;
}

json_int_t bucket(const json_t *object, const char *name)
{
    const json_t *ledger = json_object_get(object, "ledger");

    return number(json_object_get(json_object_get(ledger, "buckets"), name), "packets");
}

void expect_sum(const json_t *ledger, const char *total)
{
    const char *units[] = {"packets", "bytes"};

    for (size_t i = 0; i < 2; i++) {
        json_int_t sum = 0;
        const char *key;
        json_t *value;

        json_object_foreach(json_object_get(ledger, "buckets"), key, value) sum +=
            number(value, units[i]);
        cr_expect_eq(sum, number(json_object_get(ledger, total), units[i]), "%s", units[i]);
    }
}

void expect_end(const json_t *object, const char *cause, const char *text)
{
    const json_t *end = json_object_get(object, "ended_by");
    const char *said = json_string_value(json_object_get(end, "text"));

    cr_assert_not_null(said);
    cr_expect_str_eq(json_string_value(json_object_get(end, "cause")), cause);
    cr_expect_eq(strncmp(said, text, strlen(text)), 0, "\"%s\" instead of \"%s\"", said, text);
}

void expect_status(struct program *program, int expected)
{
    int status = program_wait(program);
    char *said = program_err(program);

    cr_assert_eq(status, expected, "status %d instead of %d: %s", status, expected, said);
    free(said);
}

void start_receiver(struct run *run, const char *line)
{
    program_start(&run->recv, SPEAD_RECV, line);
    cr_assert(program_says(&run->recv, "listening on"), "spead-recv %s did not start", line);
}

void finish(struct run *run, int recv_status, int send_status)
{
    expect_status(&run->send, send_status);
    expect_status(&run->recv, recv_status);
    run->received = object_of(&run->recv);
    run->sent = object_of(&run->send);
    expect_sum(json_object_get(run->received, "ledger"), "seen");
    expect_sum(json_object_get(run->sent, "ledger"), "submitted");
}

void run_both(struct run *run, const char *recv_line, int recv_status, const char *send_line)
{
    start_receiver(run, recv_line);
    program_start(&run->send, SPEAD_SEND, send_line);
    finish(run, recv_status, 0);
}

bool is_shell_command(const char *text)
{
    char path[] = "/tmp/speadline-command-XXXXXX", line[80];
    int fd = mkstemp(path), status;

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    snprintf(line, sizeof line, "sh -n %s", path);
    status = system(line);
    unlink(path);
    return status == 0 && text[0] != '\0' && !strstr(text, "...");
}

void tool_sleep_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000l}, NULL);
}

static void look_again(void)
{
    tool_sleep_ms(1);
}

/* Returns a UDP counter of /proc/net/snmp. In that file two lines begin with "Udp:". The first line has the names, the
 * second line has the values. */
static long long udp_counter(const char *name)
{
    char names[512], values[512], *rest_n, *rest_v, *word;
    FILE *file = fopen("/proc/net/snmp", "re");

    cr_assert_not_null(file);
    while (fgets(names, sizeof names, file) != NULL && strncmp(names, "Udp:", 4) != 0)
        ;
    cr_assert_not_null(fgets(values, sizeof values, file));
    fclose(file);
    word = strtok_r(names, " \n", &rest_n);
    for (const char *value = strtok_r(values, " \n", &rest_v); word != NULL && value != NULL;
         value = strtok_r(NULL, " \n", &rest_v)) {
        if (strcmp(word, name) == 0)
            return atoll(value);
        word = strtok_r(NULL, " \n", &rest_n);
    }
    cr_assert_fail("no counter %s", name);
    return 0;
}

void await_udp_count(const char *counter, long long count)
{
    while (udp_counter(counter) < count)
        look_again();
}

void await_udp(const char *counter)
{
    await_udp_count(counter, 1);
}

void await_all_read(void)
{
    while (udp_counter("InDatagrams") + udp_counter("InErrors") + udp_counter("NoPorts") <
           udp_counter("OutDatagrams"))
        look_again();
}

void await_handler(const struct program *program, int number)
{
    char path[64], line[128];
    unsigned long long caught = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)program->pid);
    while (!(caught >> (number - 1) & 1)) {
        file = fopen(path, "re");
        cr_assert_not_null(file, "%s", path);
        while (fgets(line, sizeof line, file) && sscanf(line, "SigCgt: %llx", &caught) != 1)
            ;
        fclose(file);
        look_again();
    }
}

void await_run(struct program *program)
{
    await_handler(program, SIGUSR1);
    kill(program->pid, SIGUSR1);
    cr_assert(program_says(program, "so far   it goes on"));
}

static bool is_pending(pid_t pid, int number)
{
    char path[64], line[128];
    unsigned long long pending = 0, set;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "ShdPnd: %llx", &set) == 1 || sscanf(line, "SigPnd: %llx", &set) == 1)
            pending |= set;
    fclose(file);
    return pending >> (number - 1) & 1;
}

void interrupt(const struct program *program)
{
    kill(program->pid, SIGINT);
    while (is_pending(program->pid, SIGINT))
        look_again();
}

void release(struct run *run)
{
    program_release(&run->recv);
    program_release(&run->send);
    json_decref(run->received);
    json_decref(run->sent);
}
