/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of spead-send. */
#ifndef SPEADLINE_TOOLS_SPEAD_SEND_OPTIONS_H
#define SPEADLINE_TOOLS_SPEAD_SEND_OPTIONS_H

#include <speadline/send.h>
#include <speadline/verbs.h>

#include "send_descriptors.h"
#include "shared_options.h"
#include "verify_pattern.h"

struct spead_send_tool_options {
    struct tool_shared shared;
    /* The configuration of the stream, still without endpoints and engine options. spead_send_stream_config_of() adds
     * these two. */
    struct spead_send_stream_config stream;
    struct spead_send_verbs_config verbs;
    uint64_t heap_size; /* the payload bytes of each heap */
    /* The number of items of each heap. Each item has an equal part of the payload, and the last item also has the
     * rest. */
    uint64_t items;
    uint64_t descriptors;         /* which heaps have descriptors, as send_descriptors.h says */
    const char *dtype;            /* the type that the descriptors say; NULL: bytes */
    enum verify_rule verify_rule; /* the pattern that --verify writes */
    uint32_t addr_bits; /* the bits of a heap address: the flavour is SPEAD-64-<addr_bits> */
};

extern const struct tool_program spead_send_program;

/* Reads the command line. It exits when the command line is wrong, and after --help and --version. */
void spead_send_options_parse(struct spead_send_tool_options *options, int argc, char **argv);

/* Returns the identifier of the item with this index. The index of the first item is 0. The identifier of the first
 * item is 0x1000, or 0x20 in a flavour whose identifiers are too narrow for 0x1000. Each item has the identifier of the
 * item before it plus 1. */
uint64_t spead_send_item_id(const struct spead_send_tool_options *options, uint64_t index);

/* Returns the configuration of the stream, with its endpoints and the options of engine verbs. The result points into
 * *options, so the caller must keep *options valid while it uses the result. */
struct spead_send_stream_config spead_send_stream_config_of(
    const struct spead_send_tool_options *options);

#endif
