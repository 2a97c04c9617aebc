/* SPDX-License-Identifier: Apache-2.0 */
/* The types of option values. A type says how the user types a value, and what the program stores for it. */
#ifndef SPEADLINE_TOOLS_OPTION_TYPES_H
#define SPEADLINE_TOOLS_OPTION_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

struct tool_option;

struct tool_type {
    size_t bytes; /* the size of the stored value */

    /* Reads `text`, checks that the value is in the range of the row, and stores the value in *to. Returns 0 or
     * -EINVAL. After -EINVAL, *to is unchanged, and err has the second half of a sentence ("must be 1 to 64"). */
    int (*parse)(const struct tool_option *row, const char *text, void *to, struct spead_err *err);

    /* Writes the value *from into `text`, as a user would type it. `room` is the size of `text`. If the value means
     * "not set" and the row has a word for that (`unset`), the function writes "". */
    void (*print)(const struct tool_option *row, const void *from, char *text, size_t room);

    /* Writes the range of the row into `text`, such as "1 to 64K". `room` is the size of `text`. NULL if the values of
     * the type have no range. */
    void (*range)(const struct tool_option *row, char *text, size_t room);
};

#define TOOL_RANGE_MAX 80u

/* Stores a bool, which is true when the user has typed the option. The option has no argument. */
extern const struct tool_type tool_flag;
/* Stores a uint32_t or a uint64_t. The user types decimal digits. */
extern const struct tool_type tool_u32, tool_u64;
/* Stores a uint32_t or a uint64_t. The user types decimal digits and, if wanted, a suffix K, M, G or T (powers of
 * 1024). */
extern const struct tool_type tool_bytes32, tool_bytes64;
/* Stores a uint32_t. The user types a number of bytes that is a power of two, and its logarithm to base 2 is stored. A
 * stored 0 means "not set". */
extern const struct tool_type tool_log2;
/* Stores a double. The user types a decimal fraction, and the fraction times the unit of the row is stored. */
extern const struct tool_type tool_real;
/* Stores a uint64_t, which is a time in ns. The user types a decimal fraction, and the fraction times the unit of the
 * row is stored. */
extern const struct tool_type tool_ns;
/* Stores a uint64_t, which is a time in ns. The user types a decimal fraction with its unit, such as 2s, 10ms or 1.5us;
 * 0 needs no unit. The range of the row is in seconds. */
extern const struct tool_type tool_time;
/* Stores a uint32_t, which says how many senders must stop. The user types a number, "any" (1 is stored) or "all" (0 is
 * stored). */
extern const struct tool_type tool_stops;
/* Stores an int or an enum: the index of the typed word among the words of the row. */
extern const struct tool_type tool_word;
/* Stores a const char *, which is one of the words of the row. */
extern const struct tool_type tool_name;
/* Stores a const char *, which is borrowed from argv. */
extern const struct tool_type tool_string;
/* Stores an int, the number of a CPU that this process may use. -1 means "not set". */
extern const struct tool_type tool_cpu;
/* Stores an int32_t, the number of a completion vector. It is -1 if the user types "poll". */
extern const struct tool_type tool_vector;

/* These functions read `text` and store the value. Each returns 0, or -EINVAL with the second half of a sentence in
 * err. tool_parse_size() accepts a suffix K, M, G or T, and tool_parse_count() does not. */
int tool_parse_count(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                     struct spead_err *err);
int tool_parse_size(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                    struct spead_err *err);
int tool_parse_real(double *value, const char *text, double min, double max, struct spead_err *err);
int tool_parse_choice(int *index, const char *text, const char *const *words,
                      struct spead_err *err);

/* Reads the decimal fraction at the beginning of the text, such as 2.5 or 1e3. No blank stands before it, and it is not
 * hexadecimal. A fraction that is too large for a double is stored as HUGE_VAL, and one that is too close to 0 as
 * DBL_TRUE_MIN, so that it lies in no range. Returns what stands behind the fraction, or NULL if there is none. */
const char *tool_decimal(const char *text, double *value);

/* Writes a range of bytes, such as "1 to 64K", into `text`. `room` is the size of `text`. */
void tool_range_of_bytes(uint64_t min, uint64_t max, char *text, size_t room);

#endif
