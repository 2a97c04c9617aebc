/* Filling struct spead_err: the one place where foreign failures become -errno and a sentence. */
#ifndef SPEADI_ERR_H
#define SPEADI_ERR_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

/* Sets *err (if not NULL) to code (a negative errno) and the formatted sentence; returns code, so that
 * `return speadi_err_set(err, -EINVAL, "...")` reads well. */
__attribute__((format(printf, 3, 4))) int speadi_err_set(struct spead_err *err, int code,
                                                         const char *format, ...);

/* As above with -errno (as the caller finds it) and ": <strerror>" appended. */
__attribute__((format(printf, 2, 3))) int speadi_err_errno(struct spead_err *err,
                                                           const char *format, ...);

/* Copies a failure that happened before, its field included, to *err (if not NULL). Returns from->code. */
int speadi_err_copy(struct spead_err *err, const struct spead_err *from);

/* ---- Refusals of a configuration's field ----------------------------------------------------
 * `field` has static storage and is spelt as in the header. */

/* As speadi_err_set; the sentence is the field's name and then the formatted text, which begins with ": " or with a
 * space and the value: (" \"%s\": there is no such device"). */
__attribute__((format(printf, 4, 5))) int speadi_err_field(struct spead_err *err, int code,
                                                           const char *field, const char *format,
                                                           ...);

/* A value out of its range: "FIELD VALUE: must be MIN to MAX", or "MIN or more" where max is UINT64_MAX. Returns
 * -EINVAL. This is how every range is put in words. */
int speadi_err_range(struct spead_err *err, const char *field, uint64_t value, uint64_t min,
                     uint64_t max);

/* The same for fractions and signed numbers; a bound that is infinite is none. */
int speadi_err_range_real(struct spead_err *err, const char *field, double value, double min,
                          double max);

/* Puts the field's name and a space before the sentence of a callee that does not know the field, which quotes the
 * value; nothing when err already names a field. Returns err's code or, as err may be NULL, code. */
int speadi_err_blame(struct spead_err *err, int code, const char *field);

/* Appends to the sentence, for example whose field it is: (" (channel \"%s\")"). Returns err's code or, as err may be
 * NULL, code. */
__attribute__((format(printf, 3, 4))) int speadi_err_add(struct spead_err *err, int code,
                                                         const char *format, ...);

/* The words for a range alone: "1 to 64", "1 or more". Returns words. */
#define SPEADI_RANGE_WORDS_MAX 64
const char *speadi_range_words(char words[SPEADI_RANGE_WORDS_MAX], uint64_t min, uint64_t max);
const char *speadi_range_words_real(char words[SPEADI_RANGE_WORDS_MAX], double min, double max);

/* ---- The log --------------------------------------------------------------------------------- */

/* Hands a formatted line to log->fn; nothing when log or fn is NULL. */
__attribute__((format(printf, 3, 4))) void speadi_log_line(const struct spead_log *log,
                                                           enum spead_log_level level,
                                                           const char *format, ...);

#endif
