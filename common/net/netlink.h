/* Netlink: asks the kernel about its routing tables, and receives the changes that it announces. */
#ifndef SPEADI_NETLINK_H
#define SPEADI_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* One netlink message: a request that is being made, or an answer. */
struct speadi_netlink_message {
    union {
        struct nlmsghdr header;
        uint8_t bytes[8192]; /* the kernel's answers are smaller */
    };
};

/* Opens a socket and subscribes it to the group (RTNLGRP_...; 0: none). With a group, the socket is non-blocking.
 * Returns the file descriptor or -errno. */
int speadi_netlink_open(unsigned group);

/* Begins a request of this type. Returns its fixed part, which has fixed_bytes bytes and is zero. */
void *speadi_netlink_begin(struct speadi_netlink_message *message, uint16_t type,
                           size_t fixed_bytes);
void speadi_netlink_add(struct speadi_netlink_message *message, uint16_t attribute,
                        const void *data, size_t bytes);

/* Sends the request, waits for the answer and writes the answer over the request. Returns 0, or the -errno of the
 * kernel or of the socket. */
int speadi_netlink_ask(struct speadi_netlink_message *message);

/* Finds an attribute behind the fixed part, which has fixed_bytes bytes. Returns its payload, which has at least
 * `bytes` bytes, or NULL. */
const void *speadi_netlink_find(const struct nlmsghdr *header, size_t fixed_bytes,
                                uint16_t attribute, size_t bytes);

#endif
