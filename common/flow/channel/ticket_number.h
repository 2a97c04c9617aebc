/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of throttles. A message has no room for a pointer, so it carries the number of the throttle whose ticket
 * it has. */
#ifndef SPEADI_TICKET_NUMBER_H
#define SPEADI_TICKET_NUMBER_H

#include <stdatomic.h>
#include <stdint.h>

#include <speadline/throttle.h>

/* The number of a throttle. A throttle gets its number at its first spead_throttle_attach() and keeps it until it is
 * freed. */
struct speadi_ticket_number {
    _Atomic uint32_t number; /* 1 to SPEAD_THROTTLES_ATTACHED_MAX, or 0 if the throttle has none */
};

/* Returns the number of `throttle`, which is stored in *number. If the throttle has no number yet, gives it a free
 * number. Returns -ENOSPC if all numbers are in use. Any thread. */
int speadi_ticket_number_of(struct speadi_ticket_number *number, struct spead_throttle *throttle);

/* Returns the throttle with this number, or NULL. The caller must hold a ticket of that throttle. */
struct spead_throttle *speadi_ticket_number_find(uint32_t number);

/* Frees the number, if there is one. No message may have a ticket of the throttle any more. */
void speadi_ticket_number_release(struct speadi_ticket_number *number);

#endif
