/* SPDX-License-Identifier: Apache-2.0 */
/* See spead_recv_options.h. */
#include "spead_recv_options.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/page_size.h>

#include "heap_check.h"
#include "heap_writer.h"
#include "option_effect.h"
#include "tool_engines.h"
#include "tool_exit.h"

static const char *const on_full_words[] = {"block", "drop-newest", "drop-oldest",
                                            NULL}; /* enum spead_on_full */
/* the order is that of enum spead_verbs_mprq */
static const char *const mprq_words[] = {"auto", "off", "on", NULL};
/* the order is that of enum spead_verbs_checksum */
static const char *const checksum_words[] = {"auto", "verify", "trust", NULL};
static const char *const clock_words[] = {"auto", "nic", "host", NULL}; /* enum spead_verbs_clock */
static const char *const key_words[] = {"port", "address", "none",
                                        NULL}; /* enum spead_sender_key */
static const char *const copy_words[] = {"auto", "cached", "streaming", NULL}; /* enum spead_copy */
static const char *const populate_words[] = {"ahead", "off", NULL}; /* enum spead_populate */
static const char *const format_words[] = {"auto", "files", "raw", "framed",
                                           NULL}; /* enum recv_output_format */
static const char *const path_words[] = {"auto", "placed", "bounce", NULL};
static const char *const stop_words[] = {"all", "any", NULL};
static const char *const sync_words[] = {"end", "never", NULL};

/* With OWN, the value goes into a member of struct spead_recv_tool_options. With STREAM, it goes into a field of the
 * stream's configuration. */
#define OWN(member) .at = {[TOOL_RECV] = TOOL_PLACE(spead_recv_tool_options, member)}
#define STREAM(member) \
    .field = #member, .at = {[TOOL_RECV] = TOOL_PLACE(spead_recv_tool_options, stream.member)}
/* With VERBS, the value goes into a field of the verbs options. When the library refuses the value, it calls the field
 * "verbs.<member>". */
#define VERBS(member)          \
    .field = "verbs." #member, \
    .at = {[TOOL_RECV] = TOOL_PLACE(spead_recv_tool_options, verbs.member)}

/* Names the same least value as the library does for the default --packet. With another --packet the library still
 * refuses what is too little. */
static uint64_t least_memory(void)
{
    return speadi_round_up(SPEAD_RECV_PACKET_BYTES_DEFAULT, speadi_pages_size());
}

static int parse_memory(const struct tool_option *row, const char *text, void *to,
                        struct spead_err *err)
{
    char words[SPEADI_RANGE_WORDS_MAX];
    uint64_t bytes;
    int ret = tool_parse_size(&bytes, text, 0, UINT64_MAX, err);

    if (ret < 0)
        return ret;
    if (bytes < row->min || bytes > row->max)
        return speadi_err_set(err, -EINVAL, "must be %s; one packet may need the least",
                              speadi_range_words(words, least_memory(), row->max));
    *(uint64_t *)to = bytes;
    return 0;
}

static void print_memory(const struct tool_option *row, const void *from, char *text, size_t room)
{
    tool_bytes64.print(row, from, text, room);
}

static void range_of_memory(const struct tool_option *row, char *text, size_t room)
{
    tool_range_of_bytes(least_memory(), row->max, text, room);
}

static const struct tool_type tool_memory = {sizeof(uint64_t), parse_memory, print_memory,
                                             range_of_memory};

