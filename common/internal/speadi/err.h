/* Filling struct spead_err: the one place where foreign failures become -errno and a sentence. */
#ifndef SPEADI_ERR_H
#define SPEADI_ERR_H

#include <speadline/error.h>

/* Sets *err (if not NULL) to code (a negative errno) and the formatted sentence; returns code, so that
 * `return speadi_err_set(err, -EINVAL, "...")` reads well. */
__attribute__((format(printf, 3, 4))) int speadi_err_set(struct spead_err *err, int code,
                                                         const char *format, ...);

/* As above with -errno (as the caller finds it) and ": <strerror>" appended. */
__attribute__((format(printf, 2, 3))) int speadi_err_errno(struct spead_err *err,
                                                           const char *format, ...);

/* Hands a formatted line to log->fn; nothing when log or fn is NULL. */
__attribute__((format(printf, 3, 4))) void speadi_log(const struct spead_log *log,
                                                      enum spead_log_level level,
                                                      const char *format, ...);

#endif
