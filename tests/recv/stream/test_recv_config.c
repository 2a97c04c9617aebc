/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream gets the right defaults, and the text of a refusal names the field with the wrong value.
 * Method: the tests call the function that reads the configuration and the function that creates the stream. Tests that
 * need packets use engine mem, so that no part between configuration and ledger is replaced. */
#include <criterion/criterion.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <speadi/numbers.h>
#include <speadi/page_size.h>

#include "packet_builder.h"
#include "recv_config.h"
#include "script_engine.h"

static const char *endpoint = "127.0.0.1:17500";
static struct spead_recv_stream_config config;
static struct spead_err err;

static void start_from_defaults(void)
{
    config = (struct spead_recv_stream_config)SPEAD_RECV_STREAM_CONFIG_INIT;
    config.endpoints = &endpoint;
    config.endpoint_count = 1;
}

TestSuite(recv_config, .init = start_from_defaults);

static void expect_refusal(const char *word)
{
    struct spead_recv_stream_config full;

    cr_expect_eq(speadi_recv_config_read(&full, &config, &err), -EINVAL, "%s", word);
    cr_expect_eq(err.code, -EINVAL);
    cr_expect_not_null(strstr(err.text, word), "\"%s\" does not say %s", err.text, word);
    cr_expect_not_null(err.field, "%s", err.text);
}

Test(recv_config, the_defaults_are_valid)
{
    struct spead_recv_stream_config full;

    cr_expect_eq(speadi_recv_config_read(&full, &config, &err), 0, "%s", err.text);
    cr_expect_eq(full.finished_heaps_max, 16u, "four times the live heaps");
}

Test(recv_config, an_older_caller_gets_the_defaults_of_what_it_does_not_know)
{
    struct spead_recv_stream_config full;

    config.struct_size = offsetof(struct spead_recv_stream_config, hand_over_heaps);
    config.held_heaps = 0; /* This field lies beyond struct_size, so the stream does not read it. */
    cr_expect_eq(speadi_recv_config_read(&full, &config, &err), 0, "%s", err.text);
    cr_expect_eq(full.held_heaps, 2u);
}

Test(recv_config, a_refusal_names_the_field)
{
    config.struct_size = 0;
    expect_refusal("struct_size");
    start_from_defaults();
    config.live_heaps_max = 0;
    expect_refusal("live_heaps_max");
    start_from_defaults();
    config.substream_count = 0;
    expect_refusal("substream_count");
    start_from_defaults();
    config.heap_bytes_max = 0;
    expect_refusal("heap_bytes_max");
    start_from_defaults();
    config.hand_over_heaps = (1u << 20) + 1;
    expect_refusal("hand_over_heaps");
    start_from_defaults();
    config.packet_bytes_max = 65508;
    expect_refusal("packet_bytes_max");
    start_from_defaults();
    config.pointers_max = 0;
    expect_refusal("pointers_max");
    start_from_defaults();
    config.ranges_max = 0;
    expect_refusal("ranges_max");
    start_from_defaults();
    config.on_full = (enum spead_on_full)3;
    expect_refusal("on_full");
    start_from_defaults();
    config.populate = (enum spead_populate)2;
    expect_refusal("populate");
}

/* ---- Ranges -------------------------------------------------------------------------------- */

/* A field with its smallest and its largest allowed value. The stream accepts the values `least` and `most`. It refuses
 * the values `least` - 1 and `most` + 1. */
struct ranged {
    const char *field;
    size_t offset, bytes;
    uint64_t least, most;
};

#define RANGED(member, least, most)                                                    \
    {                                                                                  \
#        member, offsetof(struct spead_recv_stream_config, member),                    \
            sizeof(((struct spead_recv_stream_config *)NULL)->member), (least), (most) \
    }

static const struct ranged ranged_fields[] = {
    RANGED(packet_bytes_max, 8, 65507),
    RANGED(substream_count, 1, 1u << 20),
    RANGED(live_heaps_max, 1, 1u << 20),
    RANGED(finished_heaps_max, 0, 4u << 20), /* 0 means that the stream chooses */
    RANGED(heap_bytes_max, 1, 1ull << 40),
    RANGED(pointers_max, 1, 1u << 20),
    RANGED(ranges_max, 1, 1u << 20),
    RANGED(hand_over_heaps, 0, 1u << 20),
    RANGED(held_heaps, 0, 1u << 20),
    RANGED(on_full, 0, SPEAD_ON_FULL_DROP_OLDEST),
    RANGED(receive_path, 0, SPEAD_PATH_BOUNCE),
    RANGED(copy, 0, SPEAD_COPY_STREAMING),
    RANGED(placed_window, 1, 4096),
    /* 12288 is 9200, the default packet size, rounded up to pages. 0 is also allowed; it means as much memory as the
     * plan needs. */
    RANGED(memory_bytes_max, 12288, UINT64_MAX),
};

