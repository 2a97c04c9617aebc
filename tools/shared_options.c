/* SPDX-License-Identifier: Apache-2.0 */
/* See shared_options.h. */
#include "shared_options.h"

#include "spead_recv_options.h"
#include "spead_send_options.h"
#include "tool_exit.h"

#define SECONDS_MIN 0.001
#define SECONDS_MAX (100.0 * 366 * 86400)

/* the order is that of enum tool_log_level */
static const char *const log_words[] = {"error", "warning", "info", NULL};
static const char *const vector_words[] = {"poll", NULL};

/* With SHARED, the value goes into a member of struct tool_shared. With BOTH_STREAMS, it goes into a field that the
 * configurations of both streams have. */
#define SHARED(member)                                                       \
    .at = {[TOOL_RECV] = TOOL_PLACE(spead_recv_tool_options, shared.member), \
           [TOOL_SEND] = TOOL_PLACE(spead_send_tool_options, shared.member)}
#define BOTH_STREAMS(member)                                                                   \
    .field = #member, .at = {[TOOL_RECV] = TOOL_PLACE(spead_recv_tool_options, stream.member), \
                             [TOOL_SEND] = TOOL_PLACE(spead_send_tool_options, stream.member)}

/* With BOTH_VERBS, the value goes into a field that the verbs options of both directions have. When the library refuses
 * the value, it calls the field "verbs.<member>". */
#define BOTH_VERBS(member)                                                  \
    .field = "verbs." #member,                                              \
    .at = {[TOOL_RECV] = TOOL_PLACE(spead_recv_tool_options, verbs.member), \
           [TOOL_SEND] = TOOL_PLACE(spead_send_tool_options, verbs.member)}

/* clang-format off */
static const struct tool_option rows[] = {
    {.name = "bind", .argument = "IF", .group = TOOL_GROUP_NETWORK,
     .type = &tool_string, BOTH_STREAMS(interface), .offer = TOOL_OFFER_INTERFACES,
     .help = "Interface, by name or address, to listen on and join groups on",
     .help_send = "Interface, by name or address, to send from",
     .unset = "the system's choice"},
    {.name = "packet", .argument = "N", .group = TOOL_GROUP_NETWORK,
     .type = &tool_bytes32, .min = TOOL_PACKET_BYTES_MIN, .max = TOOL_PACKET_BYTES_MAX,
     BOTH_STREAMS(packet_bytes_max),
     .help = "Largest SPEAD packet that is accepted, in bytes",
     .help_send = "Largest SPEAD packet, in bytes"},
    {.name = "buffer", .argument = "N", .group = TOOL_GROUP_NETWORK,
     .type = &tool_bytes32, .min = 1, .max = 1u << 30, BOTH_STREAMS(socket_buffer_bytes),
     .help = "Socket buffer in bytes"},
    {.name = "cpu", .argument = "N", .group = TOOL_GROUP_NETWORK,
     .type = &tool_cpu, .min = 0, .max = UINT32_MAX, SHARED(cpu), .offer = TOOL_OFFER_CPUS,
     .help = "Pin the stream's thread to this CPU",
     .help_send = "Run on this CPU only",
     .unset = "any"},
    {.name = "fault", .argument = "SPEC", .group = TOOL_GROUP_NETWORK,
     .type = &tool_string, BOTH_STREAMS(fault),
     .help = "Debugging aid: spoil packets on purpose, e.g. loss=0.01,reorder=8,seed=7"},

    {.name = "verbs-device", .argument = "NAME", .group = TOOL_GROUP_VERBS,
     .type = &tool_string, BOTH_VERBS(device), .offer = TOOL_OFFER_DEVICES,
     .help = "Name of the RDMA device",
     .unset = "that of the interface, or of the first endpoint"},
    {.name = "comp-vector", .argument = "N", .group = TOOL_GROUP_VERBS,
     .type = &tool_vector, .min = 0, .max = INT16_MAX, BOTH_VERBS(comp_vector), .offer_words = vector_words,
     .help = "Completion vector to sleep on, or \"poll\" (-1) to poll and never sleep"},
    {.name = "max-poll", .argument = "N", .group = TOOL_GROUP_VERBS,
     .type = &tool_u32, .min = 0, .max = UINT32_MAX, BOTH_VERBS(max_poll),
     .help = "Sleep after N polls in a row that found nothing"},

    {.name = "verify", .group = TOOL_GROUP_CONTENT,
     .type = &tool_flag, SHARED(verify),
     .help = "Check every byte that arrives by the rule of spead-send --verify",
     .help_send = "Fill each heap so that spead-recv --verify can check every byte"},
    {.name = "heaps", .argument = "N", .group = TOOL_GROUP_END,
     .type = &tool_u64, .min = 1, .max = UINT64_MAX, SHARED(heaps),
     .help = "End after N complete heaps",
     .help_send = "End after N heaps",
     .unset = "no limit"},
    {.name = "seconds", .argument = "S", .group = TOOL_GROUP_END,
     .type = &tool_real, .least = SECONDS_MIN, .most = SECONDS_MAX, .unit = 1, SHARED(seconds),
     .help = "End after S seconds",
     .unset = "no limit"},

    {.name = "json", .group = TOOL_GROUP_OUTPUT,
     .type = &tool_flag, SHARED(json),
     .help = "Print one JSON object, as the last line of standard output"},
    {.name = "log-level", .argument = "LEVEL", .group = TOOL_GROUP_OUTPUT,
     .type = &tool_word, .words = log_words, SHARED(log_level),
     .help = "What is printed during the run. error: only what ends the program; warning: also what "
             "works less well than asked; info: also decisions of the library"},
    {.name = "plan", .group = TOOL_GROUP_OUTPUT,
     .type = &tool_flag, SHARED(plan),
     .help = "Print what would run (threads, channels, memory) and end",
     .help_send = "Print what would be sent, how fast and with how much memory, and end"},
    {.name = "quiet", .group = TOOL_GROUP_OUTPUT,
     .type = &tool_flag, SHARED(quiet),
     .help = "Print no plan and no progress, and of the summary one line with the totals; with --json not "
             "even this line. Warnings and errors are printed",
     .help_send = "Print no progress, and of the summary one line with the totals; with --json not even "
                  "this line. Warnings and errors are printed"},
};
/* clang-format on */

const struct tool_table tool_shared_table = {rows, sizeof rows / sizeof *rows};

void tool_shared_take_endpoint(struct tool_shared *shared, const char *text)
{
    if (shared->endpoint_count == TOOL_ENDPOINTS_MAX)
        tool_usage("\"%s\" is one endpoint too many: most is %u", text, TOOL_ENDPOINTS_MAX);
    shared->endpoints[shared->endpoint_count++] = text;
}

static void print_log(void *arg, enum spead_log_level level, const char *line)
{
    const struct tool_shared *shared = arg;
    bool is_warning = level == SPEAD_LOG_WARNING;

    if (shared->log_level >= (is_warning ? TOOL_LOG_WARNING : TOOL_LOG_INFO))
        tool_failed("%s: %s", is_warning ? "warning" : "info", line);
}

struct spead_log tool_shared_log(const struct tool_shared *shared)
{
    return (struct spead_log){.fn = print_log, .arg = (void *)(uintptr_t)shared};
}
