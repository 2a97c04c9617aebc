/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: spead-recv --output writes every heap and its index line, also when the disk is full or hangs. Method: the
 * built programs run over loopback in a network namespace of the test. The test compares each line of the index with
 * the file. A limit on the size of files imitates a full disk. A preloaded library (hanging_disk.c) imitates a disk
 * that hangs, and another one (odd_sync.c) a disk whose syncs are slow, hang or fail. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_run.h"
#include "verify_pattern.h"

static char folder[] = "/tmp/speadline-capture-XXXXXX";
static char path[64], index_path[80];

static void enter_with_folder(void)
{
    tool_enter();
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/capture", folder);
    snprintf(index_path, sizeof index_path, "%s/capture.jsonl", folder);
}

static void remove_folder(void)
{
    unlink(path);
    unlink(index_path);
    rmdir(folder);
}

TestSuite(capture, .init = enter_with_folder, .fini = remove_folder, .timeout = 120);

/* Compares each line of the index with the capture file. Returns the number of lines. */
static unsigned check_capture(void)
{
    FILE *index = fopen(index_path, "r"), *data = fopen(path, "r");
    unsigned count = 0;
    char line[4096];
    long end = 0;

    cr_assert(index != NULL && data != NULL);
    for (; fgets(line, sizeof line, index) != NULL; count++) {
        json_t *heap = json_loads(line, 0, NULL);
        size_t bytes;
        uint8_t *payload;

        cr_assert_not_null(heap, "not JSON: %s", line);
        bytes = (size_t)number(heap, "bytes");
        payload = malloc(bytes);
        cr_assert_eq(number(heap, "offset"), end);
        cr_assert_eq(fread(payload, 1, bytes, data), bytes);
        cr_expect_eq(verify_pattern_bad_bytes(payload, 0, bytes, (uint64_t)number(heap, "counter")),
                     0, "heap %u", count);
        cr_expect_leq(number(heap, "first_ns"), number(heap, "last_ns"));
        cr_expect(json_object_get(heap, "clock_error_ns"), "%s", line);
        cr_expect(json_is_true(json_object_get(heap, "complete")));
        cr_expect_eq(
            strncmp(json_string_value(json_object_get(heap, "endpoint")), "127.0.0.1:", 10), 0);
        cr_expect_str_eq(json_string_value(json_object_get(heap, "flavour")), "SPEAD-64-40");
        cr_expect_eq(number(json_array_get(json_object_get(heap, "items"), 0), "bytes"),
                     (json_int_t)bytes);
        end += (long)bytes;
        free(payload);
        json_decref(heap);
    }
    cr_expect_eq(fgetc(data), EOF, "the file has bytes that no line describes");
    fclose(index);
    fclose(data);
    return count;
}

Test(capture, holds_every_heap_and_its_index)
{
    struct run run = {0};
    char line[256];

    snprintf(line, sizeof line, "127.0.0.1:17317 --json --strict --output %s", path);
    run_both(&run, line, 0,
             "127.0.0.1:17317 --verify --json --heaps 50 --heap-size 100003 --rate 0.5");
    cr_expect_eq(check_capture(), 50);
    cr_expect_eq(number(run.received, "written_heaps"), 50);
    cr_expect_eq(number(run.received, "written_bytes"), 50 * 100003);
    release(&run);
}

Test(capture, on_a_full_disk_names_the_file_and_keeps_what_is_whole)
{
    struct run run = {.recv = {.limit = {{RLIMIT_FSIZE, 1000000}}}};
    char line[256], expected[128], *said;

    snprintf(line, sizeof line, "127.0.0.1:17318 --json --output %s", path);
    start_receiver(&run, line);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17318 --verify --json --heaps 30 --heap-size 100003 --rate 0.2");
    finish(&run, 1, 0);
    said = program_err(&run.recv);
    snprintf(expected, sizeof expected, "cannot write to %s (heaps before this are whole): ", path);
    cr_expect_not_null(strstr(said, expected), "%s", said);
    cr_expect_eq(check_capture(), 9, "1 MB has room for nine");
    cr_expect_eq(number(run.received, "written_heaps"), 9);
    expect_end(run.received, "error", "by an error");
    free(said);
    release(&run);
}

