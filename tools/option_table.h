/* SPDX-License-Identifier: Apache-2.0 */
/* Each option of a tool is a row of a table. The row has the name of the option, its text in --help, the type and the
 * range of its value, and the place where the value is stored. Everything else comes from the rows: command_line.c reads
 * the command line, and option_help.c prints --help with the default of each option. When the library refuses a field
 * of its configuration, the sentence names the option instead of the field.
 *
 * A new option needs a row, an entry in the manual page, and a test of what it does.
 *
 * A row contains no default. Each program has a struct that holds the defaults of all options, which it takes from the
 * _INIT macros of the library. The program starts from this struct, and --help reads each default from it. When a
 * command line is wrong, the program prints one line on stderr that quotes the wrong words and says what is right, and
 * exits with TOOL_USAGE. */
#ifndef SPEADLINE_TOOLS_OPTION_TABLE_H
#define SPEADLINE_TOOLS_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#include "option_types.h"

/* The programs. If two programs share a row, the row has one place for the value in each program (tool_option.at). */
enum tool_side { TOOL_RECV, TOOL_SEND, TOOL_INFO, TOOL_SIDES };

/* The place of a value in the struct of options of a program: its offset and its size. */
struct tool_place {
    size_t offset, bytes;
};

#define TOOL_PLACE(type, member)                                             \
    {                                                                        \
        offsetof(struct type, member), sizeof(((struct type *)NULL)->member) \
    }

/* What the shell offers to complete a value that is no word of a list (packaging/completion). */
enum tool_offer {
    TOOL_OFFER_NOTHING,
    TOOL_OFFER_FILES,
    TOOL_OFFER_INTERFACES,
    TOOL_OFFER_DEVICES, /* RDMA devices */
    TOOL_OFFER_CPUS,
    TOOL_OFFER_HOSTS,
    TOOL_OFFER_PORTS_HERE, /* endpoints that a receiver can listen on: an address of this host, and a port */
    TOOL_OFFER_PORTS_THERE, /* endpoints that a sender can send to: a known host, and a port */
};

struct tool_option {
    const char *name;      /* "packet" if the user types --packet */
    char letter;           /* 'p' if the user may also type -p; 0 if the option has no letter */
    const char *argument;  /* name of the value in --help, such as "N"; NULL for a flag */
    unsigned group;        /* the option stands under this heading of --help */
    const char *help;      /* the text in --help, without the default, which --help adds */
    const char *help_send; /* the text for spead-send; NULL if it is the same as `help` */
    /* If the default is 0 or NULL, which means "not set", --help shows this word as the default, such as "any". If this
     * field is NULL, --help shows the default itself. */
    const char *unset;

    const struct tool_type *type; /* how the user types the value, and what is stored */
    uint64_t min, max;            /* for a whole number: the range of what the user may type */
    double least, most;           /* for a fraction: the range of what the user may type */
    /* for a fraction: the value that is stored when the user types 1 */
    double unit;
    /* true if a fraction may also be 0, although 0 is outside the range */
    bool or_zero;
    bool power_of_two; /* true if a whole number must be a power of two */
    /* The words that the user may type. NULL ends the array. If the value is an enum, the words have the order of the
     * enum. */
    const char *const *words;
    /* A function that returns the words, for words that are known only at run time. If this field is not NULL, it
     * replaces `words`, and the text of the option in --help begins with the words. */
    const char *const *(*list)(void);

    /* The option sets this field of the library's configuration. The name is that in the header. NULL if the option
     * sets no such field. */
    const char *field;
    struct tool_place at[TOOL_SIDES];

    /* The shell offers this, besides the words that tool_option_words() returns. */
    enum tool_offer offer;
    /* Words that the type accepts besides other values, such as "any" besides numbers. The shell offers them. NULL ends
     * the array. If this field is NULL, there are none. */
    const char *const *offer_words;
};

struct tool_table {
    const struct tool_option *rows;
    size_t count;
};

struct tool_pair; /* see option_effect.h */

/* A heading of --help. */
struct tool_heading {
    unsigned group;
    const char *title;
};

/* What the first argument of a program can be, if it is a word, and what the shell offers for the next argument. */
struct tool_topic {
    const char *word;
    enum tool_offer offer;
};

#define TOOL_TABLES_MAX   2u
#define TOOL_OPTIONS_MAX  96u /* the most options of a program */
#define TOOL_HEADINGS_MAX 8u

/* The command line of a program. */
struct tool_program {
    enum tool_side side;
    const char *arguments; /* the words behind the options in the usage line: "HOST:PORT..." */
    /* The program stores the arguments in this field of the library's configuration. "" if there is no such field. */
    const char *arguments_field;
    /* the first text of --help, then '\v', then the last text of --help: argp needs this form */
    const char *doc;
    /* The headings of --help, in the order in which --help prints them. A NULL title ends the list. */
    struct tool_heading headings[TOOL_HEADINGS_MAX];
    const struct tool_table *tables[TOOL_TABLES_MAX]; /* NULL ends the list */
    /* a struct of options with the default of each option */
    const void *defaults;
    size_t bytes; /* the size of that struct */
    /* Stores one argument of the command line in *options. It exits with TOOL_USAGE when the argument is wrong. */
    void (*take_argument)(void *options, const char *text);
    /* The options that have no effect beside other options. A row without `option` ends the array. NULL if there are
     * none. */
    const struct tool_pair *pairs;

    /* The shell offers this for each argument, or the words of the topics for the first. A topic with the word NULL
     * ends the array. */
    enum tool_offer offer;
    const struct tool_topic *topics;
};

/* Returns option number `index` of the program (0, 1, ...), or NULL past the last option. */
const struct tool_option *tool_option_at(const struct tool_program *program, size_t index);

/* Returns the number of the option with this name, for tool_option_at(). If there is no such option, it returns the
 * number past the last option. The name has no dashes, and `length` characters. */
size_t tool_option_find(const struct tool_program *program, const char *name, size_t length);

/* Returns the option that sets this field of the library's configuration, or NULL if no option sets it. */
const struct tool_option *tool_option_of_field(const struct tool_program *program,
                                               const char *field);

/* Returns an array of the words that the user may type as the value of the option. NULL ends the array. Returns NULL
 * when the value is not a word. */
const char *const *tool_option_words(const struct tool_option *option);

/* Reads the text that the user typed and stores the value in *options. Returns 0 or -EINVAL. After -EINVAL, err has the
 * second half of a sentence, such as "must be 56 to 65507". */
int tool_option_take(const struct tool_program *program, const struct tool_option *option,
                     const char *typed, void *options, struct spead_err *err);

#define TOOL_DEFAULT_MAX 64u

/* Writes the default of the option into `text`, as a user would type it. If the default means "not set", it writes the
 * word `unset` of the row instead. For a flag it writes "". Returns `text`. */
const char *tool_option_default(const struct tool_program *program,
                                const struct tool_option *option, char text[TOOL_DEFAULT_MAX]);

#define TOOL_SENTENCE_MAX (SPEAD_ERR_TEXT_MAX + 64u)

/* A call of the library has failed with `code` and `err`. This function writes the sentence for the user into `text`.
 * When `err` names a field, the sentence names the option that sets this field. Returns `text`. */
const char *tool_call_sentence(const struct tool_program *program, int code,
                               const struct spead_err *err, char text[TOOL_SENTENCE_MAX]);

/* Prints the sentence of tool_call_sentence() as one line on stderr. Returns TOOL_USAGE for -EINVAL, and TOOL_FAILED
 * for every other code. */
int tool_failed_call(const struct tool_program *program, int code, const struct spead_err *err);

#endif
