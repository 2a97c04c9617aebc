/* See spead_recv_options.h. */
#include "spead_recv_options.h"

#include <inttypes.h>
#include <string.h>

#include "heap_check.h"
#include "heap_writer.h"

enum {
    KEY_CONCURRENT_HEAPS = TOOL_KEY_OWN,
    KEY_SUBSTREAMS,
    KEY_OUT_OF_ORDER,
    KEY_HEAP_TIMEOUT,
    KEY_HEAP_STEP,
    KEY_MAX_HEAP_SIZE,
    KEY_MEMORY,
    KEY_RING_HEAPS,
    KEY_ON_FULL,
    KEY_INCOMPLETE,
    KEY_RECEIVE_PATH,
    KEY_GATHER,
    KEY_MPRQ,
    KEY_MPRQ_STRIDE,
    KEY_MPRQ_ENTRY,
    KEY_VERBS_QUEUES,
    KEY_SOURCE,
    KEY_NO_STOP_ITEM,
    KEY_PLACED_WINDOW,
    KEY_PLACED_LOSS_MAX,
    KEY_STRICT,
    KEY_OUTPUT,
    KEY_PLAN,
    KEY_VERBOSE,
};

/* clang-format off */
static const struct argp_option argp_options[] = {
    {NULL, 0, NULL, 0, "Network:", 1},
    {"engine", TOOL_KEY_ENGINE, "NAME", 0, "the names of all engines; see help_of()", 1},
    {"bind", TOOL_KEY_BIND, "IF", 0, "Interface, by name or address, to listen on and join groups on (any)", 1},
    {"source", KEY_SOURCE, "HOST[:PORT]", 0, "Hear this sender only; groups are joined for it alone (all)", 1},
    {"packet", TOOL_KEY_PACKET, "N", 0, "Largest SPEAD packet accepted, in bytes (9200)", 1},
    {"buffer", TOOL_KEY_BUFFER, "N", 0, "Socket buffer in bytes (8M)", 1},
    {"receive-path", KEY_RECEIVE_PATH, "PATH", 0, "How payload gets into heaps: placed (by the kernel's copy), bounce (through a small buffer), or auto: by payload size (auto)", 1},
    {"placed-window", KEY_PLACED_WINDOW, "N", 0, "Most packets whose places are given away ahead, 1 to 64 (64)", 1},
    {"placed-loss-max", KEY_PLACED_LOSS_MAX, "PERCENT", 0, "Bounce rather than place while more packets than this are lost or out of order; 0: while half of them would have to be moved, 100: never (0)", 1},
    {"gather", KEY_GATHER, "US", 0, "At a steady rate, sleep this many microseconds and read what came, which costs half the CPU time; 0 to wake for each message (200)", 1},
    {"cpu", TOOL_KEY_CPU, "N", 0, "Pin the stream's thread to this CPU (any)", 1},
    {"fault", TOOL_KEY_FAULT, "SPEC", 0, "Debugging aid: spoil packets on purpose, e.g. loss=0.01,reorder=8,seed=7", 1},
    {NULL, 0, NULL, 0, "Engine verbs:", 2},
    {"verbs-device", TOOL_KEY_VERBS_DEVICE, "NAME", 0, "RDMA device (that of the interface, or the endpoint)", 2},
    {"comp-vector", TOOL_KEY_COMP_VECTOR, "N", 0, "Completion vector, or \"poll\" (-1) to poll without ever sleeping (0)", 2},
    {"max-poll", TOOL_KEY_MAX_POLL, "N", 0, "Polls in a row that find nothing before it sleeps (10)", 2},
    {"mprq", KEY_MPRQ, "WHEN", 0, "Receive through a multi-packet queue: on, off, or auto: where the device has one and payload is not placed (auto)", 2},
    {"mprq-stride", KEY_MPRQ_STRIDE, "N", 0, "Bytes of its strides, a power of two, brought within the device's limits (256)", 2},
    {"mprq-entry", KEY_MPRQ_ENTRY, "N", 0, "Bytes of its entries, likewise (256K)", 2},
    {"verbs-queues", KEY_VERBS_QUEUES, "N", 0, "Receive queues that the device spreads IPv4 flows over, a power of two up to 16; nothing is placed through several (1)", 2},
    {NULL, 0, NULL, 0, "Assembling heaps:", 3},
    {"concurrent-heaps", KEY_CONCURRENT_HEAPS, "N", 0, "Live heaps per substream (4)", 3},
    {"substreams", KEY_SUBSTREAMS, "N", 0, "The heap counter modulo N selects the substream (1)", 3},
    {"heap-step", KEY_HEAP_STEP, "N", 0, "How far apart the sender's heap counters are, to see skipped ones; 0 for unknown (1)", 3},
    {"out-of-order", KEY_OUT_OF_ORDER, NULL, 0, "Accept the packets of a heap in any order", 3},
    {"heap-timeout", KEY_HEAP_TIMEOUT, "MS", 0, "Give a heap up after this many milliseconds, 0 for never (0)", 3},
    {"incomplete", KEY_INCOMPLETE, NULL, 0, "Take incomplete heaps too, with the map of what is missing", 3},
    {NULL, 0, NULL, 0, "Memory:", 4},
    {"max-heap-size", KEY_MAX_HEAP_SIZE, "N", 0, "Largest payload of a heap (64M)", 4},
    {"memory", KEY_MEMORY, "N", 0, "Bound of all heap memory (what the plan needs at most)", 4},
    {"ring-heaps", KEY_RING_HEAPS, "N", 0, "Heaps that may wait for the consumer (4)", 4},
    {"on-full", KEY_ON_FULL, "POLICY", 0, "What happens to a heap that finds that many waiting: drop-newest or drop-oldest (drop-newest)", 4},
    {NULL, 0, NULL, 0, "What is done with heaps:", 5},
    {"verify", TOOL_KEY_VERIFY, NULL, 0, "Check every byte that arrives by the rule of spead-send --verify", 5},
    {"output", KEY_OUTPUT, "FILE", 0, "Append heap payloads to FILE, and a line for each to FILE.jsonl", 5},
    {NULL, 0, NULL, 0, "When to end:", 6},
    {"heaps", TOOL_KEY_HEAPS, "N", 0, "After N complete heaps (at a stop item)", 6},
    {"seconds", TOOL_KEY_SECONDS, "S", 0, "After S seconds (at a stop item)", 6},
    {"no-stop-item", KEY_NO_STOP_ITEM, NULL, 0, "Do not end at a stop item", 6},
    {"strict", KEY_STRICT, NULL, 0, "Exit status 3 when anything was lost or refused", 6},
    {NULL, 0, NULL, 0, "Output:", 7},
    {"json", TOOL_KEY_JSON, NULL, 0, "Print one JSON object, as the last line of standard output", 7},
    {"quiet", TOOL_KEY_QUIET, NULL, 0, "No plan, no progress, no summary; warnings and errors stay", 7},
    {"plan", KEY_PLAN, NULL, 0, "Print what would run (threads, channels, memory) and end", 7},
    {"verbose", KEY_VERBOSE, NULL, 0, "Say in the summary which part was the slowest, and how full each channel was", 7},
    {NULL, 0, NULL, 0, "Help:", -1},
    {0}};
