/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a test use another program: start it, send signals to it, wait for its end, and read its output.
 *
 * The output of the program goes to memory files, so that the program never waits for a reader. */
#ifndef TESTS_SUPPORT_PROGRAM_H
#define TESTS_SUPPORT_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_ARGUMENTS_MAX 96u
#define PROGRAM_LIMITS_MAX    4u

enum program_streams {
    PROGRAM_STREAMS_KEPT,
    /* The three standard streams of the program are closed, as after `<&- >&- 2>&-`. */
    PROGRAM_STREAMS_CLOSED,
    /* The output of the program goes to a pipe whose reading end is closed. */
    PROGRAM_STREAMS_BROKEN,
    /* Input, output and error of the program are the descriptor `terminal`. */
    PROGRAM_STREAMS_TERMINAL,
};

struct program {
    pid_t pid;
    int out, err; /* memory files with the standard output and the standard error */
    /* Limits of the program. A `most` of 0 ends the list. Set this field before the start. */
    struct program_limit {
        int resource;  /* RLIMIT_... */
        uint64_t most; /* the soft and the hard limit */
    } limit[PROGRAM_LIMITS_MAX];
    /* The user and group of the program. 0 means that of the test. Set this field before the start. */
    unsigned user;
    enum program_streams streams; /* set it before the start */
    int terminal;                 /* for PROGRAM_STREAMS_TERMINAL */
    /* The path of a shared library for LD_PRELOAD. NULL means none. Set this field before the start. */
    const char *preload;
};

/* Starts the program at `path`. Its arguments are the words of `line`, which single spaces separate. Calls abort() on
 * failure. */
void program_start(struct program *program, const char *path, const char *line);

/* program_out() returns what the program has written so far to its standard output. program_err() returns the same for
 * its standard error. The caller must free the text with free(). */
char *program_out(const struct program *program);
char *program_err(const struct program *program);

/* Waits until `text` appears in the standard error of the program. Returns false if the program has ended without this
 * text, or if 20 s have passed. */
bool program_says(struct program *program, const char *text);

/* Waits until the program has ended; kills the program after 60 s. Returns its exit status. If a signal ended the
 * program, returns 128 + the number of the signal. */
int program_wait(struct program *program);

void program_release(struct program *program);

#endif
