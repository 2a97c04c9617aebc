/* Checks what must hold in every run of a sender and a receiver in which no packet is lost on purpose. */
#ifndef SPEADLINE_TESTS_LOOP_CHECK_H
#define SPEADLINE_TESTS_LOOP_CHECK_H

#include "loop_run.h"

/* Runs the case. Returns true if every heap came complete and only once, every byte is right, both ledgers are exact,
 * and there is no duplicate (with `duplicated`, duplicates are allowed). Else prints what is wrong, with `where`, and
 * returns false. */
bool loop_conforms(const struct loop_case *c, bool duplicated, const char *where);

#endif
