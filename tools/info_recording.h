/* SPDX-License-Identifier: Apache-2.0 */
/* The topic "recording" of spead-info. */
#ifndef SPEADLINE_TOOLS_INFO_RECORDING_H
#define SPEADLINE_TOOLS_INFO_RECORDING_H

#include <stdbool.h>

/* Prints what the recording holds and whether it is whole, as text or as one JSON object. Returns TOOL_DONE if it is
 * whole. Otherwise it returns TOOL_FAILED, also when the files cannot be read; then a line on stderr says why. */
int info_recording(const char *path, bool json);

#endif
