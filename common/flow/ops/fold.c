/* SPDX-License-Identifier: Apache-2.0 */
#include "fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int speadi_fold_open(struct speadi_fold *fold)
{
    fold->state = malloc(fold->of.bytes ? fold->of.bytes : 1);
    return fold->state ? 0 : -ENOMEM;
}

void speadi_fold_close(struct speadi_fold *fold)
{
    if (fold->is_open && fold->of.end)
        fold->of.end(fold->arg, fold->state);
    fold->is_open = false;
    free(fold->state);
    fold->state = NULL;
}

void speadi_fold_begin(struct speadi_fold *fold, const struct spead_message *first)
{
    memset(fold->state, 0, fold->of.bytes);
    if (fold->of.begin)
        fold->of.begin(fold->arg, fold->state);
    fold->first = *first;
    fold->is_open = true;
}
