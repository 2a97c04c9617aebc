/* Errors: what went wrong, in words that a person can act on.
 *
 * Every call of the library returns 0 (or a count) or -errno. Set-up calls also take a `struct spead_err *`, which may
 * be NULL: after a failure it holds one sentence that says what failed, where, and what to do about it. The data path
 * never fills a struct spead_err. The library neither prints nor exits. */
#ifndef SPEADLINE_ERROR_H
#define SPEADLINE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define SPEAD_ERR_TEXT_MAX 256

/* The library fills this struct only on failure. The caller need not initialise the struct before the call. */
struct spead_err {
    int code;                      /* the -errno that the call returned */
    char text[SPEAD_ERR_TEXT_MAX]; /* one line, no newline, always terminated */
    /* The name of the configuration field that was refused, as the header spells it ("packet_bytes_max"). It has
     * static storage. The text then begins with this name, so that a program that calls the field by another name can
     * replace the name in the text. NULL: no single field caused the failure (it was the network, or memory). */
    const char *field;
};

/* Severity of a line that a log callback gets. */
enum spead_log_level {
    SPEAD_LOG_WARNING = 0, /* something works less well than asked, e.g. a clipped socket buffer */
    SPEAD_LOG_INFO = 1, /* a decision that a user may want to know, e.g. why an engine was chosen */
};

/* Where a stream sends its log lines. `fn` may be NULL: then nothing is logged. The thread that creates or polls the
 * stream calls `fn`. It does so rarely, never for each packet. `line` has no newline and is valid only during the
 * call. */
struct spead_log {
    void (*fn)(void *arg, enum spead_log_level level, const char *line);
    void *arg;
};

/* The library's version, "major.minor.patch". Static storage. */
const char *spead_version(void);

#ifdef __cplusplus
}
#endif
#endif
