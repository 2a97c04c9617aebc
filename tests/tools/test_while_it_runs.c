/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the tools say what they do while they run, and nothing that takes their words can stop them. Method: the built
 * program gets signals, writes lines of progress into pipes and files, and runs on a terminal with stopped output. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "tool_run.h"

static char folder[] = "/tmp/speadline-runs-XXXXXX";
static char path[64];

static void enter_with_folder(void)
{
    tool_enter();
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/lines", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(while_it_runs, .init = enter_with_folder, .fini = remove_folder, .timeout = 120);

Test(while_it_runs, a_hangup_ends_it_as_an_interrupt_does)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17350 --json");
    kill(run.recv.pid, SIGHUP);
    expect_status(&run.recv, 0);
    run.received = object_of(&run.recv);
    expect_end(run.received, "signal", "by SIGHUP");
    release(&run);
}

/* As nohup does. */
Test(while_it_runs, a_hangup_that_was_ignored_stays_ignored)
{
    struct run run = {0};

    signal(SIGHUP, SIG_IGN);
    start_receiver(&run, "127.0.0.1:17351 --json");
    kill(run.recv.pid, SIGHUP);
    kill(run.recv.pid, SIGINT);
    expect_status(&run.recv, 0);
    run.received = object_of(&run.recv);
    expect_end(run.received, "signal", "by SIGINT");
    release(&run);
}

Test(while_it_runs, a_report_so_far_ends_nothing)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17352 --json --strict");
    kill(run.recv.pid, SIGUSR1);
    cr_assert(program_says(&run.recv, "so far   it goes on"));
    program_start(&run.send, SPEAD_SEND, "127.0.0.1:17352 --json --heaps 5 --rate 0.1");
    finish(&run, 0, 0);
    cr_expect_eq(number(run.received, "heaps"), 5);
    release(&run);
}

Test(while_it_runs, a_report_so_far_has_the_cpu_time_so_far)
{
    struct run run = {0};
    char *said;

    start_receiver(&run, "127.0.0.1:17358 --json --verify --no-stop-item");
    program_start(&run.send, SPEAD_SEND, "127.0.0.1:17358 --json --verify --heaps 16 --rate 4");
    expect_status(&run.send, 0);
    kill(run.recv.pid, SIGUSR1);
    cr_assert(program_says(&run.recv, "so far   it goes on"));
    kill(run.recv.pid, SIGINT);
    expect_status(&run.recv, 0);
    said = program_err(&run.recv);
    cr_expect_null(strstr(said, "cpu      0.00 s user, 0.00 s system"), "%s", said);
    free(said);
    release(&run);
}

Test(while_it_runs, a_sender_ends_by_a_hangup_as_by_an_interrupt)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17353 --json --strict");
    program_start(&run.send, SPEAD_SEND, "127.0.0.1:17353 --json --heap-size 8192 --rate 0.01");
    await_udp("InDatagrams");
    kill(run.send.pid, SIGHUP);
    finish(&run, 0, 0); /* so the stop heap has come */
    expect_end(run.sent, "signal", "by SIGHUP");
    release(&run);
}

Test(while_it_runs, a_report_so_far_ends_no_sender)
{
    struct run run = {0};

    start_receiver(&run, "127.0.0.1:17354 --json --strict");
    program_start(&run.send, SPEAD_SEND, "127.0.0.1:17354 --json --heap-size 8192 --rate 0.01");
    await_udp("InDatagrams");
    kill(run.send.pid, SIGUSR1);
    cr_assert(program_says(&run.send, "so far   it goes on"));
    cr_assert(program_says(&run.send, "submitted = "));
    kill(run.send.pid, SIGUSR1);
    kill(run.send.pid, SIGINT);
    finish(&run, 0, 0);
    expect_end(run.sent, "signal", "by SIGINT");
    release(&run);
}

/* Reads the lines of progress. Returns the last one, and expects that there are `at_least` lines. */
static json_t *last_line(const char *name, unsigned at_least)
{
    FILE *file = fopen(name, "re");
    json_t *last = NULL;
    char line[2048];
    unsigned count = 0;

    cr_assert_not_null(file);
    for (; fgets(line, sizeof line, file); count++) {
        json_decref(last);
        last = json_loads(line, 0, NULL);
        cr_assert_not_null(last, "not JSON: %s", line);
    }
    fclose(file);
    cr_assert_geq(count, at_least);
    return last;
}

/* Waits until the file has this number of whole lines. The time limit of the test ends the wait. */
static void await_lines(const char *name, unsigned wanted)
{
    for (unsigned count = 0; count < wanted; tool_sleep_ms(1)) {
        FILE *file = fopen(name, "re");

        cr_assert_not_null(file);
        count = 0;
        for (int c; (c = fgetc(file)) != EOF;)
            count += c == '\n';
        fclose(file);
    }
}

Test(while_it_runs, progress_is_written_without_a_terminal)
{
    struct run run = {0};
    char line[256];
    json_t *last;

    snprintf(line, sizeof line,
             "127.0.0.1:17353 --json --progress %s --progress-interval 100ms --no-stop-item", path);
    start_receiver(&run, line);
    program_start(&run.send, SPEAD_SEND, "127.0.0.1:17353 --json --heaps 5 --rate 0.1");
    expect_status(&run.send, 0);
    await_lines(path, 2);
    kill(run.recv.pid, SIGINT);
    finish(&run, 0, 0);
    last = last_line(path, 2);
    cr_expect_eq(number(last, "heaps"), number(run.received, "heaps"));
    cr_expect_eq(number(last, "synced_heaps"), 0);
    cr_expect_eq(number(last, "dropped_lines"), 0);
    cr_expect_gt(digits(last, "time_ns"), UINT64_C(1700000000000000000));
    json_decref(last);
    release(&run);
}

/* Nobody reads the pipe. It is filled before the program starts. */
Test(while_it_runs, progress_that_nobody_reads_stops_nothing)
{
    struct run run = {0};
    char line[256], filler[4096] = {0};
    int fd;

    cr_assert_eq(mkfifo(path, 0600), 0);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    while (write(fd, filler, sizeof filler) > 0)
        ;
    snprintf(line, sizeof line,
             "127.0.0.1:17354 --json --progress %s --progress-interval 100ms --seconds 0.5", path);
    start_receiver(&run, line);
    expect_status(&run.recv, 0);
    close(fd);
    release(&run);
}

/* Returns the terminal of a program, whose output is stopped. *master is its other end. */
static int stopped_terminal(int *master)
{
    int terminal;

    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0);
    terminal = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert_geq(terminal, 0);
    cr_assert_eq(tcflow(terminal, TCOOFF), 0);
    return terminal;
}

static void run_on_stopped_terminal(const char *line, int number)
{
    struct program recv = {.streams = PROGRAM_STREAMS_TERMINAL};
    int master;

    recv.terminal = stopped_terminal(&master);
    program_start(&recv, SPEAD_RECV, line);
    if (number > 0) {
        await_handler(&recv, number);
        kill(recv.pid, number);
    }
    cr_expect_eq(program_wait(&recv), 0);
    close(recv.terminal);
    close(master);
    program_release(&recv);
}

Test(while_it_runs, a_stopped_terminal_does_not_stop_the_clock)
{
    run_on_stopped_terminal("127.0.0.1:17355 --json --seconds 1.5", 0);
}

Test(while_it_runs, a_stopped_terminal_does_not_stop_a_signal)
{
    run_on_stopped_terminal("127.0.0.1:17356 --json", SIGTERM);
}
