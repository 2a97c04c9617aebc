/* Text that is measured and cut as snprintf() does it: plans and verdicts, for people or as JSON. */
#ifndef SPEADI_REPORT_H
#define SPEADI_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct speadi_report {
    char *out;
    size_t max, length; /* length: what it has in all */
    bool json;
    bool separate; /* the next JSON member or element needs a comma */
};

void speadi_report_init(struct speadi_report *report, char *out, size_t max, bool json);
int speadi_report_length(const struct speadi_report *report); /* or -EOVERFLOW */

__attribute__((format(printf, 2, 3))) void speadi_report_text(struct speadi_report *report,
                                                              const char *format, ...);

/* JSON. name NULL: an element of an array. */
void speadi_report_open(struct speadi_report *report, const char *name, char bracket);
void speadi_report_close(struct speadi_report *report, char bracket);
void speadi_report_string(struct speadi_report *report, const char *name, const char *value);
void speadi_report_number(struct speadi_report *report, const char *name, unsigned long long value);
void speadi_report_share(struct speadi_report *report, const char *name, double value); /* 0..1 */
void speadi_report_bool(struct speadi_report *report, const char *name, bool value);

#endif
