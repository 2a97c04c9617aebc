/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: what went wrong, in words that a person can act on.
 *
 * Every call of the library that can fail returns -errno on failure, and 0 or a count on success. Calls that set
 * something up also take a `struct spead_err *`, which may be NULL. After a failure that struct holds one sentence that
 * says what failed, where, and what to do about it. Calls of the data path never fill a struct spead_err. The library
 * never prints text and never ends the process.
 *
 * NULL: A pointer that a program gives to a function must not be NULL, except where the comment of the function or of
 * the field allows NULL. The functions do not check this: a NULL stream, configuration or `out` ends the program with a
 * segmentation fault. An array of a configuration that is NULL although its count is not 0 is refused. */
#ifndef SPEADLINE_ERROR_H
#define SPEADLINE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define SPEAD_ERR_TEXT_MAX 256

/* The description of an error. The library fills this struct only on failure. The caller need not initialise it before
 * the call. */
struct spead_err {
    int code; /* the -errno that the call returned */
    /* One sentence on one line, without a newline, always terminated by a zero byte. */
    char text[SPEAD_ERR_TEXT_MAX];
    /* The name of the configuration field that the library refused, as the header spells it ("packet_bytes_max"). The
     * string has static storage. `text` then begins with this name. So a program that shows the field under another
     * name can replace the name in the text. NULL: no single field caused the failure; for example, the cause was the
     * network or too little memory. */
    const char *field;
};

/* How serious a log line is. The log callback gets this value together with the line. */
enum spead_log_level {
    /* Something works less well than the configuration asks for. For example, a socket buffer is smaller. */
    SPEAD_LOG_WARNING = 0,
    /* A decision of the library that can interest a user. For example, why the library chose an engine. */
    SPEAD_LOG_INFO = 1,
};

/* The log callback of a stream or a graph. `fn` may be NULL: then nothing is logged. `fn` runs on the thread on which
 * the event happens: the thread that creates or polls the stream, or the thread that steps a node. The library calls
 * `fn` rarely, never for each packet. `line` has no newline and is valid only during the call. */
struct spead_log {
    void (*fn)(void *arg, enum spead_log_level level, const char *line);
    void *arg; /* first argument of fn() */
};

/* Returns the version of the library, as "major.minor.patch". The string has static storage. Any thread. */
const char *spead_version(void);

#ifdef __cplusplus
}
#endif
#endif
