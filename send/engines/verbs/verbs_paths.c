/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the routes, the source ports and the next hops of the destinations of a stream. */
#include "verbs_paths.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/err.h>

/* How long the engine waits for the answers of the neighbours. The kernel asks a neighbour three times, once a second.
 * If no answer comes, the kernel reports a failure. */
#define RESOLVE_MS 4000u

/* How often the engine makes the kernel ask the neighbours again. */
#define PROD_NS (30 * UINT64_C(1000000000))

#define UNICAST_TTL 64 /* the kernel's default */

int speadi_verbs_paths_interface(struct speadi_interface *interface,
                                 const struct speadi_tx_config *config, struct spead_err *err)
{
    struct speadi_route route;
    int ret;

    *interface = *config->interface;
    if (interface->index)
        return 0;
    ret = speadi_route_find(&route, &config->addresses[0], interface, err);
    interface->index = ret == 0 ? route.interface : 0;
    return ret;
}

/* Reserves a source port that the kernel chooses. No other socket of this host can get this port until the engine
 * closes the socket `fd`. */
static int reserve_port(struct speadi_verbs_paths *paths, struct speadi_address *source,
                        struct spead_err *err)
{
    int fd = socket(source->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char text[SPEADI_ADDRESS_TEXT_MAX];

    if (fd >= 0)
        paths->port_fd[paths->count++] = fd;
    if (fd < 0 || bind(fd, &source->any, source->length) < 0 ||
        getsockname(fd, &source->any, &source->length) < 0)
        return speadi_err_errno(err, "cannot get a port of %s",
                                speadi_address_format(source, text));
    return 0;
}

static int check_interface(const struct speadi_route *route, const struct speadi_address *address,
                           const struct speadi_verbs_interface *device, struct spead_err *err)
{
    char text[SPEADI_ADDRESS_TEXT_MAX], name[IF_NAMESIZE] = "?";

    if (route->interface == device->index)
        return 0;
    if_indextoname(route->interface, name);
    return speadi_err_set(err, -EINVAL,
                          "%s is reached through %s, but the stream's device is that of %s: use a "
                          "stream for each",
                          speadi_address_format(address, text), name, device->name);
}

static int open_path(struct speadi_verbs_paths *paths, uint32_t i,
                     const struct speadi_tx_config *config,
                     const struct speadi_interface *interface,
                     const struct speadi_verbs_interface *device, struct spead_err *err)
{
    const struct speadi_address *to = &config->addresses[i];
    struct speadi_frame_path path = {.destination = *to, .vlan = device->vlan, .ttl = UNICAST_TTL};
    struct speadi_route route;
    int ret = speadi_route_find(&route, to, interface, err);

    if (ret == 0)
        ret = check_interface(&route, to, device, err);
    if (ret == 0)
        ret = reserve_port(paths, &route.source, err);
    if (ret < 0)
        return ret;
    if (speadi_address_is_multicast(to))
        path.ttl = (uint8_t)config->multicast_ttl;
    path.source = route.source;
    memcpy(path.source_mac, device->mac, sizeof path.source_mac);
    memcpy(path.destination_mac, route.mac, sizeof path.destination_mac);
    speadi_frame_template_init(&paths->frame[i], &path);
    paths->any_v6 |= paths->frame[i].v6;
    if (!route.is_resolved) {
        paths->destination[paths->watch.count] = (uint16_t)i;
        paths->neighbour[paths->watch.count++] =
            (struct speadi_neighbour){.interface = route.interface, .address = route.next_hop};
    }
    return 0;
}

static void aim_all(struct speadi_verbs_paths *paths)
{
    for (unsigned i = 0; i < paths->watch.count; i++)
        speadi_frame_template_aim(&paths->frame[paths->destination[i]], paths->neighbour[i].mac);
}

static int resolve(struct speadi_verbs_paths *paths, struct spead_err *err)
{
    int ret = speadi_neighbours_open(&paths->watch, paths->neighbour, paths->watch.count,
                                     RESOLVE_MS, err);

    if (ret < 0)
        return ret;
    paths->is_watching = true;
    paths->prod_ns = speadi_clock_mono_ns() + PROD_NS;
    aim_all(paths);
    return 0;
}

int speadi_verbs_paths_open(struct speadi_verbs_paths *paths, const struct speadi_tx_config *config,
                            const struct speadi_interface *interface,
                            const struct speadi_verbs_interface *device, struct spead_err *err)
{
    int ret = 0;

    *paths = (struct speadi_verbs_paths){.log = config->log};
    for (uint32_t i = 0; i < config->count && ret == 0; i++)
        ret = open_path(paths, i, config, interface, device, err);
    if (ret == 0 && paths->watch.count)
        ret = resolve(paths, err);
    return ret;
}

void speadi_verbs_paths_close(struct speadi_verbs_paths *paths)
{
    if (paths->is_watching)
        speadi_neighbours_close(&paths->watch);
    for (uint32_t i = 0; i < paths->count; i++)
        close(paths->port_fd[i]);
    paths->is_watching = false;
    paths->count = 0;
}

/* Says that `count` next hops, `first` among them, do not answer any more; at most once a second. */
static void say_silent(struct speadi_verbs_paths *paths, const struct speadi_neighbour *first,
                       unsigned count, uint64_t now_ns)
{
    char text[SPEADI_ADDRESS_TEXT_MAX], others[40] = "", rest[SPEADI_LOG_PAUSE_TEXT_MAX];

    if (!speadi_log_pause_ends(&paths->silent_said, now_ns, rest))
        return;
    if (count > 1)
        snprintf(others, sizeof others, " (and %u other next hops)", count - 1);
    speadi_log_line(paths->log, SPEAD_LOG_WARNING,
                    "next hop %s%s does not answer any more; sending on to the MAC it had (see: ip "
                    "neighbour)%s",
                    speadi_address_format(&first->address, text), others, rest);
}

static void report_silent(struct speadi_verbs_paths *paths,
                          const enum speadi_neighbour_state *before, uint64_t now_ns)
{
    const struct speadi_neighbour *first = NULL;
    unsigned count = 0;

    for (unsigned i = 0; i < paths->watch.count; i++) {
        const struct speadi_neighbour *neighbour = &paths->neighbour[i];

        if (neighbour->state != SPEADI_NEIGHBOUR_SILENT || before[i] == SPEADI_NEIGHBOUR_SILENT)
            continue;
        if (count++ == 0)
            first = neighbour;
    }
    paths->neighbours_lost += count;
    if (count > 0)
        say_silent(paths, first, count, now_ns);
}

void speadi_verbs_paths_refresh(struct speadi_verbs_paths *paths, uint64_t now_ns)
{
    enum speadi_neighbour_state before[SPEADI_TX_DESTINATIONS_MAX];

    if (!paths->is_watching)
        return;
    if (now_ns >= paths->prod_ns) {
        paths->prod_ns = now_ns + PROD_NS;
        speadi_neighbours_prod(&paths->watch);
    }
    for (unsigned i = 0; i < paths->watch.count; i++)
        before[i] = paths->neighbour[i].state;
    if (speadi_neighbours_refresh(&paths->watch)) {
        aim_all(paths);
        report_silent(paths, before, now_ns);
    }
    /* The interface was made anew. Until the neighbours answer on it, the frames go to the addresses that they had. */
    if (speadi_neighbours_lack(&paths->watch))
        speadi_neighbours_prod(&paths->watch);
}
