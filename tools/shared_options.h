/* SPDX-License-Identifier: Apache-2.0 */
/* The options that spead-send and spead-recv have in common. The table in shared_options.c has a row for each
 * option. */
#ifndef SPEADLINE_TOOLS_SHARED_OPTIONS_H
#define SPEADLINE_TOOLS_SHARED_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>

#include "command_line.h"

#define TOOL_PACKET_BYTES_MIN 56u
#define TOOL_PACKET_BYTES_MAX 65507u /* the most bytes that a UDP datagram over IPv4 can carry */
#define TOOL_ENDPOINTS_MAX    64u

/* The headings of --help. Each program chooses their order and their text. */
enum tool_group {
    TOOL_GROUP_NETWORK,
    TOOL_GROUP_VERBS,
    TOOL_GROUP_SENDERS,
    TOOL_GROUP_HEAPS,
    TOOL_GROUP_SPEED,
    TOOL_GROUP_MEMORY,
    TOOL_GROUP_CONTENT,
    TOOL_GROUP_END,
    TOOL_GROUP_OUTPUT,
};

/* Which lines of the library's log the program prints. For example, TOOL_LOG_WARNING prints warnings and errors. */
enum tool_log_level { TOOL_LOG_ERROR, TOOL_LOG_WARNING, TOOL_LOG_INFO };

/* Options of both programs that are not fields of the configuration of a stream. */
struct tool_shared {
    const char *endpoints[TOOL_ENDPOINTS_MAX]; /* borrowed from argv */
    uint32_t endpoint_count;
    uint64_t heaps; /* the program ends after this many heaps; 0 means no limit */
    double seconds; /* the program ends after this time; 0 means no limit */
    int cpu;        /* the CPU to run on; -1 means any CPU */
    enum tool_log_level log_level;
    bool plan; /* true if the program prints its plan and ends */
    bool verify, json, quiet;
    struct tool_given given; /* the options that the user has typed */
};

/* clang-format off */
#define TOOL_SHARED_INIT { .cpu = -1, .log_level = TOOL_LOG_WARNING }
/* clang-format on */

extern const struct tool_table tool_shared_table;

/* Adds `text` to the endpoints. `text` is an argument of the command line. The function exits with TOOL_USAGE when
 * there are too many endpoints. */
void tool_shared_take_endpoint(struct tool_shared *shared, const char *text);

/* Returns the log of a stream. The log prints on stderr the lines that --log-level asks for. The caller must keep
 * *shared valid while the log is in use. */
struct spead_log tool_shared_log(const struct tool_shared *shared);

#endif
