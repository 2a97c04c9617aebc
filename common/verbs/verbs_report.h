/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the properties that a device reports. speadi_verbs_device_open() calls speadi_verbs_report_read() once. */
#ifndef SPEADI_VERBS_REPORT_H
#define SPEADI_VERBS_REPORT_H

#include <speadi/verbs_device.h>

/* Fills all fields of the report except `device` and `interface`. The caller must fill `device`, `interface` and `port`
 * before the call. The function corrects `port` if it is wrong. `mlx5` is NULL when libmlx5 cannot be loaded. Returns
 * 0, or -errno with a sentence. */
int speadi_verbs_report_read(struct speadi_verbs_report *report, const struct speadi_verbs *verbs,
                             const struct speadi_mlx5 *mlx5, struct ibv_context *context,
                             struct spead_err *err);

#endif
