/* SPDX-License-Identifier: Apache-2.0 */
/* Reads small files of the kernel, below /sys and /proc: a file has one line, or one number. Any thread may call these
 * functions. A call opens, reads and closes the file, so no data path calls them. */
#ifndef SPEADI_SYS_FILE_H
#define SPEADI_SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The folder in which "/sys" and "/proc" lie; "" is the real root. Only tests set it, before they start threads. */
extern const char *speadi_sys_root;

/* Writes the first line of the file, without its end, into `text`. `format` makes the path, such as
 * "/sys/class/net/%s/mtu". Returns false, and writes "", when the file cannot be read. A line that is longer than the
 * room is cut. */
__attribute__((format(printf, 3, 4))) bool speadi_sys_line(char *text, size_t room,
                                                           const char *format, ...);

/* Reads the number that the file begins with. Returns false, and leaves *number, when there is none. */
__attribute__((format(printf, 2, 3))) bool speadi_sys_number(int64_t *number, const char *format,
                                                             ...);

/* Writes the name of the first entry of a folder that begins with `prefix`, in the order of strcmp(), into `name`.
 * Returns false, and writes "", when there is none. Entries that begin with a dot are left out. */
__attribute__((format(printf, 4, 5))) bool speadi_sys_entry(char *name, size_t room,
                                                            const char *prefix, const char *format,
                                                            ...);

/* Calls visit(arg, name) for each entry of the folder that does not begin with a dot. A folder that cannot be read has
 * no entries. */
__attribute__((format(printf, 3, 4))) void speadi_sys_each(void (*visit)(void *arg,
                                                                         const char *name),
                                                           void *arg, const char *format, ...);

/* Writes the last part of the name that a symbolic link points to, such as the name of the driver of a device. Returns
 * false, and writes "", when there is no such link. */
__attribute__((format(printf, 3, 4))) bool speadi_sys_link(char *name, size_t room,
                                                           const char *format, ...);

#endif
