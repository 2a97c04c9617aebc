/* The command line of spead-send. */
#ifndef SPEADLINE_TOOLS_SPEAD_SEND_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_SEND_OPTIONS_H

#include <speadline/send.h>
#include <speadline/verbs.h>

#include "shared_options.h"

struct spead_send_tool_options {
    struct tool_shared shared;
    /* Endpoints and engine options are missing: spead_send_stream_config_of() adds them. */
    struct spead_send_stream_config stream;
    struct spead_send_verbs_config verbs;
    uint64_t heap_size; /* payload bytes of a heap */
    /* items of a heap; each takes an equal part of the payload, the last one also takes the rest */
    uint64_t items;
    uint32_t addr_bits; /* bits of a heap address: the flavour is SPEAD-64-<addr_bits> */
};

extern const struct tool_program spead_send_program;

/* Reads the command line. Exits when it is wrong, and after --help and --version. */
void spead_send_options_parse(struct spead_send_tool_options *options, int argc, char **argv);

/* Returns the identifier of item number index (from 0). The first identifier is 0x1000, or 0x20 in a flavour whose
 * identifiers are too narrow for 0x1000. */
uint64_t spead_send_item_id(const struct spead_send_tool_options *options, uint64_t index);

/* Returns the configuration of the stream, with its endpoints and the options of engine verbs. It borrows from
 * options. */
struct spead_send_stream_config spead_send_stream_config_of(
    const struct spead_send_tool_options *options);

#endif
