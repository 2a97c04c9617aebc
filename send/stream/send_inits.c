/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults as functions: for the structs of a send stream, what their _INIT macros set. */
#include <string.h>

#include <speadline/send.h>

#include <speadi/struct_size.h>

SPEADI_STRUCT_INIT(spead_send_stream_config, SPEAD_SEND_STREAM_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_send_plan, SPEAD_SEND_PLAN_INIT)

/* This struct has no struct_size, and SPEAD_SEND_OPTIONS_INIT is zero. */
void spead_send_options_init(struct spead_send_options *options, size_t size)
{
    if (size <= SPEADI_STRUCT_SIZE_MAX)
        memset(options, 0, size);
}