/* clang-format off */
static const struct tool_option rows[] = {
    {.name = "engine", .argument = "NAME", .group = TOOL_GROUP_NETWORK,
     .type = &tool_name, .list = tool_recv_engine_names, STREAM(engine),
     .help = ""},
    {.name = "source", .argument = "HOST[:PORT]", .group = TOOL_GROUP_NETWORK,
     .type = &tool_string, STREAM(sender), .offer = TOOL_OFFER_HOSTS,
     .help = "Take packets of this sender only, and join groups for it alone",
     .unset = "all"},
    {.name = "receive-path", .argument = "PATH", .group = TOOL_GROUP_NETWORK,
     .type = &tool_word, .words = path_words, STREAM(receive_path),
     .help = "How payload gets into heaps: placed (the engine writes it there), bounce (through a "
             "small buffer), or auto (by payload size)"},
    {.name = "copy", .argument = "HOW", .group = TOOL_GROUP_NETWORK,
     .type = &tool_word, .words = copy_words, STREAM(copy),
     .help = "How the CPU copies bounced payload into heaps: cached (by ordinary stores), streaming (by "
             "stores that bypass its cache), or auto (by how much memory the heaps in use have)"},
    {.name = "placed-window", .argument = "N", .group = TOOL_GROUP_NETWORK,
     .type = &tool_u32, .min = 1, .max = 4096, STREAM(placed_window),
     .help = "Most packets for which places are reserved ahead"},
    {.name = "placed-loss-max", .argument = "PERCENT", .group = TOOL_GROUP_NETWORK,
     .type = &tool_real, .least = 0.001, .most = 100, .unit = 0.01, .or_zero = true,
     STREAM(placed_loss_max),
     .help = "Bounce instead of placing while more than PERCENT of the packets are lost or out of "
             "order; 0: while half of the packets would have to be moved; 100: never"},
    {.name = "coalesce", .argument = "US", .group = TOOL_GROUP_NETWORK,
     .type = &tool_ns, .least = 0.001, .most = 100000, .unit = 1e3, .or_zero = true,
     STREAM(coalesce_ns),
     .help = "At a steady rate, sleep US microseconds and then read all that has come, which halves "
             "the CPU time; 0: wake for each datagram or train"},

    {.name = "mprq", .argument = "WHEN", .group = TOOL_GROUP_VERBS,
     .type = &tool_word, .words = mprq_words, VERBS(mprq),
     .help = "Receive through a multi-packet queue: on, off, or auto (if the device has one and "
             "payload is not placed)"},
    {.name = "mprq-stride", .argument = "N", .group = TOOL_GROUP_VERBS,
     .type = &tool_log2, .min = 2, .max = 1u << 16, .power_of_two = true, VERBS(mprq_stride_log),
     .help = "Bytes of a stride of the multi-packet queue, a power of two; the value is brought "
             "within the limits of the device",
     .unset = "chosen"},
    {.name = "mprq-entry", .argument = "N", .group = TOOL_GROUP_VERBS,
     .type = &tool_log2, .min = 2, .max = 1u << 26, .power_of_two = true, VERBS(mprq_entry_log),
     .help = "Bytes of an entry of the multi-packet queue, a power of two; the value is brought "
             "within the limits of the device",
     .unset = "chosen"},
    {.name = "verbs-queues", .argument = "N", .group = TOOL_GROUP_VERBS,
     .type = &tool_u32, .min = 1, .max = 16, .power_of_two = true, VERBS(queues),
     .help = "Receive queues over which the device spreads IPv4 flows, a power of two; all packets "
             "of a sender come through one of them"},
    {.name = "verbs-checksum", .argument = "WHO", .group = TOOL_GROUP_VERBS,
     .type = &tool_word, .words = checksum_words, VERBS(checksum),
     .help = "UDP checksums that the device has not found right: verify (the CPU checks them), trust "
             "(accept the packet), or auto (trust only if the device does not check such packets)"},

    {.name = "verbs-clock", .argument = "CLOCK", .group = TOOL_GROUP_VERBS,
     .type = &tool_word, .words = clock_words, VERBS(clock),
     .help = "Times of packets: auto (UTC, by the counter of the NIC if it stamps with one), nic (the "
             "clock of the NIC, which can be TAI or drift), or host (UTC, read once a burst)"},

    {.name = "joint", .group = TOOL_GROUP_SENDERS,
     .type = &tool_flag, STREAM(joint),
     .help = "The heaps of all endpoints are one numbered sequence; without it each endpoint is apart"},
    {.name = "sender-key", .argument = "KEY", .group = TOOL_GROUP_SENDERS,
     .type = &tool_word, .words = key_words, STREAM(sender_key),
     .help = "What makes a sender: port (an address and a port), address (an address with all its "
             "ports) or none (all packets of an endpoint are of one sender)"},
    {.name = "senders", .argument = "N", .group = TOOL_GROUP_SENDERS,
     .type = &tool_u32, .min = 1, .max = 65535, STREAM(senders_max),
     .help = "Most senders that are known at a time"},
    {.name = "expect-senders", .argument = "N|FILE", .group = TOOL_GROUP_SENDERS,
     .type = &tool_string, OWN(expect_senders), .offer = TOOL_OFFER_FILES,
     .help = "Say which senders are missing 5 s after the first packet and at the end: of N senders, "
             "or of those in FILE, with a HOST or HOST:PORT in each line"},
    {.name = "restart-quiet", .argument = "TIME", .group = TOOL_GROUP_SENDERS,
     .type = &tool_time, .least = 1e-9, .most = 86400, .or_zero = true, STREAM(restart_quiet_ns),
     .help = "A sender that was silent longer than TIME begins a new run, which is never mixed with "
             "the run before; 0: no silence begins a run"},
    {.name = "repeat-time", .argument = "TIME", .group = TOOL_GROUP_SENDERS,
     .type = &tool_time, .least = 1e-9, .most = 86400, .or_zero = true, STREAM(repeat_ns),
     .help = "A packet of a finished heap that comes later than TIME after its heap ended is a "
             "repeated-counter, not a duplicate"},

    {.name = "concurrent-heaps", .argument = "N", .group = TOOL_GROUP_HEAPS,
     .type = &tool_u32, .min = 1, .max = 65536, STREAM(live_heaps_max),
     .help = "Most live heaps of a substream"},
    {.name = "substreams", .argument = "N", .group = TOOL_GROUP_HEAPS,
     .type = &tool_u32, .min = 1, .max = 4096, STREAM(substream_count),
     .help = "The heap counter modulo N selects the substream"},
    {.name = "heap-step", .argument = "N", .group = TOOL_GROUP_HEAPS,
     .type = &tool_u64, .min = 0, .max = UINT32_MAX, STREAM(heap_counter_step),
     .help = "Difference between two heap counters of the sender, by which missing heaps are seen; "
             "0: learned from the heaps that come"},
    {.name = "out-of-order", .group = TOOL_GROUP_HEAPS,
     .type = &tool_flag, STREAM(allow_out_of_order),
     .help = "Accept the packets of a heap in any order"},
    {.name = "unsized-in-sequence", .group = TOOL_GROUP_HEAPS,
     .type = &tool_flag, STREAM(unsized_in_sequence),
     .help = "Senders finish a heap before the next: an evicted heap without length is complete"},
    {.name = "heap-timeout", .argument = "MS", .group = TOOL_GROUP_HEAPS,
     .type = &tool_ns, .least = 0.001, .most = 86400000, .unit = 1e6, .or_zero = true,
     STREAM(heap_timeout_ns),
     .help = "Time a heap out after MS milliseconds; 0: never"},
    {.name = "start-at", .argument = "POINT", .group = TOOL_GROUP_HEAPS,
     .type = &tool_start_at, OWN(start_at),
     .help = "Discard whole heaps, and count them apart, until the sender has reached POINT: heap:N (a heap "
             "counter), item:ID=VALUE (the value of an immediate item) or time:UTC; %STEP behind N or VALUE, "
             "or item:ID%STEP: a multiple of STEP",
     .unset = "the first heap"},
    {.name = "incomplete", .group = TOOL_GROUP_HEAPS,
     .type = &tool_flag, STREAM(deliver_incomplete),
     .help = "Take incomplete heaps too, with the map of their gaps"},

    {.name = "max-heap-size", .argument = "N", .group = TOOL_GROUP_MEMORY,
     .type = &tool_bytes64, .min = 1, .max = 1ull << 40, STREAM(heap_bytes_max),
     .help = "Largest payload of a heap, in bytes"},
    {.name = "pointers", .argument = "N", .group = TOOL_GROUP_MEMORY,
     .type = &tool_u32, .min = 1, .max = 1u << 20, STREAM(pointers_max),
     .help = "Most different item pointers of a heap"},
    {.name = "memory", .argument = "N", .group = TOOL_GROUP_MEMORY,
     .type = &tool_memory, .min = 1, .max = 1ull << 50, STREAM(memory_bytes_max),
     .help = "Most bytes of memory for all heaps together",
     .unset = "half of what host and cgroup leave free"},
    {.name = "populate", .argument = "WHEN", .group = TOOL_GROUP_MEMORY,
     .type = &tool_word, .words = populate_words, STREAM(populate),
     .help = "When the memory of heaps of more than 1 MiB is populated: ahead (by a thread of its own, "
             "before their packets come) or off (by the receiving thread, when a heap begins)"},
    {.name = "ring-heaps", .argument = "N", .group = TOOL_GROUP_MEMORY,
     .type = &tool_u32, .min = 1, .max = 65536, STREAM(hand_over_heaps),
     .help = "Heaps of any size that may wait for the consumer; by size: 4 times the bytes of the "
             "longest heap so far, at least 16 MiB, and at most 4096 heaps",
     .unset = "by size"},
    {.name = "on-full", .argument = "POLICY", .group = TOOL_GROUP_MEMORY,
     .type = &tool_word, .words = on_full_words, STREAM(on_full),
     .help = "Which heap is shed when the hand-over is full: drop-newest, which first stops reading "
             "until the socket buffer is half full, or drop-oldest, which never stops reading"},

    {.name = "items", .group = TOOL_GROUP_CONTENT,
     .type = &tool_flag, OWN(items),
     .help = "Print the items of each heap on standard output: their descriptors and values, abbreviated; "
             "with --json a line of JSON for each heap"},
    {.name = "output", .argument = "FILE", .group = TOOL_GROUP_CONTENT,
     .type = &tool_string, OWN(output.path), .offer = TOOL_OFFER_FILES,
     .help = "Append the payloads of heaps to FILE, and a line for each heap to FILE.jsonl; a pipe, "
             "or - for standard output, gets the payloads alone"},
    {.name = "follow-links", .group = TOOL_GROUP_CONTENT,
     .type = &tool_flag, OWN(output.follow_links),
     .help = "Write FILE also where links lead, whoever made them"},
    {.name = "output-format", .argument = "FORMAT", .group = TOOL_GROUP_CONTENT,
     .type = &tool_word, .words = format_words, OWN(output.format),
     .help = "files (FILE and its index), raw (the payloads of complete heaps, one behind the other), "
             "framed (before each heap its index line), or auto (raw for a pipe, else files)"},
    {.name = "sync", .argument = "WHEN", .group = TOOL_GROUP_CONTENT,
     .type = &tool_sync, .least = 0.001, .most = 3600, OWN(output.sync), .offer_words = sync_words,
     .help = "When what is recorded is brought onto the disk, so that it survives a power cut: a time "
             "(1s) or a number of heaps (100heaps) after it was written, and at the end; only at "
             "the end (end); or never"},
    {.name = "no-stop-item", .group = TOOL_GROUP_END,
     .type = &tool_flag, STREAM(ignore_stop_item),
     .help = "Do not end at a stop item"},
    {.name = "stop", .argument = "WHICH", .group = TOOL_GROUP_END,
     .type = &tool_stops, .min = 1, .max = 65535, STREAM(stop_count), .offer_words = stop_words,
     .help = "Which stop items end the program: all (those of every sender that is heard), any (the "
             "first one), or those of N senders"},
    {.name = "stop-silence", .argument = "TIME", .group = TOOL_GROUP_END,
     .type = &tool_time, .least = 1e-9, .most = 86400, .or_zero = true, STREAM(stop_silence_ns),
     .help = "With --stop all, do not wait for a sender that has been silent for TIME"},
    {.name = "strict", .group = TOOL_GROUP_END,
     .type = &tool_flag, OWN(strict),
     .help = "Exit with status 3 when anything was lost or refused, or an expected sender is missing"},
    {.name = "progress", .argument = "FILE", .group = TOOL_GROUP_OUTPUT,
     .type = &tool_string, OWN(progress), .offer = TOOL_OFFER_FILES,
     .help = "Append a line of JSON to FILE at an interval, or print it on standard output (-), with "
             "or without a terminal"},
    {.name = "progress-interval", .argument = "TIME", .group = TOOL_GROUP_OUTPUT,
     .type = &tool_time, .least = 0.1, .most = 86400, OWN(progress_ns),
     .help = "Time between two lines of --progress"},
    {.name = "verbose", .group = TOOL_GROUP_OUTPUT,
     .type = &tool_flag, OWN(verbose),
     .help = "Say in the summary which part was the slowest, and how full each channel was"},
};
/* clang-format on */

