/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: an option that is typed and has no effect is refused, and the sentence says why. An option of another engine
 * than "auto" took is named in a warning. Method: the test runs the built programs, and checks the tables of pairs. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "option_effect.h"
#include "option_rows.h"
#include "refusal.h"
#include "tool_run.h"

TestSuite(option_effects, .timeout = 120);

static const struct tool_option *row_of(const struct tool_program *program, const char *name)
{
    const size_t number = tool_option_find(program, name, strlen(name));
    const struct tool_option *option = tool_option_at(program, number);

    cr_assert_not_null(option, "there is no --%s", name);
    return option;
}

/* Expects that the program could print this value for the option. */
static void expect_value(const struct tool_program *program, const char *name, const char *value)
{
    const struct tool_option *option = row_of(program, name);
    char text[TOOL_DEFAULT_MAX];
    char *options;

    if (!value)
        return;
    if (option->type == &tool_flag) {
        cr_expect_str_eq(value, "on", "--%s", name);
        return;
    }
    options = malloc(program->bytes);
    memcpy(options, program->defaults, program->bytes);
    cr_expect_eq(tool_option_take(program, option, value, options, NULL), 0, "--%s %s", name,
                 value);
    option->type->print(option, options + option->at[program->side].offset, text, sizeof text);
    cr_expect_str_eq(text, value, "--%s", name);
    free(options);
}

Test(option_effects, each_pair_names_options_and_values_that_there_are)
{
    for (size_t i = 0; i < OPTION_PROGRAM_COUNT; i++) {
        const struct tool_program *program = option_programs[i].program;

        for (const struct tool_pair *pair = program->pairs; pair && pair->option; pair++) {
            expect_value(program, pair->option, pair->value);
            expect_value(program, pair->other, pair->other_value);
            if (pair->but)
                expect_value(program, pair->but, pair->but_value);
        }
    }
}

