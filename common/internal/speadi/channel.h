/* What the executor decides about a channel that it joins nodes with. */
#ifndef SPEADI_CHANNEL_H
#define SPEADI_CHANNEL_H

#include <speadline/channel.h>

/* How the two sides agree on the order of "published" and "about to sleep"; see docs/adr/0013. A channel
 * of many senders or receivers is always FENCED. */
enum speadi_channel_sync {
    SPEADI_SYNC_BARRIER, /* the default where the system has membarrier(2): sleeping is dear, sending cheap */
    SPEADI_SYNC_FENCED, /* the default elsewhere: for sleepers that suspend often, such as nodes */
    SPEADI_SYNC_LOCAL,  /* one thread uses both ends (others may still cancel) */
};

/* Before anything was sent. A choice that cannot be had is left as it was. */
void speadi_channel_set_sync(struct spead_channel *channel, enum speadi_channel_sync sync);

#endif