/* Which option takes the effect of another one away. Each row of the two tables was asked: when is it ignored? */
/* clang-format off */
static const struct tool_pair pairs[] = {
    {.option = "placed-window", .other = "receive-path", .other_value = "bounce", .why = "nothing is placed"},
    {.option = "placed-loss-max", .other = "receive-path", .other_value = "bounce", .why = "nothing is placed"},
    {.option = "mprq", .value = "on", .other = "receive-path", .other_value = "placed",
     .why = "payload cannot be placed through a multi-packet queue"},
    {.option = "mprq-stride", .other = "mprq", .other_value = "on", .unless = true,
     .but = "receive-path", .but_value = "bounce",
     .why = "without it, only --receive-path bounce can take a multi-packet queue"},
    {.option = "mprq-entry", .other = "mprq", .other_value = "on", .unless = true,
     .but = "receive-path", .but_value = "bounce",
     .why = "without it, only --receive-path bounce can take a multi-packet queue"},
    {.option = "mprq-stride", .other = "mprq", .other_value = "off", .why = "there is no multi-packet queue"},
    {.option = "mprq-entry", .other = "mprq", .other_value = "off", .why = "there is no multi-packet queue"},
    {.option = "max-poll", .other = "comp-vector", .other_value = "poll", .why = "the thread never sleeps"},
    {.option = "coalesce", .other = "comp-vector", .other_value = "poll", .why = "the thread never sleeps"},
    {.option = "items", .other = "output", .other_value = "-", .why = "standard output is for the heaps"},
    {.option = "items", .other = "progress", .other_value = "-", .why = "standard output is for the progress"},
    {.option = "follow-links", .other = "output", .unless = true, .why = "no file is written"},
    {.option = "follow-links", .other = "output", .other_value = "-", .why = "standard output is no link"},
    {.option = "output-format", .other = "output", .unless = true, .why = "no heap is written"},
    {.option = "sync", .other = "output", .unless = true, .why = "no heap is written"},
    {.option = "stop", .other = "no-stop-item", .why = "no stop item ends the program"},
    {.option = "progress-interval", .other = "progress", .unless = true, .why = "no line is due"},
    {.option = "expect-senders", .other = "sender-key", .other_value = "none",
     .why = "all packets of an endpoint are of one sender"},
    {.option = "verbose", .other = "quiet", .why = "only the totals are printed"},
    {.option = NULL},
};
/* clang-format on */

