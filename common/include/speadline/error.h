/* What went wrong, in words a person can act on.
 *
 * Every call of the library answers 0 (or a count) or -errno. Set-up calls also take a nullable
 * `struct spead_err *`: on failure it holds one sentence that says what, where and what to do.
 * The data path never fills one. The library neither prints nor exits. */
#ifndef SPEADLINE_ERROR_H
#define SPEADLINE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define SPEAD_ERR_TEXT_MAX 256

/* Filled on failure only; it need not be initialised before the call. */
struct spead_err {
    int code;                      /* the -errno that the call returned */
    char text[SPEAD_ERR_TEXT_MAX]; /* one line, no newline, always terminated */
    /* The field of the caller's configuration that was refused, as it is spelt in the header ("packet_bytes_max");
     * static storage. text then begins with these very characters, so that a program which has a name of its own for
     * the field can put that in their place. NULL: the failure is no one field's (the network, memory). */
    const char *field;
};

/* Severity of a line handed to a log callback. */
enum spead_log_level {
    SPEAD_LOG_WARNING = 0, /* something works less well than asked, e.g. a clipped socket buffer */
    SPEAD_LOG_INFO = 1,    /* a decision worth knowing, e.g. why an engine was chosen */
};

/* Where a stream sends its warnings. `fn` may be NULL (silence). It is called on the thread that
 * creates or polls the stream, never per packet; `line` is borrowed and has no newline. */
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
