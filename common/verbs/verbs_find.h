/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the RDMA device and the port that the user wishes for (struct speadi_verbs_wish). */
#ifndef SPEADI_VERBS_FIND_H
#define SPEADI_VERBS_FIND_H

#include <speadi/verbs_device.h>

/* The device that speadi_verbs_find() has found: its open context, its port, and the interface of that port. The caller
 * must close `context`. */
struct speadi_verbs_found {
    struct ibv_context *context;
    char device[SPEADI_VERBS_NAME_MAX];
    uint8_t port;
    unsigned interface_index;
};

/* Finds the device and its port, and opens the device. Returns 0, or -errno with a sentence. After a failure
 * found->context is NULL. */
int speadi_verbs_find(const struct speadi_verbs *verbs, const struct speadi_verbs_wish *wish,
                      struct speadi_verbs_found *found, struct spead_err *err);

#endif
