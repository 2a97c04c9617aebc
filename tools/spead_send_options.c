/* See spead_send_options.h. */
#include "spead_send_options.h"

#include <inttypes.h>
#include <string.h>

#define RATE_MIN 8e-9 /* Gb/s: a byte a second */

enum {
    KEY_HEAP_SIZE = TOOL_KEY_OWN,
    KEY_ITEMS,
    KEY_ADDR_BITS,
    KEY_RATE,
    KEY_RATE_OF,
    KEY_BURST,
    KEY_BURST_RATE_RATIO,
    KEY_MAX_HEAPS,
    KEY_TTL,
    KEY_HARDWARE_RATE,
    KEY_VERBS_TSO,
};

/* clang-format off */
static const struct argp_option argp_options[] = {
    {NULL, 0, NULL, 0, "What is sent:", 1},
    {"heap-size", KEY_HEAP_SIZE, "N", 0, "Payload bytes of a heap (4194304)", 1},
    {"items", KEY_ITEMS, "N", 0, "Items that the payload is divided into (1)", 1},
    {"heaps", TOOL_KEY_HEAPS, "N", 0, "End after N heaps (send until interrupted)", 1},
    {"seconds", TOOL_KEY_SECONDS, "S", 0, "End after S seconds (send until interrupted)", 1},
    {"verify", TOOL_KEY_VERIFY, NULL, 0, "Fill each heap so that spead-recv --verify can check every byte", 1},
    {NULL, 0, NULL, 0, "How heaps become packets:", 2},
    {"packet", TOOL_KEY_PACKET, "N", 0, "Largest SPEAD packet in bytes (1472)", 2},
    {"addr-bits", KEY_ADDR_BITS, "N", 0, "Heap address bits: 8, 16 ... 56 (40)", 2},
    {"max-heaps", KEY_MAX_HEAPS, "N", 0, "Heaps in flight, each with memory of its own (4)", 2},
    {NULL, 0, NULL, 0, "How fast:", 3},
    {"rate", KEY_RATE, "G", 0, "Gb/s, 0 for unlimited (0)", 3},
    {"rate-of", KEY_RATE_OF, "WHAT", 0, "What the rate counts: spead bytes, or wire bytes with UDP, IP and Ethernet around them (spead)", 3},
    {"burst", KEY_BURST, "N", 0, "Most bytes sent back to back at a limited rate (65536)", 3},
    {"burst-rate-ratio", KEY_BURST_RATE_RATIO, "R", 0, "How much faster than the rate it may catch up (1.05)", 3},
    {NULL, 0, NULL, 0, "Network:", 4},
    {"engine", TOOL_KEY_ENGINE, "NAME", 0, "the names of all engines; see help_of()", 4},
    {"bind", TOOL_KEY_BIND, "IF", 0, "Interface, by name or address, to send from (the route's)", 4},
    {"ttl", KEY_TTL, "N", 0, "Multicast time to live (1)", 4},
    {"buffer", TOOL_KEY_BUFFER, "N", 0, "Socket buffer in bytes (512K)", 4},
    {"cpu", TOOL_KEY_CPU, "N", 0, "Run on this CPU only (any)", 4},
    {"fault", TOOL_KEY_FAULT, "SPEC", 0, "Debugging aid: spoil packets on purpose, e.g. loss=0.01,reorder=8,seed=7", 4},
    {NULL, 0, NULL, 0, "Engine verbs:", 5},
    {"verbs-device", TOOL_KEY_VERBS_DEVICE, "NAME", 0, "RDMA device (that of the interface, or the route)", 5},
    {"comp-vector", TOOL_KEY_COMP_VECTOR, "N", 0, "Completion vector, or \"poll\" (-1) to poll without ever sleeping (0)", 5},
    {"max-poll", TOOL_KEY_MAX_POLL, "N", 0, "Polls in a row that find nothing before it sleeps (10)", 5},
    {"hardware-rate", KEY_HARDWARE_RATE, NULL, 0, "The device paces, not this program", 5},
    {"verbs-tso", KEY_VERBS_TSO, NULL, 0, "Experimental, not verified on hardware: the device cuts packets out of larger requests (TSO)", 5},
    {NULL, 0, NULL, 0, "Output:", 6},
    {"json", TOOL_KEY_JSON, NULL, 0, "Print one JSON object, as the last line of standard output", 6},
    {"quiet", TOOL_KEY_QUIET, NULL, 0, "No progress, no summary; warnings and errors stay", 6},
    {NULL, 0, NULL, 0, "Help:", -1},
    {0}};
/* clang-format on */

static const char doc[] =
    "Send SPEAD heaps over UDP."
    "\vSeveral destinations are substreams of one stream: heaps are numbered 1, 2, 3 ... and go to "
    "them in turn. Sizes accept the suffixes K, M, G and T (powers of 1024). At the end each "
    "destination gets a stop heap.\n\n"
    "Interrupt once to send what is in flight and end, twice to end at once.\n\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.";

static const char *const rate_words[] = {"spead", "wire", NULL}; /* in enum spead_rate_of's order */

#define ROW(key, name, kind, min, max, words, field)                                      \
    {                                                                                     \
        key, name, kind, min, max, words, offsetof(struct spead_send_tool_options, field) \
    }

