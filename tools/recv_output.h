/* SPDX-License-Identifier: Apache-2.0 */
/* Where spead-recv writes heaps, in which format, and when it syncs: --output, --output-format and --sync. */
#ifndef SPEADLINE_TOOLS_RECV_OUTPUT_H
#define SPEADLINE_TOOLS_RECV_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/record.h>

#include "option_types.h"

/* The order of the words of --output-format. */
enum recv_output_format {
    RECV_OUTPUT_AUTO, /* FILES, but RAW for a pipe and for standard output */
    RECV_OUTPUT_FILES,
    RECV_OUTPUT_RAW,
    RECV_OUTPUT_FRAMED,
};

/* The value of --sync. */
struct recv_sync {
    uint64_t ns, heaps; /* the two fields sync_ns and sync_heaps of the recording */
    enum spead_recording_sync when;
    uint32_t reserved;
};
/* One sync each second: see docs/adr/0023. */
#define RECV_SYNC_INIT                                           \
    {                                                            \
        .ns = 1000000000u, .when = SPEAD_RECORDING_SYNC_INTERVAL \
    }

/* Stores a struct recv_sync. The user types a time ("1s"), a number of heaps ("100heaps"), "end" or "never". */
extern const struct tool_type tool_sync;

struct recv_output {
    const char *path;  /* NULL without --output */
    bool follow_links; /* the file may be a link */
    enum recv_output_format format;
    struct recv_sync sync;
};

/* Returns what sentences call the output: the path, or "standard output". */
const char *recv_output_name(const struct recv_output *output);

/* Returns true if the heaps go to standard output. Then nothing else may be printed there. */
bool recv_output_is_stdout(const struct recv_output *output);

/* Returns true if heaps or their lines are written to the file of this descriptor. */
bool recv_output_goes_to(const struct recv_output *output, int fd);

/* Returns true if only the payloads of complete heaps are written. */
bool recv_output_is_raw(const struct recv_output *output);

/* Prints the lines of the plan: what is written where, when it is synced, and what the file holds already. */
void recv_output_plan(FILE *to, const struct recv_output *output);

/* Exits with TOOL_USAGE if the options do not fit each other, or if the heaps would go to a terminal. Opens no file.
 * `sync` is the value of --sync as it was typed, or NULL. */
void recv_output_check(const struct recv_output *output, const char *sync);

/* Fills in the fields of the recording that these options set. */
void recv_output_configure(const struct recv_output *output,
                           struct spead_recording_writer_config *config);

#endif
