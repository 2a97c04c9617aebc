/* SPDX-License-Identifier: Apache-2.0 */
/* See spead_send_options.h. */
#include "spead_send_options.h"

#include <inttypes.h>
#include <string.h>

#include <speadi/address.h>
#include <speadi/packet.h>

#include "option_effect.h"
#include "spead2_pattern.h"
#include "tool_engines.h"
#include "tool_exit.h"

#define GBPS     (1e9 / 8) /* one Gb/s in bytes per second */
#define RATE_MIN 8e-9      /* in Gb/s; this is one byte per second */

/* the order is that of enum spead_rate_of */
static const char *const rate_words[] = {"spead", "wire", NULL};

/* the order is that of enum verify_rule */
static const char *const pattern_words[] = {"speadline", "spead2", NULL};
static const char *const descriptor_words[] = {"first", "never", NULL};

/* the order is that of enum spead_send_path */
static const char *const path_words[] = {"auto", "gather", "reference", NULL};

/* With OWN, the value goes into a member of struct spead_send_tool_options. With STREAM, it goes into a field of the
 * stream's configuration. */
#define OWN(member) .at = {[TOOL_SEND] = TOOL_PLACE(spead_send_tool_options, member)}
#define STREAM(member) \
    .field = #member, .at = {[TOOL_SEND] = TOOL_PLACE(spead_send_tool_options, stream.member)}

/* clang-format off */
static const struct tool_option rows[] = {
    {.name = "engine", .argument = "NAME", .group = TOOL_GROUP_NETWORK,
     .type = &tool_name, .list = tool_send_engine_names, STREAM(engine),
     .help = ""},
    {.name = "heap-size", .argument = "N", .group = TOOL_GROUP_CONTENT,
     .type = &tool_bytes64, .min = 0, .max = 1ull << 40, OWN(heap_size),
     .help = "Payload bytes of a heap"},
    {.name = "items", .argument = "N", .group = TOOL_GROUP_CONTENT,
     .type = &tool_u64, .min = 1, .max = 16384, OWN(items),
     .help = "Items that the payload is divided into"},
    {.name = "descriptors", .argument = "WHEN", .group = TOOL_GROUP_CONTENT,
     .type = &tool_descriptors, .min = 1, .max = UINT32_MAX, OWN(descriptors), .offer_words = descriptor_words,
     .help = "Which heaps of each destination also describe the items: the first one (first), the first "
             "and every N-th after it (N), or none (never)"},
    {.name = "dtype", .argument = "TYPE", .group = TOOL_GROUP_CONTENT,
     .type = &tool_string, OWN(dtype),
     .help = "The type of numpy that the descriptors say, such as <i2 or <c8",
     .unset = "bytes"},
    {.name = "verify-pattern", .argument = "NAME", .group = TOOL_GROUP_CONTENT,
     .type = &tool_word, .words = pattern_words, OWN(verify_rule),
     .help = "Pattern of --verify: speadline, or spead2, which spead2_recv --verify checks"},

    {.name = "fail-fast", .group = TOOL_GROUP_END,
     .type = &tool_flag, STREAM(fail_fast),
     .help = "End at the first packet that cannot be sent, also if the reason can pass"},
    {.name = "addr-bits", .argument = "N", .group = TOOL_GROUP_HEAPS,
     .type = &tool_u32, .min = 8, .max = 56, OWN(addr_bits),
     .help = "Heap address bits: 8, 16 ... 56"},
    {.name = "packet-payload", .argument = "N", .group = TOOL_GROUP_HEAPS,
     .type = &tool_bytes32, .min = 8, .max = TOOL_PACKET_BYTES_MAX - 51, STREAM(packet_payload_bytes),
     .help = "Payload bytes of each packet but the last of a heap: a multiple of 8",
     .unset = "what fits"},
    {.name = "max-heaps", .argument = "N", .group = TOOL_GROUP_HEAPS,
     .type = &tool_u32, .min = 1, .max = 65536, STREAM(heaps_max),
     .help = "Heaps in flight, each with memory of its own"},
    {.name = "mix-heaps", .argument = "N", .group = TOOL_GROUP_HEAPS,
     .type = &tool_u32, .min = 2, .max = 64, STREAM(mix_heaps),
     .help = "The last packets of up to N small heaps leave behind their other packets, for longer "
             "trains; the receiver needs N live heaps",
     .unset = "one after another"},

    {.name = "rate", .argument = "G", .group = TOOL_GROUP_SPEED,
     .type = &tool_real, .least = RATE_MIN, .most = 100000, .unit = GBPS, .or_zero = true,
     STREAM(rate_bytes_per_s),
     .help = "Send at G Gb/s; 0: no limit"},
    {.name = "rate-of", .argument = "WHAT", .group = TOOL_GROUP_SPEED,
     .type = &tool_word, .words = rate_words, STREAM(rate_of),
     .help = "Bytes that the rate counts: spead (SPEAD packets only) or wire (with UDP, IP and "
             "Ethernet around them)"},
    {.name = "burst", .argument = "N", .group = TOOL_GROUP_SPEED,
     .type = &tool_bytes32, .min = 1, .max = 1u << 30, STREAM(burst_bytes),
     .help = "Most bytes that are sent back to back when the rate is limited; at least a packet"},
    {.name = "burst-rate-ratio", .argument = "R", .group = TOOL_GROUP_SPEED,
     .type = &tool_real, .least = 1, .most = 1000, .unit = 1, STREAM(burst_rate_ratio),
     .help = "A sender that is late may catch up at R times the rate"},

    {.name = "ttl", .argument = "N", .group = TOOL_GROUP_NETWORK,
     .type = &tool_u32, .min = 0, .max = 255, STREAM(multicast_ttl),
     .help = "Time to live of multicast packets"},
    {.name = "send-path", .argument = "PATH", .group = TOOL_GROUP_NETWORK,
     .type = &tool_word, .words = path_words, STREAM(send_path),
     .help = "How packets reach the kernel: auto, gather (copied into one buffer first) or reference (piece by "
             "piece)"},
    {.name = "hardware-rate", .group = TOOL_GROUP_VERBS,
     .type = &tool_flag, STREAM(hardware_rate),
     .help = "The device paces instead of this program; needs --rate"},
    {.name = "verbs-tso", .group = TOOL_GROUP_VERBS,
     .type = &tool_flag, STREAM(hardware_tso),
     .help = "Experimental, not verified on hardware: the device cuts packets out of larger requests (TSO)"},
};
/* clang-format on */

