/* SPDX-License-Identifier: Apache-2.0 */
/* See program.h. */
#include "program.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The time between two looks at a running program. */
#define LOOK_NS 5000000

static void require(bool holds, const char *what)
{
    if (!holds) {
        perror(what);
        abort();
    }
}

static void set_streams(const struct program *program)
{
    int ends[2];

    switch (program->streams) {
    case PROGRAM_STREAMS_KEPT:
        dup2(program->out, STDOUT_FILENO);
        dup2(program->err, STDERR_FILENO);
        break;
    case PROGRAM_STREAMS_CLOSED:
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        break;
    case PROGRAM_STREAMS_BROKEN:
        require(pipe(ends) == 0, "pipe");
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        break;
    case PROGRAM_STREAMS_TERMINAL:
        dup2(program->terminal, STDIN_FILENO);
        dup2(program->terminal, STDOUT_FILENO);
        dup2(program->terminal, STDERR_FILENO);
        break;
    }
}

static void become(const struct program *program, const char *path, char *const *argv)
{
    /* Only a program without CAP_SYS_RESOURCE obeys the limits that it could raise. */
    if (program->user > 0)
        require(setgroups(0, NULL) == 0 && setgid(program->user) == 0 && setuid(program->user) == 0,
                "setuid");
    for (unsigned i = 0; i < PROGRAM_LIMITS_MAX && program->limit[i].most > 0; i++) {
        const struct rlimit limit = {program->limit[i].most, program->limit[i].most};

        require(setrlimit((__rlimit_resource_t)program->limit[i].resource, &limit) == 0,
                "setrlimit");
    }
    if (program->preload != NULL) {
        /* The address sanitizer refuses to start if it is not the first library. It would also work as the second
         * library, so this setting switches the check off. */
        const char *before = getenv("ASAN_OPTIONS");
        char options[200];

        snprintf(options, sizeof options, "%s%sverify_asan_link_order=0",
                 before != NULL ? before : "", before != NULL ? ":" : "");
        setenv("LD_PRELOAD", program->preload, 1);
        setenv("ASAN_OPTIONS", options, 1);
    }
    set_streams(program);
    execv(path, argv);
    perror(path);
    _exit(127);
}

void program_start(struct program *program, const char *path, const char *line)
{
    char *words = strdup(line), *rest = words, *word;
    char *argv[PROGRAM_ARGUMENTS_MAX + 2];
    const char *slash = strrchr(path, '/');
    unsigned count = 0;

    argv[count++] = (char *)(uintptr_t)(slash != NULL ? slash + 1 : path);
    while ((word = strsep(&rest, " ")) != NULL && count < PROGRAM_ARGUMENTS_MAX)
        if (*word != '\0')
            argv[count++] = word;
    argv[count] = NULL;
    program->out = memfd_create("out", MFD_CLOEXEC);
    program->err = memfd_create("err", MFD_CLOEXEC);
    require(program->out >= 0 && program->err >= 0, "memfd_create");
    program->pid = fork();
    require(program->pid >= 0, "fork");
    if (program->pid == 0)
        become(program, path, argv);
    free(words);
}

static char *contents(int fd)
{
    struct stat st;
    char *text;

    require(fstat(fd, &st) == 0, "fstat");
    text = calloc(1, (size_t)st.st_size + 1);
    require(text != NULL && pread(fd, text, (size_t)st.st_size, 0) == st.st_size, "pread");
    return text;
}

char *program_out(const struct program *program)
{
    return contents(program->out);
}

char *program_err(const struct program *program)
{
    return contents(program->err);
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
}

bool program_says(struct program *program, const char *text)
{
    for (int i = 0; i < 4000; i++) {
        siginfo_t ended = {0};
        char *said;
        bool found;

        /* First ask whether the program has ended, and only then read its text. If the program has ended before the
         * read, the text is complete. */
        waitid(P_PID, (id_t)program->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
        said = program_err(program);
        found = strstr(said, text) != NULL;
        free(said);
        if (found || ended.si_pid != 0)
            return found;
        nap();
    }
    return false;
}

int program_wait(struct program *program)
{
    int status = 0;
    pid_t ended = 0;

    for (int i = 0; i < 12000 && ended == 0; i++) {
        ended = waitpid(program->pid, &status, WNOHANG);
        if (ended == 0)
            nap();
    }
    if (ended == 0) {
        kill(program->pid, SIGKILL);
        waitpid(program->pid, &status, 0);
    }
    program->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void program_release(struct program *program)
{
    if (program->pid > 0) {
        kill(program->pid, SIGKILL);
        waitpid(program->pid, NULL, 0);
    }
    close(program->out);
    close(program->err);
}
