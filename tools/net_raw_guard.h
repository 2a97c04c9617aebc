/* SPDX-License-Identifier: Apache-2.0 */
/* Says whether spead-net-raw may pass on the rights that it has from its file. */
#ifndef SPEADLINE_TOOLS_NET_RAW_GUARD_H
#define SPEADLINE_TOOLS_NET_RAW_GUARD_H

#define NET_RAW_PATH_MAX 300

/* What others can do with the file of this program. */
enum net_raw_guard {
    NET_RAW_GUARDED,
    NET_RAW_ANYBODY_RUNS,   /* every user may execute the file */
    NET_RAW_OTHERS_WRITE,   /* users other than the owner may write to the file */
    NET_RAW_OTHERS_REPLACE, /* others may replace the file, or a folder in its path */
    NET_RAW_UNKNOWN,        /* the file cannot be looked at */
};

/* Looks at the file of this program. If the file gives no rights to those who execute it (no capabilities, not setuid),
 * there is nothing to guard. Writes into `path` the path of the file, or the path of the folder that others may write
 * to. */
enum net_raw_guard net_raw_guard_check(char path[NET_RAW_PATH_MAX]);

#endif