/* Which option takes the effect of another one away. Each row of the two tables was asked: when is it ignored? */
/* clang-format off */
static const struct tool_pair pairs[] = {
    {.option = "verify-pattern", .other = "verify", .other_value = "on", .unless = true,
     .why = "no pattern is written"},
    {.option = "dtype", .other = "descriptors", .other_value = "never", .why = "no descriptors are sent"},
    {.option = "rate-of", .other = "rate", .other_value = "0", .why = "the rate has no limit"},
    {.option = "burst", .other = "rate", .other_value = "0", .why = "the rate has no limit"},
    {.option = "burst-rate-ratio", .other = "rate", .other_value = "0", .why = "the rate has no limit"},
    {.option = "burst", .other = "hardware-rate", .but = "verbs-tso", .but_value = "on",
     .why = "the device paces each packet"},
    {.option = "burst-rate-ratio", .other = "hardware-rate", .why = "the device paces"},
    {.option = "max-poll", .other = "comp-vector", .other_value = "poll", .why = "the thread never sleeps"},
    {.option = "mix-heaps", .other = "max-heaps", .other_value = "1",
     .why = "one heap is in flight"},
    {.option = "mix-heaps", .other = "packet-payload",
     .why = "the first packet of a heap is longer than the others and ends a train"},
    {.option = NULL},
};
/* clang-format on */

static const char doc[] =
    "Send SPEAD heaps over UDP."
    "\vIn brackets: the range of a value; in parentheses: the default. An option with a value is "
    "given once. Several destinations are substreams of one stream: heaps are numbered 1, 2, 3 ... "
    "and go to them in turn. Sizes accept the suffixes K, M, G and T (powers of 1024). At the end "
    "each destination gets a stop heap.\n\n"
    "Interrupt once to send what is in flight and end, twice to end at once. "
    "SIGUSR1 prints the summary so far.\n\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.";

