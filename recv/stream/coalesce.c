/* See coalesce.h. */
#include "coalesce.h"

#define TRAIN_BYTES    65536u /* a message at its largest */
#define WORTH_MESSAGES 3u     /* sleeping for fewer gains nothing over being woken */

void speadi_coalesce_init(struct speadi_coalesce *coalesce, uint64_t longest_ns,
                          uint32_t buffer_bytes)
{
    *coalesce = (struct speadi_coalesce){
        .longest_ns = longest_ns,
        .messages_max = buffer_bytes / 8 / TRAIN_BYTES,
    };
}

void speadi_coalesce_observe(struct speadi_coalesce *coalesce, uint64_t messages,
                             uint64_t elapsed_ns)
{
    uint64_t sleep_ns = coalesce->longest_ns;

    if (messages > 0 && sleep_ns > elapsed_ns * coalesce->messages_max / messages)
        sleep_ns = elapsed_ns * coalesce->messages_max / messages;
    coalesce->sleep_ns = messages * sleep_ns >= WORTH_MESSAGES * elapsed_ns ? sleep_ns : 0;
}
