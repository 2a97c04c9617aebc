/* Which engines there are, and which one "auto" means. */
#include "tx_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

static int open_engine(const struct speadi_tx_engine_ops **ops, void **state,
                       const struct speadi_tx_engine_ops *chosen,
                       const struct speadi_tx_config *config, uint32_t *buffer_bytes,
                       struct spead_err *err)
{
    void *self = calloc(1, chosen->state_size);
    int ret;

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

int speadi_tx_engine_open(const struct speadi_tx_engine_ops **ops, void **state, const char *name,
                          const struct speadi_tx_config *config, char reason[256],
                          uint32_t *buffer_bytes, struct spead_err *err)
{
    name = name ? name : "auto";
    if (config->count == 0 || config->count > SPEADI_TX_DESTINATIONS_MAX)
        return speadi_err_set(err, -EINVAL, "a send stream has 1 to %u destinations, not %u",
                              SPEADI_TX_DESTINATIONS_MAX, config->count);
    if (!config->links)
        return speadi_err_set(err, -ENOTSUP, "there is no engine for network endpoints");
    if (strcmp(name, "auto") != 0 && strcmp(name, speadi_tx_engine_mem.name) != 0)
        return speadi_err_set(err, -EINVAL, "engine %s cannot send to memory links: they need mem",
                              name);
    snprintf(reason, 256, "mem: the destinations are memory links");
    return open_engine(ops, state, &speadi_tx_engine_mem, config, buffer_bytes, err);
}
