/* Types of option values: how the user writes a value, and what the program stores for it. */
#ifndef SPEADLINE_TOOLS_OPTION_TYPES_H
#define SPEADLINE_TOOLS_OPTION_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

struct tool_option;

struct tool_type {
    size_t bytes; /* size of the stored value */

    /* Reads text, checks the range of the row, and stores the value in *to. Returns 0, or -EINVAL with the second half
     * of a sentence ("must be 1 to 64") and *to unchanged. */
    int (*parse)(const struct tool_option *row, const char *text, void *to, struct spead_err *err);

    /* Writes the value *from as a user would type it. Writes "" when the value means "not set" and the row has a word
     * for that (unset). */
    void (*print)(const struct tool_option *row, const void *from, char *text, size_t room);
};

/* bool: true when the option was typed. It takes no argument. */
extern const struct tool_type tool_flag;
/* uint32_t and uint64_t, typed as decimal digits. */
extern const struct tool_type tool_u32, tool_u64;
/* uint32_t and uint64_t, typed as decimal digits and perhaps a suffix K, M, G or T (powers of 1024). */
extern const struct tool_type tool_bytes32, tool_bytes64;
/* uint32_t: the user types a number of bytes that is a power of two, and its log2 is stored; 0: not set. */
extern const struct tool_type tool_log2;
/* double: a typed decimal fraction times the unit of the row. */
extern const struct tool_type tool_real;
/* uint64_t: a typed decimal fraction times the unit of the row; the product is in ns. */
extern const struct tool_type tool_ns;
extern const struct tool_type tool_word;   /* int or enum: the index of one of the row's words */
extern const struct tool_type tool_name;   /* const char *: one of the row's words */
extern const struct tool_type tool_string; /* const char *: borrowed from argv */
extern const struct tool_type tool_cpu;    /* int: a CPU that this process may use; -1: not set */
extern const struct tool_type tool_vector; /* int32_t: a completion vector; "poll" is -1 */

/* These functions read text and store the value. Each returns 0, or -EINVAL with the second half of a sentence.
 * tool_parse_size() accepts suffixes, tool_parse_count() does not. */
int tool_parse_count(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                     struct spead_err *err);
int tool_parse_size(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                    struct spead_err *err);
int tool_parse_real(double *value, const char *text, double min, double max, struct spead_err *err);
int tool_parse_choice(int *index, const char *text, const char *const *words,
                      struct spead_err *err);

#endif
