/* SPDX-License-Identifier: Apache-2.0 */
/* Fills struct spead_err. These functions turn each failure of the C library or of the kernel into a -errno and a
 * sentence. No other part of the library does that. */
#ifndef SPEADI_ERR_H
#define SPEADI_ERR_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

/* Sets *err (if err is not NULL) to code, a negative errno, and the formatted sentence. Returns code, so that a
 * function can end with `return speadi_err_set(err, -EINVAL, "...")`. If the sentence is too long, it is cut at the end
 * of a clause and ends in "...". It is never cut between backticks, which enclose a command. If the code is
 * -ENOMEM, the limits of memory that are set here are added (memory_limits.h). */
__attribute__((format(printf, 3, 4))) int speadi_err_set(struct spead_err *err, int code,
                                                         const char *format, ...);

/* Does what speadi_err_set() does, and appends ": " and the reason to the sentence. The reason is the text of strerror(),
 * and after it what to do where a limit of this process or host is the cause. */
__attribute__((format(printf, 3, 4))) int speadi_err_code(struct spead_err *err, int code,
                                                          const char *format, ...);

/* Does what speadi_err_code() does. The code is -errno (the present value of errno). */
__attribute__((format(printf, 2, 3))) int speadi_err_errno(struct spead_err *err,
                                                           const char *format, ...);

/* Copies an earlier failure, together with its field, to *err (if err is not NULL). Returns from->code. */
int speadi_err_copy(struct spead_err *err, const struct spead_err *from);

/* ---- Refusals of a configuration's field ----------------------------------------------------
 * `field` must have static storage and be spelt as in the header. */

/* Does what speadi_err_set() does. The sentence is the name of the field and then the formatted text. That text must
 * begin with ": ", or with a space and the value. An example is " \"%s\": there is no such device". */
__attribute__((format(printf, 4, 5))) int speadi_err_field(struct spead_err *err, int code,
                                                           const char *field, const char *format,
                                                           ...);

/* Refuses a value that is out of its range: "FIELD VALUE: must be MIN to MAX", or "... MIN or more" when max is
 * UINT64_MAX. Returns -EINVAL. Every message about a range has this form. */
int speadi_err_range(struct spead_err *err, const char *field, uint64_t value, uint64_t min,
                     uint64_t max);

/* Refuses an array that is NULL although its count is not 0. Returns 0 or -EINVAL. `field` is the field of the array. */
int speadi_err_array(struct spead_err *err, const char *field, const void *array, uint32_t count);

/* Does what speadi_err_range() does, for fractions and signed numbers. An infinite min or max means that there is no
 * such bound. */
int speadi_err_range_real(struct spead_err *err, const char *field, double value, double min,
                          double max);

/* Puts the name of the field and a space before the sentence in *err. It is for this case: a called function has
 * written a sentence that quotes the value, but only the caller knows the name of the field. speadi_err_blame() does
 * nothing when err already names a field. Returns err->code, or code when err is NULL. */
int speadi_err_blame(struct spead_err *err, int code, const char *field);

/* Appends a formatted text to the sentence in *err, or nothing if the text does not fit whole. The text should begin with a space. It may name, for example, the
 * object that has the field, as in (channel \"%s\"). Returns err->code, or code when err is NULL. */
__attribute__((format(printf, 3, 4))) int speadi_err_add(struct spead_err *err, int code,
                                                         const char *format, ...);

/* Writes a range in words, such as "1 to 64" or "1 or more", into the array `words`. Returns `words`. */
#define SPEADI_RANGE_WORDS_MAX 64
const char *speadi_range_words(char words[SPEADI_RANGE_WORDS_MAX], uint64_t min, uint64_t max);
const char *speadi_range_words_real(char words[SPEADI_RANGE_WORDS_MAX], double min, double max);

/* ---- The log --------------------------------------------------------------------------------- */

/* Passes a formatted line to log->fn. The function does nothing when log or log->fn is NULL. */
__attribute__((format(printf, 3, 4))) void speadi_log_line(const struct spead_log *log,
                                                           enum spead_log_level level,
                                                           const char *format, ...);

#endif
