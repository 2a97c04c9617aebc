/* See tool_signal.h. */
#include "tool_signal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static void (*on_signal)(int nth);
static atomic_int signal_count; /* relaxed is enough: no other data depends on this count */

static void handle(int number __attribute__((unused)))
{
    int saved_errno = errno;
    int nth = atomic_fetch_add_explicit(&signal_count, 1, memory_order_relaxed) + 1;

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
