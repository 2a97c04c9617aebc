/* What spead-recv is told. */
#ifndef SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_RECV_OPTIONS_H

#include <speadline/recv.h>
#include <speadline/verbs.h>

#include "tool_options.h"

struct spead_recv_tool_options {
    struct tool_common common;
    uint64_t concurrent_heaps; /* live heaps per substream */
    uint64_t substreams;
    bool out_of_order;
    double heap_timeout_ms; /* 0: off */
    double gather_us;       /* 0: off */
    uint64_t heap_step;     /* how far apart heap counters are; 0: unknown */
    uint64_t max_heap_size;
    uint64_t memory; /* 0: what the plan needs */
    uint64_t ring_heaps;
    int on_full; /* enum spead_on_full */
    bool incomplete;
    const char *source;               /* NULL: any */
    int mprq;                         /* enum spead_verbs_mprq */
    uint64_t mprq_stride, mprq_entry; /* bytes; 0: chosen */
    uint64_t verbs_queues;
    int receive_path; /* enum spead_receive_path */
    uint64_t placed_window;
    double placed_loss_max_percent;
    bool no_stop_item;
    bool strict;
    const char *output; /* NULL: none */
    bool plan;          /* print it and end */
    bool verbose;
    struct spead_recv_verbs_config verbs; /* made of the options for engine verbs */
};

/* Reads the command line; leaves the program when it is wrong, or after --help and --version. */
void spead_recv_options_parse(struct spead_recv_tool_options *options, int argc, char **argv);

/* Heaps taken from the stream at a time. */
unsigned spead_recv_take_max(const struct spead_recv_tool_options *options);

/* Heaps that wait for the file at a time, and those that are being written meanwhile; 0 without a file. */
unsigned spead_recv_writer_capacity(const struct spead_recv_tool_options *options);
unsigned spead_recv_writer_batch(const struct spead_recv_tool_options *options);

/* Heaps that may be held beyond those in the channel after the stream. */
unsigned spead_recv_held_max(const struct spead_recv_tool_options *options);

/* The stream that was asked for. Borrows from options. */
struct spead_recv_stream_config spead_recv_stream_config_of(
    const struct spead_recv_tool_options *options);

#endif
