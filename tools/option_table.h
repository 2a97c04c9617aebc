/* An option of a tool is a row of a table. The row has the name of the option, its text in --help, the type and the
 * range of its value, and the place where the value is stored. The rest is made from the rows: the parser, --help
 * with the default of each option, and error sentences (when the library refuses a field of its configuration, the
 * sentence names the option instead of the field).
 *
 * A new option needs a row, an entry in the manual page, and a test of what it does.
 *
 * A row contains no default. A program starts from a struct of defaults, which contains the _INIT of the library,
 * and --help reads each default from that struct. When a command line is wrong, the program prints one line on
 * stderr that quotes the wrong words and says what is right, and exits with TOOL_USAGE. */
#ifndef SPEADLINE_TOOLS_OPTION_TABLE_H
#define SPEADLINE_TOOLS_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#include "option_types.h"

/* The program whose struct of options takes the value. A row that two programs share has a place for each of them. */
enum tool_side { TOOL_RECV, TOOL_SEND, TOOL_INFO, TOOL_SIDES };

/* Offset and size of the value in the struct of options. */
struct tool_place {
    size_t offset, bytes;
};

#define TOOL_PLACE(type, member)                                             \
    {                                                                        \
        offsetof(struct type, member), sizeof(((struct type *)NULL)->member) \
    }

struct tool_option {
    const char *name;      /* "packet": the user types --packet */
    char letter;           /* 'p': the user may also type -p; 0: no letter */
    const char *argument;  /* the value's name in --help, such as "N"; NULL for a flag */
    unsigned group;        /* the heading of --help under which the option stands */
    const char *help;      /* the text of --help, without the default, which --help adds */
    const char *help_send; /* the text for spead-send; NULL: the same as help */
    /* The word for a default that means "not set" (0, NULL), such as "any". */
    const char *unset;

    const struct tool_type *type; /* how the user writes the value, and what is stored */
    uint64_t min, max;            /* range of a whole number, as typed */
    double least, most;           /* range of a fraction, as typed */
    double unit;                  /* for a fraction: what is stored when the user types 1 */
    bool or_zero;                 /* for a fraction: 0 is allowed too, though outside the range */
    bool power_of_two;            /* a whole number must be a power of two */
    /* The words that the user may type, then NULL; for an enum in the order of the enum. */
    const char *const *words;
    /* A function that returns the words, used instead of `words` when the words are known only at run time. --help
     * begins with this list. */
    const char *const *(*list)(void);

    /* The name, as in the header, of the library's configuration field that the option sets. NULL: the option sets no
     * such field. */
    const char *field;
    struct tool_place at[TOOL_SIDES];
};

struct tool_table {
    const struct tool_option *rows;
    size_t count;
};

/* A heading of --help. */
struct tool_heading {
    unsigned group;
    const char *title;
};

#define TOOL_TABLES_MAX   2u
#define TOOL_HEADINGS_MAX 8u

/* The command line of a program. */
struct tool_program {
    enum tool_side side;
    const char *arguments; /* what stands behind the options in the usage line: "HOST:PORT..." */
    /* The field of the library's configuration that the arguments are stored in; "" for none. */
    const char *arguments_field;
    const char *doc; /* as for argp: the first text of --help, '\v', the last text of --help */
    /* In the order of --help; a NULL title ends the list. */
    struct tool_heading headings[TOOL_HEADINGS_MAX];
    const struct tool_table *tables[TOOL_TABLES_MAX]; /* NULL ends the list */
    const void *defaults;                             /* a struct of options */
    size_t bytes;                                     /* size of that struct */
    /* Stores one argument; exits with TOOL_USAGE when it is wrong. */
    void (*take_argument)(void *options, const char *text);
};

/* Fills *options with the defaults and then with the values of the command line. Exits when the command line is
 * wrong, and after --help, --usage and --version. */
void tool_options_parse(const struct tool_program *program, int argc, char **argv, void *options);

/* Returns option number index of the program (0, 1, ...), or NULL past the last option. */
const struct tool_option *tool_option_at(const struct tool_program *program, size_t index);

/* Returns the option that sets this field of the library's configuration, or NULL when none does. */
const struct tool_option *tool_option_of_field(const struct tool_program *program,
                                               const char *field);

/* Returns an array of the words that the user may type as the value; NULL ends the array. Returns NULL when the value
 * is not a word. */
const char *const *tool_option_words(const struct tool_option *option);

/* Reads a typed value and stores it in *options. Returns 0, or -EINVAL with the second half of a sentence ("must be
 * 56 to 65507"). */
int tool_option_take(const struct tool_program *program, const struct tool_option *option,
                     const char *typed, void *options, struct spead_err *err);

#define TOOL_DEFAULT_MAX 64u

/* Writes the default of the option as a user would type it, or the word of the row for "not set"; "" for a flag.
 * Returns text. */
const char *tool_option_default(const struct tool_program *program,
                                const struct tool_option *option, char text[TOOL_DEFAULT_MAX]);

#define TOOL_SENTENCE_MAX (SPEAD_ERR_TEXT_MAX + 64u)

/* Writes the sentence for a call of the library that failed with code and err. When err names a field, the sentence
 * names the option that sets this field. Returns text. */
const char *tool_call_sentence(const struct tool_program *program, int code,
                               const struct spead_err *err, char text[TOOL_SENTENCE_MAX]);

/* Prints the same sentence as one line on stderr. Returns TOOL_USAGE for -EINVAL, TOOL_FAILED for every other code. */
int tool_failed_call(const struct tool_program *program, int code, const struct spead_err *err);

#endif
