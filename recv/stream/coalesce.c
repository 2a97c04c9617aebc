/* SPDX-License-Identifier: Apache-2.0 */
/* Decides how long packets coalesce. See coalesce.h. */
#include "coalesce.h"

#define TRAIN_BYTES    65536u /* bytes of the largest train */
#define WORTH_RECEIVES 3u     /* a sleep pays if at least this many receives come during it */

void speadi_coalesce_init(struct speadi_coalesce *coalesce, uint64_t longest_ns,
                          uint32_t buffer_bytes)
{
    *coalesce = (struct speadi_coalesce){
        .longest_ns = longest_ns,
        .receives_max = buffer_bytes / 8 / TRAIN_BYTES,
    };
}

void speadi_coalesce_observe(struct speadi_coalesce *coalesce, uint64_t receives,
                             uint64_t elapsed_ns)
{
    uint64_t sleep_ns = coalesce->longest_ns;

    if (receives > 0 && sleep_ns > elapsed_ns * coalesce->receives_max / receives)
        sleep_ns = elapsed_ns * coalesce->receives_max / receives;
    coalesce->sleep_ns = receives * sleep_ns >= WORTH_RECEIVES * elapsed_ns ? sleep_ns : 0;
}
