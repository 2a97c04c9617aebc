/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a fold (struct spead_fold): reduce and scan begin it, add to it and end it. */
#ifndef SPEADI_FOLD_H
#define SPEADI_FOLD_H

#include <stdbool.h>

#include <speadline/operators.h>

struct speadi_fold {
    struct spead_fold of;
    void *arg;
    void *state;                /* memory for one state, or NULL */
    bool is_open;               /* true from begin() to end() */
    struct spead_message first; /* identity of the first message; it owns nothing */
};

/* Takes and gives back the memory of the state. speadi_fold_open() returns 0 or -ENOMEM. */
int speadi_fold_open(struct speadi_fold *fold);
void speadi_fold_close(struct speadi_fold *fold);

/* Begins the state; `first` is the first message. */
void speadi_fold_begin(struct speadi_fold *fold, const struct spead_message *first);

/* Adds a message, and begins the state before the first one. Returns 0 or what add() has returned. */
static inline int speadi_fold_add(struct speadi_fold *fold, const struct spead_message *message)
{
    if (!fold->is_open)
        speadi_fold_begin(fold, message);
    return fold->of.add(fold->arg, fold->state, message);
}

#endif
