/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the text of plans and verdicts, for people or as JSON. Like snprintf(), it cuts a text that is too long, and
 * still reports the length of the whole text. */
#ifndef SPEADI_REPORT_H
#define SPEADI_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct speadi_report {
    char *out;
    /* `max` is the size of `out` in bytes. `length` is the length of the whole text, including the part that does not
     * fit into `out`. */
    size_t max, length;
    bool json;
    bool separate; /* true if the next JSON member or element needs a comma before it */
};

void speadi_report_init(struct speadi_report *report, char *out, size_t max, bool json);
/* Returns the length of the whole text, or -EOVERFLOW if it does not fit an int. */
int speadi_report_length(const struct speadi_report *report);

__attribute__((format(printf, 2, 3))) void speadi_report_text(struct speadi_report *report,
                                                              const char *format, ...);

/* These functions write JSON. Each function writes a member of an object. If `name` is NULL, it writes an element of an
 * array instead. speadi_report_open() begins an object or an array with its opening bracket. speadi_report_close() ends
 * it with the closing bracket. */
void speadi_report_open(struct speadi_report *report, const char *name, char bracket);
void speadi_report_close(struct speadi_report *report, char bracket);
void speadi_report_string(struct speadi_report *report, const char *name, const char *value);
void speadi_report_number(struct speadi_report *report, const char *name, unsigned long long value);
/* Writes `value` as a JSON number. `value` is a part of a whole, from 0 to 1. */
void speadi_report_share(struct speadi_report *report, const char *name, double value);
void speadi_report_bool(struct speadi_report *report, const char *name, bool value);

#endif