/* clang-format on */

static const char doc[] =
    "Receive SPEAD heaps over UDP."
    "\vSeveral endpoints feed one stream; a multicast HOST is joined. Sizes accept the suffixes K, "
    "M, G and T (powers of 1024).\n\n"
    "Interrupt once to end in order, twice to end at once.\n\n"
    "Exit status: 0 done, 1 failed or a verified byte was wrong, 2 wrong usage, 3 under --strict "
    "when anything was lost or refused.";

static const char *const on_full_words[] = {"drop-newest", "drop-oldest", "block", NULL};
static const char *const mprq_words[] = {"auto", "on", "off", NULL}; /* enum spead_verbs_mprq */
static const char *const path_words[] = {"auto", "placed", "bounce", NULL};

#define ROW(key, name, kind, min, max, words, field)                                      \
    {                                                                                     \
        key, name, kind, min, max, words, offsetof(struct spead_recv_tool_options, field) \
    }

static const struct tool_value values[] = {
    ROW(KEY_CONCURRENT_HEAPS, "--concurrent-heaps", TOOL_COUNT, 1, 65536, NULL, concurrent_heaps),
    ROW(KEY_SUBSTREAMS, "--substreams", TOOL_COUNT, 1, 4096, NULL, substreams),
    ROW(KEY_HEAP_STEP, "--heap-step", TOOL_COUNT, 0, UINT32_MAX, NULL, heap_step),
    ROW(KEY_HEAP_TIMEOUT, "--heap-timeout", TOOL_REAL, 0, 86400000, NULL, heap_timeout_ms),
    ROW(KEY_GATHER, "--gather", TOOL_REAL, 0, 100000, NULL, gather_us),
    ROW(KEY_MAX_HEAP_SIZE, "--max-heap-size", TOOL_SIZE, 1, 1ull << 40, NULL, max_heap_size),
    ROW(KEY_MEMORY, "--memory", TOOL_SIZE, 1, 1ull << 50, NULL, memory),
    ROW(KEY_RING_HEAPS, "--ring-heaps", TOOL_COUNT, 1, 65536, NULL, ring_heaps),
    ROW(KEY_ON_FULL, "--on-full", TOOL_CHOICE, 0, 0, on_full_words, on_full),
    ROW(KEY_RECEIVE_PATH, "--receive-path", TOOL_CHOICE, 0, 0, path_words, receive_path),
    ROW(KEY_PLACED_WINDOW, "--placed-window", TOOL_COUNT, 1, 64, NULL, placed_window),
    ROW(KEY_PLACED_LOSS_MAX, "--placed-loss-max", TOOL_REAL, 0, 100, NULL, placed_loss_max_percent),
    ROW(KEY_MPRQ, "--mprq", TOOL_CHOICE, 0, 0, mprq_words, mprq),
    ROW(KEY_MPRQ_STRIDE, "--mprq-stride", TOOL_SIZE, 2, 1u << 16, NULL, mprq_stride),
    ROW(KEY_MPRQ_ENTRY, "--mprq-entry", TOOL_SIZE, 2, 1u << 26, NULL, mprq_entry),
    ROW(KEY_VERBS_QUEUES, "--verbs-queues", TOOL_COUNT, 1, 16, NULL, verbs_queues),
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct spead_recv_tool_options *options = state->input;

    if (tool_value_take(values, sizeof values / sizeof *values, key, argument, options))
        return 0;
    switch (key) {
    case KEY_OUT_OF_ORDER:
        options->out_of_order = true;
        return 0;
    case KEY_INCOMPLETE:
        options->incomplete = true;
        return 0;
    case KEY_NO_STOP_ITEM:
        options->no_stop_item = true;
        return 0;
    case KEY_STRICT:
        options->strict = true;
        return 0;
    case KEY_PLAN:
        options->plan = true;
        return 0;
    case KEY_VERBOSE:
        options->verbose = true;
        return 0;
    case KEY_SOURCE:
        options->source = argument;
        return 0;
    case KEY_OUTPUT:
        options->output = argument;
        return 0;
    default:
        return tool_common_take(key, argument, state, &options->common);
    }
}

