/* SPDX-License-Identifier: Apache-2.0 */
/* See spead2_words.h. The words and defaults are those that spead2 4.5.1 prints. */
#include "spead2_words.h"

#include <string.h>

#define ONE_THREAD \
    "is not there: one thread owns the stream; start a program for each group of endpoints"
#define POOL   "is not needed: all memory is planned at the start, and --memory N bounds it"
#define LEVELS "is --log-level LEVEL here, and LEVEL is error, warning or info"
#define PYSPEAD \
    "is not there: Speadline keeps to version 4 of the protocol, as spead2 does without it"
#define TCP "is not there: Speadline sends and receives UDP only"
#define CPU "is --cpu N here, with one CPU: the stream has one thread"

/* clang-format off */
/* SAME: our option has the same name and meaning. ALIAS: it has another name and the same meaning. OTHER: there is no
 * option with the same meaning. */
#define SAME(side_, word_, argument_, standard_, differs_) \
    {.side = side_, .word = word_, .argument = argument_, .standard = standard_, .ours = word_, .differs = differs_}
#define ALIAS(side_, word_, argument_, standard_, ours_, value_) \
    {.side = side_, .word = word_, .argument = argument_, .standard = standard_, .ours = ours_, .value = value_}
#define OTHER(side_, word_, argument_, standard_, differs_) \
    {.side = side_, .word = word_, .argument = argument_, .standard = standard_, .differs = differs_}

static const struct tool_spead2_word words[] = {
    OTHER(TOOL_RECV, "log", "LEVEL", "INFO", LEVELS),
    ALIAS(TOOL_RECV, "values", NULL, "", "items", NULL),
    ALIAS(TOOL_RECV, "descriptors", NULL, "", "items", NULL),
    OTHER(TOOL_RECV, "max-heaps", "N", "",
          "is --heaps N here, which counts the complete heaps of all endpoints together"),
    SAME(TOOL_RECV, "joint", NULL, "", NULL),
    OTHER(TOOL_RECV, "tcp", NULL, "", TCP),
    OTHER(TOOL_RECV, "pyspead", NULL, "", PYSPEAD),
    OTHER(TOOL_RECV, "memcpy-nt", NULL, "", "is not there: --receive-path placed saves the copy"),
    SAME(TOOL_RECV, "concurrent-heaps", "N", "4", NULL),
    SAME(TOOL_RECV, "substreams", "N", "1", NULL),
    SAME(TOOL_RECV, "ring-heaps", "N", "4", "without it, the bytes of the waiting heaps are bounded"),
    OTHER(TOOL_RECV, "mem-pool", NULL, "", POOL),
    OTHER(TOOL_RECV, "mem-lower", "N", "16384", POOL),
    OTHER(TOOL_RECV, "mem-upper", "N", "33554432", POOL),
    OTHER(TOOL_RECV, "mem-max-free", "N", "12", POOL),
    OTHER(TOOL_RECV, "mem-initial", "N", "8", POOL),
    SAME(TOOL_RECV, "packet", "N", "", NULL),
    SAME(TOOL_RECV, "buffer", "N", "", NULL),
    SAME(TOOL_RECV, "bind", "ADDRESS", "", "it may also be the name of the interface"),
    ALIAS(TOOL_RECV, "ibv", NULL, "no", "engine", "verbs"),
    ALIAS(TOOL_RECV, "ibv-vector", "N", "0", "comp-vector", NULL),
    ALIAS(TOOL_RECV, "ibv-max-poll", "N", "10", "max-poll", NULL),
    OTHER(TOOL_RECV, "affinity", "LIST", "no affinity", CPU),
    OTHER(TOOL_RECV, "threads", "N", "1", ONE_THREAD),

    SAME(TOOL_SEND, "heap-size", "BYTES", "4194304", NULL),
    SAME(TOOL_SEND, "items", "N", "1", NULL),
    SAME(TOOL_SEND, "dtype", "DTYPE", "<c8", "it needs --descriptors"),
    SAME(TOOL_SEND, "heaps", "N", "infinite", "-1 and 0 are refused: leave it out"),
    OTHER(TOOL_SEND, "log", "LEVEL", "INFO", LEVELS),
    OTHER(TOOL_SEND, "tcp", NULL, "", TCP),
    OTHER(TOOL_SEND, "pyspead", NULL, "", PYSPEAD),
    SAME(TOOL_SEND, "addr-bits", "N", "40", NULL),
    SAME(TOOL_SEND, "packet", "N", "1472", NULL),
    SAME(TOOL_SEND, "burst", "BYTES", "65536", "it needs --rate"),
    SAME(TOOL_SEND, "burst-rate-ratio", "RATIO", "1.05", "it needs --rate"),
    SAME(TOOL_SEND, "max-heaps", "HEAPS", "4", NULL),
    OTHER(TOOL_SEND, "rate-method", "METHOD", "",
          "is --hardware-rate here for HW; without it this program paces, as SW does"),
    SAME(TOOL_SEND, "rate", "GBPS", "no limit", NULL),
    SAME(TOOL_SEND, "ttl", "N", "", "it needs a multicast destination"),
    SAME(TOOL_SEND, "buffer", "N", "", NULL),
    SAME(TOOL_SEND, "bind", "ADDRESS", "", "it may also be the name of the interface"),
    ALIAS(TOOL_SEND, "ibv", NULL, "no", "engine", "verbs"),
    ALIAS(TOOL_SEND, "ibv-vector", "N", "0", "comp-vector", NULL),
    ALIAS(TOOL_SEND, "ibv-max-poll", "N", "10", "max-poll", NULL),
    OTHER(TOOL_SEND, "affinity", "LIST", "no affinity", CPU),
    OTHER(TOOL_SEND, "threads", "N", "1", ONE_THREAD),
    SAME(TOOL_SEND, "descriptors", "N", "only at start", "first is what spead2 does without it; the default is never"),
};
/* clang-format on */

const struct tool_spead2_word *tool_spead2_word_at(size_t index)
{
    return index < sizeof words / sizeof *words ? &words[index] : NULL;
}

const struct tool_spead2_word *tool_spead2_word_find(enum tool_side side, const char *word,
                                                     size_t length)
{
    const struct tool_spead2_word *row;

    for (size_t i = 0; (row = tool_spead2_word_at(i)) != NULL; i++)
        if (row->side == side && strlen(row->word) == length &&
            strncmp(row->word, word, length) == 0)
            return row;
    return NULL;
}
