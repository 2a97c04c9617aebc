/* See tool_signal.h. */
#include "tool_signal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static void (*on_signal)(int nth);
/* Relaxed is enough for these two: no other data depends on them. */
static atomic_int signal_count, first_signal;

static void handle(int number)
{
    int saved_errno = errno;
    int nth = atomic_fetch_add_explicit(&signal_count, 1, memory_order_relaxed) + 1;

    if (nth == 1)
        atomic_store_explicit(&first_signal, number, memory_order_relaxed); /* relaxed: see above */
    if (nth == 2) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
    }
    if (nth <= 2)
        on_signal(nth);
    errno = saved_errno;
}

void tool_signal_install(void (*fn)(int nth))
{
    struct sigaction action = {.sa_handler = handle};

    on_signal = fn;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
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