static void check_power(const char *option, uint64_t value)
{
    if (value & (value - 1))
        tool_usage("%s %" PRIu64 ": not a power of two", option, value);
}

static void check(const struct spead_recv_tool_options *options)
{
    if (options->common.endpoint_count == 0)
        tool_usage("listen where? Give at least one [HOST]:PORT");
    if (options->on_full == SPEAD_BLOCK)
        tool_usage("--on-full block: a UDP sender cannot wait, so the kernel would drop packets "
                   "unseen; use drop-newest or drop-oldest");
    check_power("--mprq-stride", options->mprq_stride);
    check_power("--mprq-entry", options->mprq_entry);
    check_power("--verbs-queues", options->verbs_queues);
}

static uint32_t log_of(uint64_t power)
{
    return power ? (uint32_t)__builtin_ctzll(power) : 0;
}

static void fill_verbs(struct spead_recv_tool_options *options)
{
    options->verbs = (struct spead_recv_verbs_config)SPEAD_RECV_VERBS_CONFIG_INIT;
    options->verbs.device = options->common.verbs_device;
    options->verbs.comp_vector = options->common.comp_vector;
    options->verbs.max_poll = (uint32_t)options->common.max_poll;
    options->verbs.mprq = (enum spead_verbs_mprq)options->mprq;
    options->verbs.mprq_stride_log = log_of(options->mprq_stride);
    options->verbs.mprq_entry_log = log_of(options->mprq_entry);
    options->verbs.queues = (uint32_t)options->verbs_queues;
}

