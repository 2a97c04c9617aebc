/* What a receive stream is asked for: defaults, refusals that name the field.
 * Method: set-up calls; where packets are needed, over the mem engine, so that the whole way from
 * configuration to ledger is the real one. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

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

    config.struct_size = offsetof(struct spead_recv_stream_config, ring_heaps);
    config.ring_heaps = 0; /* beyond its structure: not read */
    cr_expect_eq(speadi_recv_config_read(&full, &config, &err), 0, "%s", err.text);
    cr_expect_eq(full.ring_heaps, 4u);
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
    config.ring_heaps = 0;
    expect_refusal("ring_heaps");
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
}

/* A bound that no packet fits under would count every one of them as no-memory. */
Test(recv_config, a_memory_bound_below_one_packet_is_refused)
{
    struct spead_recv_stream_config full;

    config.memory_bytes_max = 1024;
    expect_refusal("memory_bytes_max");
    expect_refusal("12288"); /* 9200, in pages */
    config.memory_bytes_max = 12288;
    cr_expect_eq(speadi_recv_config_read(&full, &config, &err), 0, "%s", err.text);
    config.memory_bytes_max = 4096;
    config.heap_bytes_max = 1000; /* no packet carries more of a heap than the whole */
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
    config.on_full = SPEAD_BLOCK;
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