static const char doc[] =
    "Receive SPEAD heaps over UDP."
    "\vIn brackets: the range of a value; in parentheses: the default. An option with a value is "
    "given once. The endpoints are apart, unless --joint says that their heaps are one sequence. A "
    "multicast HOST is joined. Sizes accept the suffixes K, M, G and T (powers of 1024).\n\n"
    "Interrupt once to end in order, twice to end at once. SIGUSR1 prints the summary so far.\n\n"
    "Exit status: 0 done, 1 failed or a verified byte was wrong, 2 wrong usage, 3 under --strict "
    "when anything was lost or refused, or when no sender reached the point of --start-at.";

static const struct tool_table own_table = {rows, sizeof rows / sizeof *rows};

static const struct spead_recv_tool_options defaults = {
    .shared = TOOL_SHARED_INIT,
    .stream = SPEAD_RECV_STREAM_CONFIG_INIT,
    .verbs = SPEAD_RECV_VERBS_CONFIG_INIT,
    .start_at = SPEAD_RECV_START_POINT_INIT,
    .output = {.sync = RECV_SYNC_INIT},
    .progress_ns = 1000000000u,
};

/* Refuses the name of a file, which spead2_recv takes in the place of an endpoint. An endpoint has a colon or is a
 * number. */
static void refuse_file(const char *text)
{
    if (strchr(text, ':') || text[strspn(text, "0123456789")] == '\0' || access(text, F_OK) < 0)
        return;
    tool_usage("\"%s\" is a file, and spead-recv reads no files (spead2's pcap): give an endpoint, "
               "[HOST]:PORT",
               text);
}

