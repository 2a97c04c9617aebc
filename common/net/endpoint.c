/* SPDX-License-Identifier: Apache-2.0 */
/* See endpoint.h. */
#include <speadi/endpoint.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/queue_kind.h>

/* Returns the '%' in front of the interface, or NULL. A '%' inside brackets begins the zone of an IPv6 address. */
static const char *interface_mark(const char *text)
{
    const char *bracket = strrchr(text, ']');

    return strchr(bracket ? bracket : text, '%');
}

int speadi_endpoint_address(struct speadi_address *address, const char *text,
                            enum speadi_address_use use, struct spead_err *err)
{
    const char *mark = text ? interface_mark(text) : NULL;
    char copy[NI_MAXHOST];

    if (!mark || (size_t)(mark - text) >= sizeof copy)
        return speadi_address_parse(address, text, use, err);
    snprintf(copy, sizeof copy, "%.*s", (int)(mark - text), text);
    return speadi_address_parse(address, copy, use, err);
}

static int contradict(const char *text, const struct speadi_interface *a,
                      const struct speadi_interface *b, const char *whose, struct spead_err *err)
{
    return speadi_err_set(err, -EINVAL,
                          "\"%.100s\" names the interface %s, but %s is %s: name only one of them",
                          text, a->name, whose, b->name);
}

/* Sets the interface of the endpoint to the zone of its address, if it has a zone. */
static int take_zone(struct speadi_endpoint *endpoint, const char *text, struct spead_err *err)
{
    const struct speadi_address *address = &endpoint->address;
    struct speadi_interface zone = {0};
    char name[IF_NAMESIZE];
    int ret;

    if (address->any.sa_family != AF_INET6 || address->v6.sin6_scope_id == 0)
        return 0;
    if (!if_indextoname(address->v6.sin6_scope_id, name))
        return speadi_err_errno(err, "\"%.100s\": the zone is no interface of this host", text);
    ret = speadi_interface_find(&zone, name, err);
    if (ret < 0)
        return ret;
    if (endpoint->interface.index != 0 && endpoint->interface.index != zone.index)
        return contradict(text, &endpoint->interface, &zone, "its zone", err);
    if (endpoint->interface.index == 0)
        endpoint->interface = zone;
    return 0;
}

int speadi_endpoint_parse(struct speadi_endpoint *endpoint, const char *text,
                          enum speadi_address_use use, const struct speadi_interface *fallback,
                          struct spead_err *err)
{
    struct speadi_endpoint parsed = {0};
    const char *mark = text ? interface_mark(text) : NULL;
    int ret = speadi_endpoint_address(&parsed.address, text, use, err);

    if (ret == 0 && mark) {
        ret = speadi_interface_find(&parsed.interface, mark + 1, err);
        if (ret < 0)
            speadi_err_add(err, ret, " (endpoint \"%.100s\")", text);
    }
    if (ret == 0)
        ret = take_zone(&parsed, text, err);
    if (ret < 0)
        return ret;
    if (fallback && fallback->index != 0) {
        if (parsed.interface.index != 0 && parsed.interface.index != fallback->index)
            return contradict(text, &parsed.interface, fallback, "the interface of the stream",
                              err);
        if (parsed.interface.index == 0)
            parsed.interface = *fallback;
    }
    *endpoint = parsed;
    return 0;
}

bool speadi_interface_same(const struct speadi_interface *a, const struct speadi_interface *b)
{
    return a->index == b->index && a->local.length == b->local.length &&
           memcmp(&a->local, &b->local, sizeof a->local) == 0;
}

unsigned speadi_endpoint_interface(const struct speadi_address *address,
                                   const struct speadi_interface *interface)
{
    if (interface->index != 0 || !speadi_address_is_multicast(address))
        return interface->index;
    return speadi_route_interface(address, NULL);
}

/* ---- The endpoints of a stream -------------------------------------------------------------- */

