/* Makes a small table for tests of combinations. Each row has one value of each axis. Any two values of two different
 * axes stand together in at least one row.
 *
 * The rows are chosen greedily. The same axes always give the same rows. */
#ifndef SPEADLINE_TESTS_PAIRWISE_H
#define SPEADLINE_TESTS_PAIRWISE_H

#include <stdbool.h>
#include <stddef.h>

#define PAIRWISE_AXES_MAX   8
#define PAIRWISE_VALUES_MAX 12
#define PAIRWISE_ROWS_MAX   256

struct pairwise {
    unsigned axes;
    unsigned values[PAIRWISE_AXES_MAX]; /* in: how many values each axis has */
    /* out: the rows; row[r][a] is the number of the value that axis a has in row r */
    unsigned row[PAIRWISE_ROWS_MAX][PAIRWISE_AXES_MAX];
    unsigned rows; /* out: how many rows there are */
};

/* Makes the rows. allowed() says whether a row may be used; NULL: every row. If all rows in which a pair could stand
 * are not allowed, the pair is left out. */
void pairwise_make(struct pairwise *p, bool (*allowed)(const unsigned *row));

/* Returns true if value a of axis_a and value b of axis_b stand together in a row. */
bool pairwise_meets(const struct pairwise *p, unsigned axis_a, unsigned a, unsigned axis_b,
                    unsigned b);

/* For a loop over all combinations of values: changes *row to the next combination. The first combination is {0}.
 * Returns false after the last combination. */
bool pairwise_next_combination(const struct pairwise *p, unsigned *row);

#endif
