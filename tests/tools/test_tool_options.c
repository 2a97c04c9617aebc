/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the parsers accept the values that a user is allowed to type, and refuse all other values with a text that says
 * why. Method: the test calls the parsers. test_command_lines.c tests whole command lines. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdio.h>

#include "spead_info_options.h"
#include "spead_recv_options.h"
#include "spead_send_options.h"
#include "tool_engines.h"

TestSuite(tool_options);

static const char *size_error(const char *text, uint64_t min, uint64_t max)
{
    static struct spead_err err;
    uint64_t value;

    cr_assert_eq(tool_parse_size(&value, text, min, max, &err), -EINVAL, "%s was accepted", text);
    return err.text;
}

Test(tool_options, sizes_accept_suffixes_of_1024)
{
    const struct {
        const char *text;
        uint64_t value;
    } cases[] = {{"0", 0},           {"1472", 1472},
                 {"64K", 65536},     {"4m", 4u << 20},
                 {"2G", 2ull << 30}, {"1T", 1ull << 40},
                 {"8k", 8192},       {"18446744073709551615", UINT64_MAX}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 1;

        cr_assert_eq(tool_parse_size(&value, cases[i].text, 0, UINT64_MAX, NULL), 0, "%s",
                     cases[i].text);
        cr_expect_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

Test(tool_options, sizes_that_are_none_are_refused)
{
    const char *texts[] = {"",   "x",   "-x",  " 1",   " -1",  "+1",
                           "4Q", "4MB", "4 M", "1.5M", "0x10", "M"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_str_eq(size_error(texts[i], 0, UINT64_MAX),
                         texts[i][0] >= '0' && texts[i][0] <= '9'
                             ? "not a size (like 65536, 64K, 4M or 1G)"
                             : "not a number");
}

Test(tool_options, sizes_out_of_range_say_the_bound)
{
    cr_expect_str_eq(size_error("40", 56, 65507), "must be 56 to 65507");
    cr_expect_str_eq(size_error("-1", 56, 65507), "must be 56 to 65507");
    cr_expect_str_eq(size_error("64K", 56, 65507), "must be 56 to 65507");
    cr_expect_str_eq(size_error("18446744073709551616", 0, 100), "must be 0 to 100");
    cr_expect_str_eq(size_error("16777216T", 0, 100), "must be 0 to 100", "the product overflows");
}

Test(tool_options, counts_take_no_suffix)
{
    struct spead_err err;
    uint64_t value;

    cr_expect_eq(tool_parse_count(&value, "12", 0, 100, &err), 0);
    cr_expect_eq(value, 12);
    cr_expect_eq(tool_parse_count(&value, "12K", 0, 100000, &err), -EINVAL);
    cr_expect_str_eq(err.text, "not a whole number");
}

Test(tool_options, reals_are_finite_numbers_in_range)
{
    const char *bad[] = {"",        "fast", "1,5", "nan", "inf", "1e999",
                         "1e-400x", "-0.1", "11",  "0x1", " 1",  "1s"};
    double value;

    cr_expect_eq(tool_parse_real(&value, "0.25", 0, 10, NULL), 0);
    cr_expect_eq(value, 0.25);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(tool_parse_real(&value, bad[i], 0, 10, NULL), -EINVAL, "%s", bad[i]);
}

Test(tool_options, choices_list_the_words_when_none_fits)
{
    static const char *const words[] = {"auto", "socket", NULL};
    struct spead_err err;
    int index = -1;

    cr_expect_eq(tool_parse_choice(&index, "socket", words, &err), 0);
    cr_expect_str_eq(words[index], "socket");
    cr_expect_eq(tool_parse_choice(&index, "sock", words, &err), -EINVAL);
    cr_expect_str_eq(err.text, "use one of auto, socket");
}

/* Expects "auto" and then all engines of the library's list, except engines that read memory links. A user cannot type
 * a memory link. */
static void expect_names(const char *const *names, tool_engine_info_fn *info)
{
    struct spead_engine_info engine = SPEAD_ENGINE_INFO_INIT;
    unsigned count = 0;

    cr_expect_str_eq(names[count++], "auto");
    for (uint32_t i = 0; info(i, &engine) == 0; i++)
        if (engine.endpoint != SPEAD_ENDPOINT_MEM_LINK)
            cr_expect_str_eq(names[count++], engine.name);
    cr_expect_null(names[count]);
    cr_expect_geq(count, 2u);
}

Test(tool_options, engines_are_those_of_the_librarys_lists)
{
    expect_names(tool_recv_engine_names(), spead_recv_engine_info);
    expect_names(tool_send_engine_names(), spead_send_engine_info);
}

Test(tool_options, send_options_reach_the_stream_in_its_units)
{
    char *argv[] = {"spead-send", "192.0.2.1:7148", "--rate",    "8",
                    "--rate-of",  "wire",           "--burst",   "32K",
                    "[::1]:9",    "--max-heaps",    "7",         "--packet",
                    "8972",       "--engine",       "socket",    "--buffer",
                    "1M",         "--send-path",    "reference", NULL};
    struct spead_send_tool_options options;
    struct spead_send_stream_config config;

    spead_send_options_parse(&options, 19, argv);
    config = spead_send_stream_config_of(&options);
    cr_expect_eq(config.endpoint_count, 2);
    cr_expect_str_eq(config.endpoints[1], "[::1]:9");
    cr_expect_eq(config.rate_bytes_per_s, 1e9);
    cr_expect_eq(config.rate_of, SPEAD_RATE_WIRE);
    cr_expect_eq(config.burst_bytes, 32768);
    cr_expect_eq(config.heaps_max, 7);
    cr_expect_eq(config.packet_bytes_max, 8972);
    cr_expect_str_eq(config.engine, "socket");
    cr_expect_eq(config.socket_buffer_bytes, 1u << 20);
    cr_expect_eq(config.send_path, SPEAD_SEND_PATH_REFERENCE);
}

Test(tool_options, send_defaults_are_those_of_the_manual)
{
    char *argv[] = {"spead-send", "192.0.2.1:7148", NULL};
    struct spead_send_tool_options options;
    struct spead_send_stream_config config;

    spead_send_options_parse(&options, 2, argv);
    config = spead_send_stream_config_of(&options);
    cr_expect_eq(options.heap_size, 4194304);
    cr_expect_eq(options.items, 1);
    cr_expect_eq(options.addr_bits, 40);
    cr_expect_eq(config.packet_bytes_max, 1472);
    cr_expect_eq(config.rate_bytes_per_s, 0);
    cr_expect_eq(config.rate_of, SPEAD_RATE_SPEAD);
    cr_expect_eq(config.send_path, SPEAD_SEND_PATH_AUTO);
    cr_expect_eq(config.burst_bytes, 65536);
    cr_expect_eq(config.burst_rate_ratio, 1.05);
    cr_expect_eq(config.heaps_max, 4);
    cr_expect_eq(config.multicast_ttl, 1);
    cr_expect_eq(config.socket_buffer_bytes, 512u << 10);
    cr_expect_not(config.hardware_rate);
    cr_expect_not(config.hardware_tso);
    cr_expect_str_eq(config.engine, "auto");
}

Test(tool_options, item_ids_start_lower_where_the_flavour_has_few)
{
    struct spead_send_tool_options options = {.addr_bits = 48};

    cr_expect_eq(spead_send_item_id(&options, 2), 0x1002);
    options.addr_bits = 56;
    cr_expect_eq(spead_send_item_id(&options, 2), 0x22);
}

/* Parses one option of spead-recv with its argument. */
static struct spead_recv_tool_options with(char *option, char *argument)
{
    char *argv[] = {"spead-recv", ":7148", option, argument, NULL};
    struct spead_recv_tool_options options;

    spead_recv_options_parse(&options, argument ? 4 : 3, argv);
    return options;
}

Test(tool_options, senders_and_runs_are_told_apart_as_asked)
{
    cr_expect(with("--joint", NULL).stream.joint);
    cr_expect_eq(with("--sender-key", "port").stream.sender_key, SPEAD_SENDER_KEY_PORT);
    cr_expect_eq(with("--sender-key", "address").stream.sender_key, SPEAD_SENDER_KEY_ADDRESS);
    cr_expect_eq(with("--sender-key", "none").stream.sender_key, SPEAD_SENDER_KEY_NONE);
    cr_expect_eq(with("--senders", "7").stream.senders_max, 7);
    cr_expect_eq(with("--restart-quiet", "90s").stream.restart_quiet_ns, 90000000000u);
    cr_expect_eq(with("--restart-quiet", "0").stream.restart_quiet_ns, 0);
    cr_expect_eq(with("--repeat-time", "1.5ms").stream.repeat_ns, 1500000);
    cr_expect_eq(with("--repeat-time", "20us").stream.repeat_ns, 20000);
    cr_expect_eq(with("--repeat-time", "1ns").stream.repeat_ns, 1);
    cr_expect_eq(with("--repeat-time", "0").stream.repeat_ns, 0);
    cr_expect_eq(with("--heap-timeout", "0").stream.heap_timeout_ns, 0);
    cr_expect_eq(with("--heap-timeout", "0.001").stream.heap_timeout_ns, 1000);
    cr_expect_eq(with("--coalesce", "0.001").stream.coalesce_ns, 1);
}

static struct spead_recording_writer_config recording_with(char *name, char *value)
{
    char *argv[] = {"spead-recv", ":7148", "--output", "/nowhere/file", name, value, NULL};
    struct spead_recv_tool_options options;
    struct spead_log log = {0};

    spead_recv_options_parse(&options, 6, argv);
    return spead_recv_recording_config_of(&options, &log);
}

Test(tool_options, a_recording_is_synced_as_asked)
{
    cr_expect_eq(recording_with("--senders", "7").sync_ns, 1000000000u);
    cr_expect_eq(recording_with("--senders", "7").format, SPEAD_RECORDING_FILES);
    cr_expect_eq(recording_with("--sync", "250ms").sync_ns, 250000000u);
    cr_expect_eq(recording_with("--sync", "250ms").sync_heaps, 0);
    cr_expect_eq(recording_with("--sync", "100heaps").sync_heaps, 100);
    cr_expect_eq(recording_with("--sync", "100heaps").sync_ns, 0);
    cr_expect_eq(recording_with("--sync", "end").sync, SPEAD_RECORDING_SYNC_END);
    cr_expect_eq(recording_with("--sync", "never").sync, SPEAD_RECORDING_SYNC_NEVER);
    cr_expect_eq(recording_with("--output-format", "framed").format, SPEAD_RECORDING_FRAMED);
    cr_expect_eq(recording_with("--output-format", "raw").format, SPEAD_RECORDING_RAW);
}

Test(tool_options, stop_heaps_end_the_stream_as_asked)
{
    cr_expect_eq(with("--stop", "all").stream.stop_count, 0);
    cr_expect_eq(with("--stop", "any").stream.stop_count, 1);
    cr_expect_eq(with("--stop", "16").stream.stop_count, 16);
    cr_expect_eq(with("--stop-silence", "60s").stream.stop_silence_ns, 60000000000u);
}

Test(tool_options, receive_options_reach_the_stream_in_its_units)
{
    char *argv[] = {"spead-recv",
                    ":7148",
                    "--heap-timeout",
                    "2.5",
                    "--ring-heaps",
                    "6",
                    "--output",
                    "f",
                    "--on-full",
                    "drop-oldest",
                    "--receive-path",
                    "placed",
                    "--copy",
                    "cached",
                    "--no-stop-item",
                    "--incomplete",
                    "--out-of-order",
                    "--unsized-in-sequence",
                    "--populate",
                    "off",
                    "--memory",
                    "1G",
                    "--heap-step",
                    "3",
                    "--coalesce",
                    "0",
                    "--placed-window",
                    "16",
                    "--placed-loss-max",
                    "2.5",
                    "--source",
                    "[2001:db8::1]:7000",
                    NULL};
    struct spead_recv_tool_options options;
    struct spead_recv_stream_config config;

    spead_recv_options_parse(&options, 32, argv);
    config = spead_recv_stream_config_of(&options);
    cr_expect_eq(config.heap_timeout_ns, 2500000);
    cr_expect_eq(config.hand_over_heaps, 6);
    cr_expect_eq(config.held_heaps, 12, "6 taken at a time and 6 that wait for the file");
    cr_expect_eq(config.on_full, SPEAD_ON_FULL_DROP_OLDEST);
    cr_expect_eq(config.receive_path, SPEAD_PATH_PLACED);
    cr_expect_eq(config.copy, SPEAD_COPY_CACHED);
    cr_expect(config.ignore_stop_item);
    cr_expect(config.deliver_incomplete);
    cr_expect(config.allow_out_of_order);
    cr_expect(config.unsized_in_sequence);
    cr_expect_eq(config.memory_bytes_max, 1u << 30);
    cr_expect_eq(config.populate, SPEAD_POPULATE_OFF);
    cr_expect_eq(config.heap_counter_step, 3);
    cr_expect_eq(config.coalesce_ns, 0);
    cr_expect_eq(config.placed_window, 16);
    cr_expect_str_eq(config.sender, "[2001:db8::1]:7000");
    cr_expect_float_eq(config.placed_loss_max, 0.025, 1e-12);
}

Test(tool_options, receive_defaults_are_those_of_the_manual)
{
    char *argv[] = {"spead-recv", ":7148", NULL};
    struct spead_recv_tool_options options;
    struct spead_recv_stream_config config;

    spead_recv_options_parse(&options, 2, argv);
    config = spead_recv_stream_config_of(&options);
    cr_expect_eq(config.packet_bytes_max, 9200);
    cr_expect_eq(config.placed_window, 4096);
    cr_expect_eq(config.placed_loss_max, 0);
    cr_expect_eq(config.socket_buffer_bytes, 8u << 20);
    cr_expect_eq(config.live_heaps_max, 4);
    cr_expect_eq(config.substream_count, 1);
    cr_expect_not(config.allow_out_of_order);
    cr_expect_not(config.unsized_in_sequence);
    cr_expect_eq(config.heap_timeout_ns, 0);
    cr_expect_eq(config.heap_bytes_max, 64u << 20);
    cr_expect_eq(config.memory_bytes_max, 0);
    cr_expect_eq(config.populate, SPEAD_POPULATE_AHEAD);
    cr_expect_eq(config.coalesce_ns, 200000);
    cr_expect_eq(config.hand_over_heaps, 0, "bounded by bytes");
    cr_expect_eq(config.held_heaps, 4, "as many large heaps as may wait");
    cr_expect_eq(config.on_full, SPEAD_ON_FULL_DROP_NEWEST);
    cr_expect_not(config.deliver_incomplete);
    cr_expect_eq(config.receive_path, SPEAD_PATH_AUTO);
    cr_expect_eq(config.copy, SPEAD_COPY_AUTO);
    cr_expect_null(config.sender);
    cr_expect_not(config.ignore_stop_item);
}

Test(tool_options, an_empty_file_name_is_wrong_usage, .exit_code = 2)
{
    char *argv[] = {"spead-info", "recording", "", NULL};
    struct spead_info_tool_options options;

    cr_redirect_stderr();
    spead_info_options_parse(&options, 3, argv);
}

/* ---- The log ------------------------------------------------------------------------------- */

/* Redirects stderr, then logs one warning and one line of the level "info". */
static void log_both(const struct tool_shared *shared)
{
    struct spead_log log = tool_shared_log(shared);

    cr_redirect_stderr();
    program_invocation_short_name = "tool";
    log.fn(log.arg, SPEAD_LOG_WARNING, "clipped");
    log.fn(log.arg, SPEAD_LOG_INFO, "chosen");
    fflush(stderr);
}

Test(tool_options, the_log_is_printed_from_warnings_upwards)
{
    char *argv[] = {"spead-recv", ":7148", NULL};
    struct spead_recv_tool_options options;

    spead_recv_options_parse(&options, 2, argv);
    log_both(&options.shared);
    cr_expect_stderr_eq_str("tool: warning: clipped\n");
}

Test(tool_options, the_log_is_printed_from_the_level_that_is_asked_for)
{
    char *argv[] = {"spead-send", "192.0.2.1:7148", "--log-level", "info", NULL};
    struct spead_send_tool_options options;

    spead_send_options_parse(&options, 4, argv);
    log_both(&options.shared);
    cr_expect_stderr_eq_str("tool: warning: clipped\ntool: info: chosen\n");
}

Test(tool_options, the_log_can_be_left_out)
{
    char *argv[] = {"spead-recv", ":7148", "--log-level", "error", NULL};
    struct spead_recv_tool_options options;

    spead_recv_options_parse(&options, 4, argv);
    log_both(&options.shared);
    cr_expect_stderr_eq_str("");
}