Test(option_effects, an_option_without_effect_is_refused_by_the_receiver)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, ":7148 --placed-window 8 --receive-path bounce", 2,
         "--placed-window 8 has no effect with --receive-path bounce: nothing is placed"},
        {SPEAD_RECV, ":7148 --placed-loss-max 8 --receive-path bounce", 2,
         "--placed-loss-max 8 has no effect with --receive-path bounce"},
        {SPEAD_RECV, ":7148 --receive-path placed --mprq on", 2,
         "--mprq on has no effect with --receive-path placed"},
        {SPEAD_RECV, ":7148 --mprq-stride 512", 2,
         "--mprq-stride 512 has no effect without --mprq"},
        {SPEAD_RECV, ":7148 --mprq-entry 512 --mprq auto", 2,
         "--mprq-entry 512 has no effect with --mprq auto"},
        {SPEAD_RECV, ":7148 --mprq-stride 512 --mprq off", 2,
         "--mprq-stride 512 has no effect with --mprq off"},
        {SPEAD_RECV, ":7148 --mprq-stride 512 --receive-path bounce --mprq off", 2,
         "--mprq-stride 512 has no effect with --mprq off: there is no multi-packet queue"},
        {SPEAD_RECV, ":7148 --mprq-entry 512 --receive-path bounce --mprq off", 2,
         "--mprq-entry 512 has no effect with --mprq off"},
        {SPEAD_RECV, ":7148 --max-poll 3 --comp-vector -1", 2,
         "--max-poll 3 has no effect with --comp-vector -1: the thread never sleeps"},
        {SPEAD_RECV, ":7148 --coalesce 3 --comp-vector poll", 2,
         "--coalesce 3 has no effect with --comp-vector poll"},
        {SPEAD_RECV, ":7148 --follow-links", 2, "--follow-links has no effect without --output"},
        {SPEAD_RECV, ":7148 --follow-links --output -", 2,
         "--follow-links has no effect with --output -: standard output is no link"},
        {SPEAD_RECV, ":7148 --output-format raw", 2,
         "--output-format raw has no effect without --output: no heap is written"},
        {SPEAD_RECV, ":7148 --sync 1s", 2, "--sync 1s has no effect without --output"},
        {SPEAD_RECV, ":7148 --sync 1s --output a --output-format raw", 2,
         "--sync 1s has no effect: only the format files is synced, and this output is raw"},
        {SPEAD_RECV, ":7148 --sync end --output - --output-format framed", 2,
         "--sync end has no effect: only the format files is synced, and this output is framed"},
        {SPEAD_RECV, ":7148 --stop any --no-stop-item", 2,
         "--stop any has no effect with --no-stop-item"},
        {SPEAD_RECV, ":7148 --expect-senders 2 --sender-key none", 2,
         "all packets of an endpoint are of one sender"},
        {SPEAD_RECV, ":7148 --progress-interval 2s", 2,
         "--progress-interval 2s has no effect without --progress"},
        {SPEAD_RECV, ":7148 --verbose --quiet", 2, "--verbose has no effect with --quiet"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(option_effects, an_option_without_effect_is_refused_by_the_others)
{
    const struct refusal refusals[] = {
        {SPEAD_SEND, "127.0.0.1:7148 --verify-pattern spead2", 2,
         "--verify-pattern spead2 has no effect without --verify: no pattern is written"},
        {SPEAD_SEND, "127.0.0.1:7148 --verify --verify-pattern spead2 --items 3 --heap-size 1000",
         2, "--heap-size 1000 must be a multiple of 12, which is 4 times --items"},
        {SPEAD_SEND, "127.0.0.1:7148 --rate-of wire", 2,
         "--rate-of wire has no effect without --rate: the rate has no limit"},
        {SPEAD_SEND, "127.0.0.1:7148 --burst 32K --rate 0", 2,
         "--burst 32K has no effect with --rate 0"},
        {SPEAD_SEND, "127.0.0.1:7148 --burst-rate-ratio 2", 2,
         "--burst-rate-ratio 2 has no effect without --rate"},
        {SPEAD_SEND, "127.0.0.1:7148 --burst 32K --rate 1 --hardware-rate", 2,
         "--burst 32K has no effect with --hardware-rate"},
        {SPEAD_SEND, "127.0.0.1:7148 --burst-rate-ratio 2 --rate 1 --hardware-rate --verbs-tso", 2,
         "--burst-rate-ratio 2 has no effect with --hardware-rate"},
        {SPEAD_SEND, "127.0.0.1:7148 --max-poll 3 --comp-vector poll", 2,
         "--max-poll 3 has no effect with --comp-vector poll"},
        {SPEAD_SEND, "127.0.0.1:7148 [::1]:7148 --ttl 4", 2,
         "--ttl 4 has no effect: it is for multicast, and no destination is a group"},
        {SPEAD_SEND, "127.0.0.1:7148 --mix-heaps 8", 2,
         "--mix-heaps 8 has no effect: heaps of 4194304 bytes fill trains by themselves"},
        {SPEAD_SEND, "127.0.0.1:7148 --mix-heaps 8 --heap-size 1424", 2,
         "--mix-heaps 8 has no effect: a heap of 1424 bytes is one packet"},
        {SPEAD_SEND, "127.0.0.1:7148 [::1]:7148 --mix-heaps 8 --heap-size 16K", 2,
         "--mix-heaps 8 has no effect: heaps go to the destinations in turn"},
        {SPEAD_SEND, "127.0.0.1:7148 --mix-heaps 8 --heap-size 16K --packet-payload 1024", 2,
         "--mix-heaps 8 has no effect with --packet-payload"},
        {SPEAD_SEND, "127.0.0.1:7148 --mix-heaps 8 --heap-size 16K --max-heaps 1", 2,
         "--mix-heaps 8 has no effect with --max-heaps 1"},
        {SPEAD_INFO, "recording file --interface lo", 2,
         "--interface lo has no effect with recording"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(option_effects, an_option_of_an_engine_that_is_not_named_is_refused)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, ":7148 --engine socket --mprq on", 2,
         "--mprq on has no effect with --engine socket: it is an option of engine verbs"},
        {SPEAD_RECV, ":7148 --verbs-queues 4 --engine socket", 2,
         "--verbs-queues 4 has no effect with --engine socket"},
        {SPEAD_RECV, ":7148 --engine socket --max-poll 4", 2, "--max-poll 4 has no effect"},
        {SPEAD_RECV, ":7148 --engine socket --comp-vector 4", 2, "--comp-vector 4 has no effect"},
        {SPEAD_SEND, "127.0.0.1:7148 --engine socket --verbs-device mlx5_0", 2,
         "--verbs-device mlx5_0 has no effect with --engine socket"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

/* Runs the tool, which must end with status 0. Expects `says` on stderr, or no warning if `says` is NULL. */
static void expect_warning(const char *tool, const char *line, const char *says)
{
    struct program program = {0};
    char *said;

    program_start(&program, tool, line);
    cr_expect_eq(program_wait(&program), 0, "%s", line);
    said = program_err(&program);
    if (says)
        cr_expect_not_null(strstr(said, says), "\"%s\" does not say \"%s\"", said, says);
    else
        cr_expect_null(strstr(said, "no effect"), "%s", said);
    free(said);
    program_release(&program);
}

Test(option_effects, a_warning_names_the_options_of_an_engine_that_auto_did_not_take)
{
    tool_enter();
    expect_warning(SPEAD_RECV, "127.0.0.1:7148 --seconds 0.01 --mprq off --verbs-queues 4",
                   "spead-recv: warning: no effect: --mprq, --verbs-queues; engine auto took "
                   "socket, and they are for engine verbs\n");
    expect_warning(SPEAD_RECV, "127.0.0.1:7148 --plan --engine auto --max-poll 4",
                   "no effect: --max-poll; engine auto took socket");
    expect_warning(SPEAD_SEND, "127.0.0.1:7148 --heaps 1 --comp-vector 4",
                   "spead-send: warning: no effect: --comp-vector; engine auto took socket");
    expect_warning(SPEAD_RECV, "127.0.0.1:7148 --plan --mprq off --log-level error", NULL);
    expect_warning(SPEAD_RECV, "127.0.0.1:7148 --plan --receive-path bounce", NULL);
}

Test(option_effects, an_option_keeps_its_effect_where_another_one_gives_it)
{
    tool_enter();
    expect_warning(SPEAD_RECV, "127.0.0.1:7148 --plan --stop-silence 2s --stop any", NULL);
    expect_warning(SPEAD_RECV, "127.0.0.1:7148 --plan --progress - --progress-interval 2s", NULL);
    expect_warning(SPEAD_SEND, "127.0.0.1:7148 --plan --rate 1 --burst 32K --rate-of wire", NULL);
    expect_warning(SPEAD_SEND, "127.0.0.1:7148 239.1.2.3:7148 --bind lo --plan --ttl 4", NULL);
}
