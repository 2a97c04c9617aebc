/* Which engines there are, and which one "auto" means. */
#include "tx_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/uring.h>
#include <speadi/verbs_device.h>

static int uring_usable(const struct speadi_tx_config *config, struct spead_err *err)
{
    struct speadi_uring_features features;

    (void)config;
    return speadi_uring_probe(&features, err);
}

static int verbs_usable(const struct speadi_tx_config *config, struct spead_err *err)
{
    return speadi_verbs_suits(&config->verbs, config->interface, config->addresses, config->count,
                              err);
}

/* For network endpoints, cheapest first: what "auto" takes when it is usable. verbs has neither system calls
 * nor the kernel's copy; the others as measured over loopback in November 2026. */
static const struct choice {
    const struct speadi_tx_engine_ops *ops;
    /* 0, or -errno with the reason in words; NULL: always */
    int (*usable)(const struct speadi_tx_config *config, struct spead_err *err);
    bool gives_way; /* where it does not open, the next one may */
} network_engines[] = {
    {&speadi_tx_engine_verbs, verbs_usable, true},
    {&speadi_tx_engine_socket, NULL, false},
    {&speadi_tx_engine_uring, uring_usable, false},
};

#define NETWORK_ENGINE_COUNT (sizeof network_engines / sizeof *network_engines)

static int check_caps(const struct speadi_tx_engine_ops *chosen,
                      const struct speadi_tx_config *config, struct spead_err *err)
{
    if (config->verbs.hardware_rate && !(chosen->caps & SPEADI_TX_CAP_PACES))
        return speadi_err_field(err, -ENOTSUP, "hardware_rate",
                                ": engine %s has no device that paces; verbs may have",
                                chosen->name);
    if (config->verbs.tso && !(chosen->caps & SPEADI_TX_CAP_SEGMENTS))
        return speadi_err_field(err, -ENOTSUP, "verbs_tso",
                                ": engine %s has no device that segments; verbs may have",
                                chosen->name);
    for (uint32_t i = 0; i < config->memory_count; i++)
        if (config->memory[i].is_dma_buf && !(chosen->caps & SPEADI_TX_CAP_DEVICE))
            return speadi_err_field(err, -ENOTSUP, "memory",
                                    ": engine %s cannot send from a device's memory; verbs can",
                                    chosen->name);
    return 0;
}

/* What is asked of speadi_tx_engine_open(), and where the answer goes. */
struct opening {
    const struct speadi_tx_engine_ops **ops;
    void **state;
    const struct speadi_tx_config *config;
    char *reason; /* [256] */
    uint32_t *buffer_bytes;
};

static int open_engine(const struct opening *opening, const struct speadi_tx_engine_ops *chosen,
                       struct spead_err *err)
{
    int ret = check_caps(chosen, opening->config, err);
    void *self;

    if (ret < 0)
        return ret;
    self = calloc(1, chosen->state_size);
    if (!self)
        return speadi_err_set(err, -ENOMEM, "no memory for the %s engine", chosen->name);
    ret = chosen->open(self, opening->config, opening->buffer_bytes, err);
    if (ret < 0) {
        chosen->close(self);
        free(self);
        return ret;
    }
    *opening->ops = chosen;
    *opening->state = self;
    return 0;
}

static void note(char others[192], const char *name, const char *what)
{
    size_t used = strlen(others);

    snprintf(others + used, 192 - used, "; %s: %.150s", name, what);
}

/* The first of the table that is usable and opens; in reason why it, and what is with the others. */
static int open_auto(const struct opening *opening, struct spead_err *err)
{
    const struct speadi_tx_engine_ops *chosen = NULL;
    char others[192] = "";

    for (size_t i = 0; i < NETWORK_ENGINE_COUNT; i++) {
        const struct choice *choice = &network_engines[i];
        struct spead_err why = {0};
        int ret = choice->usable ? choice->usable(opening->config, &why) : 0;

        if (ret == 0 && !chosen) {
            ret = open_engine(opening, choice->ops, &why);
            if (ret == 0) {
                chosen = choice->ops;
                continue;
            }
            if (!choice->gives_way)
                return speadi_err_copy(err, &why);
        }
        note(others, choice->ops->name, ret < 0 ? why.text : "usable, costs more");
    }
    snprintf(opening->reason, 256, "auto: %s, the cheapest usable one%s%.160s", chosen->name,
             chosen == &speadi_tx_engine_verbs ? "; " SPEADI_VERBS_CAVEAT : "", others);
    return 0;
}

static const struct speadi_tx_engine_ops *find(const char *name)
{
    for (size_t i = 0; i < NETWORK_ENGINE_COUNT; i++)
        if (strcmp(network_engines[i].ops->name, name) == 0)
            return network_engines[i].ops;
    return NULL;
}

static int open_network(const struct opening *opening, const char *name, struct spead_err *err)
{
    const struct speadi_tx_engine_ops *chosen;

    if (strcmp(name, "auto") == 0)
        return open_auto(opening, err);
    chosen = find(name);
    if (!chosen && strcmp(name, speadi_tx_engine_mem.name) == 0)
        return speadi_err_field(err, -EINVAL, "engine",
                                " \"mem\" sends to memory links, not to addresses");
    if (!chosen)
        return speadi_err_field(err, -EINVAL, "engine",
                                " \"%s\" is unknown; there are auto, verbs, socket, uring and mem",
                                name);
    snprintf(opening->reason, 256, "%s: asked for%s", name,
             chosen == &speadi_tx_engine_verbs ? "; " SPEADI_VERBS_CAVEAT : "");
    return open_engine(opening, chosen, err);
}

int speadi_tx_engine_open(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_tx_config *config, char reason[256],
                          uint32_t *buffer_bytes, struct spead_err *err)
{
    const struct opening opening = {ops, state, config, reason, buffer_bytes};

    name = name ? name : "auto";
    if (config->count == 0 || config->count > SPEADI_TX_DESTINATIONS_MAX)
        return speadi_err_range(err, "endpoint_count", config->count, 1,
                                SPEADI_TX_DESTINATIONS_MAX);
    if (!config->links)
        return open_network(&opening, name, err);
    if (strcmp(name, "auto") != 0 && strcmp(name, speadi_tx_engine_mem.name) != 0)
        return speadi_err_field(err, -EINVAL, "engine",
                                " \"%s\" cannot send to memory links: they need mem", name);
    snprintf(reason, 256, "mem: the destinations are memory links");
    return open_engine(&opening, &speadi_tx_engine_mem, err);
}
