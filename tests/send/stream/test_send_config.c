/* What a send stream is asked for is checked before anything is opened, and refused in one clear sentence.
 *
 * Method: one field wrong at a time; a memory link as destination where the rest must work. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include <speadline/send.h>

static struct spead_send_stream_config make_config(void)
{
    static struct spead_mem_link *link;
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    if (link == NULL)
        cr_assert_eq(spead_mem_link_create(&link, 16, 1472, NULL), 0);
    config.links = &link;
    config.link_count = 1;
    return config;
}

/* Refused with -EINVAL and a sentence that names the field. */
static void expect_refused(const struct spead_send_stream_config *config, const char *word)
{
    struct spead_send_stream *stream = NULL;
    struct spead_err err = {0};

    cr_expect_eq(spead_send_stream_create(&stream, config, &err), -EINVAL, "%s", word);
    cr_expect_null(stream, "%s", word);
    cr_expect_eq(err.code, -EINVAL);
    cr_expect_not_null(strstr(err.text, word), "\"%s\" does not name %s", err.text, word);
    cr_expect_eq(spead_send_stream_create(&stream, config, NULL), -EINVAL, "without err");
}

/* TestStreamConfig: defaults */
Test(send_config, defaults_make_a_stream)
{
    struct spead_send_stream_config config = make_config();
    struct spead_send_stream *stream = NULL;
    struct spead_send_plan plan = SPEAD_SEND_PLAN_INIT;
    struct spead_err err = {0};

    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    spead_send_stream_plan(stream, &plan);
    cr_expect_str_eq(plan.engine, "mem");
    cr_expect_gt(strlen(plan.engine_reason), 0);
    cr_expect_gt(plan.memory_bytes, 0);
    spead_send_stream_destroy(stream);
    spead_send_stream_destroy(NULL);
}

static uint64_t planned_memory(const char *fault)
{
    struct spead_send_stream_config config = make_config();
    struct spead_send_stream *stream = NULL;
    struct spead_send_plan plan = SPEAD_SEND_PLAN_INIT;

    config.fault = fault;
    cr_assert_eq(spead_send_stream_create(&stream, &config, NULL), 0);
    spead_send_stream_plan(stream, &plan);
    spead_send_stream_destroy(stream);
    return plan.memory_bytes;
}

Test(send_config, the_plan_names_the_engines_buffers)
{
    cr_expect_geq(planned_memory("loss=0.5"), planned_memory(NULL) + 1024u * 65536u,
                  "the decorator may keep 1024 packets");
}

/* TestStreamConfig: bad_rate, bad_max_heaps */
Test(send_config, each_bad_number_is_refused_by_name)
{
    static const double bad_rates[] = {-1, NAN, INFINITY, 0.5};
    static const double bad_ratios[] = {0, 0.99, NAN, INFINITY};
    static const uint32_t bad_packets[] = {0, 55, 65508, UINT32_MAX};
    struct spead_send_stream_config config = make_config();

    for (unsigned i = 0; i < 4; i++) {
        config.rate_bytes_per_s = bad_rates[i];
        expect_refused(&config, "rate_bytes_per_s");
    }
    config = make_config();
    for (unsigned i = 0; i < 4; i++) {
        config.burst_rate_ratio = bad_ratios[i];
        expect_refused(&config, "burst_rate_ratio");
    }
    config = make_config();
    for (unsigned i = 0; i < 4; i++) {
        config.packet_bytes_max = bad_packets[i];
        expect_refused(&config, "packet_bytes_max");
    }
    config = make_config();
    config.heaps_max = 0;
    expect_refused(&config, "heaps_max");
    config.heaps_max = UINT32_MAX;
    expect_refused(&config, "heaps_max");
    config = make_config();
    config.heap_counter_step = 0;
    expect_refused(&config, "heap_counter_step");
    config = make_config();
    config.burst_bytes = 0;
    expect_refused(&config, "burst_bytes");
    config = make_config();
    config.multicast_ttl = 256;
    expect_refused(&config, "multicast_ttl");
}

Test(send_config, destinations_are_required_and_of_one_kind)
{
    static const char *const endpoint[] = {"127.0.0.1:7148"};
    struct spead_send_stream_config config = make_config();

    config.endpoints = endpoint;
    config.endpoint_count = 1;
    expect_refused(&config, "not both");
    config.endpoint_count = 0;
    config.link_count = 0;
    expect_refused(&config, "destination");
    config.link_count = 65;
    expect_refused(&config, "65 destinations");
}

Test(send_config, endpoint_without_a_port_is_quoted)
{
    static const char *const endpoint[] = {"127.0.0.1"};
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;

    config.endpoints = endpoint;
    config.endpoint_count = 1;
    expect_refused(&config, "127.0.0.1");
}

Test(send_config, fault_that_is_not_understood_is_refused)
{
    struct spead_send_stream_config config = make_config();

    config.fault = "frobnicate=1";
    expect_refused(&config, "frobnicate");
}

Test(send_config, older_callers_keep_their_defaults)
{
    struct spead_send_stream_config config = make_config();
    struct spead_send_stream *stream = NULL;

    config.heap_counter_step = 0; /* past what this caller knows: not read */
    config.struct_size = offsetof(struct spead_send_stream_config, heap_counter_first);
    cr_expect_eq(spead_send_stream_create(&stream, &config, NULL), 0);
    spead_send_stream_destroy(stream);
    config.struct_size = 0;
    expect_refused(&config, "struct_size");
}
