/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_pump.h. */
#include "tool_pump.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <speadi/clock.h>

#define ROOM        (256u << 10)
#define WRITE_BYTES 4096u

struct tool_pump {
    int fd;
    pthread_mutex_t lock; /* protects all fields below; nobody holds it in a write */
    pthread_cond_t changed;
    char text[ROOM];
    size_t first, bytes; /* the text that waits, in a ring */
    bool writing;        /* the thread is in a write */
};

static void write_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, text, bytes);
        struct pollfd wait = {.fd = fd, .events = POLLOUT};

        if (n < 0 && errno == EAGAIN)
            poll(&wait, 1, -1);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return; /* nobody reads it any more */
        text += n;
        bytes -= (size_t)n;
    }
}

/* Takes text out of the ring, and waits for it, with the lock held. Returns the number of bytes. */
static size_t take(struct tool_pump *pump, char *text)
{
    size_t bytes, before_end;

    while (pump->bytes == 0)
        pthread_cond_wait(&pump->changed, &pump->lock);
    bytes = pump->bytes < WRITE_BYTES ? pump->bytes : WRITE_BYTES;
    before_end = ROOM - pump->first < bytes ? ROOM - pump->first : bytes;
    memcpy(text, pump->text + pump->first, before_end);
    memcpy(text + before_end, pump->text, bytes - before_end);
    pump->first = (pump->first + bytes) % ROOM;
    pump->bytes -= bytes;
    return bytes;
}

static void *pump_text(void *arg)
{
    struct tool_pump *pump = arg;
    char text[WRITE_BYTES];

    pthread_mutex_lock(&pump->lock);
    for (;;) {
        size_t bytes = take(pump, text);

        pump->writing = true;
        pthread_mutex_unlock(&pump->lock);
        write_all(pump->fd, text, bytes);
        pthread_mutex_lock(&pump->lock);
        pump->writing = false;
        pthread_cond_broadcast(&pump->changed);
    }
    return NULL;
}

/* Starts the thread with all signals blocked: the main thread handles them. */
static int start_thread(struct tool_pump *pump)
{
    sigset_t all, before;
    pthread_t thread;
    int ret;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ret = pthread_create(&thread, NULL, pump_text, pump);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ret == 0)
        pthread_detach(thread);
    return ret;
}

struct tool_pump *tool_pump_start(int fd)
{
    struct tool_pump *pump = calloc(1, sizeof *pump);
    pthread_condattr_t attributes;

    if (!pump)
        return NULL;
    pump->fd = fd;
    pthread_mutex_init(&pump->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pump->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (start_thread(pump) == 0)
        return pump;
    free(pump);
    return NULL;
}

bool tool_pump_put(struct tool_pump *pump, const char *text, size_t bytes)
{
    size_t end, before_end;
    bool fits;

    pthread_mutex_lock(&pump->lock);
    fits = ROOM - pump->bytes >= bytes;
    if (fits) {
        end = (pump->first + pump->bytes) % ROOM;
        before_end = ROOM - end < bytes ? ROOM - end : bytes;
        memcpy(pump->text + end, text, before_end);
        memcpy(pump->text, text + before_end, bytes - before_end);
        pump->bytes += bytes;
        pthread_cond_broadcast(&pump->changed);
    }
    pthread_mutex_unlock(&pump->lock);
    return fits;
}

bool tool_pump_drain(struct tool_pump *pump, uint64_t most_ns)
{
    struct timespec until = speadi_clock_timespec(speadi_clock_mono_ns() + most_ns);
    bool empty;

    if (!pump)
        return true;
    pthread_mutex_lock(&pump->lock);
    while ((pump->bytes > 0 || pump->writing) &&
           pthread_cond_timedwait(&pump->changed, &pump->lock, &until) != ETIMEDOUT)
        ;
    empty = pump->bytes == 0 && !pump->writing;
    pthread_mutex_unlock(&pump->lock);
    return empty;
}
