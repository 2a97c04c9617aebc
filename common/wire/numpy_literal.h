/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the literals of a numpy header: strings, numbers, truth values, and the signs between them. They are data:
 * nothing is evaluated. */
#ifndef SPEADI_NUMPY_LITERAL_H
#define SPEADI_NUMPY_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

/* A text that is being read. */
struct speadi_literal {
    const char *begin, *at, *end;
    struct spead_err *err;
};

/* Skips white space. Returns true if `sign` comes next. */
bool speadi_literal_sees(struct speadi_literal *text, char sign);
/* Does the same, and reads the sign if it comes next. */
bool speadi_literal_takes(struct speadi_literal *text, char sign);
/* Reads the sign. Returns 0, or -EBADMSG with a sentence that says what was expected and what is there. */
int speadi_literal_needs(struct speadi_literal *text, char sign);
/* Returns true if a string comes next. */
bool speadi_literal_sees_string(struct speadi_literal *text);
/* Reads a string of ASCII characters into `to`, with a zero byte at its end. */
int speadi_literal_string(struct speadi_literal *text, const char *what, char *to, size_t size);
/* Reads a whole number from 0 to 2^62. */
int speadi_literal_number(struct speadi_literal *text, const char *what, uint64_t *value);
/* Reads True or False. */
int speadi_literal_bool(struct speadi_literal *text, const char *what, bool *value);
/* Reads a shape: a tuple of at most `max` whole numbers. */
int speadi_literal_shape(struct speadi_literal *text, uint64_t *shape, uint32_t max,
                         uint32_t *count);
/* Fails unless the text ends here. */
int speadi_literal_ends(struct speadi_literal *text);
/* Fails: says what was expected, and what is there. Returns -EBADMSG. */
int speadi_literal_expected(const struct speadi_literal *text, const char *what);

#endif
