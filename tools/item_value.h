/* SPDX-License-Identifier: Apache-2.0 */
/* The value of an item as JSON, for people and for programs. However large the value is, and whatever its descriptor
 * says, the result is small: long arrays and texts are abbreviated.
 *
 * A scalar becomes a number, true or false, or a string. An array becomes an array of its first ITEM_VALUE_FIRST and its
 * last ITEM_VALUE_LAST values in C order, with the string "..." between them if values are left out. An element of a
 * record becomes an object, and a field that is an array in each element becomes an array. A complex number becomes
 * [real, imaginary].
 * Whole numbers of fields with more than 53 bits become strings of decimal digits, because programs read JSON numbers as
 * doubles (docs/adr/0027). "nan", "inf" and "-inf" are strings, too. A value of more than 64 bits, and opaque bytes,
 * become the hexadecimal digits of their bytes. In texts, each byte that is no
 * printable ASCII character becomes \xNN, and each such character \uNNNN or \UNNNNNNNN. */
#ifndef SPEADLINE_TOOLS_ITEM_VALUE_H
#define SPEADLINE_TOOLS_ITEM_VALUE_H

#include <jansson.h>

#include <speadline/value.h>

#define ITEM_VALUE_FIRST 6u
#define ITEM_VALUE_LAST  3u
#define ITEM_VALUE_ELEMENTS \
    4u /* most elements of a record array: three at the beginning, one at the end */
#define ITEM_VALUE_FIELDS 16u  /* most fields of a record */
#define ITEM_VALUE_TEXT   200u /* most bytes or characters of a text */

/* Returns the value, or NULL. NULL: the item does not fit the descriptor; then *err says why. *shape, which the caller
 * releases, becomes the array of the dimensions of the item. */
json_t *item_value_json(const struct spead_item *item, const struct spead_descriptor *descriptor,
                        json_t **shape, struct spead_err *err);

/* Returns a string of printable ASCII characters: what a text becomes. */
json_t *item_value_text(const void *text, size_t bytes);

/* Returns a string of hexadecimal digits: of the first `max` bytes. */
json_t *item_value_hex(const void *data, size_t bytes, size_t max);

#endif
