/* SPDX-License-Identifier: Apache-2.0 */
/* Words for remedies: sentences and commands that tell a user how to provide what is lacking. A remedy must work for
 * the user who reads it. That user may be root or not, and may sit in a container, where a command that needs the host
 * fails even for root. */
#ifndef SPEADI_REMEDY_H
#define SPEADI_REMEDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns "sudo ", or "" if this process runs as root. The caller writes this before a command that needs root. */
const char *speadi_sudo(void);

/* Returns true if root can have this capability here (a number of <linux/capability.h>). A container or the unit of a
 * service can take a capability away from everybody in it. */
bool speadi_may_have_capability(int capability);

/* Returns true if root can change system settings (sysctl) here. */
bool speadi_may_set_sysctl(void);

/* Writes a command that needs root, for the middle of a sentence: "`sudo ip link set eth0 up`". If nobody can have this
 * capability here, which the command needs, the text is "`sudo ip link set eth0 up` on the host of this container". If
 * the text does not fit into `room`, it becomes "", because a part of a command would do something else. Returns text. */
__attribute__((format(printf, 4, 5))) char *speadi_remedy_command(char *text, size_t room,
                                                                  int capability,
                                                                  const char *command, ...);

/* Writes how to set a system setting, for the middle of a sentence: "`sudo sysctl -w net.core.rmem_max=1048576` (a file
 * in /etc/sysctl.d keeps it)". Returns text. */
char *speadi_remedy_sysctl(char *text, size_t room, const char *name, uint64_t value);

#endif
