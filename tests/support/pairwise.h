/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a small table for tests of combinations. Each row has one value of each axis. If you take any value of one axis
 * and any value of another axis, at least one row has both.
 *
 * Each step adds the row that brings the most new pairs. The same axes always give the same rows. */
#ifndef SPEADLINE_TESTS_PAIRWISE_H
#define SPEADLINE_TESTS_PAIRWISE_H

#include <stdbool.h>
#include <stddef.h>

#define PAIRWISE_AXES_MAX   8
#define PAIRWISE_VALUES_MAX 12
#define PAIRWISE_ROWS_MAX   256

struct pairwise {
    unsigned axes;
    unsigned values[PAIRWISE_AXES_MAX]; /* The caller sets how many values each axis has. */
    /* Result: the rows. row[r][a] is the index of the value that axis a has in row r. */
    unsigned row[PAIRWISE_ROWS_MAX][PAIRWISE_AXES_MAX];
    unsigned rows; /* result: the number of rows */
};

/* Makes the rows. allowed() returns true if the test can use a row; NULL means that it can use every row. If no allowed
 * row has a pair of values, the table leaves this pair out. */
void pairwise_make(struct pairwise *p, bool (*allowed)(const unsigned *row));

/* Returns true if a row has both value a of axis_a and value b of axis_b. */
bool pairwise_meets(const struct pairwise *p, unsigned axis_a, unsigned a, unsigned axis_b,
                    unsigned b);

/* Changes *row to the next combination of values, so that a loop can visit all combinations. The first combination is
 * {0}. Returns false after the last combination. */
bool pairwise_next_combination(const struct pairwise *p, unsigned *row);

#endif
