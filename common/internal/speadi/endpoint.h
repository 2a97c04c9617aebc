/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint as the user writes it: an address and, if the user names one, an interface. */
#ifndef SPEADI_ENDPOINT_H
#define SPEADI_ENDPOINT_H

#include <speadi/address.h>

struct speadi_endpoint {
    struct speadi_address address;
    /* The interface of this endpoint. Its index is 0 if the user named no interface. */
    struct speadi_interface interface;
};

/* Parses "ADDRESS%IF" or "ADDRESS". ADDRESS is what speadi_address_parse() takes. IF is the name of an interface or one
 * of its addresses. It stands behind the port, so it is never mistaken for the zone of an IPv6 address, which stands
 * inside the brackets.
 *
 * The interface of the endpoint is IF; else the zone of the address, if it has one; else *fallback. `fallback` is the
 * interface of the whole stream. It may be NULL. Two different interfaces contradict each other and are refused.
 *
 * Returns 0, or -errno with a sentence that quotes the text. The call can block as speadi_address_parse() does. */
int speadi_endpoint_parse(struct speadi_endpoint *endpoint, const char *text,
                          enum speadi_address_use use, const struct speadi_interface *fallback,
                          struct spead_err *err);

/* Parses the same text, but only the address: IF may name an interface that this host does not have. */
int speadi_endpoint_address(struct speadi_address *address, const char *text,
                            enum speadi_address_use use, struct spead_err *err);

/* The endpoints of a stream. */
#define SPEADI_ENDPOINTS_MAX 64u
struct speadi_endpoints {
    struct speadi_address address[SPEADI_ENDPOINTS_MAX];
    struct speadi_interface interface[SPEADI_ENDPOINTS_MAX];
    /* The interface of the stream, or the interface of all endpoints if it is the same for all. */
    struct speadi_interface common;
    bool differ; /* the endpoints have different interfaces, so only the array counts */
    uint32_t count;
};

/* Finds the interface of the stream (the field `interface`, which may be NULL), and parses `count` endpoints, at most
 * SPEADI_ENDPOINTS_MAX. Returns 0, or -errno with a sentence that names the field of the configuration. */
int speadi_endpoints_parse(struct speadi_endpoints *endpoints, const char *const *texts,
                           uint32_t count, enum speadi_address_use use, const char *interface,
                           struct spead_err *err);

/* Refuses two endpoints that would receive the same packets, or of which the kernel lets only one be bound. Returns 0,
 * or -EINVAL with a sentence that names both. */
int speadi_endpoints_check_apart(const struct speadi_endpoints *endpoints, const char *const *texts,
                                 struct spead_err *err);

/* Tells whether two interfaces are the same, and were given in the same way: by name, or by the same address. */
bool speadi_interface_same(const struct speadi_interface *a, const struct speadi_interface *b);

/* Returns the interface on which the kernel joins a group: `interface`, or else that of the route to the group; 0 if
 * there is no route. If the address is no group, returns the index of `interface`. */
unsigned speadi_endpoint_interface(const struct speadi_address *address,
                                   const struct speadi_interface *interface);

#endif