static void take_endpoint(void *options, const char *text)
{
    refuse_file(text);
    tool_shared_take_endpoint(&((struct spead_recv_tool_options *)options)->shared, text);
}

const struct tool_program spead_recv_program = {
    .side = TOOL_RECV,
    .arguments = "[HOST]:PORT...",
    .arguments_field = "endpoints",
    .doc = doc,
    .headings = {{TOOL_GROUP_NETWORK, "Network:"},
                 {TOOL_GROUP_VERBS, "Engine verbs:"},
                 {TOOL_GROUP_SENDERS, "Whose heaps they are:"},
                 {TOOL_GROUP_HEAPS, "Assembling heaps:"},
                 {TOOL_GROUP_MEMORY, "Memory:"},
                 {TOOL_GROUP_CONTENT, "What is done with heaps:"},
                 {TOOL_GROUP_END, "When to end, if not at a stop item:"},
                 {TOOL_GROUP_OUTPUT, "Output:"}},
    .tables = {&own_table, &tool_shared_table},
    .defaults = &defaults,
    .bytes = sizeof defaults,
    .take_argument = take_endpoint,
    .pairs = pairs,
    .offer = TOOL_OFFER_PORTS_HERE,
};

void spead_recv_options_parse(struct spead_recv_tool_options *options, int argc, char **argv)
{
    tool_command_line_read(&spead_recv_program, argc, argv, options, &options->shared.given);
    if (options->shared.endpoint_count == 0)
        tool_no_endpoint(&spead_recv_program, &options->shared.given,
                         "no endpoint: give at least one [HOST]:PORT");
    tool_effects_check(&spead_recv_program, options, &options->shared.given);
    recv_output_check(&options->output,
                      tool_given_value(&spead_recv_program, &options->shared.given, "sync"));
    if (options->items && options->output.path && recv_output_is_stdout(&options->output))
        tool_usage("--items has no effect with --output %s: standard output is for the heaps",
                   options->output.path);
}

