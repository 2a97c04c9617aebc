/* What spead-recv is told. */
#ifndef SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H

#include <speadline/recv.h>
#include <speadline/verbs.h>

#include "shared_options.h"

struct spead_recv_tool_options {
    struct tool_shared shared;
    struct spead_recv_stream_config stream; /* without what spead_recv_stream_config_of() adds */
    struct spead_recv_verbs_config verbs;
    bool strict;
    const char *output; /* NULL: none */
    bool plan;          /* print it and end */
    bool verbose;
};

extern const struct tool_program spead_recv_program;

/* Reads the command line; leaves the program when it is wrong, or after --help and --version. */
void spead_recv_options_parse(struct spead_recv_tool_options *options, int argc, char **argv);

/* Heaps taken from the stream at a time. */
unsigned spead_recv_take_max(const struct spead_recv_tool_options *options);

/* Heaps that wait for the file at a time, and those that are being written meanwhile; 0 without a file. */
unsigned spead_recv_writer_capacity(const struct spead_recv_tool_options *options);
unsigned spead_recv_writer_batch(const struct spead_recv_tool_options *options);

/* Heaps that may be held beyond those in the channel after the stream. */
unsigned spead_recv_held_max(const struct spead_recv_tool_options *options);

/* The stream that was asked for, with its endpoints and the heaps that this program holds. Borrows from options. */
struct spead_recv_stream_config spead_recv_stream_config_of(
    const struct spead_recv_tool_options *options);

#endif
