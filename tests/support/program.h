/* Another program as a test sees it: started, signalled, waited for, its output at hand.
 *
 * Output goes to memory files, so that no program ever waits for its reader. */
#ifndef TESTS_SUPPORT_PROGRAM_H
#define TESTS_SUPPORT_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_ARGUMENTS_MAX 64u

enum program_streams {
    PROGRAM_STREAMS_KEPT,
    PROGRAM_STREAMS_CLOSED, /* not even open, as after `<&- >&- 2>&-` */
    PROGRAM_STREAMS_BROKEN, /* output goes to a pipe whose reader has gone */
};

struct program {
    pid_t pid;
    int out, err;                 /* memory files */
    uint64_t file_bytes_max;      /* RLIMIT_FSIZE of the program, 0: none; set before the start */
    enum program_streams streams; /* set before the start */
    const char *preload; /* a shared library for LD_PRELOAD, NULL: none; set before the start */
};

/* Starts path with the words of line, which are separated by single spaces. Aborts when it cannot. */
void program_start(struct program *program, const char *path, const char *line);

/* What it has printed so far; free() it. */
char *program_out(const struct program *program);
char *program_err(const struct program *program);

/* Waits until text is in its standard error, or until it has ended or 20 s have passed: false. */
bool program_says(struct program *program, const char *text);

/* Waits for its end (60 s at most, then it is killed). Returns the exit status, or 128 + signal. */
int program_wait(struct program *program);

void program_release(struct program *program);

#endif