static const struct tool_table own_table = {rows, sizeof rows / sizeof *rows};

static const struct spead_send_tool_options defaults = {
    .shared = TOOL_SHARED_INIT,
    .stream = SPEAD_SEND_STREAM_CONFIG_INIT,
    .verbs = SPEAD_SEND_VERBS_CONFIG_INIT,
    .heap_size = 4u << 20,
    .items = 1,
    .addr_bits = 40,
};

static void take_endpoint(void *options, const char *text)
{
    tool_shared_take_endpoint(&((struct spead_send_tool_options *)options)->shared, text);
}

const struct tool_program spead_send_program = {
    .side = TOOL_SEND,
    .arguments = "HOST:PORT...",
    .arguments_field = "endpoints",
    .doc = doc,
    .headings = {{TOOL_GROUP_CONTENT, "What is sent:"},
                 {TOOL_GROUP_END, "When to end, if not interrupted:"},
                 {TOOL_GROUP_HEAPS, "How heaps are sent:"},
                 {TOOL_GROUP_SPEED, "How fast:"},
                 {TOOL_GROUP_NETWORK, "Network:"},
                 {TOOL_GROUP_VERBS, "Engine verbs:"},
                 {TOOL_GROUP_OUTPUT, "Output:"}},
    .tables = {&own_table, &tool_shared_table},
    .defaults = &defaults,
    .pairs = pairs,
    .bytes = sizeof defaults,
    .take_argument = take_endpoint,
    .offer = TOOL_OFFER_PORTS_THERE,
};

static struct spead_flavour flavour_of(const struct spead_send_tool_options *options)
{
    return (struct spead_flavour){(uint8_t)options->addr_bits};
}

/* Exits with TOOL_USAGE if --ttl was typed and no destination is a multicast group. A destination that cannot be
 * resolved here is refused later, with its own sentence. */
static void check_ttl(const struct spead_send_tool_options *options)
{
    const char *ttl = tool_given_value(&spead_send_program, &options->shared.given, "ttl");
    struct speadi_address address;

    if (!ttl)
        return;
    for (uint32_t i = 0; i < options->shared.endpoint_count; i++)
        if (speadi_address_parse(&address, options->shared.endpoints[i], SPEADI_ADDRESS_SEND,
                                 NULL) < 0 ||
            speadi_address_is_multicast(&address))
            return;
    tool_usage("--ttl %s has no effect: it is for multicast, and no destination is a group", ttl);
}

/* The pattern of spead2 has elements of four bytes, and an item has whole elements. */
static void check_pattern(const struct spead_send_tool_options *options)
{
    uint64_t multiple = SPEAD2_PATTERN_WORD * options->items;

    if (options->verify_rule != VERIFY_SPEAD2)
        return;
    if (options->heap_size % multiple != 0)
        tool_usage("--verify-pattern spead2: --heap-size %" PRIu64 " must be a multiple of %" PRIu64
                   ", which is %u times --items",
                   options->heap_size, multiple, SPEAD2_PATTERN_WORD);
}

static uint64_t room_beside(uint64_t bytes, uint64_t used)
{
    return bytes > used ? bytes - used : 0;
}

/* The library refuses a payload that leaves no room for one item pointer. The heaps of this program may have more. */
static void check_packet_payload(const struct spead_send_tool_options *options)
{
    const uint32_t payload = options->stream.packet_payload_bytes;
    const uint64_t pointers = options->items * 8;

    if (payload == 0)
        return;
    if (payload % 8 != 0)
        tool_usage("--packet-payload %" PRIu32 ": use a multiple of 8", payload);
    if (options->stream.packet_bytes_max < 64)
        tool_usage("--packet-payload %" PRIu32 ": --packet %" PRIu32
                   " is too small for the stop heap, use at least 64",
                   payload, options->stream.packet_bytes_max);
    if (40 + pointers + payload > options->stream.packet_bytes_max / 8 * 8)
        tool_usage("--packet-payload %" PRIu32 ": with --packet %" PRIu32 " and --items %" PRIu64
                   ", a packet has room for %" PRIu64 " bytes beside the item pointers",
                   payload, options->stream.packet_bytes_max, options->items,
                   room_beside(options->stream.packet_bytes_max / 8 * 8, 40 + pointers));
}