static int read_with(const struct ranged *ranged, uint64_t value)
{
    struct spead_recv_stream_config full;

    start_from_defaults();
    if (ranged->offset == offsetof(struct spead_recv_stream_config, substream_count))
        config.live_heaps_max = 1; /* The product of the two fields has a limit. */
    /* This copies the first bytes of the value. They are its low bytes only on little-endian machines. */
    memcpy((char *)&config + ranged->offset, &value, ranged->bytes);
    return speadi_recv_config_read(&full, &config, &err);
}

static void expect_out_of_range(const struct ranged *ranged, uint64_t value)
{
    char start[64];

    snprintf(start, sizeof start, "%s %llu: must be ", ranged->field, (unsigned long long)value);
    cr_assert_eq(read_with(ranged, value), -EINVAL, "%s", start);
    cr_expect_str_eq(err.field, ranged->field);
    cr_expect_eq(strncmp(err.text, start, strlen(start)), 0, "\"%s\" is not %s", err.text, start);
}

Test(recv_config, every_field_with_a_range_is_named_when_it_is_out_of_it)
{
    for (size_t i = 0; i < sizeof ranged_fields / sizeof *ranged_fields; i++) {
        const struct ranged *ranged = &ranged_fields[i];

        cr_expect_eq(read_with(ranged, ranged->least), 0, "%s: %s", ranged->field, err.text);
        cr_expect_eq(read_with(ranged, ranged->most), 0, "%s: %s", ranged->field, err.text);
        if (ranged->least > 0)
            expect_out_of_range(ranged, ranged->least - 1);
        if (ranged->most < UINT64_MAX)
            expect_out_of_range(ranged, ranged->most + 1);
    }
}

Test(recv_config, ranges_that_depend_on_another_field_are_said_as_they_are)
{
    config.substream_count = 4096;
    config.live_heaps_max = 257;
    expect_refusal("live_heaps_max 257: must be 1 to 256");
    cr_expect_str_eq(err.field, "live_heaps_max");
    start_from_defaults();
    config.placed_loss_max = 1.5;
    expect_refusal("placed_loss_max 1.5: must be 0 to 1");
    cr_expect_str_eq(err.field, "placed_loss_max");
    start_from_defaults();
    config.endpoint_count = 65;
    expect_refusal("endpoint_count 65: must be 0 to 64");
    cr_expect_str_eq(err.field, "endpoint_count");
}

static void expect_field(const char *field, const char *start)
{
    struct spead_recv_stream *stream = NULL;

    cr_assert_lt(spead_recv_stream_create(&stream, &config, &err), 0, "%s", field);
    cr_assert_not_null(err.field, "%s", err.text);
    cr_expect_str_eq(err.field, field);
    cr_expect_eq(strncmp(err.text, start, strlen(start)), 0, "%s", err.text);
    start_from_defaults();
}

/* If the value of a string field is wrong, the text of the refusal names the field and quotes the string. */
Test(recv_config, strings_are_refused_by_the_field_they_stand_in)
{
    config.interface = "nowhere0";
    expect_field("interface", "interface \"nowhere0\": ");
    config.sender = ":7000";
    expect_field("sender", "sender \":7000\": ");
    config.sender = "[::1]";
    expect_field("sender", "sender [::1]:0 cannot send");
    config.engine = "pigeon";
    expect_field("engine", "engine \"pigeon\" ");
    config.fault = "x=1";
    expect_field("fault", "fault \"x=1\": ");
    endpoint = "127.0.0.1:99999";
    expect_field("endpoints", "endpoints \"127.0.0.1:99999\": ");
}

Test(recv_config, more_heaps_than_a_stream_can_have_are_the_live_ones)
{
    config.live_heaps_max = 1u << 20;
    config.heap_bytes_max = 1;
    expect_field("live_heaps_max", "live_heaps_max 1048576: ");
}

Test(recv_config, what_the_network_refuses_is_no_field)
{
    struct spead_recv_stream *stream = NULL;

    endpoint = "192.0.2.1:7148";
    cr_assert_eq(spead_recv_stream_create(&stream, &config, &err), -EADDRNOTAVAIL, "%s", err.text);
    cr_expect_null(err.field, "%s", err.field);
}

