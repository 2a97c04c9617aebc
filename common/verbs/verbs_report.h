/* What a device says of itself, asked once. */
#ifndef SPEADI_VERBS_REPORT_H
#define SPEADI_VERBS_REPORT_H

#include <speadi/verbs_device.h>

/* Fills everything but device and interface, which are known. mlx5: NULL when libmlx5 cannot be loaded. */
int speadi_verbs_report_read(struct speadi_verbs_report *report, const struct speadi_verbs *verbs,
                             const struct speadi_mlx5 *mlx5, struct ibv_context *context,
                             struct spead_err *err);

#endif
