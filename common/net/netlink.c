/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: makes messages, sends them and reads them. */
#include "netlink.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int speadi_netlink_open(unsigned group)
{
    const struct sockaddr_nl own = {.nl_family = AF_NETLINK,
                                    .nl_groups = group ? 1u << (group - 1) : 0};
    int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (group ? SOCK_NONBLOCK : 0), NETLINK_ROUTE);
    int error;

    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&own, sizeof own) == 0)
        return fd;
    error = errno;
    close(fd);
    return -error;
}

void *speadi_netlink_begin(struct speadi_netlink_message *message, uint16_t type,
                           size_t fixed_bytes)
{
    memset(message, 0, NLMSG_SPACE(fixed_bytes));
    message->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(fixed_bytes);
    message->header.nlmsg_type = type;
    message->header.nlmsg_flags = NLM_F_REQUEST;
    return NLMSG_DATA(&message->header);
}

void speadi_netlink_add(struct speadi_netlink_message *message, uint16_t attribute,
                        const void *data, size_t bytes)
{
    size_t at = NLMSG_ALIGN(message->header.nlmsg_len);
    struct rtattr *rta = (struct rtattr *)(void *)(message->bytes + at);

    assert(at + RTA_SPACE(bytes) <= sizeof message->bytes);
    memset(rta, 0, RTA_SPACE(bytes));
    rta->rta_type = attribute;
    rta->rta_len = (unsigned short)RTA_LENGTH(bytes);
    memcpy(RTA_DATA(rta), data, bytes);
    message->header.nlmsg_len = (uint32_t)(at + RTA_LENGTH(bytes));
}

static int read_answer(int fd, struct speadi_netlink_message *message)
{
    const struct nlmsgerr *refusal = NLMSG_DATA(&message->header);
    ssize_t bytes = recv(fd, message, sizeof *message, 0);

    if (bytes < 0)
        return -errno;
    if (!NLMSG_OK(&message->header, (size_t)bytes))
        return -EPROTO;
    if (message->header.nlmsg_type != NLMSG_ERROR)
        return 0;
    return refusal->error < 0 ? refusal->error : -EPROTO;
}

int speadi_netlink_ask(struct speadi_netlink_message *message)
{
    int fd = speadi_netlink_open(0);
    int ret;

    if (fd < 0)
        return fd;
    if (send(fd, message, message->header.nlmsg_len, 0) < 0)
        ret = -errno;
    else
        ret = read_answer(fd, message);
    close(fd);
    return ret;
}

/* Reads one piece of the answer to a request for a list. Returns 1 when the list has ended, 0 when it goes on, or
 * -errno. */
static int read_piece(int fd, struct speadi_netlink_message *message, speadi_netlink_each_fn *each,
                      void *arg)
{
    ssize_t bytes = recv(fd, message, sizeof *message, 0);
    const struct nlmsghdr *at = &message->header;
    uint32_t left;

    if (bytes < 0)
        return -errno;
    for (left = (uint32_t)bytes; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
        if (at->nlmsg_type == NLMSG_DONE)
            return 1;
        if (at->nlmsg_type == NLMSG_ERROR)
            return -EPROTO;
        each(arg, at);
    }
    return 0;
}

int speadi_netlink_list(struct speadi_netlink_message *message, speadi_netlink_each_fn *each,
                        void *arg)
{
    int fd = speadi_netlink_open(0);
    int ret = 0;

    if (fd < 0)
        return fd;
    message->header.nlmsg_flags |= NLM_F_DUMP;
    if (send(fd, message, message->header.nlmsg_len, 0) < 0)
        ret = -errno;
    while (ret == 0)
        ret = read_piece(fd, message, each, arg);
    close(fd);
    return ret < 0 ? ret : 0;
}

const void *speadi_netlink_find(const struct nlmsghdr *header, size_t fixed_bytes,
                                uint16_t attribute, size_t bytes)
{
    const uint8_t *fixed = NLMSG_DATA(header);
    const struct rtattr *rta = (const void *)(fixed + NLMSG_ALIGN(fixed_bytes));
    /* The kernel pads attributes to whole words, so `left` is rounded up to whole words. Only the last attribute can be
     * without padding. Without the rounding, RTA_NEXT() would then subtract more than `left` has. */
    size_t left = header->nlmsg_len < NLMSG_SPACE(fixed_bytes)
                      ? 0
                      : RTA_ALIGN(header->nlmsg_len - NLMSG_SPACE(fixed_bytes));

    for (; RTA_OK(rta, left); rta = RTA_NEXT(rta, left))
        if (rta->rta_type == attribute && RTA_PAYLOAD(rta) >= bytes)
            return RTA_DATA(rta);
    return NULL;
}
