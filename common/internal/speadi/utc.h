/* SPDX-License-Identifier: Apache-2.0 */
/* Times of UTC as people write them. */
#ifndef SPEADI_UTC_H
#define SPEADI_UTC_H

#include <stdbool.h>
#include <stdint.h>

#define SPEADI_UTC_TEXT_MAX 40

/* Writes a time of UTC in nanoseconds as "2026-12-01T12:00:00.000000000Z". Returns `text`. */
const char *speadi_utc_text(char text[SPEADI_UTC_TEXT_MAX], uint64_t utc_ns);

/* Reads a time of UTC: "2026-12-01T12:00:00Z", or the seconds since 1970-01-01, both with up to 9 digits behind a point.
 * Returns false if the text is something else, or if the time does not fit. Then *utc_ns is unchanged. */
bool speadi_utc_read(const char *text, uint64_t *utc_ns);

#endif
