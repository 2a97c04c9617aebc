/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up host: files in a folder, which the library reads in the place of /sys and /proc. */
#ifndef TEST_MADE_SYS_H
#define TEST_MADE_SYS_H

#include <stdbool.h>

/* Makes an empty folder. The library reads the files below it until made_sys_remove(). Aborts the program if it cannot
 * make the folder. Returns its path. */
const char *made_sys_begin(void);

/* Writes a file of the made-up host, such as "/sys/class/net/lo/mtu", and makes the folders on its way. Ends the
 * program if it cannot. */
__attribute__((format(printf, 2, 3))) void made_sys_write(const char *path, const char *text, ...);

/* Describes the interface as a port with the NUMA node `node`, on a host with two nodes whose CPUs are these lists. */
void made_sys_port(const char *interface, int node, const char *cpus0, const char *cpus1);

/* Puts the made-up /sys, and its /proc/irq if there is one, in the place of the real ones, for the calling thread and for
 * programs that it starts afterwards. What the test writes later is seen, too. Returns false if this user may not do
 * that; *reason says why. */
bool made_sys_mount(const char **reason);

/* Removes the folder. The library reads the real host again. */
void made_sys_remove(void);

#endif
