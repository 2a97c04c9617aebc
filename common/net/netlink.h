/* Questions to the kernel's routing tables, and what it says unasked. */
#ifndef SPEADI_NETLINK_H
#define SPEADI_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* One message under construction, or read. */
struct speadi_netlink_message {
    union {
        struct nlmsghdr header;
        uint8_t bytes[8192]; /* the kernel's answers are smaller */
    };
};

/* A socket, subscribed to the group (RTNLGRP_..., 0: none); non-blocking when it is. -errno. */
int speadi_netlink_open(unsigned group);

/* Begins a request of this type with a fixed part of so many bytes, which is returned zeroed. */
void *speadi_netlink_begin(struct speadi_netlink_message *message, uint16_t type,
                           size_t fixed_bytes);
void speadi_netlink_add(struct speadi_netlink_message *message, uint16_t attribute,
                        const void *data, size_t bytes);

/* Sends the request and puts the answer over it. Returns 0, or -errno: the kernel's or the socket's. */
int speadi_netlink_ask(struct speadi_netlink_message *message);

/* The payload of an attribute behind a fixed part of fixed_bytes, when it has at least `bytes`; else
 * NULL. */
const void *speadi_netlink_find(const struct nlmsghdr *header, size_t fixed_bytes,
                                uint16_t attribute, size_t bytes);

#endif
