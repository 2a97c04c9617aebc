/* Sentences about failures, and lines for the log. */
#include <speadi/err.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOG_LINE_MAX 512

/* Text may quote a user's option or file name: what is printed stays one line. */
static void keep_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

/* Formats into text[0..room), where a sentence that is too long ends in "...". */
static void format_line(char *text, size_t room, const char *format, va_list arguments)
{
    static const char cut[] = "...";
    int length = vsnprintf(text, room, format, arguments);

    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= room)
        memcpy(text + room - sizeof cut, cut, sizeof cut);
    keep_one_line(text);
}

int speadi_err_set(struct spead_err *err, int code, const char *format, ...)
{
    va_list arguments;

    if (err == NULL)
        return code;
    err->code = code;
    va_start(arguments, format);
    format_line(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return code;
}

int speadi_err_errno(struct spead_err *err, const char *format, ...)
{
    int number = errno;
    char reason[64];
    const char *why = strerror_r(number, reason, sizeof reason);
    va_list arguments;
    size_t length;

    if (err == NULL)
        return -number;
    err->code = -number;
    /* The reason is worth more than the end of a long sentence: its room is set aside first. */
    va_start(arguments, format);
    format_line(err->text, sizeof err->text - strlen(": ") - strlen(why), format, arguments);
    va_end(arguments);
    length = strlen(err->text);
    snprintf(err->text + length, sizeof err->text - length, ": %s", why);
    return -number;
}

void speadi_log(const struct spead_log *log, enum spead_log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list arguments;

    if (log == NULL || log->fn == NULL)
        return;
    va_start(arguments, format);
    format_line(line, sizeof line, format, arguments);
    va_end(arguments);
    log->fn(log->arg, level, line);
}
