/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the message type "region". A message of this type refers to a region. */
#ifndef SPEADI_REGION_MESSAGE_H
#define SPEADI_REGION_MESSAGE_H

#include <speadline/message.h>

void speadi_region_message_ref(const struct spead_message *message);
void speadi_region_message_unref(const struct spead_message *message);

#endif
