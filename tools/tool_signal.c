/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_signal.h. */
#include "tool_signal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static void (*on_signal)(int nth);
/* Relaxed is enough for these: no other data depends on them. */
static atomic_int signal_count, first_signal;
static atomic_bool report_wanted; /* relaxed: see above */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDING_COUNT (sizeof ending / sizeof *ending)

static bool is_ignored(int number)
{
    struct sigaction now;

    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* The next signal of this number kills the program, unless the program was started to ignore it. */
static void reset(int number)
{
    if (!is_ignored(number))
        signal(number, SIG_DFL);
}

static void handle(int number)
{
    int saved_errno = errno;
    int nth = atomic_fetch_add_explicit(&signal_count, 1, memory_order_relaxed) + 1;

    if (nth == 1)
        atomic_store_explicit(&first_signal, number, memory_order_relaxed); /* relaxed: see above */
    for (unsigned i = 0; nth == 2 && i < ENDING_COUNT; i++)
        reset(ending[i]);
    if (nth <= 2)
        on_signal(nth);
    errno = saved_errno;
}

void tool_signal_install(void (*fn)(int nth))
{
    struct sigaction action = {.sa_handler = handle};

    on_signal = fn;
    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < ENDING_COUNT; i++)
        sigaddset(&action.sa_mask, ending[i]);
    for (unsigned i = 0; i < ENDING_COUNT; i++)
        if (ending[i] != SIGHUP || !is_ignored(SIGHUP))
            sigaction(ending[i], &action, NULL);
}

static void want_report(int number __attribute__((unused)))
{
    atomic_store_explicit(&report_wanted, true, memory_order_relaxed); /* relaxed: see above */
}

void tool_signal_install_report(void)
{
    struct sigaction action = {.sa_handler = want_report, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
}

bool tool_signal_take_report(void)
{
    /* relaxed: see above */
    return atomic_exchange_explicit(&report_wanted, false, memory_order_relaxed);
}

int tool_signal_count(void)
{
    /* relaxed: no other data depends on this count */
    return atomic_load_explicit(&signal_count, memory_order_relaxed);
}

int tool_signal_first(void)
{
    /* relaxed: no other data depends on this number */
    return atomic_load_explicit(&first_signal, memory_order_relaxed);
}
