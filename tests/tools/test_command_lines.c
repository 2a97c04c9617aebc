/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: for a wrong command line a tool prints one line that names the mistake, and ends with status 2. If the network
 * or the system refuses something, the tool prints one line and ends with status 1. Method: the test runs the built
 * programs. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "netns.h"
#include "program.h"
#include "refusal.h"

TestSuite(command_lines, .timeout = 120);

Test(command_lines, wrong_usage_of_the_sender_is_one_line_and_status_2)
{
    const struct refusal refusals[] = {
        {SPEAD_SEND, "", 2, "HOST:PORT"},
        {SPEAD_SEND, "127.0.0.1", 2, "127.0.0.1"},
        {SPEAD_SEND, ":7148", 2, ":7148"},
        {SPEAD_SEND, "127.0.0.1:99999", 2,
         "spead-send: \"127.0.0.1:99999\": port must be 1 to 65535"},
        {SPEAD_SEND, "127.0.0.1:7148 --bogus", 2, "--bogus"},
        {SPEAD_SEND, "127.0.0.1:7148 --heaps", 2, "--heaps"},
        {SPEAD_SEND, "127.0.0.1:7148 --heap", 2,
         "unknown option --heap; did you mean --heap-size or --heaps?"},
        {SPEAD_SEND, "127.0.0.1:7148 --packet 40", 2, "--packet 40: must be 56 to 65507"},
        {SPEAD_SEND, "127.0.0.1:7148 --packet 64K", 2, "--packet 64K: must be 56 to 65507"},
        {SPEAD_SEND, "127.0.0.1:7148 --packet-payload 1001", 2,
         "--packet-payload 1001: use a multiple of 8"},
        {SPEAD_SEND, "127.0.0.1:7148 --packet-payload 1424 --items 2", 2,
         "--packet-payload 1424: with --packet 1472 and --items 2, a packet has room for 1416 bytes "
         "beside the item pointers"},
        {SPEAD_SEND, "127.0.0.1:7148 --packet-payload 8 --packet 56", 2, "use at least 64"},
        {SPEAD_SEND, "127.0.0.1:7148 --heap-size 4Q", 2, "--heap-size 4Q"},
        {SPEAD_SEND, "127.0.0.1:7148 --heap-size 256 --addr-bits 8", 2, "largest"},
        {SPEAD_SEND, "127.0.0.1:7148 --addr-bits 42", 2, "multiple of 8"},
        {SPEAD_SEND, "127.0.0.1:7148 --addr-bits 64", 2, "--addr-bits 64: must be 8 to 56"},
        {SPEAD_SEND, "127.0.0.1:7148 --addr-bits 56 --items 200", 2, "--items 200"},
        {SPEAD_SEND, "127.0.0.1:7148 --heaps 0", 2, "--heaps 0: must be 1 or more"},
        {SPEAD_SEND, "127.0.0.1:7148 --heaps -1", 2,
         "--heaps -1: must be 1 or more; without the option: no limit"},
        {SPEAD_SEND, "127.0.0.1:7148 --rate fast", 2, "--rate fast: not a number\n"},
        {SPEAD_SEND, "127.0.0.1:7148 --heaps 1 --engine socket --rate 1 --hardware-rate", 1,
         "--hardware-rate: engine socket has no device for this"},
        {SPEAD_SEND, "127.0.0.1:7148 --heaps 1 --engine socket --verbs-tso", 1,
         "--verbs-tso: engine socket has no device for this"},
        {SPEAD_SEND, "127.0.0.1:7148 --rate 1e-9", 2, "--rate 1e-9: must be 8e-09 to 100000, or 0"},
        {SPEAD_SEND, "127.0.0.1:7148 --rate-of bits", 2, "spead, wire"},
        {SPEAD_SEND, "127.0.0.1:7148 --send-path copy", 2, "auto, gather, reference"},
        {SPEAD_SEND, "127.0.0.1:7148 --burst-rate-ratio 0.5", 2,
         "--burst-rate-ratio 0.5: must be 1 to 1000"},
        {SPEAD_SEND, "127.0.0.1:7148 --engine rdma", 2, "use one of auto, "},
        {SPEAD_SEND, "127.0.0.1:7148 --comp-vector many", 2, "--comp-vector many"},
        {SPEAD_SEND, "127.0.0.1:7148 --comp-vector -2", 2, "--comp-vector -2"},
        {SPEAD_SEND, "127.0.0.1:7148 --hardware-rate", 2, "Give --rate"},
        {SPEAD_SEND, "127.0.0.1:7148 --cpu 1000", 2, "--cpu 1000"},
        {SPEAD_SEND, "127.0.0.1:7148 --fault loss=2", 2, "loss"},
        {SPEAD_SEND, "127.0.0.1:7148 --fault bogus=1", 2, "bogus"},
        {SPEAD_SEND, "127.0.0.1:7148 --seconds 1e-400", 2,
         "--seconds 1e-400: must be 0.001 to 3162240000; without the option: no limit"},
        {SPEAD_SEND, "127.0.0.1:7148 --seconds 0", 2, "--seconds 0: must be 0.001 to"},
        {SPEAD_SEND, "127.0.0.1:7148 --rate 1e-400", 2,
         "--rate 1e-400: must be 8e-09 to 100000, or 0"},
        {SPEAD_SEND, "127.0.0.1:7148 --heaps 0", 2,
         "must be 1 or more; without the option: no limit"},
        {SPEAD_SEND, "127.0.0.1:7148 --seconds 0.000e0x", 2, "--seconds 0.000e0x: not a number"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(command_lines, wrong_usage_of_the_receiver_is_one_line_and_status_2)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, "", 2, "[HOST]:PORT"},
        {SPEAD_RECV, "--output :7148", 2, "[HOST]:PORT. --output has taken \":7148\" as its FILE"},
        {SPEAD_SEND, "--fault 10.0.0.1:7148", 2, "--fault has taken \"10.0.0.1:7148\" as its"},
        {SPEAD_RECV, "/dev/null", 2, "\"/dev/null\" is a file, and spead-recv reads no files"},
        {SPEAD_RECV, "127.0.0.1:0", 2, "127.0.0.1:0"},
        {SPEAD_RECV, "127.0.0.1:7148 localhost:7148", 2,
         "\"127.0.0.1:7148\" and \"localhost:7148\" are the same endpoint"},
        {SPEAD_RECV, ":7148 127.0.0.1:7148", 2, "one takes the port on every address"},
        {SPEAD_RECV, ":7148 --bogus", 2, "--bogus"},
        {SPEAD_RECV, ":7148 --on-full block", 2,
         "--on-full: engine \"socket\" cannot make its sender wait"},
        {SPEAD_RECV, ":7148 --on-full never", 2, "drop-newest"},
        {SPEAD_RECV, ":7148 --receive-path fast", 2, "auto, placed, bounce"},
        {SPEAD_RECV, ":7148 --mprq maybe", 2, "auto, off, on"},
        {SPEAD_RECV, ":7148 --mprq-stride 300", 2, "--mprq-stride 300: not a power of two"},
        {SPEAD_RECV, ":7148 --mprq-stride 128K", 2, "--mprq-stride 128K: must be 2 to 65536"},
        {SPEAD_RECV, ":7148 --mprq-entry 0", 2, "--mprq-entry 0: must be 2 to 67108864"},
        {SPEAD_RECV, ":7148 --mprq-entry 3M", 2, "not a power of two"},
        {SPEAD_RECV, ":7148 --verbs-queues 3", 2, "--verbs-queues 3: not a power of two"},
        {SPEAD_RECV, ":7148 --verbs-queues 0", 2, "--verbs-queues 0: must be 1 to 16"},
        {SPEAD_RECV, ":7148 --verbs-queues 32", 2, "--verbs-queues 32: must be 1 to 16"},
        {SPEAD_RECV, ":7148 --source :7000", 2,
         "--source \":7000\": a source is HOST or HOST:PORT"},
        {SPEAD_RECV, ":7148 --source 239.1.2.3", 2, "--source \"239.1.2.3\": a source is one host"},
        {SPEAD_RECV, ":7148 --source 127.0.0.1:99999", 2, "port must be 1 to 65535"},
        {SPEAD_RECV, ":7148 --source [::1]", 2, "different IP versions"},
        {SPEAD_RECV, ":7148 --ring-heaps 0", 2, "--ring-heaps 0: must be 1 to 65536"},
        {SPEAD_RECV, ":7148 --concurrent-heaps 0", 2, "--concurrent-heaps 0: must be 1 to 65536"},
        {SPEAD_RECV, ":7148 --packet 55", 2, "--packet 55: must be 56 to 65507"},
        {SPEAD_RECV, ":7148 --memory much", 2, "--memory much"},
        {SPEAD_RECV, ":7148 --memory 0", 2, "--memory 0: must be 12288 to 1125899906842624; one"},
        {SPEAD_RECV, ":7148 --memory 2000T", 2, "--memory 2000T: must be 12288 to "},
        {SPEAD_RECV, ":7148 --memory 1K", 2, "--memory 1024: must be 12288 or more"},
        {SPEAD_RECV, ":7148 --concurrent-heaps 65536 --substreams 4096", 2,
         "--concurrent-heaps 65536: must be 1 to 256"},
        {SPEAD_RECV, ":7148 --cpu 1000", 2, "1000"},
        {SPEAD_RECV, ":7148 --sender-key mac", 2,
         "--sender-key mac: use one of port, address, none"},
        {SPEAD_RECV, ":7148 --senders 0", 2, "--senders 0: must be 1 to 65535"},
        {SPEAD_RECV, ":7148 --expect-senders 0", 2, "--expect-senders 0: must be 1 to 1024"},
        {SPEAD_RECV, ":7148 --expect-senders /nowhere", 2,
         "--expect-senders /nowhere: No such file"},
        {SPEAD_RECV, ":7148 --restart-quiet 2", 2, "--restart-quiet 2: not a time (like 2s, 10ms"},
        {SPEAD_RECV, ":7148 --repeat-time 2min", 2, "--repeat-time 2min: not a time"},
        {SPEAD_RECV, ":7148 --stop-silence 25h", 2, "--stop-silence 25h: not a time"},
        {SPEAD_RECV, ":7148 --stop 0", 2, "--stop 0: must be 1 to 65535; or any, or all"},
        {SPEAD_RECV, ":7148 --stop none", 2, "--stop none: not a number; or any, or all"},
        {SPEAD_RECV, ":7148 --heap-timeout 1e-7", 2,
         "--heap-timeout 1e-7: must be 0.001 to 86400000, or 0"},
        {SPEAD_RECV, ":7148 --heap-timeout 1e-9", 2, "must be 0.001 to 86400000, or 0"},
        {SPEAD_RECV, ":7148 --stop-silence 1e-9ns", 2, "must be 1ns to 86400s, or 0"},
        {SPEAD_RECV, ":7148 --fault loss", 2, "--fault \"loss\": write KEY=VALUE"},
        {SPEAD_RECV, "--quiet :7148 --output /dev/null", 2, "/dev/null"},
        {SPEAD_RECV, ":7148 --output=", 2, "--output \"\": must not be empty"},
    };
    const char *reason;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(command_lines, wrong_usage_of_the_informer_is_one_line_and_status_2)
{
    const struct refusal refusals[] = {
        {SPEAD_INFO, "", 2, "about what?"},
        {SPEAD_INFO, "gpus", 2, "\"gpus\""},
        {SPEAD_INFO, "engines gpus", 2, "\"gpus\" is one word too many"},
        {SPEAD_INFO, "recording", 2, "about which recording?"},
        {SPEAD_INFO, "recording night.bin.jsonl", 2,
         "\"night.bin.jsonl\" is an index: name its data file, \"night.bin\""},
        {SPEAD_INFO, "recording a b", 2, "\"b\" is one word too many"},
        {SPEAD_INFO, "recording /nowhere/file", 1, "/nowhere/file"},
        {SPEAD_RECV, ":7148 --output - --output-format files", 2, "needs a FILE"},
        {SPEAD_RECV, ":7148 --sync 5", 2, "or a number of heaps (like 100heaps), end, or never"},
        {SPEAD_RECV, ":7148 --sync 0heaps", 2, "--sync 0heaps: must be 1 to"},
        {SPEAD_INFO, "engines --bogus", 2, "--bogus"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

/* A script that means --ring-heaps must not break when there is an option --ring some day. */
Test(command_lines, an_option_has_its_whole_name)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, ":7148 --ring 4", 2, "unknown option --ring; did you mean --ring-heaps?"},
        {SPEAD_RECV, ":7148 --ring=4", 2, "unknown option --ring; did you mean --ring-heaps?"},
        {SPEAD_RECV, ":7148 --ring-heap 4", 2, "did you mean --ring-heaps?"},
        {SPEAD_RECV, ":7148 --plan --verb", 2,
         "unknown option --verb; did you mean --verbs-queues"},
        {SPEAD_RECV, ":7148 --hel", 2, "unknown option --hel; did you mean --help?"},
        {SPEAD_RECV, ":7148 --timeout 5", 2, "did you mean --heap-timeout?"},
        {SPEAD_RECV, ":7148 --max_heap_size 5", 2, "did you mean --max-heap-size?"},
        {SPEAD_RECV, ":7148 -heaps 5", 2, "unknown option -heaps; did you mean --heaps?"},
        {SPEAD_RECV, ":7148 -x", 2, "unknown option -x; spead-recv --help lists all options"},
        {SPEAD_RECV, ":7148 --=x", 2, "unknown option --; "},
        {SPEAD_SEND, "127.0.0.1:7148 --bogus", 2,
         "unknown option --bogus; spead-send --help lists all options"},
        {SPEAD_INFO, "engines --js", 2, "unknown option --js; did you mean --json?"},
        {SPEAD_INFO, "engines --a-name-that-is-longer-than-the-name-of-any-option", 2, "unknown"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(command_lines, an_option_has_a_value_exactly_if_its_row_says_so)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, ":7148 --heaps", 2, "--heaps needs a value: --heaps N"},
        {SPEAD_RECV, ":7148 --bind --json", 2, "--bind needs a value: --bind IF"},
        {SPEAD_RECV, ":7148 --bind --", 2, "--bind needs a value: --bind IF"},
        {SPEAD_RECV, ":7148 --json=yes", 2, "--json=yes: this option has no value; give --json"},
        {SPEAD_RECV, ":7148 --help=all", 2, "--help=all: this option has no value"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(command_lines, an_option_that_holds_one_value_is_given_once)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, ":7148 --bind lo --bind eth0", 2,
         "--bind is given twice, as lo and as eth0: give it once"},
        {SPEAD_RECV, ":7148 --heaps=1 --heaps 1", 2, "--heaps is given twice, as 1 and as 1"},
        {SPEAD_SEND, "127.0.0.1:7148 --rate 1 --rate=2", 2, "--rate is given twice, as 1 and as 2"},
        {SPEAD_INFO, "engines --interface lo --interface=", 2, "as lo and as \"\": give it once"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

/* A terminal would obey such characters in a sentence that quotes them. */
Test(command_lines, control_characters_are_refused_and_printed_as_numbers)
{
    const struct refusal refusals[] = {
        {SPEAD_RECV, ":7148 --seconds \33[2J", 2, "\"\\x1b[2J\" has a control character"},
        {SPEAD_RECV, ":7148 --bo\33[2Jgus", 2, "\"--bo\\x1b[2Jgus\" has a control character"},
        {SPEAD_RECV, ":7148 --bind \33[2J", 2, "\"\\x1b[2J\" has"},
        {SPEAD_RECV, ":7148 --output=a\nb", 2, "\"--output=a\\x0ab\" has"},
        {SPEAD_RECV, "\33[2J:7148", 2, "\"\\x1b[2J:7148\" has"},
        {SPEAD_RECV, ":7148 -- \x7f:7149", 2, "\"\\x7f:7149\" has"},
        {SPEAD_RECV,
         ":7148 --bind \xc2\x9b"
         "2J",
         2, "\"\\xc2\\x9b2J\" has"},
        {SPEAD_SEND, "127.0.0.1:7148 --bind a\rb", 2, "\"a\\x0db\" has"},
        {SPEAD_INFO, "recording \33[2J", 2, "\"\\x1b[2J\" has"},
        {SPEAD_INFO, "engines --interface \33[2J", 2, "\"\\x1b[2J\" has"},
        {SPEAD_INFO, "\33[2J", 2, "\"\\x1b[2J\" has"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(command_lines, letters_of_other_alphabets_are_no_control_characters)
{
    const struct refusal refusals[] = {
        {SPEAD_INFO,
         "recording /nowhere/\xc3\x9c"
         "bersicht",
         1,
         "/nowhere/\xc3\x9c"
         "bersicht"},
    };

    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(command_lines, what_the_system_refuses_is_one_line_and_status_1)
{
    const struct refusal refusals[] = {
        {SPEAD_SEND, "192.0.2.1:7148", 1, "192.0.2.1:7148"},
        {SPEAD_SEND, "nowhere.invalid:7148", 1, "nowhere.invalid"},
        {SPEAD_SEND, "127.0.0.1:7148 --bind nowhere0", 1, "--bind \"nowhere0\": "},
        {SPEAD_RECV, "192.0.2.1:7148", 1, "192.0.2.1:7148"},
        {SPEAD_RECV, ":7148 --bind nowhere0", 1, "--bind \"nowhere0\": "},
        {SPEAD_RECV, ":7148%nowhere0", 1, "\"nowhere0\": there is no interface of this name"},
        {SPEAD_SEND, "127.0.0.1:7148%nowhere0", 1, "\"nowhere0\": there is no interface"},
        {SPEAD_RECV, "--quiet :7148 --output /nowhere/file", 1, "/nowhere/file"},
    };
    const char *reason;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    expect_refusals(refusals, sizeof refusals / sizeof *refusals);
}

Test(command_lines, help_and_version_go_to_standard_output)
{
    const char *tools[] = {SPEAD_SEND, SPEAD_RECV, SPEAD_INFO, SPEAD_NET_RAW};

    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        const char *lines[] = {"--help", "--usage", "--version", "-h", "-?", "-V"};

        for (size_t j = 0; j < sizeof lines / sizeof *lines; j++) {
            struct program program = {0};
            char *printed, *said;

            program_start(&program, tools[i], lines[j]);
            cr_expect_eq(program_wait(&program), 0);
            printed = program_out(&program);
            said = program_err(&program);
            cr_expect_not_null(strstr(printed, "spead-"), "%s: %s", lines[j], printed);
            cr_expect_str_empty(said);
            free(printed);
            free(said);
            program_release(&program);
        }
    }
}
