/* SPDX-License-Identifier: Apache-2.0 */
/* Tries what the socket engines need of the kernel. */
#include <speadi/udp.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/err.h>

/* Opens a UDP socket. A host can lack one of the IP versions. */
static int open_any(struct spead_err *err)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 && errno == EAFNOSUPPORT)
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? speadi_err_errno(err, "cannot open a UDP socket") : fd;
}

/* A call with no message checks the socket and does nothing else. */
int speadi_udp_try_receive(struct spead_err *err)
{
    int fd = open_any(err), ret = 0;

    if (fd < 0)
        return fd;
    if (recvmmsg(fd, NULL, 0, MSG_DONTWAIT, NULL) < 0)
        ret = speadi_err_errno(err, "the kernel or a seccomp profile refuses recvmmsg");
    close(fd);
    return ret;
}

int speadi_udp_try_send(struct spead_err *err)
{
    int fd = open_any(err), ret = 0;

    if (fd < 0)
        return fd;
    if (sendmmsg(fd, NULL, 0, MSG_DONTWAIT) < 0)
        ret = speadi_err_errno(err, "the kernel or a seccomp profile refuses sendmmsg");
    close(fd);
    return ret;
}
