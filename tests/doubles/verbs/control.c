/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals, counters and the copy hook of the verbs double. The scripts are in script.c. */
#include "double.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Queues with a number of NUMBERED_MAX or more after the first number are not counted apart. */
enum { VERB_COUNT_MAX = 128, FIRST_NUMBER = 0x100, NUMBERED_MAX = 4096 };

/* This lock protects all variables below. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vdouble_counters counters;
static struct {
    const char *name; /* a string constant in the code of the double */
    uint64_t count;
} calls[VERB_COUNT_MAX];
static size_t call_count;
static uint64_t out_of_buffer[NUMBERED_MAX]; /* for each number of a queue, from FIRST_NUMBER on */
static char refusal[256];
static struct vdouble_rate last_rate;
static vdouble_copy_fn *copy_hook;
static void *copy_user;

void vd_control_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(&counters, 0, offsetof(struct vdouble_counters, contexts));
    memset(out_of_buffer, 0, sizeof out_of_buffer);
    call_count = 0;
    refusal[0] = '\0';
    copy_hook = NULL;
    pthread_mutex_unlock(&lock);
}

/* ---- Refusing ------------------------------------------------------------------------------------ */

static void note_refusal(const char *format, va_list args)
{
    bool verbose = VD_SETTING(verbose);

    pthread_mutex_lock(&lock);
    vsnprintf(refusal, sizeof refusal, format, args);
    counters.refusals++;
    if (verbose)
        fprintf(stderr, "verbs double: %s\n", refusal);
    pthread_mutex_unlock(&lock);
}

int vd_refuse(int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_refusal(format, args);
    va_end(args);
    return err;
}

void *vd_refuse_null(int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_refusal(format, args);
    va_end(args);
    return vd_null(err);
}

void *vd_null(int err)
{
    errno = err;
    return NULL;
}

_Noreturn void vd_abort(const char *format, ...)
{
    va_list args;

    fputs("verbs double: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

VD_EXPORT const char *vdouble_last_refusal(void)
{
    static _Thread_local char copy[sizeof refusal];

    pthread_mutex_lock(&lock);
    memcpy(copy, refusal, sizeof copy);
    pthread_mutex_unlock(&lock);
    return copy;
}

/* ---- Counting and copying -------------------------------------------------------------------- */

/* Returns true if the verb makes, changes or ends an object of the device. On hardware such a call takes commands of
 * the firmware. */
static bool takes_time(const char *verb)
{
    return !strncmp(verb, "create_", 7) || !strncmp(verb, "modify_", 7) ||
           !strncmp(verb, "destroy_", 8) || !strncmp(verb, "mlx5dv_create_", 14);
}

/* Blocks the caller for `verb_us`. The caller must hold no lock, so frames go on arriving meanwhile. */
static void take_time(void)
{
    uint64_t us = VD_SETTING(verb_us);
    struct timespec left = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};

    while (us && nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

int vd_call(const char *verb)
{
    const bool verbose = VD_SETTING(verbose) > 1;
    long argument;
    size_t i = 0;

    pthread_mutex_lock(&lock);
    while (i < call_count && strcmp(calls[i].name, verb) != 0)
        i++;
    if (i == call_count) {
        calls[i].name = verb;
        calls[i].count = 0;
        call_count++;
    }
    if (calls[i].count++ == 0 && verbose)
        fprintf(stderr, "verbs double: the first %s\n", verb);
    pthread_mutex_unlock(&lock);
    if (takes_time(verb))
        take_time();
    if (!vd_fault(verb, &argument))
        return 0;
    return argument > 0 ? (int)argument : EIO;
}

VD_EXPORT uint64_t vdouble_calls(const char *verb)
{
    uint64_t count = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < call_count; i++)
        if (!strcmp(calls[i].name, verb))
            count = calls[i].count;
    pthread_mutex_unlock(&lock);
    return count;
}

void vd_note_rate(const struct vdouble_rate *rate)
{
    pthread_mutex_lock(&lock);
    last_rate = *rate;
    pthread_mutex_unlock(&lock);
}

VD_EXPORT struct vdouble_rate vdouble_rate(void)
{
    struct vdouble_rate rate;

    pthread_mutex_lock(&lock);
    rate = last_rate;
    pthread_mutex_unlock(&lock);
    return rate;
}

void vd_count(size_t offset, int64_t amount)
{
    uint64_t *counter = (uint64_t *)((char *)&counters + offset);

    pthread_mutex_lock(&lock);
    *counter += (uint64_t)amount;
    pthread_mutex_unlock(&lock);
}

void vd_count_out_of_buffer(uint32_t number)
{
    pthread_mutex_lock(&lock);
    if (number - FIRST_NUMBER < NUMBERED_MAX)
        out_of_buffer[number - FIRST_NUMBER]++;
    pthread_mutex_unlock(&lock);
}

VD_EXPORT uint64_t vdouble_out_of_buffer(uint32_t number)
{
    uint64_t count = 0;

    pthread_mutex_lock(&lock);
    if (number - FIRST_NUMBER < NUMBERED_MAX)
        count = out_of_buffer[number - FIRST_NUMBER];
    pthread_mutex_unlock(&lock);
    return count;
}

VD_EXPORT void vdouble_counters(struct vdouble_counters *out)
{
    pthread_mutex_lock(&lock);
    *out = counters;
    pthread_mutex_unlock(&lock);
}

VD_EXPORT void vdouble_copy_hook(vdouble_copy_fn *copy, void *user)
{
    pthread_mutex_lock(&lock);
    copy_hook = copy;
    copy_user = user;
    pthread_mutex_unlock(&lock);
}

uint32_t vd_next_number(void)
{
    static uint32_t last = FIRST_NUMBER;
    uint32_t number;

    pthread_mutex_lock(&lock);
    number = last++;
    pthread_mutex_unlock(&lock);
    return number;
}

void vd_copy_device(void *to, const void *from, size_t bytes)
{
    vdouble_copy_fn *copy;
    void *user;

    pthread_mutex_lock(&lock);
    copy = copy_hook;
    user = copy_user;
    pthread_mutex_unlock(&lock);
    if (copy)
        copy(user, to, from, bytes);
    else
        memcpy(to, from, bytes);
}

VD_EXPORT int vdouble_qp_fatal(uint32_t qp_num)
{
    return vd_contexts_qp_fatal(qp_num);
}

VD_EXPORT bool vdouble_is_mlx5(void)
{
    return VD_SETTING(mlx5);
}

VD_EXPORT bool vdouble_has_striding(void)
{
    return VD_SETTING(mlx5) && VD_SETTING(striding);
}

VD_EXPORT bool vdouble_is_real_time(void)
{
    return VD_SETTING(real_time);
}

VD_EXPORT int vdouble_call(const char *verb)
{
    return vd_call(verb);
}