static const struct tool_value values[] = {
    ROW(KEY_HEAP_SIZE, "--heap-size", TOOL_SIZE, 0, 1ull << 40, NULL, heap_size),
    ROW(KEY_ITEMS, "--items", TOOL_COUNT, 1, 16384, NULL, items),
    ROW(KEY_ADDR_BITS, "--addr-bits", TOOL_COUNT, 8, 56, NULL, addr_bits),
    ROW(KEY_RATE, "--rate", TOOL_REAL, 0, 100000, NULL, rate),
    ROW(KEY_RATE_OF, "--rate-of", TOOL_CHOICE, 0, 0, rate_words, rate_of),
    ROW(KEY_BURST, "--burst", TOOL_SIZE, 1, 1u << 30, NULL, burst),
    ROW(KEY_BURST_RATE_RATIO, "--burst-rate-ratio", TOOL_REAL, 1, 1000, NULL, burst_rate_ratio),
    ROW(KEY_MAX_HEAPS, "--max-heaps", TOOL_COUNT, 1, 65536, NULL, max_heaps),
    ROW(KEY_TTL, "--ttl", TOOL_COUNT, 0, 255, NULL, ttl),
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct spead_send_tool_options *options = state->input;

    if (tool_value_take(values, sizeof values / sizeof *values, key, argument, options))
        return 0;
    if (key == KEY_HARDWARE_RATE) {
        options->hardware_rate = true;
        return 0;
    }
    if (key == KEY_VERBS_TSO) {
        options->verbs_tso = true;
        return 0;
    }
    return tool_common_take(key, argument, state, &options->common);
}

static struct spead_flavour flavour_of(const struct spead_send_tool_options *options)
{
    return (struct spead_flavour){(uint8_t)options->addr_bits};
}

/* What one option allows and another forbids. */
static void check(const struct spead_send_tool_options *options)
{
    struct spead_flavour flavour = flavour_of(options);

    if (options->common.endpoint_count == 0)
        tool_usage("where to? Give at least one HOST:PORT");
    if (options->rate > 0 && options->rate < RATE_MIN)
        tool_usage("--rate %g: smallest is %g, or 0 for unlimited", options->rate, RATE_MIN);
    if (options->hardware_rate && options->rate <= 0)
        tool_usage("--hardware-rate: at which rate? Give --rate");
    if (!spead_flavour_is_valid(flavour))
        tool_usage("--addr-bits %" PRIu64 ": use a multiple of 8", options->addr_bits);
    if (options->heap_size > spead_flavour_value_max(flavour))
        tool_usage("--heap-size %" PRIu64 ": largest with --addr-bits %" PRIu64 " is %" PRIu64,
                   options->heap_size, options->addr_bits, spead_flavour_value_max(flavour));
    if (spead_send_item_id(options, options->items - 1) > spead_flavour_id_max(flavour))
        tool_usage("--items %" PRIu64 ": most with --addr-bits %" PRIu64 " is %" PRIu64,
                   options->items, options->addr_bits,
                   spead_flavour_id_max(flavour) - spead_send_item_id(options, 0) + 1);
}

static void fill_verbs(struct spead_send_tool_options *options)
{
    options->verbs = (struct spead_send_verbs_config)SPEAD_SEND_VERBS_CONFIG_INIT;
    options->verbs.device = options->common.verbs_device;
    options->verbs.comp_vector = options->common.comp_vector;
    options->verbs.max_poll = (uint32_t)options->common.max_poll;
}

/* argp's help filter: the text of an option, or another one that argp frees. */
static char *help_of(int key, const char *text, void *input)
{
    (void)input;
    return key == TOOL_KEY_ENGINE ? strdup(tool_engine_help(spead_send_engine_info))
                                  : (char *)(uintptr_t)text;
}

void spead_send_options_parse(struct spead_send_tool_options *options, int argc, char **argv)
{
    static const struct argp argp = {
        argp_options, parse_option, "HOST:PORT...", doc, 0, help_of, 0};

    *options = (struct spead_send_tool_options){
        .common = {.packet = 1472,
                   .buffer = 512u << 10,
                   .cpu = -1,
                   .max_poll = 10,
                   .engine = "auto",
                   .engine_info = spead_send_engine_info},
        .heap_size = 4u << 20,
        .items = 1,
        .addr_bits = 40,
        .burst = 65536,
        .burst_rate_ratio = 1.05,
        .max_heaps = 4,
        .ttl = 1,
    };
    tool_parse(&argp, argc, argv, options);
    check(options);
    fill_verbs(options);
}

uint64_t spead_send_item_id(const struct spead_send_tool_options *options, uint64_t index)
{
    /* 0x1000 is where spead2's sender starts too; above the descriptor's own ids where that is too
     * large (SPEAD-64-56 has 7 bits of id). */
    uint64_t first = spead_flavour_id_max(flavour_of(options)) >= 0x1000 ? 0x1000 : 0x20;

    return first + index;
}

struct spead_send_stream_config spead_send_stream_config_of(
    const struct spead_send_tool_options *options)
{
    const struct tool_common *common = &options->common;
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    config.endpoints = common->endpoints;
    config.endpoint_count = (uint32_t)common->endpoint_count;
    config.engine = common->engine;
    config.interface_name = common->bind;
    config.fault = common->fault;
    config.packet_bytes_max = (uint32_t)common->packet;
    config.socket_buffer_bytes = (uint32_t)common->buffer;
    config.multicast_ttl = (uint32_t)options->ttl;
    config.heaps_max = (uint32_t)options->max_heaps;
    config.rate_bytes_per_s = options->rate * 1e9 / 8;
    config.rate_of = options->rate_of == 0 ? SPEAD_RATE_SPEAD : SPEAD_RATE_WIRE;
    config.burst_bytes = (uint32_t)options->burst;
    config.burst_rate_ratio = options->burst_rate_ratio;
    config.hardware_rate = options->hardware_rate;
    config.hardware_tso = options->verbs_tso;
    config.engine_options = &options->verbs.options;
    return config;
}
