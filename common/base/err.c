/* SPDX-License-Identifier: Apache-2.0 */
/* Makes sentences about failures, and lines for the log. */
#include <speadi/err.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <speadi/memory_limits.h>
#include <speadi/sentence.h>

#define LOG_LINE_MAX 512

/* Memory that cannot be had is often the fault of a limit, and not of the memory. */
static void name_memory_limits(struct spead_err *err)
{
    char limits[SPEADI_MEMORY_LIMITS_MAX];

    if (err->code == -ENOMEM && speadi_memory_limits(limits)[0] != '\0')
        speadi_sentence_add(err->text, sizeof err->text, " (%s)", limits);
}

int speadi_err_set(struct spead_err *err, int code, const char *format, ...)
{
    va_list arguments;

    if (!err)
        return code;
    err->code = code;
    err->field = NULL;
    va_start(arguments, format);
    speadi_sentence_write(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    name_memory_limits(err);
    return code;
}

int speadi_err_copy(struct spead_err *err, const struct spead_err *from)
{
    if (err)
        *err = *from;
    return from->code;
}

/* Returns what a user can do about this errno, or "" if that depends on the call that failed. */
static const char *remedy_of(int number)
{
    switch (number) {
    case EMFILE:
        return ": raise `ulimit -n`";
    case ENFILE:
        return ": raise the sysctl fs.file-max";
    default:
        return "";
    }
}

/* The reason is more useful than the end of a long sentence. So the sentence is cut in such a way that the reason still
 * fits behind it. */
static int with_reason(struct spead_err *err, int code, const char *format, va_list arguments)
{
    char words[64], reason[128];
    size_t length;

    if (!err)
        return code;
    snprintf(reason, sizeof reason, ": %s%s", strerror_r(-code, words, sizeof words),
             remedy_of(-code));
    err->code = code;
    err->field = NULL;
    speadi_sentence_write(err->text, sizeof err->text - strlen(reason), format, arguments);
    length = strlen(err->text);
    snprintf(err->text + length, sizeof err->text - length, "%s", reason);
    name_memory_limits(err);
    return code;
}

int speadi_err_code(struct spead_err *err, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    code = with_reason(err, code, format, arguments);
    va_end(arguments);
    return code;
}

int speadi_err_errno(struct spead_err *err, const char *format, ...)
{
    int code = -errno;
    va_list arguments;

    va_start(arguments, format);
    code = with_reason(err, code, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- Refusals of a configuration's field ----------------------------------------------------- */

/* Formats a text and appends it to err->text. */
static void append(struct spead_err *err, const char *format, va_list arguments)
{
    size_t length = strlen(err->text);

    speadi_sentence_write(err->text + length, sizeof err->text - length, format, arguments);
}

int speadi_err_field(struct spead_err *err, int code, const char *field, const char *format, ...)
{
    va_list arguments;

    if (!err)
        return code;
    speadi_err_set(err, code, "%s", field);
    err->field = field;
    va_start(arguments, format);
    append(err, format, arguments);
    va_end(arguments);
    return code;
}

int speadi_err_blame(struct spead_err *err, int code, const char *field)
{
    char said[SPEAD_ERR_TEXT_MAX];

    if (!err || err->field)
        return code;
    memcpy(said, err->text, sizeof said);
    return speadi_err_field(err, err->code, field, " %s", said);
}

int speadi_err_add(struct spead_err *err, int code, const char *format, ...)
{
    va_list arguments;

    if (!err)
        return code;
    va_start(arguments, format);
    speadi_sentence_vadd(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return err->code;
}

const char *speadi_range_words(char words[SPEADI_RANGE_WORDS_MAX], uint64_t min, uint64_t max)
{
    if (max == UINT64_MAX)
        snprintf(words, SPEADI_RANGE_WORDS_MAX, "%" PRIu64 " or more", min);
    else
        snprintf(words, SPEADI_RANGE_WORDS_MAX, "%" PRIu64 " to %" PRIu64, min, max);
    return words;
}

const char *speadi_range_words_real(char words[SPEADI_RANGE_WORDS_MAX], double min, double max)
{
    if (isinf(max))
        snprintf(words, SPEADI_RANGE_WORDS_MAX, "%.15g or more", min);
    else if (isinf(min))
        snprintf(words, SPEADI_RANGE_WORDS_MAX, "%.15g or less", max);
    else
        snprintf(words, SPEADI_RANGE_WORDS_MAX, "%.15g to %.15g", min, max);
    return words;
}

int speadi_err_range(struct spead_err *err, const char *field, uint64_t value, uint64_t min,
                     uint64_t max)
{
    char words[SPEADI_RANGE_WORDS_MAX];

    return speadi_err_field(err, -EINVAL, field, " %" PRIu64 ": must be %s", value,
                            speadi_range_words(words, min, max));
}

int speadi_err_array(struct spead_err *err, const char *field, const void *array, uint32_t count)
{
    if (array || count == 0)
        return 0;
    return speadi_err_field(err, -EINVAL, field, ": the array is NULL, but its count is %" PRIu32,
                            count);
}

int speadi_err_range_real(struct spead_err *err, const char *field, double value, double min,
                          double max)
{
    char words[SPEADI_RANGE_WORDS_MAX];

    return speadi_err_field(err, -EINVAL, field, " %.15g: must be %s", value,
                            speadi_range_words_real(words, min, max));
}

/* ---- The log --------------------------------------------------------------------------------- */

void speadi_log_line(const struct spead_log *log, enum spead_log_level level, const char *format,
                     ...)
{
    char line[LOG_LINE_MAX];
    va_list arguments;

    if (!log || !log->fn)
        return;
    va_start(arguments, format);
    speadi_sentence_write(line, sizeof line, format, arguments);
    va_end(arguments);
    log->fn(log->arg, level, line);
}
