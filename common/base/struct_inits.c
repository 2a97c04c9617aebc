/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults as functions: for the structs of common, what their _INIT macros set. */
#include <speadline/channel.h>
#include <speadline/engine.h>
#include <speadline/executor.h>
#include <speadline/graph.h>
#include <speadline/item_group.h>
#include <speadline/node.h>
#include <speadline/operators.h>
#include <speadline/pipeline.h>
#include <speadline/probe.h>
#include <speadline/region.h>
#include <speadline/stats.h>
#include <speadline/throttle.h>
#include <speadline/verbs.h>

#include <speadi/struct_size.h>

SPEADI_STRUCT_INIT(spead_channel_config, SPEAD_CHANNEL_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_channel_stats, SPEAD_CHANNEL_STATS_INIT)
SPEADI_STRUCT_INIT(spead_latency, SPEAD_LATENCY_INIT)
SPEADI_STRUCT_INIT(spead_engine_info, SPEAD_ENGINE_INFO_INIT)
SPEADI_STRUCT_INIT(spead_executor_config, SPEAD_EXECUTOR_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_executor_stats, SPEAD_EXECUTOR_STATS_INIT)
SPEADI_STRUCT_INIT(spead_graph_config, SPEAD_GRAPH_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_item_group_config, SPEAD_ITEM_GROUP_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_item_group_stats, SPEAD_ITEM_GROUP_STATS_INIT)
SPEADI_STRUCT_INIT(spead_failure, SPEAD_FAILURE_INIT)
SPEADI_STRUCT_INIT(spead_node_stats, SPEAD_NODE_STATS_INIT)
SPEADI_STRUCT_INIT(spead_node_config, SPEAD_NODE_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_operator_stats, SPEAD_OPERATOR_STATS_INIT)
SPEADI_STRUCT_INIT(spead_stage, SPEAD_STAGE_INIT)
SPEADI_STRUCT_INIT(spead_subscription, SPEAD_SUBSCRIPTION_INIT)
SPEADI_STRUCT_INIT(spead_probe_source_config, SPEAD_PROBE_SOURCE_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_probe_sink_config, SPEAD_PROBE_SINK_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_probe_record, SPEAD_PROBE_RECORD_INIT)
SPEADI_STRUCT_INIT(spead_region_info, SPEAD_REGION_INFO_INIT)
SPEADI_STRUCT_INIT(spead_region_arena, SPEAD_REGION_ARENA_INIT)
SPEADI_STRUCT_INIT(spead_region_pool_config, SPEAD_REGION_POOL_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_region_pool_stats, SPEAD_REGION_POOL_STATS_INIT)
SPEADI_STRUCT_INIT(spead_recv_stats, SPEAD_RECV_STATS_INIT)
SPEADI_STRUCT_INIT(spead_send_stats, SPEAD_SEND_STATS_INIT)
SPEADI_STRUCT_INIT(spead_throttle_stats, SPEAD_THROTTLE_STATS_INIT)
SPEADI_STRUCT_INIT(spead_recv_verbs_config, SPEAD_RECV_VERBS_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_send_verbs_config, SPEAD_SEND_VERBS_CONFIG_INIT)
