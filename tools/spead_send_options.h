/* What spead-send is told. */
#ifndef SPEADLINE_TOOLS_SPEAD_SEND_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_SEND_OPTIONS_H

#include <speadline/send.h>
#include <speadline/verbs.h>

#include "shared_options.h"

struct spead_send_tool_options {
    struct tool_shared shared;
    struct spead_send_stream_config stream; /* without its endpoints */
    struct spead_send_verbs_config verbs;
    uint64_t heap_size; /* payload bytes */
    uint64_t items;     /* per heap; the payload is divided equally, the last takes the rest */
    uint32_t addr_bits;
};

extern const struct tool_program spead_send_program;

/* Reads the command line; leaves the program when it is wrong, or after --help and --version. */
void spead_send_options_parse(struct spead_send_tool_options *options, int argc, char **argv);

/* Id of item number index: from 0x1000 up, or from 0x20 where the flavour has no room for those. */
uint64_t spead_send_item_id(const struct spead_send_tool_options *options, uint64_t index);

/* The stream that was asked for, with its endpoints. Borrows from options. */
struct spead_send_stream_config spead_send_stream_config_of(
    const struct spead_send_tool_options *options);

#endif
