/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults as functions: for the structs of recordings, what their _INIT macros set. */
#include <speadline/record.h>

#include <speadi/struct_size.h>

SPEADI_STRUCT_INIT(spead_recording_writer_config, SPEAD_RECORDING_WRITER_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_recording_writer_stats, SPEAD_RECORDING_WRITER_STATS_INIT)
SPEADI_STRUCT_INIT(spead_recording_heap, SPEAD_RECORDING_HEAP_INIT)
SPEADI_STRUCT_INIT(spead_recording_info, SPEAD_RECORDING_INFO_INIT)
