/* Which RDMA device and port a wish means. */
#ifndef SPEADI_VERBS_FIND_H
#define SPEADI_VERBS_FIND_H

#include <speadi/verbs_device.h>

/* What was found: an open context for the caller to close, its port, and the interface that goes with it. */
struct speadi_verbs_found {
    struct ibv_context *context;
    char device[SPEADI_VERBS_NAME_MAX];
    uint8_t port;
    unsigned interface_index;
};

int speadi_verbs_find(const struct speadi_verbs *verbs, const struct speadi_verbs_wish *wish,
                      struct speadi_verbs_found *found, struct spead_err *err);

#endif
