/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces fdatasync() in a test program, so that a test decides how long a sync takes and whether it succeeds. */
#ifndef TESTS_RECORD_SYNC_SEAM_H
#define TESTS_RECORD_SYNC_SEAM_H

/* The calls are counted from 1 on. The call with this number, and all later ones, fail with EIO; 0: none fails. */
extern volatile int sync_seam_fail_from;

/* While it is not 0, every call waits. */
extern volatile int sync_seam_hold;

/* Returns how many calls have begun. */
int sync_seam_calls(void);

/* Waits until this many calls have begun. */
void sync_seam_await(int calls);

#endif
