/* SPDX-License-Identifier: Apache-2.0 */
/* Implements pairwise.h. Each round makes a fixed number of pseudo-random rows and adds the row with the most new pairs
 * to the table. The search ends when no new pair was found in IDLE_ROUNDS consecutive rounds. */
#include "pairwise.h"

#include <stdint.h>
#include <string.h>

#define CANDIDATES  60
#define IDLE_ROUNDS 200

struct cover {
    bool met[PAIRWISE_AXES_MAX][PAIRWISE_VALUES_MAX][PAIRWISE_AXES_MAX][PAIRWISE_VALUES_MAX];
};

static unsigned next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

static unsigned gain(const struct pairwise *p, const struct cover *cover, const unsigned *row)
{
    unsigned fresh = 0;

    for (unsigned a = 0; a < p->axes; a++)
        for (unsigned b = a + 1; b < p->axes; b++)
            fresh += !cover->met[a][row[a]][b][row[b]];
    return fresh;
}

static void keep(struct pairwise *p, struct cover *cover, const unsigned *row)
{
    for (unsigned a = 0; a < p->axes; a++)
        for (unsigned b = a + 1; b < p->axes; b++)
            cover->met[a][row[a]][b][row[b]] = true;
    memcpy(p->row[p->rows++], row, sizeof p->row[0]);
}

void pairwise_make(struct pairwise *p, bool (*allowed)(const unsigned *row))
{
    static struct cover cover;
    uint64_t state = 1;

    memset(&cover, 0, sizeof cover);
    p->rows = 0;
    for (unsigned idle = 0; idle < IDLE_ROUNDS && p->rows < PAIRWISE_ROWS_MAX;) {
        unsigned best[PAIRWISE_AXES_MAX] = {0}, best_gain = 0;
        for (unsigned i = 0; i < CANDIDATES; i++) {
            unsigned row[PAIRWISE_AXES_MAX] = {0};
            for (unsigned a = 0; a < p->axes; a++)
                row[a] = next_random(&state) % p->values[a];
            unsigned fresh = gain(p, &cover, row);
            if (fresh > best_gain && (!allowed || allowed(row))) {
                best_gain = fresh;
                memcpy(best, row, sizeof best);
            }
        }
        idle = best_gain ? 0 : idle + 1;
        if (best_gain)
            keep(p, &cover, best);
    }
}

bool pairwise_meets(const struct pairwise *p, unsigned axis_a, unsigned a, unsigned axis_b,
                    unsigned b)
{
    for (unsigned r = 0; r < p->rows; r++)
        if (p->row[r][axis_a] == a && p->row[r][axis_b] == b)
            return true;
    return false;
}

bool pairwise_next_combination(const struct pairwise *p, unsigned *row)
{
    for (unsigned axis = 0; axis < p->axes; axis++) {
        if (++row[axis] < p->values[axis])
            return true;
        row[axis] = 0;
    }
    return false;
}
