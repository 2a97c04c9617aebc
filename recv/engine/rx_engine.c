/* Which engines there are, and which one "auto" means. */
#include "rx_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>
#include <speadi/uring.h>
#include <speadi/verbs_device.h>

static int uring_usable(const struct speadi_rx_config *config, struct spead_err *err)
{
    struct speadi_uring_features features;

    (void)config;
    return speadi_uring_probe(&features, err);
}

static int verbs_usable(const struct speadi_rx_config *config, struct spead_err *err)
{
    return speadi_verbs_suits(&config->verbs, config->interface, config->addresses, config->count,
                              err);
}

/* Network engines, cheapest in CPU time per byte first: verbs has neither system calls nor the kernel's
 * copy; the others as measured over loopback with GSO trains, one core, kernel 6.18, November 2026. */
static const struct candidate {
    const struct speadi_rx_engine_ops *ops;
    /* NULL: always */
    int (*usable)(const struct speadi_rx_config *config, struct spead_err *err);
    bool gives_way; /* where it does not open, the next one may */
} network[] = {
    {&speadi_rx_engine_verbs, verbs_usable, true},
    {&speadi_rx_engine_socket, NULL, false},
    {&speadi_rx_engine_uring, uring_usable, false},
};

#define NETWORK_COUNT (sizeof network / sizeof network[0])

static const struct speadi_rx_engine_ops *find(const char *name)
{
    if (strcmp(name, speadi_rx_engine_mem.name) == 0)
        return &speadi_rx_engine_mem;
    for (size_t i = 0; i < NETWORK_COUNT; i++)
        if (strcmp(name, network[i].ops->name) == 0)
            return network[i].ops;
    return NULL;
}

static int find_named(const struct speadi_rx_engine_ops **ops, const char *name,
                      const struct speadi_rx_config *config, struct spead_err *err)
{
    bool network_wanted = config->addresses != NULL;

    *ops = find(name);
    if (!*ops)
        return speadi_err_field(err, -EINVAL, "engine",
                                " \"%s\" is unknown; there are auto, verbs, socket, uring and mem",
                                name);
    if (network_wanted != !!((*ops)->caps & SPEADI_RX_CAP_UDP))
        return speadi_err_field(err, -EINVAL, "engine", " \"%s\" reads %s, but the stream has %s",
                                name, network_wanted ? "memory links" : "UDP endpoints",
                                network_wanted ? "UDP endpoints" : "memory links");
    if (config->path == SPEAD_PATH_PLACED && !((*ops)->caps & SPEADI_RX_CAP_PLACED))
        return speadi_err_field(err, -ENOTSUP, "receive_path",
                                ": engine \"%s\" cannot place payload; use auto or bounce", name);
    return 0;
}

/* What is asked of speadi_rx_engine_open(), and where the answer goes. */
struct opening {
    const struct speadi_rx_engine_ops **ops;
    void **state;
    const struct speadi_rx_config *config;
    char *reason; /* [256] */
    struct speadi_rx_facts *facts;
};

static int open_engine(const struct opening *opening, const struct speadi_rx_engine_ops *ops,
                       struct spead_err *err)
{
    void *self = speadi_alloc_lines(ops->state_size);
    int rc;

    if (!self)
        return speadi_err_set(err, -ENOMEM, "no memory for receive engine %s", ops->name);
    memset(self, 0, ops->state_size);
    *opening->facts = (struct speadi_rx_facts){0};
    rc = ops->open(self, opening->config, opening->facts, err);
    if (rc < 0) {
        ops->close(self);
        free(self);
        return rc;
    }
    *opening->ops = ops;
    *opening->state = self;
    return 0;
}

static void note(char others[192], const char *name, const char *what)
{
    size_t used = strlen(others);

    snprintf(others + used, 192 - used, "; %s: %.150s", name, what);
}

static void explain(const struct opening *opening, const char *why, const char *others)
{
    bool bypasses = *opening->ops == &speadi_rx_engine_verbs;
    const char *shape = opening->facts->shape;
    int used; /* all of it has room, but for the others */

    used = snprintf(opening->reason, 256, "%s%s%s%s", why, bypasses ? "; " SPEADI_VERBS_CAVEAT : "",
                    shape[0] ? "; " : "", shape);
    snprintf(opening->reason + used, 256 - (size_t)used, "%s", others);
}

/* The first of the table that is usable and opens; in reason why, and what is with the others. */
static int open_auto(const struct opening *opening, struct spead_err *err)
{
    const struct speadi_rx_engine_ops *picked = NULL;
    char others[192] = "", why_picked[64];

    for (size_t i = 0; i < NETWORK_COUNT; i++) {
        const struct candidate *candidate = &network[i];
        struct spead_err why = {0};
        int rc = candidate->usable ? candidate->usable(opening->config, &why) : 0;

        if (rc == 0 && !picked) {
            rc = open_engine(opening, candidate->ops, &why);
            if (rc == 0) {
                picked = candidate->ops;
                continue;
            }
            if (!candidate->gives_way)
                return speadi_err_copy(err, &why);
        }
        note(others, candidate->ops->name, rc < 0 ? why.text : "usable, costs more");
    }
    snprintf(why_picked, sizeof why_picked, "auto: %s, the cheapest usable one", picked->name);
    explain(opening, why_picked, others);
    return 0;
}

static int open_named(const struct opening *opening, const char *name, struct spead_err *err)
{
    const struct speadi_rx_engine_ops *ops;
    char why[64];
    int rc = find_named(&ops, name, opening->config, err);

    if (rc == 0)
        rc = open_engine(opening, ops, err);
    if (rc < 0)
        return rc;
    snprintf(why, sizeof why, "%s: %s", ops->name,
             opening->config->addresses ? "asked for" : "what memory links are read with");
    explain(opening, why, "");
    return 0;
}

int speadi_rx_engine_open(const struct speadi_rx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_rx_config *config, char reason[256],
                          struct speadi_rx_facts *facts, struct spead_err *err)
{
    const struct opening opening = {ops, state, config, reason, facts};
    bool is_auto = !name || strcmp(name, "auto") == 0;

    if (!config->count || config->count > SPEADI_RX_SOURCES_MAX)
        return speadi_err_range(err, "endpoint_count", config->count, 1, SPEADI_RX_SOURCES_MAX);
    if (is_auto && config->addresses)
        return open_auto(&opening, err);
    return open_named(&opening, is_auto ? speadi_rx_engine_mem.name : name, err);
}
