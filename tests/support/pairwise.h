/* All pairs: a small set of rows in which every two values of every two axes meet at least once.
 *
 * Greedy and deterministic: the same axes give the same rows. */
#ifndef SPEADLINE_TESTS_PAIRWISE_H
#define SPEADLINE_TESTS_PAIRWISE_H

#include <stdbool.h>
#include <stddef.h>

#define PAIRWISE_AXES_MAX   8
#define PAIRWISE_VALUES_MAX 12
#define PAIRWISE_ROWS_MAX   256

struct pairwise {
    unsigned axes;
    unsigned values[PAIRWISE_AXES_MAX];                 /* of each axis */
    unsigned row[PAIRWISE_ROWS_MAX][PAIRWISE_AXES_MAX]; /* out */
    unsigned rows;                                      /* out */
};

/* allowed (nullable) says whether a row may stand; pairs that only occur in rows it refuses are left
 * out. */
void pairwise_make(struct pairwise *p, bool (*allowed)(const unsigned *row));

/* True when these values of these axes meet in a row. */
bool pairwise_meets(const struct pairwise *p, unsigned axis_a, unsigned a, unsigned axis_b,
                    unsigned b);

/* The next of all combinations of the axes' values, from {0} on; false after the last. */
bool pairwise_next_combination(const struct pairwise *p, unsigned *row);

#endif