/* If the stream accepted this value, it would count every packet as no-memory. */
Test(recv_config, a_memory_bound_below_one_packet_is_refused)
{
    struct spead_recv_stream_config full;
    uint64_t least = speadi_round_up(9200, speadi_pages_size());
    char number[24];

    snprintf(number, sizeof number, "%" PRIu64, least);
    config.memory_bytes_max = 1024;
    expect_refusal("memory_bytes_max");
    expect_refusal(number);
    config.memory_bytes_max = least;
    cr_expect_eq(speadi_recv_config_read(&full, &config, &err), 0, "%s", err.text);
    config.memory_bytes_max = speadi_pages_size();
    /* A packet carries at most a whole heap. Here a heap has at most 1000 bytes, so less memory is enough. */
    config.heap_bytes_max = 1000;
    cr_expect_eq(speadi_recv_config_read(&full, &config, &err), 0, "%s", err.text);
}

Test(recv_config, a_stream_needs_one_kind_of_source)
{
    struct spead_mem_link *link = NULL;

    config.links = &link;
    config.link_count = 1;
    expect_refusal("links");
    start_from_defaults();
    config.endpoint_count = 0;
    expect_refusal("endpoint");
    start_from_defaults();
    config.endpoint_count = 65;
    expect_refusal("64");
    start_from_defaults();
    config.endpoints = NULL;
    expect_refusal("endpoints: the array is NULL");
    start_from_defaults();
    config.endpoint_count = 0;
    config.link_count = 1;
    expect_refusal("links: the array is NULL");
}

static void expect_engine_refusal(uint32_t caps, int code, const char *word)
{
    struct speadi_rx_engine_ops ops = script_engine_ops;

    ops.caps = caps;
    cr_expect_eq(speadi_recv_config_check_engine(&config, &ops, &err), code);
    if (code < 0)
        cr_expect_not_null(strstr(err.text, word), "\"%s\"", err.text);
}

Test(recv_config, block_is_refused_where_the_sender_cannot_wait)
{
    config.on_full = SPEAD_ON_FULL_BLOCK;
    expect_engine_refusal(0, -EINVAL, "drop-newest");
    expect_engine_refusal(SPEADI_RX_CAP_LOSSLESS, 0, "");
}

Test(recv_config, placed_is_refused_where_the_engine_cannot)
{
    config.receive_path = SPEAD_PATH_PLACED;
    expect_engine_refusal(0, -ENOTSUP, "receive_path");
    expect_engine_refusal(SPEADI_RX_CAP_PLACED, 0, "");
}

Test(recv_config, an_impossible_endpoint_is_quoted)
{
    struct spead_recv_stream *stream = NULL;

    endpoint = "127.0.0.1:99999";
    cr_expect_eq(spead_recv_stream_create(&stream, &config, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "99999"), "\"%s\"", err.text);
    cr_expect_null(stream);
}

/* ---- Faults -------------------------------------------------------------------------------- */

static int create_on_link(struct spead_recv_stream **out, struct spead_mem_link *const *link,
                          const char *fault)
{
    config.endpoint_count = 0;
    config.links = link;
    config.link_count = 1;
    config.fault = fault;
    return spead_recv_stream_create(out, &config, &err);
}

Test(recv_config, a_fault_specification_reaches_the_packets)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;
    static struct test_packet packet;

    cr_assert_eq(spead_mem_link_create(&link, 4, 1472, NULL), 0);
    cr_assert_eq(create_on_link(&stream, &link, "loss=1"), 0, "%s", err.text);
    test_packet_data(&packet, 40, 1, 64, 0, NULL, 64);
    cr_assert_eq(spead_mem_link_push(link, packet.bytes, packet.length), 0);
    cr_assert_eq(spead_recv_stream_start(stream, NULL), 0);
    while (spead_recv_stream_poll(stream) > 0)
        ;
    spead_recv_stream_stats(stream, &stats);
    cr_expect_eq(stats.total.bucket[SPEAD_RECV_INJECTED].packets, 1u);
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(link);
}

Test(recv_config, a_wrong_fault_specification_is_refused_by_word)
{
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;

    cr_assert_eq(spead_mem_link_create(&link, 4, 1472, NULL), 0);
    cr_expect_eq(create_on_link(&stream, &link, "bogus=1"), -EINVAL);
    cr_expect_not_null(strstr(err.text, "bogus"), "%s", err.text);
    spead_mem_link_unref(link);
}
