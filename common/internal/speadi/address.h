/* SPDX-License-Identifier: Apache-2.0 */
/* UDP endpoints: as text and as socket addresses. */
#ifndef SPEADI_ADDRESS_H
#define SPEADI_ADDRESS_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <speadline/error.h>
#include <speadline/sender_address.h>

struct speadi_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t length;
};

enum speadi_address_use {
    SPEADI_ADDRESS_SEND, /* the text must name a host */
    /* "PORT" and ":PORT" mean any IPv4 address. Only the text "[::]:PORT" means any address of IPv6 and of IPv4. */
    SPEADI_ADDRESS_RECEIVE,
    /* The text must name one host. When the text is only "HOST" or "[V6]", the port becomes 0, which means any port of
     * that host. */
    SPEADI_ADDRESS_SENDER,
};

/* Parses "HOST:PORT", "[V6]:PORT", "[V6%eth0]:PORT", ":PORT" or "PORT". HOST may be a name. When a name has IPv4 and
 * IPv6 addresses, the function takes an IPv4 address. PORT is 1..65535. The address of a sender must not be a multicast
 * group, 0.0.0.0 or ::. An IPv6 address that only stands for an IPv4 address ("[::ffff:192.0.2.1]:7148") becomes that
 * IPv4 address. The call can block during the time in which it resolves a name. Returns 0. On failure returns
 * -EINVAL, -ENOENT (the host was not found) or -ENOMEM, with a sentence that quotes the text. */
int speadi_address_parse(struct speadi_address *address, const char *text,
                         enum speadi_address_use use, struct spead_err *err);

/* Tells whether two senders have the same address and port. */
static inline bool speadi_same_sender(const struct spead_sender_address *a,
                                      const struct spead_sender_address *b)
{
    return a->port == b->port && a->known == b->known &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

/* If the address is an IPv6 address that only stands for an IPv4 address (::ffff:192.0.2.1), replaces it by that IPv4
 * address. */
void speadi_address_unmap(struct speadi_address *address);

bool speadi_address_is_multicast(const struct speadi_address *address);
bool speadi_address_is_any(const struct speadi_address *address); /* true for 0.0.0.0 and :: */

/* Tells whether two addresses name the same host. Ports and zones are not compared. */
bool speadi_address_same_host(const struct speadi_address *a, const struct speadi_address *b);

/* Writes "192.0.2.1:7148" or "[2001:db8::1]:7148" into `text`. Returns `text`. */
#define SPEADI_ADDRESS_TEXT_MAX 80
char *speadi_address_format(const struct speadi_address *address,
                            char text[SPEADI_ADDRESS_TEXT_MAX]);

/* A local interface. The user gave its name ("eth0") or one of its addresses. */
struct speadi_interface {
    unsigned index; /* 0 if the user gave no interface */
    /* The IPv4 address that the user gave. Otherwise the first IPv4 address of the interface, or INADDR_ANY if the
     * interface has none. */
    struct in_addr v4;
    /* The address that the user gave, with port 0. The length is 0 if the user gave a name. */
    struct speadi_address local;
    char name[IF_NAMESIZE]; /* the name of the interface; "" if the user gave no interface */
};

/* Finds a local interface by its name or by one of its addresses. Returns 0 and fills *interface. When `text` is NULL,
 * *interface becomes all zero. On failure returns -ENODEV, -EINVAL or the -errno of a system call, with a sentence. */
int speadi_interface_find(struct speadi_interface *interface, const char *text,
                          struct spead_err *err);

/* Returns the index of the interface that has this address. For an address of another host or of a multicast group,
 * returns the interface that the route to this address uses. Returns 0 when there is no route, and also when the
 * address is 0.0.0.0 or "::". */
unsigned speadi_interface_towards(const struct speadi_address *address);

#endif
