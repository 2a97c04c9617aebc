/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of spead-recv. */
#ifndef SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H

#include <speadline/recv.h>
#include <speadline/verbs.h>

#include "recv_output.h"
#include "recv_start.h"
#include "shared_options.h"

struct spead_recv_tool_options {
    struct tool_shared shared;
    /* The configuration of the stream, still without endpoints, held_heaps and engine options.
     * spead_recv_stream_config_of() adds these three. */
    struct spead_recv_stream_config stream;
    struct spead_recv_verbs_config verbs;
    struct spead_recv_start_point start_at; /* of the kind NONE without --start-at */
    bool strict;
    bool items; /* print the items of each heap */
    struct recv_output output;
    const char *progress; /* where lines of progress go; NULL without --progress */
    uint64_t progress_ns;
    bool verbose;
    const char *expect_senders; /* a number, or the path of a file; NULL without --expect-senders */
};

extern const struct tool_program spead_recv_program;

/* Reads the command line. It exits when the command line is wrong, and after --help and --version. */
void spead_recv_options_parse(struct spead_recv_tool_options *options, int argc, char **argv);

/* Returns how many heaps the node `check` takes from the stream at a time. */
unsigned spead_recv_take_max(const struct spead_recv_tool_options *options);

/* The first function returns how many heaps may wait in the channel of the node `writer`. The second returns how many
 * heaps the writer takes and writes at a time. Both return 0 without --output. */
unsigned spead_recv_writer_capacity(const struct spead_recv_tool_options *options);
unsigned spead_recv_writer_batch(const struct spead_recv_tool_options *options);

/* Returns how many heaps this program may hold at a time. The heaps that wait in the channel of the stream are not
 * among them. */
unsigned spead_recv_held_max(const struct spead_recv_tool_options *options);

/* Returns the configuration of the stream, with its endpoints, held_heaps and the options of engine verbs. The result
 * points into *options, so the caller must keep *options valid while it uses the result. */
struct spead_recv_stream_config spead_recv_stream_config_of(
    const struct spead_recv_tool_options *options);

/* Returns what is recorded and where, with the log. Without --output the path is NULL. The result points into *options,
 * as above. */
struct spead_recording_writer_config spead_recv_recording_config_of(
    const struct spead_recv_tool_options *options, const struct spead_log *log);

#endif
