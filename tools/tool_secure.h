/* SPDX-License-Identifier: Apache-2.0 */
/* What a tool does first when it has more rights than its user. */
#ifndef SPEADLINE_TOOLS_TOOL_SECURE_H
#define SPEADLINE_TOOLS_TOOL_SECURE_H

/* Must be the first call of main(). If the program has more rights than its user (AT_SECURE: its file has capabilities,
 * or is setuid or setgid), the function removes all environment variables, and makes the program open files with the
 * rights of its user. In other programs it does nothing. */
void tool_secure_start(void);

#endif
