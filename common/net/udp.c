/* SPDX-License-Identifier: Apache-2.0 */
/* Closes UDP sockets, and asks the kernel about them. */
#include <speadi/udp.h>

#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

void speadi_udp_close(struct speadi_udp_socket *closing)
{
    if (closing->fd >= 0)
        close(closing->fd);
    closing->fd = -1;
}

/* Returns one of the values of SO_MEMINFO, or 0 when the kernel does not tell. */
static uint32_t memory_info(int fd, unsigned which)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof info;

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0 ? 0 : info[which];
}

uint64_t speadi_udp_drops(int fd)
{
    return memory_info(fd, SK_MEMINFO_DROPS);
}

uint64_t speadi_udp_unread_bytes(int fd)
{
    return memory_info(fd, SK_MEMINFO_RMEM_ALLOC);
}

double speadi_udp_fill(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof info;

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0 || info[SK_MEMINFO_RCVBUF] == 0)
        return 1;
    return (double)info[SK_MEMINFO_RMEM_ALLOC] / info[SK_MEMINFO_RCVBUF];
}
