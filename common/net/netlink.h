/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: asks the kernel about its routing tables and its neighbour table. Also receives the changes of these tables
 * that the kernel announces. */
#ifndef SPEADI_NETLINK_H
#define SPEADI_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* One netlink message: a request that the caller is building, or the answer to it. */
struct speadi_netlink_message {
    union {
        struct nlmsghdr header;
        uint8_t bytes[8192]; /* the answers of the kernel are shorter than this */
    };
};

/* Opens a netlink socket. If group is not 0, it subscribes the socket to this group (RTNLGRP_...) and makes it
 * non-blocking. Returns the file descriptor or -errno. */
int speadi_netlink_open(unsigned group);

/* Begins a request of this type. Returns a pointer to the fixed part of the request, which has fixed_bytes bytes, all
 * zero. */
void *speadi_netlink_begin(struct speadi_netlink_message *message, uint16_t type,
                           size_t fixed_bytes);
void speadi_netlink_add(struct speadi_netlink_message *message, uint16_t attribute,
                        const void *data, size_t bytes);

/* Sends the request, waits for the answer and writes the answer over the request. Returns 0, or the -errno of the
 * kernel or of the socket. */
int speadi_netlink_ask(struct speadi_netlink_message *message);

/* Sends a request for a list (NLM_F_DUMP) and calls each() for every message of the answer. It overwrites the request.
 * Returns 0, or the -errno of the kernel or of the socket; each() can have been called before that. */
typedef void speadi_netlink_each_fn(void *arg, const struct nlmsghdr *header);
int speadi_netlink_list(struct speadi_netlink_message *message, speadi_netlink_each_fn *each,
                        void *arg);

/* Finds an attribute of the message. The attributes lie behind the fixed part of the message, which has fixed_bytes
 * bytes. Returns the payload of the attribute. Returns NULL when there is no such attribute, or when its payload is
 * shorter than `bytes` bytes. */
const void *speadi_netlink_find(const struct nlmsghdr *header, size_t fixed_bytes,
                                uint16_t attribute, size_t bytes);

#endif