/* Each sync takes half a second, and a sync is due after every heap. */
Test(capture, a_disk_whose_syncs_are_slow_costs_no_heap)
{
    struct run run = {.recv = {.preload = ODD_SYNC}};
    char line[256];

    setenv("ODD_SYNC_DELAY_MS", "500", 1);
    snprintf(line, sizeof line, "127.0.0.1:17335 --json --strict --sync 1heaps --output %s", path);
    run_both(&run, line, 0,
             "127.0.0.1:17335 --verify --json --heaps 400 --heap-size 100003 --rate 0.5");
    cr_expect_eq(check_capture(), 400);
    cr_expect_eq(number(run.received, "synced_heaps"), 400);
    cr_expect_eq(bucket(run.received, "shed"), 0);
    cr_expect_geq(number(run.received, "sync_ns_max"), 500000000);
    release(&run);
}

/* The sync fails after the last heap: nothing but the sync thread can notice it, and nobody interrupts the program. */
Test(capture, a_failed_sync_ends_the_program_and_names_the_heaps)
{
    struct run run = {.recv = {.preload = ODD_SYNC}};
    char line[256], *said;

    setenv("ODD_SYNC_FAIL", "1", 1);
    snprintf(line, sizeof line, "127.0.0.1:17336 --json --no-stop-item --sync 7heaps --output %s",
             path);
    start_receiver(&run, line);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17336 --verify --json --heaps 7 --heap-size 100003 --rate 0.5");
    finish(&run, 1, 0);
    said = program_err(&run.recv);
    cr_expect_not_null(strstr(said, "heaps 1 to 7 (counters "), "%s", said);
    cr_expect_not_null(strstr(said, ") are lost, the 0 before are safe: cannot sync "), "%s", said);
    cr_expect_eq(check_capture(), 0);
    cr_expect_eq(number(run.received, "lost_heaps"), 7);
    cr_expect_eq(number(run.received, "written_heaps"), 0);
    expect_end(run.received, "error", "by an error");
    free(said);
    release(&run);
}

Test(capture, a_sync_that_hangs_does_not_keep_the_program_from_ending)
{
    struct run run = {.recv = {.preload = ODD_SYNC}};
    char line[256], *said;

    setenv("ODD_SYNC_HANG", "3", 1);
    snprintf(line, sizeof line, "127.0.0.1:17337 --json --no-stop-item --sync 4heaps --output %s",
             path);
    start_receiver(&run, line);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17337 --verify --json --heaps 20 --heap-size 100003 --rate 0.2");
    expect_status(&run.send, 0);
    await_all_read();
    interrupt(&run.recv);
    interrupt(&run.recv);
    expect_status(&run.recv, 1);
    said = program_err(&run.recv);
    cr_expect_not_null(strstr(said, "does not answer"), "%s", said);
    run.received = object_of(&run.recv);
    run.sent = object_of(&run.send);
    expect_sum(json_object_get(run.received, "ledger"), "seen");
    cr_expect_eq(number(run.received, "written_heaps"), number(run.received, "synced_heaps"));
    cr_expect_lt(number(run.received, "synced_heaps"), 20);
    free(said);
    release(&run);
}

/* The data of the last program behind its last line were never acknowledged. */
Test(capture, the_same_command_goes_on_behind_a_torn_line)
{
    struct run run = {0};
    char line[256], *said;
    FILE *file;

    snprintf(line, sizeof line, "127.0.0.1:17338 --json --strict --output %s", path);
    for (unsigned i = 0; i < 2; i++) {
        run_both(&run, line, 0,
                 "127.0.0.1:17338 --verify --json --heaps 5 --heap-size 1000 --rate 0.1");
        said = program_err(&run.recv);
        cr_expect_eq(strstr(said, "torn line of 6 bytes, which was cut off") != NULL, i == 1, "%s",
                     said);
        free(said);
        release(&run);
        run = (struct run){0};
        file = fopen(index_path, "ae");
        if (i == 0)
            fputs("{\"coun", file);
        fclose(file);
    }
    cr_expect_eq(check_capture(), 10);
}

Test(capture, files_that_do_not_belong_together_are_wrong_usage)
{
    struct program recv = {0};
    char line[256], *said;
    FILE *file = fopen(index_path, "we");

    fputs("{\"counter\":1,\"offset\":0,\"bytes\":4}\n", file);
    fclose(file);
    snprintf(line, sizeof line, "127.0.0.1:17339 --output %s", path);
    program_start(&recv, SPEAD_RECV, line);
    expect_status(&recv, 2);
    said = program_err(&recv);
    cr_expect_not_null(strstr(said, "is not there, and "), "%s", said);
    cr_expect_lt(access(path, F_OK), 0);
    free(said);
    program_release(&recv);
}

