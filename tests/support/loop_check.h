/* SPDX-License-Identifier: Apache-2.0 */
/* Checks one run of a sender and a receiver. The test must not make this run lose packets. */
#ifndef SPEADLINE_TESTS_LOOP_CHECK_H
#define SPEADLINE_TESTS_LOOP_CHECK_H

#include "loop_run.h"

/* Runs the case. Returns true if every heap came complete and only once, every byte is right, and the sums of both
 * ledgers are right. If `duplicated` is false, there must also be no duplicate packet. If a check fails, prints what is
 * wrong, with the text `where`, and returns false. */
bool loop_conforms(const struct loop_case *c, bool duplicated, const char *where);

#endif
