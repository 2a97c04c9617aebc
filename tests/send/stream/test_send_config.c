/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: create() checks the configuration before it opens anything. If a field is wrong, create() refuses the
 * configuration with one clear text.
 *
 * Method: in each configuration only one field is wrong. If the stream must open, its destination is a memory link. */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <speadline/send.h>

/* A numeric field and its smallest and largest allowed value. These values do not depend on other fields. create() must
 * refuse the values least - 1 and most + 1. */
struct ranged {
    const char *field;
    size_t offset, bytes;
    uint64_t least, most;
};

#define RANGED(member, least, most)                                                    \
    {                                                                                  \
#        member, offsetof(struct spead_send_stream_config, member),                    \
            sizeof(((struct spead_send_stream_config *)NULL)->member), (least), (most) \
    }

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

/* Checks that create() returns -EINVAL with a text that contains `word`. */
static void expect_refused(const struct spead_send_stream_config *config, const char *word)
{
    struct spead_send_stream *stream = NULL;
    struct spead_err err = {0};

    cr_expect_eq(spead_send_stream_create(&stream, config, &err), -EINVAL, "%s", word);
    cr_expect_null(stream, "%s", word);
    cr_expect_eq(err.code, -EINVAL);
    cr_expect_not_null(strstr(err.text, word), "\"%s\" does not name %s", err.text, word);
    cr_expect_not_null(err.field, "%s", err.text);
    cr_expect_eq(spead_send_stream_create(&stream, config, NULL), -EINVAL, "without err");
}

/* The same case as TestStreamConfig, defaults, in spead2. */
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

/* The same cases as TestStreamConfig, bad_rate and bad_max_heaps, in spead2. */
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
    config.packet_payload_bytes = 4;
    expect_refused(&config, "packet_payload_bytes");
    config.packet_payload_bytes = 1428;
    expect_refused(&config, "packet_payload_bytes");
    config.packet_payload_bytes = 1001;
    expect_refused(&config, "packet_payload_bytes");
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

static void expect_out_of_range(const struct ranged *ranged, uint64_t value)
{
    struct spead_send_stream_config config = make_config();
    struct spead_send_stream *stream = NULL;
    struct spead_err err = {0};
    char start[64];

    /* This works only on little-endian hosts. The tests run only on such hosts. */
    memcpy((char *)&config + ranged->offset, &value, ranged->bytes);
    snprintf(start, sizeof start, "%s %llu: must be ", ranged->field, (unsigned long long)value);
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), -EINVAL, "%s", start);
    cr_expect_str_eq(err.field, ranged->field);
    cr_expect_eq(strncmp(err.text, start, strlen(start)), 0, "\"%s\" is not %s", err.text, start);
}

Test(send_config, every_field_with_a_range_is_named_when_it_is_out_of_it)
{
    static const struct ranged fields[] = {
        RANGED(packet_bytes_max, 56, 65507), RANGED(heaps_max, 1, 1u << 20),
        RANGED(multicast_ttl, 0, 255),       RANGED(heap_counter_step, 1, UINT64_MAX),
        RANGED(burst_bytes, 1, UINT32_MAX),  RANGED(rate_of, 0, 1),
        RANGED(link_count, 0, 64),           RANGED(send_path, 0, 2),
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].least > 0)
            expect_out_of_range(&fields[i], fields[i].least - 1);
        if (fields[i].most < UINT32_MAX)
            expect_out_of_range(&fields[i], fields[i].most + 1);
    }
}

static void expect_fraction(size_t offset, const char *field, double value, const char *says)
{
    struct spead_send_stream_config config = make_config();
    struct spead_send_stream *stream = NULL;
    struct spead_err err = {0};

    memcpy((char *)&config + offset, &value, sizeof value);
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), -EINVAL, "%g", value);
    cr_expect_str_eq(err.field, field);
    cr_expect_str_eq(err.text, says);
}

Test(send_config, fractions_out_of_their_range_are_named_too)
{
    const size_t rate = offsetof(struct spead_send_stream_config, rate_bytes_per_s);
    const size_t ratio = offsetof(struct spead_send_stream_config, burst_rate_ratio);

    expect_fraction(rate, "rate_bytes_per_s", 0.5,
                    "rate_bytes_per_s 0.5: must be 1 or more, or 0 for unlimited");
    expect_fraction(ratio, "burst_rate_ratio", 0.99, "burst_rate_ratio 0.99: must be 1 or more");
}

