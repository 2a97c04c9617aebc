/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults as functions: for the structs of a send sink, what their _INIT macros set. */
#include <speadline/send_node.h>

#include <speadi/struct_size.h>

SPEADI_STRUCT_INIT(spead_send_sink_config, SPEAD_SEND_SINK_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_send_sink_stats, SPEAD_SEND_SINK_STATS_INIT)
