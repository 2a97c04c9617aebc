/* What every run of a sender and a receiver must show if no packet was lost on purpose. */
#ifndef SPEADLINE_TESTS_LOOP_CHECK_H
#define SPEADLINE_TESTS_LOOP_CHECK_H

#include "loop_run.h"

/* Runs the case. Returns true when every heap came complete and once, every byte is right, both ledgers are exact,
 * and there is no duplicate unless `duplicated` is set. Else it prints what is wrong, with `where`, and returns
 * false. */
bool loop_conforms(const struct loop_case *c, bool duplicated, const char *where);

#endif
