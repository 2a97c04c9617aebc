/* See gather.h. */
#include "gather.h"

#define TRAIN_BYTES    65536u /* a message at its largest */
#define WORTH_MESSAGES 3u     /* sleeping for fewer gains nothing over being woken */

void speadi_gather_init(struct speadi_gather *gather, uint64_t longest_ns, uint32_t buffer_bytes)
{
    *gather = (struct speadi_gather){
        .longest_ns = longest_ns,
        .messages_max = buffer_bytes / 8 / TRAIN_BYTES,
    };
}

void speadi_gather_observe(struct speadi_gather *gather, uint64_t messages, uint64_t elapsed_ns)
{
    uint64_t sleep_ns = gather->longest_ns;

    if (messages > 0 && sleep_ns > elapsed_ns * gather->messages_max / messages)
        sleep_ns = elapsed_ns * gather->messages_max / messages;
    gather->sleep_ns = messages * sleep_ns >= WORTH_MESSAGES * elapsed_ns ? sleep_ns : 0;
}
