/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of this process. A capability is a number of <linux/capability.h>. */
#ifndef SPEADLINE_TOOLS_TOOL_CAPABILITY_H
#define SPEADLINE_TOOLS_TOOL_CAPABILITY_H

#include <stdbool.h>

/* Returns true when the capability is in the effective set of this process. */
bool tool_has_capability(int capability);

/* Makes the capability ambient. Programs that this process executes then have the capability too, although their files
 * do not have it. Returns 0, -EPERM (the capability is not in the permitted set of this process) or another -errno. */
int tool_pass_capability_on(int capability);

#endif
