/* An option is a row: its name, what --help says of it, how its value is written and within which range, and where the
 * value goes. Everything else follows from the rows: the parser, --help with the default of each option, and the
 * option that a refused field of the library's configuration is named after.
 *
 * A new option is a row, its entry in the manual page, and a test of what it does.
 *
 * Defaults stand in no row: a program starts from a struct of defaults (the library's own _INIT is part of it), and
 * --help reads each default there. Whatever is wrong with a command line is one line on stderr that quotes it and says
 * what is right, and exit status TOOL_USAGE. */
#ifndef SPEADLINE_TOOLS_OPTION_TABLE_H
#define SPEADLINE_TOOLS_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#include "option_types.h"

/* Whose struct of options a row's value goes into. A row that two programs share has a place for each. */
enum tool_side { TOOL_RECV, TOOL_SEND, TOOL_INFO, TOOL_SIDES };

struct tool_place {
    size_t offset, bytes; /* of the value in the program's struct */
};

#define TOOL_PLACE(type, member)                                             \
    {                                                                        \
        offsetof(struct type, member), sizeof(((struct type *)NULL)->member) \
    }

struct tool_option {
    const char *name;     /* "packet": typed as --packet */
    char letter;          /* 'p': typed as -p too; 0: no letter */
    const char *argument; /* what --help calls the value, "N"; NULL for a flag */
    unsigned group;       /* under which heading of --help it stands */
    const char *help;     /* without the default, which --help adds */
    /* For spead-send, where that does something else with it; NULL: the same. */
    const char *help_send;
    const char *unset; /* what the default is called where it is no value (0, NULL): "any" */

    const struct tool_type *type; /* how the value is written, and what is stored */
    uint64_t min, max;            /* whole numbers, as typed */
    double least, most;           /* fractions, as typed */
    double unit;                  /* fractions: what is stored for a typed 1 */
    bool or_zero;                 /* fractions: 0 is allowed too, outside the range */
    bool power_of_two;            /* whole numbers */
    const char *const *words; /* names and enum words, NULL-terminated, an enum's in its order */
    /* Or words that are known at run time only; --help begins with these. */
    const char *const *(*list)(void);

    /* Of the library's configuration, as in its header; NULL: the program's own. */
    const char *field;
    struct tool_place at[TOOL_SIDES];
};

struct tool_table {
    const struct tool_option *rows;
    size_t count;
};

struct tool_heading {
    unsigned group;
    const char *title;
};

#define TOOL_TABLES_MAX   2u
#define TOOL_HEADINGS_MAX 8u

/* A program's command line. */
struct tool_program {
    enum tool_side side;
    const char *arguments; /* what follows the options: "HOST:PORT..." */
    /* The field of the library's configuration that these become; "" for none. */
    const char *arguments_field;
    const char *doc; /* as argp's: what --help says first, '\v', what it says last */
    /* In the order of --help; a NULL title ends them. */
    struct tool_heading headings[TOOL_HEADINGS_MAX];
    const struct tool_table *tables[TOOL_TABLES_MAX];
    const void *defaults; /* a struct of options */
    size_t bytes;         /* of that struct */
    void (*take_argument)(void *options, const char *text);
};

/* Fills *options with the defaults and then from the command line. Leaves the program when that is wrong, and after
 * --help, --usage and --version. */
void tool_options_parse(const struct tool_program *program, int argc, char **argv, void *options);

/* The program's options, numbered from 0; NULL past the last. */
const struct tool_option *tool_option_at(const struct tool_program *program, size_t index);

/* The option that a field of the library's configuration is set by; NULL: none. */
const struct tool_option *tool_option_of_field(const struct tool_program *program,
                                               const char *field);

/* The words that its value is one of; NULL where it is none. */
const char *const *tool_option_words(const struct tool_option *option);

/* Stores what was typed. Returns 0, or -EINVAL with the second half of a sentence ("must be 56 to 65507"). */
int tool_option_take(const struct tool_program *program, const struct tool_option *option,
                     const char *typed, void *options, struct spead_err *err);

/* The default as one would type it, or the row's word for none; "" for a flag. Returns text. */
#define TOOL_DEFAULT_MAX 64u
const char *tool_option_default(const struct tool_program *program,
                                const struct tool_option *option, char text[TOOL_DEFAULT_MAX]);

/* What a library call that returned code said in err, with a refused field called by its option's name. Returns text. */
#define TOOL_SENTENCE_MAX (SPEAD_ERR_TEXT_MAX + 64u)
const char *tool_call_sentence(const struct tool_program *program, int code,
                               const struct spead_err *err, char text[TOOL_SENTENCE_MAX]);

/* The same as one line on stderr. Returns TOOL_USAGE for -EINVAL, TOOL_FAILED for everything else. */
int tool_failed_call(const struct tool_program *program, int code, const struct spead_err *err);

#endif
