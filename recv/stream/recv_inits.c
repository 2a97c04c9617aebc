/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults as functions: for the structs of a receive stream, what their _INIT macros set. */
#include <speadline/recv.h>

#include <speadi/struct_size.h>

SPEADI_STRUCT_INIT(spead_recv_stream_config, SPEAD_RECV_STREAM_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_recv_plan, SPEAD_RECV_PLAN_INIT)
SPEADI_STRUCT_INIT(spead_recv_start_point, SPEAD_RECV_START_POINT_INIT)
SPEADI_STRUCT_INIT(spead_recv_end, SPEAD_RECV_END_INIT)
SPEADI_STRUCT_INIT(spead_recv_sender, SPEAD_RECV_SENDER_INIT)
