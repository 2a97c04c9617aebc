/* The command line of spead-recv. */
#ifndef SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H

#include <speadline/recv.h>
#include <speadline/verbs.h>

#include "shared_options.h"

struct spead_recv_tool_options {
    struct tool_shared shared;
    /* Endpoints, held heaps and engine options are missing: spead_recv_stream_config_of() adds them. */
    struct spead_recv_stream_config stream;
    struct spead_recv_verbs_config verbs;
    bool strict;
    const char *output; /* name of the file; NULL: none */
    bool plan;          /* print the plan and end */
    bool verbose;
};

extern const struct tool_program spead_recv_program;

/* Reads the command line. Exits when it is wrong, and after --help and --version. */
void spead_recv_options_parse(struct spead_recv_tool_options *options, int argc, char **argv);

/* Returns how many heaps the check takes from the stream at a time. */
unsigned spead_recv_take_max(const struct spead_recv_tool_options *options);

/* The first function returns how many heaps may wait in the channel of the writer. The second returns how many heaps
 * the writer writes at a time. Both return 0 without --output. */
unsigned spead_recv_writer_capacity(const struct spead_recv_tool_options *options);
unsigned spead_recv_writer_batch(const struct spead_recv_tool_options *options);

/* Returns how many heaps this program may hold at a time, besides those in the channel of the stream. */
unsigned spead_recv_held_max(const struct spead_recv_tool_options *options);

/* Returns the configuration of the stream, with its endpoints, held_heaps and the options of engine verbs. It borrows
 * from options. */
struct spead_recv_stream_config spead_recv_stream_config_of(
    const struct spead_recv_tool_options *options);

#endif
