/* SPDX-License-Identifier: Apache-2.0 */
/* The tickets that belong to messages. A message has no room for a pointer, so throttles with such tickets have
 * numbers, and the upper bits of the flags of a message hold the number. Each such ticket holds a reference to its
 * throttle, so a number stays valid as long as a message has it. */
#include "ticket.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#define SHIFT 2u /* the flags below are SPEAD_MESSAGE_FAILED and SPEAD_MESSAGE_INCOMPLETE */
static_assert(SPEAD_THROTTLES_ATTACHED_MAX == SPEAD_MESSAGE_TICKET >> SHIFT,
              "each number fits into the flags");

/* Returns the throttle whose ticket the message has. Returns NULL if a program has set bits of SPEAD_MESSAGE_TICKET
 * that are no number of a throttle. */
static struct spead_throttle *throttle_of(const struct spead_message *message)
{
    return speadi_ticket_number_find((uint32_t)message->flags >> SHIFT);
}

int spead_throttle_attach(struct spead_throttle *throttle, struct spead_message *message)
{
    int number;

    if (message->flags & SPEAD_MESSAGE_TICKET)
        return -EEXIST;
    number = speadi_ticket_number_of(speadi_throttle_number(throttle), throttle);
    if (number < 0)
        return number;
    spead_throttle_ref(throttle);
    message->flags |= (uint8_t)((unsigned)number << SHIFT);
    return 0;
}

bool spead_throttle_is_attached(const struct spead_throttle *throttle,
                                const struct spead_message *message)
{
    return message->flags & SPEAD_MESSAGE_TICKET && throttle_of(message) == throttle;
}

void speadi_ticket_copy(const struct spead_message *message)
{
    struct spead_throttle *throttle = throttle_of(message);

    if (throttle)
        speadi_throttle_take_for_copy(spead_throttle_ref(throttle));
}

void speadi_ticket_end(const struct spead_message *message)
{
    struct spead_throttle *throttle = throttle_of(message);

    if (!throttle)
        return;
    spead_throttle_give(throttle);
    spead_throttle_unref(throttle);
}

void spead_message_give_ticket(struct spead_message *message)
{
    if (!(message->flags & SPEAD_MESSAGE_TICKET))
        return;
    speadi_ticket_end(message);
    message->flags &= (uint8_t)~SPEAD_MESSAGE_TICKET;
}
