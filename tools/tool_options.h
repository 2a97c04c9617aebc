/* Reading what a user typed: numbers with ranges, words out of a list, and the options that both
 * tools have.
 *
 * A tool lists its value options in a table; each row says where in the tool's options the value
 * goes and what is allowed. Whatever is wrong with a command line is one line on stderr that quotes
 * it and says what is right, and exit status 2. */
#ifndef SPEADLINE_TOOLS_TOOL_OPTIONS_H
#define SPEADLINE_TOOLS_TOOL_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#include "tool_engines.h"

/* Exit statuses. */
enum {
    TOOL_DONE = 0,
    TOOL_FAILED = 1,    /* the system or the network failed, or a verified byte was wrong */
    TOOL_USAGE = 2,     /* what was asked cannot be */
    TOOL_NOT_CLEAN = 3, /* --strict: something was lost or refused */
};

enum tool_value_kind {
    TOOL_COUNT,  /* uint64_t: decimal digits */
    TOOL_SIZE,   /* uint64_t: the same, and the suffixes K, M, G, T (powers of 1024) */
    TOOL_REAL,   /* double: a decimal fraction */
    TOOL_CHOICE, /* int: index into words */
};

struct tool_value {
    int key;          /* as in the tool's struct argp_option */
    const char *name; /* "--packet": for messages */
    enum tool_value_kind kind;
    uint64_t min, max;        /* COUNT, SIZE and REAL: inclusive */
    const char *const *words; /* CHOICE: NULL-terminated */
    size_t offset;            /* of the uint64_t, double or int in the struct that is filled */
};

/* Each returns 0, or -EINVAL with the second half of a sentence ("smallest is 56"). */
int tool_parse_count(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                     struct spead_err *err);
int tool_parse_size(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                    struct spead_err *err);
int tool_parse_real(double *value, const char *text, double min, double max, struct spead_err *err);
int tool_parse_choice(int *index, const char *text, const char *const *words,
                      struct spead_err *err);

/* Stores text where the row of table with this key says. Returns false when there is no such row;
 * leaves the program when text is not allowed. */
bool tool_value_take(const struct tool_value *table, size_t count, int key, const char *text,
                     void *options);

#define TOOL_PACKET_BYTES_MIN 56u
#define TOOL_PACKET_BYTES_MAX 65507u /* most that one UDP datagram over IPv4 can carry */
#define TOOL_ENDPOINTS_MAX    64u

/* What both tools are told. */
struct tool_common {
    const char *endpoints[TOOL_ENDPOINTS_MAX]; /* argv's strings */
    uint64_t endpoint_count;
    uint64_t packet, buffer; /* bytes */
    uint64_t heaps;          /* 0: no limit */
    double seconds;          /* 0: no limit */
    int cpu;                 /* -1: not pinned */
    const char *engine;      /* "auto", or a name that tool_engine_names() has */
    tool_engine_info_fn
        *engine_info; /* of the engines of the tool's direction; set before parsing */
    const char *bind, *fault;
    const char *verbs_device;
    int comp_vector;   /* -1: poll */
    uint64_t max_poll; /* polls that found nothing, before it sleeps */
    bool verify, json, quiet;
};

/* Keys of the options in struct tool_common; a tool's own start at TOOL_KEY_OWN. */
enum {
    TOOL_KEY_PACKET = 256,
    TOOL_KEY_BUFFER,
    TOOL_KEY_HEAPS,
    TOOL_KEY_SECONDS,
    TOOL_KEY_CPU,
    TOOL_KEY_ENGINE,
    TOOL_KEY_BIND,
    TOOL_KEY_FAULT,
    TOOL_KEY_VERBS_DEVICE,
    TOOL_KEY_COMP_VECTOR,
    TOOL_KEY_MAX_POLL,
    TOOL_KEY_VERIFY,
    TOOL_KEY_JSON,
    TOOL_KEY_QUIET,
    TOOL_KEY_OWN,
};

/* Takes an option or argument into common. Returns 0 or ARGP_ERR_UNKNOWN, as an argp parser does. */
error_t tool_common_take(int key, char *argument, struct argp_state *state,
                         struct tool_common *common);

/* argp_parse with our exit status and one-line errors. --version prints the library's version. */
void tool_parse(const struct argp *argp, int argc, char **argv, void *options);

/* One line on stderr, "spead-send: ...", and exit status TOOL_USAGE. */
__attribute__((format(printf, 1, 2), noreturn)) void tool_usage(const char *format, ...);

/* One line on stderr; returns TOOL_FAILED. */
__attribute__((format(printf, 1, 2))) int tool_failed(const char *format, ...);

/* The same for a library call that returned code with a sentence in err: what was asked cannot be
 * (-EINVAL) is TOOL_USAGE, everything else is TOOL_FAILED. */
int tool_failed_call(int code, const struct spead_err *err);

#endif
