/* SPDX-License-Identifier: Apache-2.0 */
/* UDP endpoints: converts texts to socket addresses, and socket addresses to texts. */
#include <speadi/address.h>

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

/* The text of an endpoint, divided into host and port. The pointers `host` and `port` point into the array `copy`. */
struct endpoint_text {
    const char *whole;
    char copy[NI_MAXHOST];
    char *host; /* "" if the text has no host */
    char *port; /* NULL if the text has no port and needs none */
    enum speadi_address_use use;
    bool bracketed;
};

static int divide_bracketed(struct endpoint_text *text, struct spead_err *err)
{
    char *end = strchr(text->copy, ']');

    bool portless = end && end[1] == '\0' && text->use == SPEADI_ADDRESS_SENDER;

    if (!end || (end[1] != ':' && !portless))
        return speadi_err_set(err, -EINVAL, "\"%.100s\": write an IPv6 endpoint as [ADDRESS]:PORT",
                              text->whole);
    *end = '\0';
    text->host = text->copy + 1;
    text->port = portless ? NULL : end + 2;
    text->bracketed = true;
    return 0;
}

static int divide(struct endpoint_text *text, struct spead_err *err)
{
    char *colon = strrchr(text->copy, ':');

    if (text->copy[0] == '[')
        return divide_bracketed(text, err);
    if (colon && strchr(text->copy, ':') != colon)
        return speadi_err_set(err, -EINVAL, "\"%.100s\": write an IPv6 endpoint as [ADDRESS]:PORT",
                              text->whole);
    if (colon) {
        *colon = '\0';
        text->host = text->copy;
        text->port = colon + 1;
    } else if (text->use == SPEADI_ADDRESS_SENDER) {
        text->host = text->copy;
    } else {
        text->host = text->copy + strlen(text->copy);
        text->port = text->copy;
    }
    return 0;
}

static int parse_port(const char *port)
{
    size_t digits = strspn(port, "0123456789");
    long value = digits > 0 && digits <= 5 && !port[digits] ? strtol(port, NULL, 10) : 0;

    return value >= 1 && value <= 65535 ? (int)value : -EINVAL;
}

static void any_v4(struct speadi_address *address)
{
    *address = (struct speadi_address){.v4 = {.sin_family = AF_INET}, .length = sizeof address->v4};
}

void speadi_address_unmap(struct speadi_address *address)
{
    const struct in6_addr mapped = address->v6.sin6_addr;
    in_port_t port = address->v6.sin6_port;

    if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&mapped))
        return;
    any_v4(address);
    address->v4.sin_port = port;
    memcpy(&address->v4.sin_addr, mapped.s6_addr + 12, sizeof address->v4.sin_addr);
}

static int resolver_failed(const char *whole, const char *host, int error, struct spead_err *err)
{
    return speadi_err_set(err, error == EAI_MEMORY ? -ENOMEM : -ENOENT,
                          "\"%.100s\": cannot find host \"%.60s\": %s", whole, host,
                          error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
}

/* Chooses the IPv4 address of a name that has IPv4 and IPv6 addresses. A receiver with ":PORT" listens on IPv4, so a
 * sender with "localhost:PORT" must send to IPv4. */
static const struct addrinfo *prefer_v4(const struct addrinfo *list)
{
    for (const struct addrinfo *info = list; info; info = info->ai_next)
        if (info->ai_family == AF_INET)
            return info;
    return list;
}

static int resolve(struct speadi_address *address, const struct endpoint_text *text,
                   struct spead_err *err)
{
    struct addrinfo hints = {.ai_family = text->bracketed ? AF_INET6 : AF_UNSPEC,
                             .ai_socktype = SOCK_DGRAM,
                             .ai_flags = text->bracketed ? AI_NUMERICHOST : 0};
    struct addrinfo *list = NULL;
    const struct addrinfo *info;
    int error = getaddrinfo(text->host, NULL, &hints, &list);

    if (error != 0)
        return resolver_failed(text->whole, text->host, error, err);
    info = prefer_v4(list);
    *address = (struct speadi_address){.length = info->ai_addrlen};
    memcpy(&address->any, info->ai_addr, info->ai_addrlen);
    freeaddrinfo(list);
    speadi_address_unmap(address);
    return 0;
}

/* For each use of an address: the syntax that the error message shows to the user. */
static const char *const syntax[] = {
    [SPEADI_ADDRESS_SEND] = "an endpoint is HOST:PORT or HOST:PORT%IF",
    [SPEADI_ADDRESS_RECEIVE] = ("an endpoint is [HOST]:PORT or PORT, with PORT 1..65535, and %IF "
                                "behind it for an interface"),
    [SPEADI_ADDRESS_SENDER] = "a source is HOST or HOST:PORT",
};

int speadi_address_parse(struct speadi_address *address, const char *text,
                         enum speadi_address_use use, struct spead_err *err)
{
    struct endpoint_text divided = {.whole = text, .use = use};
    struct speadi_address parsed;
    int port, ret;

    if (!text)
        return speadi_err_set(err, -EINVAL, "NULL: an endpoint is missing");
    if ((size_t)snprintf(divided.copy, sizeof divided.copy, "%s", text) >= sizeof divided.copy)
        return speadi_err_set(err, -EINVAL, "\"%.100s...\" is too long for an endpoint", text);
    ret = divide(&divided, err);
    if (ret < 0)
        return ret;
    port = divided.port ? parse_port(divided.port) : 0;
    if (!*divided.host && (divided.bracketed || use != SPEADI_ADDRESS_RECEIVE || port < 0))
        return speadi_err_set(err, -EINVAL, "\"%.100s\": %s", text, syntax[use]);
    if (port < 0)
        return speadi_err_set(err, -EINVAL, "\"%.100s\": port must be 1 to 65535", text);
    any_v4(&parsed);
    if (*divided.host && (ret = resolve(&parsed, &divided, err)) < 0)
        return ret;
    if (use == SPEADI_ADDRESS_SENDER &&
        (speadi_address_is_any(&parsed) || speadi_address_is_multicast(&parsed)))
        return speadi_err_set(err, -EINVAL, "\"%.100s\": a source is one host", text);
    /* This sets the port of IPv6 too: the port field has the same offset in sockaddr_in and in sockaddr_in6. */
    parsed.v4.sin_port = htons((uint16_t)port);
    *address = parsed;
    return 0;
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
               "one store sets the port of both");

bool speadi_address_is_multicast(const struct speadi_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_MULTICAST(&address->v6.sin6_addr);
    return IN_MULTICAST(ntohl(address->v4.sin_addr.s_addr));
}

bool speadi_address_is_any(const struct speadi_address *address)
{
    return address->any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr)
                                              : address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool speadi_address_same_host(const struct speadi_address *a, const struct speadi_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    return a->any.sa_family == AF_INET
               ? a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr
               : memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

char *speadi_address_format(const struct speadi_address *address,
                            char text[SPEADI_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE] = "?";
    bool v6 = address->any.sa_family == AF_INET6;

    getnameinfo(&address->any, address->length, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    snprintf(text, SPEADI_ADDRESS_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", host,
             ntohs(address->v4.sin_port));
    return text;
}
