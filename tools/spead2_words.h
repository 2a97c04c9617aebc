/* SPDX-License-Identifier: Apache-2.0 */
/* The options of spead2's tools, and what they are called here. A user who types one of them either gets what it means,
 * or a sentence that names our option and says how it differs.
 *
 * The table has a row for each option that `spead2_recv --help` and `spead2_send --help` print. The tables of
 * docs/from-spead2.md come from the same rows. One test compares the page with the rows, and another one compares it
 * with what spead2's tools print. */
#ifndef SPEADLINE_TOOLS_SPEAD2_WORDS_H
#define SPEADLINE_TOOLS_SPEAD2_WORDS_H

#include "option_table.h"

struct tool_spead2_word {
    enum tool_side side;
    const char *word;     /* "ibv" if a user of spead2 types --ibv */
    const char *argument; /* the name of its value, such as "N"; NULL for a flag */
    const char *standard; /* its default in spead2; "" if spead2 does not say it */
    /* The name of our option with the same meaning. NULL if there is none. */
    const char *ours;
    /* The value of our option, if the word of spead2 is a flag and our option is none. Else NULL. */
    const char *value;
    /* Without `ours`: the sentence of the error, behind "spead2's --ibv". With `ours`: what differs, or NULL. */
    const char *differs;
};

/* Returns row number `index` of the table (0, 1, ...), or NULL past the last row. */
const struct tool_spead2_word *tool_spead2_word_at(size_t index);

/* Returns the row of this word for this program, or NULL. The word has no dashes, and `length` characters. */
const struct tool_spead2_word *tool_spead2_word_find(enum tool_side side, const char *word,
                                                     size_t length);

#endif