/* If the value of a string field is wrong, the text of the refusal names the field and quotes the string. */
Test(send_config, strings_are_refused_by_the_field_they_stand_in)
{
    static const char *const endpoint[] = {"127.0.0.1"}, *const good[] = {"127.0.0.1:7148"};
    struct spead_send_stream_config configs[4];
    static const char *const fields[] = {"fault", "engine", "endpoints", "interface"};
    static const char *const starts[] = {"fault \"x=1\": ", "engine \"pigeon\" ",
                                         "endpoints \"127.0.0.1\": ", "interface \"nowhere0\": "};

    configs[0] = make_config();
    configs[0].fault = "x=1";
    for (unsigned i = 1; i < 4; i++) {
        configs[i] = (struct spead_send_stream_config)SPEAD_SEND_STREAM_CONFIG_INIT;
        configs[i].endpoints = i == 2 ? endpoint : good;
        configs[i].endpoint_count = 1;
    }
    configs[1].engine = "pigeon";
    configs[3].interface = "nowhere0";
    for (unsigned i = 0; i < 4; i++) {
        struct spead_send_stream *stream = NULL;
        struct spead_err err = {0};

        cr_assert_lt(spead_send_stream_create(&stream, &configs[i], &err), 0, "%s", fields[i]);
        cr_expect_str_eq(err.field, fields[i]);
        cr_expect_eq(strncmp(err.text, starts[i], strlen(starts[i])), 0, "%s", err.text);
    }
}

/* The field would have no effect. */
Test(send_config, a_send_path_for_an_engine_that_has_only_one_is_refused)
{
    struct spead_send_stream_config config = make_config();
    struct spead_send_stream *stream = NULL;
    struct spead_err err = {0};

    for (int path = SPEAD_SEND_PATH_GATHER; path <= SPEAD_SEND_PATH_REFERENCE; path++) {
        config.send_path = (enum spead_send_path)path;
        cr_expect_eq(spead_send_stream_create(&stream, &config, &err), -ENOTSUP);
        cr_expect_str_eq(err.field, "send_path");
        cr_expect(strstr(err.text, "engine mem has no kernel socket for this") &&
                      strstr(err.text, "try socket"),
                  "%s", err.text);
    }
}

/* Opens a stream to loopback whose payload lies partly in the memory of a device. */
static int open_with_device(const char *engine, enum spead_send_path path, struct spead_err *err)
{
    static const char *const endpoint[] = {"127.0.0.1:7148"};
    static char host[4096];
    const struct spead_send_memory memory[] = {
        {.data = host, .bytes = sizeof host, .fd = -1},
        {.data = (const void *)0x10000, .bytes = 4096, .is_dma_buf = true, .fd = -1}};
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream = NULL;
    int ret;

    config.endpoints = endpoint;
    config.endpoint_count = 1;
    config.engine = engine;
    config.memory = memory;
    config.memory_count = 2;
    config.send_path = path;
    ret = spead_send_stream_create(&stream, &config, err);
    spead_send_stream_destroy(stream);
    return ret;
}

/* The CPU cannot read the memory of a device, so no engine may gather from it. An engine that gives payload to the
 * kernel cannot even send it by reference, because the kernel reads it by the CPU. */
Test(send_config, payload_of_a_device_is_never_gathered)
{
    static const char *const engines[] = {"auto", "socket", "uring", "verbs"};
    struct spead_err err = {0};

    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
        if (i > 0 && spead_send_engine_usable(engines[i], NULL) == -EINVAL)
            continue; /* this library does not have the engine */
        cr_expect_eq(open_with_device(engines[i], SPEAD_SEND_PATH_GATHER, &err), -EINVAL, "%s",
                     err.text);
        cr_expect_str_eq(err.field, "send_path");
        cr_expect_not_null(strstr(err.text, "device's memory"), "%s", err.text);
    }
    for (int path = SPEAD_SEND_PATH_AUTO; path <= SPEAD_SEND_PATH_REFERENCE; path += 2) {
        cr_expect_eq(open_with_device("socket", (enum spead_send_path)path, &err), -ENOTSUP);
        cr_expect_str_eq(err.field, "memory");
    }
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
    expect_refused(&config, "link_count 65: must be 1 to 64");
    config.link_count = 1;
    config.links = NULL;
    expect_refused(&config, "links: the array is NULL");
    config.link_count = 0;
    config.endpoint_count = 1;
    config.endpoints = NULL;
    expect_refused(&config, "endpoints: the array is NULL");
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

    /* This field lies beyond struct_size, so create() does not read it. */
    config.heap_counter_step = 0;
    config.struct_size = offsetof(struct spead_send_stream_config, heap_counter_first);
    cr_expect_eq(spead_send_stream_create(&stream, &config, NULL), 0);
    spead_send_stream_destroy(stream);
    config.struct_size = 0;
    expect_refused(&config, "struct_size");
}
