/* SPDX-License-Identifier: Apache-2.0 */
/* The tickets that belong to messages. The flags of such a message hold the number of its throttle. */
#ifndef SPEADI_TICKET_H
#define SPEADI_TICKET_H

#include <speadline/message.h>
#include <speadline/throttle.h>

#include "ticket_number.h"

/* In throttle.c. */
struct speadi_ticket_number *speadi_throttle_number(struct spead_throttle *throttle);
/* Takes a ticket even if none is free. */
void speadi_throttle_take_for_copy(struct spead_throttle *throttle);

/* What spead_message_ref() and spead_message_unref() do with the ticket of the message. The message must have one. */
void speadi_ticket_copy(const struct spead_message *message);
void speadi_ticket_end(const struct spead_message *message);

#endif
