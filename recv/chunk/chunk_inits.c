/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults as functions: for the structs of chunks, what their _INIT macros set. */
#include <speadline/recv_chunk.h>

#include <speadi/struct_size.h>

SPEADI_STRUCT_INIT(spead_chunk_config, SPEAD_CHUNK_CONFIG_INIT)
SPEADI_STRUCT_INIT(spead_chunk_heap, SPEAD_CHUNK_HEAP_INIT)
