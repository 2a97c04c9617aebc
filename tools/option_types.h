/* How the value of an option is written, and what is stored for it. */
#ifndef SPEADLINE_TOOLS_OPTION_TYPES_H
#define SPEADLINE_TOOLS_OPTION_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

struct tool_option;

struct tool_type {
    size_t bytes; /* of what is stored */

    /* Stores what text means in *to, within the row's range. Returns 0, or -EINVAL with the second half of a sentence;
     * then *to is as it was. */
    int (*parse)(const struct tool_option *row, const char *text, void *to, struct spead_err *err);

    /* Writes *from as one would type it; "" where the row has a word for no value and this is none. */
    void (*print)(const struct tool_option *row, const void *from, char *text, size_t room);
};

extern const struct tool_type tool_flag;          /* bool: true when typed; no argument */
extern const struct tool_type tool_u32, tool_u64; /* decimal digits */
extern const struct tool_type tool_bytes32,
    tool_bytes64; /* and the suffixes K, M, G, T (powers of 1024) */
/* Uint32_t, log2 of bytes that are a power of two; 0: none. */
extern const struct tool_type tool_log2;
extern const struct tool_type tool_real;   /* double: a decimal fraction times the row's unit */
extern const struct tool_type tool_ns;     /* uint64_t: the same, in ns */
extern const struct tool_type tool_word;   /* int or enum: which of the row's words */
extern const struct tool_type tool_name;   /* const char *: one of the row's words */
extern const struct tool_type tool_string; /* const char *: borrowed from argv */
extern const struct tool_type tool_cpu;    /* int: a CPU that this process may use; -1: none */
extern const struct tool_type tool_vector; /* int32_t: a completion vector; "poll" is -1 */

/* Each returns 0, or -EINVAL with the second half of a sentence. A size takes suffixes, a count does not. */
int tool_parse_count(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                     struct spead_err *err);
int tool_parse_size(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                    struct spead_err *err);
int tool_parse_real(double *value, const char *text, double min, double max, struct spead_err *err);
int tool_parse_choice(int *index, const char *text, const char *const *words,
                      struct spead_err *err);

#endif
