/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out what ended the reception. */
#ifndef SPEADLINE_TOOLS_RECV_END_H
#define SPEADLINE_TOOLS_RECV_END_H

#include "spead_recv_options.h"
#include "tool_end.h"

/* Settles the cause when the reception has ended. `own` is what tool_end_note() has noted. `stream` says why the stream
 * has ended. If the stream was told to stop, the cause in `own` counts; if `own` has none, a failure counts. `failed`
 * is true if the graph or the disk has failed. */
struct tool_end recv_end_settle(const struct tool_end *own, const struct spead_recv_end *stream,
                                bool failed, const struct spead_recv_tool_options *options);

#endif
