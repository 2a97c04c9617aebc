/* SPDX-License-Identifier: Apache-2.0 */
/* Writes sentences for people into arrays of fixed size. What does not fit is left out in such a way that no remedy is
 * cut in its middle. Control characters become '?', so that a text stays one line; it can quote what a user gave. */
#ifndef SPEADI_SENTENCE_H
#define SPEADI_SENTENCE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Formats a sentence into `text`, which has `room` bytes. A sentence that is too long is cut, if possible at the end of a
 * clause, and ends in "...". */
void speadi_sentence_write(char *text, size_t room, const char *format, va_list arguments);

/* Appends a formatted text to `text`, which has `room` bytes. If the text does not fit whole, nothing is appended, and
 * the function returns false. So a line that is made of several sentences never has half a sentence. */
__attribute__((format(printf, 3, 4))) bool speadi_sentence_add(char *text, size_t room,
                                                               const char *format, ...);
bool speadi_sentence_vadd(char *text, size_t room, const char *format, va_list arguments);

#endif
