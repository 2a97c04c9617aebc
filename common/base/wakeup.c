/* The bell that ends a wait: an eventfd. */
#include <speadi/wakeup.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <speadi/clock.h>

int speadi_wakeup_open(struct speadi_wakeup *wakeup)
{
    wakeup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wakeup->fd < 0 ? -errno : 0;
}

void speadi_wakeup_close(struct speadi_wakeup *wakeup)
{
    if (wakeup->fd >= 0)
        close(wakeup->fd);
    wakeup->fd = -1;
}

void speadi_wakeup_ring(const struct speadi_wakeup *wakeup)
{
    int saved = errno; /* a signal handler must not change it under its victim */
    uint64_t one = 1;
    ssize_t written = write(wakeup->fd, &one, sizeof one);

    (void)written; /* can only fail when 2^64-2 rings are pending: readable all the same */
    errno = saved;
}

bool speadi_wakeup_clear(const struct speadi_wakeup *wakeup)
{
    uint64_t rings;

    return read(wakeup->fd, &rings, sizeof rings) == (ssize_t)sizeof rings;
}

void speadi_wakeup_wait(const struct speadi_wakeup *wakeup, const int *fds, unsigned count,
                        short events, uint64_t deadline_ns)
{
    struct pollfd polled[1 + SPEADI_WAKEUP_FDS_MAX];
    struct timespec timeout;

    assert(count <= SPEADI_WAKEUP_FDS_MAX);
    polled[0] = (struct pollfd){.fd = wakeup->fd, .events = POLLIN};
    for (unsigned i = 0; i < count; i++)
        polled[1 + i] = (struct pollfd){.fd = fds[i], .events = events};
    if (deadline_ns != UINT64_MAX) {
        uint64_t now = speadi_clock_mono_ns();

        timeout = speadi_clock_timespec(deadline_ns > now ? deadline_ns - now : 0);
    }
    /* An error here is EINTR: the signal may be the reason to look again, so return as if rung. */
    if (ppoll(polled, 1 + count, deadline_ns == UINT64_MAX ? NULL : &timeout, NULL) > 0 &&
        polled[0].revents != 0)
        speadi_wakeup_clear(wakeup);
}
