/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the tools have options for engine verbs, and their values reach the options of the engine.
 * Method: the test process parses command lines. */
#include <criterion/criterion.h>

#include <string.h>

#include "refusal.h"
#include "spead_recv_options.h"
#include "spead_send_options.h"

static const struct spead_send_verbs_config *verbs_of_sender(
    const struct spead_send_stream_config *config)
{
    cr_assert_str_eq(config->engine_options->engine, "verbs");
    cr_assert_eq(config->engine_options->struct_size, sizeof(struct spead_send_verbs_config));
    return (const struct spead_send_verbs_config *)(const void *)config->engine_options;
}

static const struct spead_recv_verbs_config *verbs_of_receiver(
    const struct spead_recv_stream_config *config)
{
    cr_assert_str_eq(config->engine_options->engine, "verbs");
    cr_assert_eq(config->engine_options->struct_size, sizeof(struct spead_recv_verbs_config));
    return (const struct spead_recv_verbs_config *)(const void *)config->engine_options;
}

Test(verbs_options, what_verbs_is_told_reaches_both_streams)
{
    char *send[] = {"spead-send",
                    "192.0.2.1:7148",
                    "--engine",
                    "verbs",
                    "--comp-vector",
                    "3",
                    "--verbs-device",
                    "mlx5_1",
                    "--rate",
                    "1",
                    "--hardware-rate",
                    "--verbs-tso",
                    NULL};
    char *recv[] = {"spead-recv",    ":7148", "--max-poll",   "7",  "--mprq", "on",
                    "--mprq-stride", "512",   "--mprq-entry", "1M", NULL};
    char *other[] = {"spead-recv",     ":7148",  "--comp-vector",
                     "poll",           "--mprq", "off",
                     "--verbs-queues", "4",      NULL};
    struct spead_send_tool_options send_options;
    struct spead_recv_tool_options recv_options;
    struct spead_send_stream_config to;
    struct spead_recv_stream_config from;

    spead_send_options_parse(&send_options, 12, send);
    to = spead_send_stream_config_of(&send_options);
    cr_expect_str_eq(to.engine, "verbs");
    cr_expect_str_eq(verbs_of_sender(&to)->device, "mlx5_1");
    cr_expect_eq(verbs_of_sender(&to)->comp_vector, 3);
    cr_expect_eq(verbs_of_sender(&to)->max_poll, 10);
    cr_expect(to.hardware_rate);
    cr_expect(to.hardware_tso);
    spead_recv_options_parse(&recv_options, 10, recv);
    from = spead_recv_stream_config_of(&recv_options);
    cr_expect_null(verbs_of_receiver(&from)->device);
    cr_expect_eq(verbs_of_receiver(&from)->max_poll, 7);
    cr_expect_eq(verbs_of_receiver(&from)->mprq, SPEAD_MPRQ_ON);
    cr_expect_eq(verbs_of_receiver(&from)->mprq_stride_log, 9);
    cr_expect_eq(verbs_of_receiver(&from)->mprq_entry_log, 20);
    spead_recv_options_parse(&recv_options, 8, other);
    from = spead_recv_stream_config_of(&recv_options);
    cr_expect_eq(verbs_of_receiver(&from)->comp_vector, SPEAD_VERBS_COMP_VECTOR_POLL);
    cr_expect_eq(verbs_of_receiver(&from)->mprq, SPEAD_MPRQ_OFF);
    cr_expect_eq(verbs_of_receiver(&from)->queues, 4);
}

Test(verbs_options, a_send_path_is_refused_because_there_is_only_one)
{
    const struct refusal refusals[] = {
        {SPEAD_SEND, "127.0.0.1:7148 --heaps 1 --engine verbs --send-path gather", 1,
         "--send-path: engine verbs has no kernel socket for this; try socket"},
        {SPEAD_SEND, "127.0.0.1:7148 --heaps 1 --engine verbs --send-path reference", 1,
         "--send-path: engine verbs has no kernel socket for this; try socket"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(verbs_options, the_defaults_are_those_of_the_manual)
{
    char *send[] = {"spead-send", "192.0.2.1:7148", NULL}, *recv[] = {"spead-recv", ":7148", NULL};
    struct spead_send_tool_options send_options;
    struct spead_recv_tool_options recv_options;
    const struct spead_send_verbs_config *sends;
    const struct spead_recv_verbs_config *receives;
    struct spead_send_stream_config to;
    struct spead_recv_stream_config from;

    spead_send_options_parse(&send_options, 2, send);
    to = spead_send_stream_config_of(&send_options);
    sends = verbs_of_sender(&to);
    cr_expect_null(sends->device);
    cr_expect_eq(sends->comp_vector, 0);
    cr_expect_eq(sends->max_poll, 10);
    spead_recv_options_parse(&recv_options, 2, recv);
    from = spead_recv_stream_config_of(&recv_options);
    receives = verbs_of_receiver(&from);
    cr_expect_null(receives->device);
    cr_expect_eq(receives->comp_vector, 0);
    cr_expect_eq(receives->max_poll, 10);
    cr_expect_eq(receives->mprq, SPEAD_MPRQ_AUTO);
    cr_expect_eq(receives->mprq_stride_log, 0);
    cr_expect_eq(receives->mprq_entry_log, 0);
    cr_expect_eq(receives->queues, 1);
}