/* Expects that a receiver with these two options refuses to write two things to one file. */
static void expect_one_use(const char *progress)
{
    struct program recv = {0};
    char line[256], *said;

    snprintf(line, sizeof line, "127.0.0.1:17339 --output %s --progress %s", path, progress);
    program_start(&recv, SPEAD_RECV, line);
    expect_status(&recv, 2);
    said = program_err(&recv);
    cr_expect_not_null(strstr(said, "--output writes to this file"), "%s", said);
    free(said);
    program_release(&recv);
    cr_assert_eq(unlink(progress), 0);
}

Test(capture, lines_of_progress_go_to_no_file_of_the_recording)
{
    fclose(fopen(path, "we"));
    expect_one_use(path);
    fclose(fopen(path, "we"));
    expect_one_use(index_path);
}

/* Nearly all packets are lost: what is written is the rest. */
Test(capture, heaps_of_which_little_came_take_little_of_the_disk)
{
    struct run run = {0};
    struct stat st;
    char line[256];

    snprintf(line, sizeof line,
             "127.0.0.1:17340 --json --incomplete --fault loss=0.98,seed=4 --output %s", path);
    start_receiver(&run, line);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17340 --json --heaps 40 --heap-size 1M --rate 0.5 --quiet");
    expect_status(&run.send, 0);
    await_all_read();
    interrupt(&run.recv); /* the stop heap may be lost too */
    expect_status(&run.recv, 0);
    run.received = object_of(&run.recv);
    cr_expect_gt(number(run.received, "incomplete_heaps"), 10);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_leq((uint64_t)st.st_blocks * 512,
                  (uint64_t)number(run.received, "payload_bytes") +
                      2 * (uint64_t)st.st_blksize * (uint64_t)number(run.received, "packets"));
    release(&run);
}

/* Expects that spead-info says so about the recording, and returns what it has said. */
static json_t *expect_info(int status)
{
    struct program info = {0};
    char line[128];
    json_t *object;

    snprintf(line, sizeof line, "recording --json %s", path);
    program_start(&info, SPEAD_INFO, line);
    expect_status(&info, status);
    object = object_of(&info);
    program_release(&info);
    return object;
}

Test(capture, spead_info_says_whether_it_is_whole)
{
    struct run run = {0};
    struct program info = {0};
    char line[256], *said;
    json_t *object;

    snprintf(line, sizeof line, "127.0.0.1:17341 --json --output %s", path);
    run_both(&run, line, 0,
             "127.0.0.1:17341 --verify --json --heaps 5 --heap-size 1000 --rate 0.1");
    object = expect_info(0);
    cr_expect(json_is_true(json_object_get(object, "whole")));
    cr_expect_eq(number(object, "heaps"), 5);
    cr_expect_eq(number(object, "data_bytes"), 5000);
    cr_expect_eq(json_array_size(json_object_get(object, "clocks")), 1);
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(object, "clocks"), 0)),
                     "utc");
    cr_expect(json_object_get(object, "clock_error_ns"));
    json_decref(object);
    cr_assert_eq(truncate(path, 4500), 0);
    object = expect_info(1);
    cr_expect_eq(number(object, "bad_heaps"), 1);
    json_decref(object);
    snprintf(line, sizeof line, "recording %s", path);
    program_start(&info, SPEAD_INFO, line);
    expect_status(&info, 1);
    said = program_out(&info);
    cr_expect_not_null(strstr(said, ": not whole\n"), "%s", said);
    cr_expect_not_null(strstr(said, "fault    1 heaps of the index are not in the file"), "%s",
                       said);
    free(said);
    program_release(&info);
    release(&run);
}

/* The memory file of the test is standard output here. */
Test(capture, heaps_go_to_standard_output_and_the_rest_to_standard_error)
{
    struct run run = {0};
    char *payload, *said;

    start_receiver(&run, "127.0.0.1:17342 --json --strict --output -");
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17342 --verify --json --heaps 5 --heap-size 1000 --rate 0.1");
    expect_status(&run.send, 0);
    expect_status(&run.recv, 0);
    payload = program_out(&run.recv);
    said = program_err(&run.recv);
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(verify_pattern_bad_bytes((uint8_t *)payload + 1000 * i, 0, 1000, i + 1), 0);
    cr_expect_not_null(strstr(said, "output   5 heaps, 5.0 kB in standard output\n"), "%s", said);
    cr_expect_not_null(strstr(said, "\"written_heaps\": 5"), "%s", said);
    free(payload);
    free(said);
    release(&run);
}