/* Exits with TOOL_USAGE if --mix-heaps was typed and the stream would mix none of the heaps (mix_heaps in send.h). */
static void check_mix(const struct spead_send_tool_options *options)
{
    const uint32_t mix = options->stream.mix_heaps,
                   packet = options->stream.packet_bytes_max / 8 * 8;
    const uint64_t pointers = options->items * 8;

    if (mix == 0)
        return;
    if (options->shared.endpoint_count > 1)
        tool_usage("--mix-heaps %" PRIu32
                   " has no effect: heaps go to the destinations in turn, and "
                   "only heaps of one destination are mixed",
                   mix);
    if (options->heap_size > SPEADI_UDP_BYTES_MAX)
        tool_usage("--mix-heaps %" PRIu32 " has no effect: heaps of %" PRIu64
                   " bytes fill trains by themselves. Give a smaller --heap-size",
                   mix, options->heap_size);
    if (40 + pointers + options->heap_size <= packet)
        tool_usage("--mix-heaps %" PRIu32 " has no effect: a heap of %" PRIu64
                   " bytes is one packet, and such heaps share trains anyhow",
                   mix, options->heap_size);
}

/* Checks options that must fit each other, such as --heap-size and --addr-bits. Exits with TOOL_USAGE when they do not
 * fit. */
static void check(const struct spead_send_tool_options *options)
{
    struct spead_flavour flavour = flavour_of(options);

    if (options->shared.endpoint_count == 0)
        tool_no_endpoint(&spead_send_program, &options->shared.given,
                         "no destination: give at least one HOST:PORT");
    if (options->stream.hardware_rate && options->stream.rate_bytes_per_s <= 0)
        tool_usage("--hardware-rate: the device must know the rate. Give --rate");
    check_pattern(options);
    check_packet_payload(options);
    check_mix(options);
    send_descriptors_check(options);
    if (!spead_flavour_is_valid(flavour))
        tool_usage("--addr-bits %" PRIu32 ": use a multiple of 8", options->addr_bits);
    if (options->heap_size > spead_flavour_value_max(flavour))
        tool_usage("--heap-size %" PRIu64 ": largest with --addr-bits %" PRIu32 " is %" PRIu64,
                   options->heap_size, options->addr_bits, spead_flavour_value_max(flavour));
    if (spead_send_item_id(options, options->items - 1) > spead_flavour_id_max(flavour))
        tool_usage("--items %" PRIu64 ": most with --addr-bits %" PRIu32 " is %" PRIu64,
                   options->items, options->addr_bits,
                   spead_flavour_id_max(flavour) - spead_send_item_id(options, 0) + 1);
}

void spead_send_options_parse(struct spead_send_tool_options *options, int argc, char **argv)
{
    tool_command_line_read(&spead_send_program, argc, argv, options, &options->shared.given);
    check(options);
    tool_effects_check(&spead_send_program, options, &options->shared.given);
    check_ttl(options);
}

uint64_t spead_send_item_id(const struct spead_send_tool_options *options, uint64_t index)
{
    /* The sender of spead2 starts at 0x1000 too. In SPEAD-64-56 an identifier has only 7 bits, and in SPEAD-64-8 a
     * descriptor has 8 bits for it; there the first identifier is 0x20, above the identifiers of descriptors. */
    const struct spead_flavour flavour = flavour_of(options);
    const bool is_wide =
        spead_flavour_id_max(flavour) >= 0x1000 && spead_flavour_value_max(flavour) >= 0x1000;
    const uint64_t first = is_wide ? 0x1000 : 0x20;

    return first + index;
}

struct spead_send_stream_config spead_send_stream_config_of(
    const struct spead_send_tool_options *options)
{
    struct spead_send_stream_config config = options->stream;

    config.endpoints = options->shared.endpoints;
    config.endpoint_count = options->shared.endpoint_count;
    config.engine_options = &options->verbs.options;
    return config;
}
