/* SPDX-License-Identifier: Apache-2.0 */
/* Plain types of numpy: what one word such as "<i2" says.
 * Source: the documentation of numpy, "array interface" (typestr). */
#ifndef SPEADI_NUMPY_PLAIN_H
#define SPEADI_NUMPY_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/descriptor.h>

#define SPEADI_NUMPY_WORD_MAX 64u /* bytes of a word, with the zero byte at its end */

struct speadi_numpy_plain {
    enum spead_kind kind;
    char order;                       /* '<', '>', or '|' if it does not apply */
    char letter;                      /* as numpy writes it */
    uint64_t number;                  /* the number behind the letter */
    uint64_t bytes;                   /* size of a value */
    char unit[SPEADI_NUMPY_WORD_MAX]; /* of a time, or "" */
};

/* Takes a word apart, which is shorter than SPEADI_NUMPY_WORD_MAX. If `swap` is true, the order is the opposite of what
 * the word says. Returns 0, or -1 if numpy has no such type, or only on some machines. */
int speadi_numpy_plain_read(struct speadi_numpy_plain *plain, const char *word, bool swap);

/* Returns true if the word is a type of objects, which refer to memory of their process. */
bool speadi_numpy_plain_is_object(const char *word);

#endif