/* argp's help filter: the text of an option, or another one that argp frees. */
static char *help_of(int key, const char *text, void *input)
{
    (void)input;
    return key == TOOL_KEY_ENGINE ? strdup(tool_engine_help(spead_recv_engine_info))
                                  : (char *)(uintptr_t)text;
}

void spead_recv_options_parse(struct spead_recv_tool_options *options, int argc, char **argv)
{
    static const struct argp argp = {
        argp_options, parse_option, "[HOST]:PORT...", doc, 0, help_of, 0};

    *options = (struct spead_recv_tool_options){
        .common = {.packet = 9200,
                   .buffer = 8u << 20,
                   .cpu = -1,
                   .max_poll = 10,
                   .engine = "auto",
                   .engine_info = spead_recv_engine_info},
        .gather_us = 200,
        .placed_window = 64,
        .verbs_queues = 1,
        .concurrent_heaps = 4,
        .substreams = 1,
        .heap_step = 1,
        .max_heap_size = 64u << 20,
        .ring_heaps = 4,
    };
    tool_parse(&argp, argc, argv, options);
    check(options);
    fill_verbs(options);
}

unsigned spead_recv_take_max(const struct spead_recv_tool_options *options)
{
    return options->ring_heaps < HEAP_CHECK_BATCH_MAX ? (unsigned)options->ring_heaps
                                                      : HEAP_CHECK_BATCH_MAX;
}

/* As many as may wait for us, half of them in the channel and half being written; two at least. */
static unsigned writer_depth(const struct spead_recv_tool_options *options)
{
    if (options->output == NULL)
        return 0;
    return options->ring_heaps < 2 ? 2 : (unsigned)options->ring_heaps;
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
    return spead_recv_take_max(options) + writer_depth(options);
}

struct spead_recv_stream_config spead_recv_stream_config_of(
    const struct spead_recv_tool_options *options)
{
    const struct tool_common *common = &options->common;
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    config.endpoints = common->endpoints;
    config.endpoint_count = (uint32_t)common->endpoint_count;
    config.engine = common->engine;
    config.interface_name = common->bind;
    config.source = options->source;
    config.fault = common->fault;
    config.packet_bytes_max = (uint32_t)common->packet;
    config.socket_buffer_bytes = (uint32_t)common->buffer;
    config.receive_path = (enum spead_receive_path)options->receive_path;
    config.placed_window = (uint32_t)options->placed_window;
    config.placed_loss_max = options->placed_loss_max_percent / 100;
    config.substream_count = (uint32_t)options->substreams;
    config.live_heaps_max = (uint32_t)options->concurrent_heaps;
    config.allow_out_of_order = options->out_of_order;
    config.ignore_stop_item = options->no_stop_item;
    config.deliver_incomplete = options->incomplete;
    config.heap_timeout_ns = (uint64_t)(options->heap_timeout_ms * 1e6);
    config.gather_ns = (uint64_t)(options->gather_us * 1e3);
    config.heap_bytes_max = options->max_heap_size;
    config.memory_bytes_max = options->memory;
    config.ring_heaps = (uint32_t)options->ring_heaps;
    config.held_heaps = spead_recv_held_max(options);
    config.on_full = (enum spead_on_full)options->on_full;
    config.heap_counter_step = options->heap_step;
    config.engine_options = &options->verbs.options;
    return config;
}
