/* Endpoints in words and as socket addresses. */
#ifndef SPEADI_ADDRESS_H
#define SPEADI_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <speadline/error.h>

struct speadi_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t length;
};

enum speadi_address_use {
    SPEADI_ADDRESS_SEND, /* a host is required */
    SPEADI_ADDRESS_RECEIVE, /* "PORT", ":PORT" mean any address (IPv6 dual-stack "[::]" only when written) */
    SPEADI_ADDRESS_SENDER, /* one host: "HOST", "[V6]" mean any port of it (0) */
};

/* Parses "HOST:PORT", "[V6]:PORT", "[V6%eth0]:PORT", ":PORT" or "PORT"; HOST may be a name (one with
 * addresses of both kinds means its IPv4 address). Ports 1..65535. A sender is no group and no any-address.
 * Returns 0, or -EINVAL / -ENOENT (host not found) with a sentence that quotes the text. Resolving a name
 * may block. */
int speadi_address_parse(struct speadi_address *address, const char *text,
                         enum speadi_address_use use, struct spead_err *err);

bool speadi_address_is_multicast(const struct speadi_address *address);
bool speadi_address_is_any(const struct speadi_address *address); /* 0.0.0.0 or :: */

/* "192.0.2.1:7148" or "[2001:db8::1]:7148" into text; returns text. */
#define SPEADI_ADDRESS_TEXT_MAX 80
char *speadi_address_format(const struct speadi_address *address,
                            char text[SPEADI_ADDRESS_TEXT_MAX]);

/* A local interface named by name ("eth0") or by one of its addresses. */
struct speadi_interface {
    unsigned index;              /* 0: none given */
    struct in_addr v4;           /* its (or the given) IPv4 address; INADDR_ANY when it has none */
    struct speadi_address local; /* the address given, port 0; length 0 when a name was given */
};

/* Returns 0 (text NULL: all zero), or -ENODEV / -EINVAL with a sentence. */
int speadi_interface_find(struct speadi_interface *interface, const char *text,
                          struct spead_err *err);

/* Index of the interface that has this address or, of a foreign one or a group, that the route to it
 * leaves by. 0: none (no route, or an any-address). */
unsigned speadi_interface_towards(const struct speadi_address *address);

#endif
