/* Which engines there are, and which one "auto" means. */
#include "rx_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/uring.h>

static int uring_usable(struct spead_err *err)
{
    struct speadi_uring_features features;

    return speadi_uring_probe(&features, err);
}

/* Network engines, cheapest in CPU time per byte first: GSO trains over loopback, one core, kernel
 * 6.18, November 2026. */
static const struct candidate {
    const struct speadi_rx_engine_ops *ops;
    int (*usable)(struct spead_err *err); /* NULL: always */
} network[] = {
    {&speadi_rx_engine_socket, NULL},
    {&speadi_rx_engine_uring, uring_usable},
};

#define NETWORK_COUNT (sizeof network / sizeof network[0])

/* Picks the first usable one; says so in reason, and what is with the others. */
static const struct speadi_rx_engine_ops *pick(char reason[256])
{
    const struct speadi_rx_engine_ops *picked = NULL;
    char others[192] = "";

    for (size_t i = 0; i < NETWORK_COUNT; i++) {
        const struct candidate *candidate = &network[i];
        struct spead_err why;
        bool usable = !candidate->usable || candidate->usable(&why) == 0;
        size_t used = strlen(others);

        if (usable && !picked)
            picked = candidate->ops;
        else
            snprintf(others + used, sizeof others - used, "; %s: %.150s", candidate->ops->name,
                     usable ? "usable, cost more when measured" : why.text);
    }
    snprintf(reason, 256, "auto: %s, the cheapest usable one (table of 2026-11)%s", picked->name,
             others);
    return picked;
}

static const struct speadi_rx_engine_ops *find(const char *name)
{
    if (strcmp(name, speadi_rx_engine_mem.name) == 0)
        return &speadi_rx_engine_mem;
    if (strcmp(name, speadi_rx_engine_verbs.name) == 0)
        return &speadi_rx_engine_verbs;
    for (size_t i = 0; i < NETWORK_COUNT; i++)
        if (strcmp(name, network[i].ops->name) == 0)
            return network[i].ops;
    return NULL;
}

static int choose(const struct speadi_rx_engine_ops **ops, const char *name,
                  const struct speadi_rx_config *config, char reason[256], struct spead_err *err)
{
    bool network_wanted = config->addresses != NULL;

    if (strcmp(name, "auto") == 0 && network_wanted) {
        *ops = pick(reason);
        return 0;
    }
    if (strcmp(name, "auto") == 0)
        name = speadi_rx_engine_mem.name;
    *ops = find(name);
    if (!*ops)
        return speadi_err_set(
            err, -EINVAL,
            "unknown receive engine \"%s\"; there are auto, socket, uring, verbs and mem", name);
    if (network_wanted != !!((*ops)->caps & SPEADI_RX_CAP_UDP))
        return speadi_err_set(err, -EINVAL, "receive engine %s reads %s, but the stream has %s",
                              name, network_wanted ? "memory links" : "UDP endpoints",
                              network_wanted ? "UDP endpoints" : "memory links");
    if (config->path == SPEAD_PATH_PLACED && !((*ops)->caps & SPEADI_RX_CAP_PLACED))
        return speadi_err_set(err, -ENOTSUP, "receive engine %s cannot place payload", name);
    snprintf(reason, 256, "%s: %s", name,
             network_wanted ? "asked for" : "what memory links are read with");
    return 0;
}

int speadi_rx_engine_open(const struct speadi_rx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_rx_config *config, char reason[256],
                          struct speadi_rx_facts *facts, struct spead_err *err)
{
    const struct speadi_rx_engine_ops *chosen;
    void *self;
    int rc;

    if (!config->count || config->count > SPEADI_RX_SOURCES_MAX)
        return speadi_err_set(err, -EINVAL, "a stream reads 1 to %u endpoints, not %u",
                              SPEADI_RX_SOURCES_MAX, config->count);
    rc = choose(&chosen, name ? name : "auto", config, reason, err);
    if (rc < 0)
        return rc;
    self = aligned_alloc(64, (chosen->state_size + 63) / 64 * 64);
    if (!self)
        return speadi_err_set(err, -ENOMEM, "no memory for receive engine %s", chosen->name);
    memset(self, 0, chosen->state_size);
    *facts = (struct speadi_rx_facts){0};
    rc = chosen->open(self, config, facts, err);
    if (rc < 0) {
        chosen->close(self);
        free(self);
        return rc;
    }
    *ops = chosen;
    *state = self;
    return 0;
}
