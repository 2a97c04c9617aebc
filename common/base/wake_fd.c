/* SPDX-License-Identifier: Apache-2.0 */
/* Wake descriptors: an eventfd that ends the wait of a thread. */
#include <speadi/wake_fd.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <speadi/clock.h>

int speadi_wake_fd_open(struct speadi_wake_fd *wake_fd)
{
    wake_fd->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wake_fd->fd < 0 ? -errno : 0;
}

void speadi_wake_fd_close(struct speadi_wake_fd *wake_fd)
{
    if (wake_fd->fd >= 0)
        close(wake_fd->fd);
    wake_fd->fd = -1;
}

void speadi_wake_fd_signal(const struct speadi_wake_fd *wake_fd)
{
    /* This function can run in a signal handler, which must not change the errno of the interrupted thread. */
    int saved = errno;
    uint64_t one = 1;
    ssize_t written = write(wake_fd->fd, &one, sizeof one);

    (void)written; /* write() fails only if 2^64-2 signals are pending, and then fd is readable */
    errno = saved;
}

bool speadi_wake_fd_clear(const struct speadi_wake_fd *wake_fd)
{
    uint64_t signals;

    return read(wake_fd->fd, &signals, sizeof signals) == (ssize_t)sizeof signals;
}

/* Does what poll(2) does, with a timeout in ns; UINT64_MAX means no limit. Where a filter of system calls refuses
 * ppoll(), poll() waits whole milliseconds. */
static int poll_ns(struct pollfd *polled, nfds_t count, uint64_t ns)
{
    const struct timespec timeout = speadi_clock_timespec(ns);
    int ready = ppoll(polled, count, ns == UINT64_MAX ? NULL : &timeout, NULL);

    if (ready >= 0 || (errno != ENOSYS && errno != EPERM))
        return ready;
    return poll(polled, count, ns == UINT64_MAX ? -1 : speadi_clock_ms_up(ns));
}

void speadi_wake_fd_wait(const struct speadi_wake_fd *wake_fd, const int *fds, unsigned count,
                         short events, uint64_t deadline_ns)
{
    struct pollfd polled[1 + SPEADI_WAKE_FD_FDS_MAX];
    uint64_t left = UINT64_MAX;

    assert(count <= SPEADI_WAKE_FD_FDS_MAX);
    polled[0] = (struct pollfd){.fd = wake_fd->fd, .events = POLLIN};
    for (unsigned i = 0; i < count; i++)
        polled[1 + i] = (struct pollfd){.fd = fds[i], .events = events};
    if (deadline_ns != UINT64_MAX) {
        uint64_t now = speadi_clock_mono_ns();

        left = deadline_ns > now ? deadline_ns - now : 0;
    }
    /* The usual error is EINTR, which means that a signal handler has run. Perhaps the handler has given the caller
     * something to do. So the function returns in this case too. */
    if (poll_ns(polled, 1 + count, left) > 0 && polled[0].revents != 0)
        speadi_wake_fd_clear(wake_fd);
}
