/* SPDX-License-Identifier: Apache-2.0 */
/* A runner starts a named thread that calls one function, the `body`. If the caller wants it, the runner pins the
 * thread to a CPU. The runner reports whether the start succeeded. */
#include <speadi/thread.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <speadi/clock.h>
#include <speadi/cpus.h>
#include <speadi/err.h>

/* A thread of the library has a stack of at least this size. */
#define STACK_BYTES_MIN ((size_t)1 << 20)

struct speadi_runner {
    pthread_t thread;
    /* Posted once: when `body` is ready, or when it has returned without being ready. */
    sem_t start_known;
    int (*body)(void *arg, struct speadi_runner *self, struct spead_err *err);
    void *arg;
    char name[16];
    /* True if `body` has called speadi_runner_ready(). The thread writes this field before it posts `start_known`, and
     * does not change it after that. */
    bool ready;
    /* True if start() has already joined the thread, because `body` returned before it was ready. */
    bool ended;

    /* The thread writes the three fields below at its end. Other threads read them after pthread_join(). */
    int result;
    uint64_t cpu_ns;
    struct spead_err err;
};

static void *run(void *arg)
{
    struct speadi_runner *runner = arg;

    /* a failure has no consequence except that the thread has no name */
    pthread_setname_np(pthread_self(), runner->name);
    runner->result = runner->body(runner->arg, runner, &runner->err);
    runner->cpu_ns = speadi_clock_read(CLOCK_THREAD_CPUTIME_ID);
    if (!runner->ready)
        sem_post(&runner->start_known);
    return NULL;
}

void speadi_runner_ready(struct speadi_runner *self)
{
    if (self->ready)
        return;
    self->ready = true;
    sem_post(&self->start_known);
}

/* Blocks signals in the new thread, because other threads of the program must handle them. It does not block the
 * signals that report a fault of this thread itself. So a crash handler or a sanitizer still works. */
static void block_signals(pthread_attr_t *attr)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_attr_setsigmask_np(attr, &blocked);
}

/* glibc derives the default size from RLIMIT_STACK. If a user has lowered this limit for other programs, threads of the
 * library, which also run nodes of the user, would overflow their stacks. */
static void set_stack(pthread_attr_t *attr)
{
    size_t bytes = 0;

    if (pthread_attr_getstacksize(attr, &bytes) == 0 && bytes < STACK_BYTES_MIN)
        pthread_attr_setstacksize(attr, STACK_BYTES_MIN);
}

static int pin(pthread_attr_t *attr, int cpu)
{
    cpu_set_t set;

    if (cpu >= CPU_SETSIZE)
        return EINVAL;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return pthread_attr_setaffinity_np(attr, sizeof set, &set);
}

/* Says why the thread could not start. `error` is the answer of pthread_create(). */
static int explain(const struct speadi_runner *runner, int cpu, int error, struct spead_err *err)
{
    struct spead_err why = {0};

    switch (error) {
    case EAGAIN:
        return speadi_err_set(err, -EAGAIN,
                              "cannot start thread \"%s\": this user may have no more threads, or "
                              "there is no memory for its stack: raise `ulimit -u` or `ulimit -v`, "
                              "or pids.max of the cgroup",
                              runner->name);
    case EINVAL:
    case EPERM:
        if (cpu < 0)
            break;
        speadi_cpu_refused(error, &why);
        return speadi_err_set(err, -error, "cannot pin thread \"%s\" to CPU %d: %s", runner->name,
                              cpu, why.text);
    default:
        break;
    }
    return speadi_err_code(err, -error, "cannot start thread \"%s\"", runner->name);
}

static int create_thread(struct speadi_runner *runner, int cpu, struct spead_err *err)
{
    pthread_attr_t attr;
    int error = pthread_attr_init(&attr);

    if (error != 0)
        return explain(runner, -1, error, err);
    block_signals(&attr);
    set_stack(&attr);
    if (cpu >= 0)
        error = pin(&attr, cpu);
    if (error == 0)
        error = pthread_create(&runner->thread, &attr, run, runner);
    pthread_attr_destroy(&attr);
    return error == 0 ? 0 : explain(runner, cpu, error, err);
}

static void destroy(struct speadi_runner *runner)
{
    sem_destroy(&runner->start_known);
    free(runner);
}

/* Handles a body that returned before it was ready: its set-up failed, or it had nothing to do. */
static int end_early(struct speadi_runner *runner, struct spead_err *err)
{
    pthread_join(runner->thread, NULL);
    runner->ended = true;
    if (runner->result >= 0)
        return 0;
    if (runner->err.text[0]) {
        runner->err.code = runner->result;
        return speadi_err_copy(err, &runner->err);
    }
    return speadi_err_set(err, runner->result, "thread \"%s\" could not start: %s", runner->name,
                          strerror(-runner->result));
}

int speadi_runner_start(struct speadi_runner **out, const char *name, int cpu,
                        int (*body)(void *arg, struct speadi_runner *self, struct spead_err *err),
                        void *arg, struct spead_err *err)
{
    struct speadi_runner *runner = calloc(1, sizeof *runner);
    int ret;

    if (!runner)
        return speadi_err_set(err, -ENOMEM, "cannot start thread \"%s\": out of memory", name);
    runner->body = body;
    runner->arg = arg;
    snprintf(runner->name, sizeof runner->name, "%s", name);
    sem_init(&runner->start_known, 0, 0);
    ret = create_thread(runner, cpu, err);
    if (ret < 0) {
        destroy(runner);
        return ret;
    }
    while (sem_wait(&runner->start_known) < 0)
        ; /* a signal interrupted the wait: wait again */
    if (!runner->ready && (ret = end_early(runner, err)) < 0) {
        destroy(runner);
        return ret;
    }
    *out = runner;
    return 0;
}

int speadi_runner_join(struct speadi_runner *runner, uint64_t *cpu_ns)
{
    int result;

    if (!runner->ended)
        pthread_join(runner->thread, NULL);
    result = runner->result;
    if (cpu_ns)
        *cpu_ns = runner->cpu_ns;
    destroy(runner);
    return result;
}