int speadi_endpoints_parse(struct speadi_endpoints *endpoints, const char *const *texts,
                           uint32_t count, enum speadi_address_use use, const char *interface,
                           struct spead_err *err)
{
    struct speadi_endpoint parsed;
    int ret = speadi_interface_find(&endpoints->common, interface, err);

    endpoints->count = count;
    endpoints->differ = false;
    if (ret < 0)
        return speadi_err_blame(err, ret, "interface");
    for (uint32_t i = 0; i < count; i++) {
        ret = speadi_endpoint_parse(&parsed, texts[i], use, &endpoints->common, err);
        if (ret < 0)
            return speadi_err_blame(err, ret, "endpoints");
        endpoints->address[i] = parsed.address;
        endpoints->interface[i] = parsed.interface;
        endpoints->differ |= !speadi_interface_same(&parsed.interface, &endpoints->interface[0]);
    }
    if (count > 0 && !endpoints->differ)
        endpoints->common = endpoints->interface[0];
    return 0;
}

/* Where the kernel binds the socket of an endpoint. */
struct binding {
    struct speadi_address address;
    unsigned device; /* the interface that the socket is bound to; 0 means all interfaces */
    unsigned joined; /* the interface that the group is joined on; 0 if the address is no group */
};

static struct binding binding_of(const struct speadi_endpoints *endpoints, uint32_t i)
{
    const struct speadi_interface *interface = &endpoints->interface[i];
    struct binding binding = {.address = endpoints->address[i]};
    bool any = speadi_address_is_any(&binding.address);

    if (speadi_address_is_multicast(&binding.address)) {
        binding.joined = speadi_endpoint_interface(&binding.address, interface);
        if (binding.address.any.sa_family == AF_INET6)
            binding.device = binding.joined;
    } else if (interface->local.length == 0) {
        binding.device = interface->index;
    } else if (any && interface->local.any.sa_family == binding.address.any.sa_family) {
        in_port_t port = binding.address.v4.sin_port; /* IPv6 has it at the same offset */

        binding.address = interface->local;
        binding.address.v4.sin_port = port;
    }
    return binding;
}

/* "[::]" takes IPv4 packets, too. */
static bool covers(const struct speadi_address *any, const struct speadi_address *other)
{
    return speadi_address_is_any(any) &&
           (any->any.sa_family == AF_INET6 || other->any.sa_family == AF_INET);
}

static int check_two(const struct binding *a, const struct binding *b, const char *text_a,
                     const char *text_b, struct spead_err *err)
{
    bool same = speadi_address_same_host(&a->address, &b->address);

    if (a->address.v4.sin_port != b->address.v4.sin_port)
        return 0;
    if (same && a->joined != b->joined)
        return 0; /* one group, joined on two interfaces */
    if (a->device != 0 && b->device != 0 && a->device != b->device)
        return 0;
    if (same && a->device == b->device)
        return speadi_err_field(err, -EINVAL, "endpoints",
                                ": \"%.80s\" and \"%.80s\" are the same endpoint", text_a, text_b);
    if (same || covers(&a->address, &b->address) || covers(&b->address, &a->address))
        return speadi_err_field(
            err, -EINVAL, "endpoints",
            ": of \"%.50s\" and \"%.50s\", one takes the port on every address or interface, so "
            "the other cannot be bound: name the addresses, or other ports",
            text_a, text_b);
    return 0;
}

int speadi_endpoints_check_apart(const struct speadi_endpoints *endpoints, const char *const *texts,
                                 struct spead_err *err)
{
    struct binding binding[SPEADI_ENDPOINTS_MAX];

    for (uint32_t i = 0; i < endpoints->count; i++) {
        binding[i] = binding_of(endpoints, i);
        for (uint32_t k = 0; k < i; k++)
            if (check_two(&binding[k], &binding[i], texts[k], texts[i], err) < 0)
                return -EINVAL;
    }
    return 0;
}
