/* Which engines there are, and which one "auto" means. */
#include "tx_engine.h"

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

static int always_usable(struct spead_err *err)
{
    (void)err;
    return 0;
}

/* For network endpoints, cheapest first: what "auto" takes when it is usable. */
#define TABLE_DATE "2026-11"
static const struct choice {
    const struct speadi_tx_engine_ops *ops;
    int (*usable)(struct spead_err *err); /* 0, or -errno with the reason in words */
} network_engines[] = {
    {&speadi_tx_engine_socket, always_usable},
    {&speadi_tx_engine_uring, uring_usable},
};

#define NETWORK_ENGINE_COUNT (sizeof network_engines / sizeof *network_engines)

static int check_caps(const struct speadi_tx_engine_ops *chosen,
                      const struct speadi_tx_config *config, struct spead_err *err)
{
    if (config->verbs.hardware_rate && !(chosen->caps & SPEADI_TX_CAP_PACES))
        return speadi_err_set(err, -ENOTSUP,
                              "hardware_rate: engine %s has no device that paces; verbs may have",
                              chosen->name);
    for (uint32_t i = 0; i < config->memory_count; i++)
        if (config->memory[i].is_dma_buf && !(chosen->caps & SPEADI_TX_CAP_DEVICE))
            return speadi_err_set(err, -ENOTSUP,
                                  "engine %s cannot send from a device's memory; verbs can",
                                  chosen->name);
    return 0;
}

static int open_engine(const struct speadi_tx_engine_ops **ops, void **state,
                       const struct speadi_tx_engine_ops *chosen,
                       const struct speadi_tx_config *config, uint32_t *buffer_bytes,
                       struct spead_err *err)
{
    int ret = check_caps(chosen, config, err);
    void *self;

    if (ret < 0)
        return ret;
    self = calloc(1, chosen->state_size);
    if (!self)
        return speadi_err_set(err, -ENOMEM, "no memory for the %s engine", chosen->name);
    ret = chosen->open(self, config, buffer_bytes, err);
    if (ret < 0) {
        chosen->close(self);
        free(self);
        return ret;
    }
    *ops = chosen;
    *state = self;
    return 0;
}

/* The first usable engine of the table, and in reason why it and what of the others. */
static const struct speadi_tx_engine_ops *choose(char *reason, size_t bytes)
{
    const struct speadi_tx_engine_ops *chosen = NULL;
    char others[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < NETWORK_ENGINE_COUNT; i++) {
        const struct choice *choice = &network_engines[i];
        struct spead_err why;
        bool usable = choice->usable(&why) == 0;

        if (usable && !chosen) {
            chosen = choice->ops;
            continue;
        }
        if (used < sizeof others)
            used +=
                (size_t)snprintf(others + used, sizeof others - used, "; %s: %s", choice->ops->name,
                                 usable ? "usable, cost more when measured" : why.text);
    }
    if (chosen)
        snprintf(reason, bytes, "auto: %s, the cheapest usable one (table of " TABLE_DATE ")%s",
                 chosen->name, others);
    return chosen;
}

/* Only by name: not a socket's equal. Its packets bypass sockets, firewall and tcpdump. */
static const struct speadi_tx_engine_ops *find(const char *name)
{
    if (strcmp(name, speadi_tx_engine_verbs.name) == 0)
        return &speadi_tx_engine_verbs;
    for (size_t i = 0; i < NETWORK_ENGINE_COUNT; i++)
        if (strcmp(network_engines[i].ops->name, name) == 0)
            return network_engines[i].ops;
    return NULL;
}

static int open_network(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                        const struct speadi_tx_config *config, char reason[256],
                        uint32_t *buffer_bytes, struct spead_err *err)
{
    const struct speadi_tx_engine_ops *chosen;

    if (strcmp(name, "auto") == 0) {
        chosen = choose(reason, 256);
    } else {
        chosen = find(name);
        snprintf(reason, 256, "%s: asked for", name);
    }
    if (!chosen && strcmp(name, speadi_tx_engine_mem.name) == 0)
        return speadi_err_set(err, -EINVAL, "engine mem sends to memory links, not to addresses");
    if (!chosen)
        return speadi_err_set(err, -EINVAL,
                              "no send engine \"%s\": there are auto, socket, uring, verbs", name);
    return open_engine(ops, state, chosen, config, buffer_bytes, err);
}

int speadi_tx_engine_open(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_tx_config *config, char reason[256],
                          uint32_t *buffer_bytes, struct spead_err *err)
{
    name = name ? name : "auto";
    if (config->count == 0 || config->count > SPEADI_TX_DESTINATIONS_MAX)
        return speadi_err_set(err, -EINVAL, "a send stream has 1 to %u destinations, not %u",
                              SPEADI_TX_DESTINATIONS_MAX, config->count);
    if (!config->links)
        return open_network(ops, state, name, config, reason, buffer_bytes, err);
    if (strcmp(name, "auto") != 0 && strcmp(name, speadi_tx_engine_mem.name) != 0)
        return speadi_err_set(err, -EINVAL, "engine %s cannot send to memory links: they need mem",
                              name);
    snprintf(reason, 256, "mem: the destinations are memory links");
    return open_engine(ops, state, &speadi_tx_engine_mem, config, buffer_bytes, err);
}
