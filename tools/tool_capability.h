/* Capabilities of this process, by the kernel's numbers (<linux/capability.h>). */
#ifndef SPEADLINE_TOOLS_TOOL_CAPABILITY_H
#define SPEADLINE_TOOLS_TOOL_CAPABILITY_H

#include <stdbool.h>

bool tool_has_capability(int capability); /* in effect now */

/* Lets programs that this process executes have it too: ambient, so that they need no file capability.
 * Returns 0, -EPERM (this process does not have it to give) or another -errno. */
int tool_pass_capability_on(int capability);

#endif
