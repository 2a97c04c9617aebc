/* What every run of a sender and a receiver must show when nothing was lost on purpose. */
#ifndef SPEADLINE_TESTS_LOOP_CHECK_H
#define SPEADLINE_TESTS_LOOP_CHECK_H

#include "loop_run.h"

/* Runs the case. False after printing, with `where`, what did not hold: every heap whole and once, every byte
 * right, both ledgers exact, and no duplicate unless some were made. */
bool loop_conforms(const struct loop_case *c, bool duplicated, const char *where);

#endif