/* The pipe is full and the receiver waits in a write when its reader goes. */
Test(capture, a_reader_that_closes_the_pipe_is_said_in_one_sentence)
{
    struct run run = {0};
    char line[256], *said;
    int fd;

    cr_assert_eq(mkfifo(path, 0600), 0);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    snprintf(line, sizeof line, "127.0.0.1:17343 --json --no-stop-item --output %s", path);
    start_receiver(&run, line);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17343 --verify --json --heaps 20 --heap-size 100003 --rate 0.5");
    expect_status(&run.send, 0);
    close(fd);
    expect_status(&run.recv, 1);
    said = program_err(&run.recv);
    snprintf(line, sizeof line, "spead-recv: cannot write to %s: its reader has closed it after ",
             path);
    cr_assert_not_null(strstr(said, line), "%s", said);
    cr_expect_null(strstr(strstr(said, line) + strlen(line), "cannot write"), "said twice: %s",
                   said);
    free(said);
    release(&run);
}

/* The second signal ends the program although the disk hangs. Every heap that the index names is whole in the file. */
Test(capture, on_a_disk_that_hangs_two_interrupts_end_it_and_say_what_is_not_written)
{
    struct run run = {.recv = {.preload = HANGING_DISK}};
    char line[256], *said;
    unsigned indexed;

    snprintf(line, sizeof line,
             "127.0.0.1:17333 --json --ring-heaps 64 --sync never --no-stop-item --output %s",
             path);
    start_receiver(&run, line);
    program_start(&run.send, SPEAD_SEND,
                  "127.0.0.1:17333 --verify --json --heap-size 100003 --rate 0.02");
    cr_assert(program_says(&run.recv, "the disk hangs"));
    kill(run.send.pid, SIGINT);
    expect_status(&run.send, 0);
    kill(run.recv.pid, SIGINT);
    kill(run.recv.pid, SIGTERM);
    expect_status(&run.recv, 1);
    run.received = object_of(&run.recv);
    run.sent = object_of(&run.send);
    expect_sum(json_object_get(run.received, "ledger"), "seen");
    said = program_err(&run.recv);
    cr_expect_not_null(strstr(said, "does not answer"), "%s", said);
    indexed = check_capture();
    cr_expect_gt(indexed, 0);
    expect_end(run.received, "signal", "by SIG");
    cr_expect_eq(number(run.received, "written_heaps"), indexed);
    cr_expect_eq(number(run.received, "unwritten_heaps"), number(run.received, "heaps") - indexed);
    cr_expect_eq(number(json_object_get(run.received, "heap_fates"), "complete"),
                 number(run.received, "heaps"), "heaps are delivered that nobody took");
    free(said);
    release(&run);
}

Test(capture, is_not_made_by_asking_for_the_plan)
{
    struct program recv = {0};
    char line[256], *said;

    snprintf(line, sizeof line, "127.0.0.1:17334 --plan --output %s", path);
    program_start(&recv, SPEAD_RECV, line);
    expect_status(&recv, 0);
    said = program_out(&recv);
    cr_expect_not_null(strstr(said, "edge check.heaps > writer.heaps: capacity 2, block"), "%s",
                       said);
    cr_expect_not_null(strstr(said, "memory   at most"), "%s", said);
    cr_expect_not_null(strstr(said, "capture.jsonl, sync: 1s\n"), "%s", said);
    cr_expect_null(strstr(said, "appended"), "%s", said);
    cr_expect_lt(access(path, F_OK), 0);
    free(said);
    program_release(&recv);
}

Test(capture, is_said_to_go_on_when_the_file_holds_something)
{
    struct program recv = {0};
    char line[256], *said;
    FILE *file = fopen(path, "we");

    cr_assert_not_null(file);
    fputs("1000 bytes would be more", file);
    fclose(file);
    snprintf(line, sizeof line, "127.0.0.1:17334 --plan --output %s", path);
    program_start(&recv, SPEAD_RECV, line);
    expect_status(&recv, 0);
    said = program_out(&recv);
    cr_expect_not_null(strstr(said, "capture holds 24 B already: the heaps are appended\n"), "%s",
                       said);
    free(said);
    program_release(&recv);
}
