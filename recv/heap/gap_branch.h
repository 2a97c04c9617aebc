/* SPDX-License-Identifier: Apache-2.0 */
/* A branch is a sequence that began with a jump. The heaps that the jump skipped may have been lost. gap_group.h has
 * the rules. Only gap_group.c calls these functions. */
#ifndef SPEADI_GAP_BRANCH_H
#define SPEADI_GAP_BRANCH_H

#include "gap_group.h"

/* Counts the missing heaps between the origin of a branch and the branch. */
void speadi_gap_branch_measure(struct speadi_gap_group *group, struct speadi_gap_member *branch);

/* Decides about sequence `changed`, in which a heap has opened, and about the sequences whose origin is `changed`. */
void speadi_gap_branch_decide(struct speadi_gap_group *group, unsigned changed);

#endif