/* Returns how many of the largest heaps may wait in the channel of the stream. */
static unsigned large_heaps(const struct spead_recv_tool_options *options)
{
    return options->stream.hand_over_heaps > 0 ? options->stream.hand_over_heaps
                                               : SPEAD_RECV_HAND_OVER_SIZES;
}

unsigned spead_recv_take_max(const struct spead_recv_tool_options *options)
{
    unsigned ring = options->stream.hand_over_heaps;

    return ring > 0 && ring < HEAP_CHECK_BATCH_MAX ? ring : HEAP_CHECK_BATCH_MAX;
}

/* Returns how many heaps may be on their way from the check to the file. This is the number of large heaps that may
 * wait in the channel of the stream, but at least two. One half of them may wait in the channel of the writer. The
 * writer takes the other half in one batch. */
static unsigned writer_depth(const struct spead_recv_tool_options *options)
{
    if (!options->output.path)
        return 0;
    return large_heaps(options) < 2 ? 2 : large_heaps(options);
}

unsigned spead_recv_writer_batch(const struct spead_recv_tool_options *options)
{
    unsigned half = writer_depth(options) / 2;

    return half < HEAP_WRITER_BATCH_MAX ? half : HEAP_WRITER_BATCH_MAX;
}

unsigned spead_recv_writer_capacity(const struct spead_recv_tool_options *options)
{
    return writer_depth(options) - spead_recv_writer_batch(options);
}

unsigned spead_recv_held_max(const struct spead_recv_tool_options *options)
{
    unsigned taken = spead_recv_take_max(options), large = large_heaps(options);

    /* At one time the program takes only heaps that wait, and not more than `large` of them are large. */
    return (taken < large ? taken : large) + writer_depth(options);
}

struct spead_recv_stream_config spead_recv_stream_config_of(
    const struct spead_recv_tool_options *options)
{
    struct spead_recv_stream_config config = options->stream;

    config.endpoints = options->shared.endpoints;
    config.endpoint_count = options->shared.endpoint_count;
    config.held_heaps = spead_recv_held_max(options);
    config.plan_only = options->shared.plan;
    config.engine_options = &options->verbs.options;
    if (options->start_at.kind != SPEAD_START_POINT_NONE)
        config.start_point = &options->start_at;
    return config;
}

struct spead_recording_writer_config spead_recv_recording_config_of(
    const struct spead_recv_tool_options *options, const struct spead_log *log)
{
    struct spead_recording_writer_config config = SPEAD_RECORDING_WRITER_CONFIG_INIT;

    recv_output_configure(&options->output, &config);
    config.endpoints = options->shared.endpoints;
    config.endpoint_count = options->shared.endpoint_count;
    config.log = *log;
    return config;
}
