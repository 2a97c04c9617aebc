/* All pairs: a small set of rows in which any two values of any two axes stand together in at least one row.
 *
 * The rows are chosen greedily, and always the same rows for the same axes. */
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
    /* out: the rows; a row has the number of a value for each axis */
    unsigned row[PAIRWISE_ROWS_MAX][PAIRWISE_AXES_MAX];
    unsigned rows; /* out */
};

/* Makes the rows. allowed() says whether a row may be used; NULL: every row. A pair that stands only in rows that are
 * not allowed is left out. */
void pairwise_make(struct pairwise *p, bool (*allowed)(const unsigned *row));

/* True when value a of axis_a and value b of axis_b stand together in a row. */
bool pairwise_meets(const struct pairwise *p, unsigned axis_a, unsigned a, unsigned axis_b,
                    unsigned b);

/* Steps *row to the next of all combinations of values; the first one is {0}. Returns false after the last one. */
bool pairwise_next_combination(const struct pairwise *p, unsigned *row);

#endif
