/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the chunk part of a stream's configuration. Control plane. */
#ifndef SPEADI_CHUNK_CONFIG_H
#define SPEADI_CHUNK_CONFIG_H

#include <speadline/error.h>
#include <speadline/recv_chunk.h>

/* Fills *config with the defaults and then with the fields of *from, the caller's struct, and checks them. `window`,
 * chunk_count and gaps_max are never 0 afterwards. Returns 0, or -EINVAL; err names the field. */
int speadi_chunk_config_read(struct spead_chunk_config *config,
                             const struct spead_chunk_config *from, struct spead_err *err);

#endif
