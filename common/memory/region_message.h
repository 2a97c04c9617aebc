/* Regions as the objects of messages: what the type "region" does. */
#ifndef SPEADI_REGION_MESSAGE_H
#define SPEADI_REGION_MESSAGE_H

#include <speadline/message.h>

void speadi_region_message_ref(const struct spead_message *message);
void speadi_region_message_unref(const struct spead_message *message);

#endif
