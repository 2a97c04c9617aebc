/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_silence.h. */
#include "recv_silence.h"

#include <inttypes.h>

void recv_silence_read(struct recv_silence *silence, const struct spead_recv_stream *stream,
                       uint64_t silence_ns)
{
    struct spead_recv_sender sender = SPEAD_RECV_SENDER_INIT;

    silence->sender_count = 0;
    for (uint32_t i = 0; spead_recv_stream_sender(stream, i, &sender) == 0; i++) {
        if (sender.stopped || sender.silent_ns <= silence_ns)
            continue;
        if (silence->sender_count < RECV_SILENT_MAX)
            silence->sender[silence->sender_count] = sender;
        silence->sender_count++;
    }
}

static uint64_t listed(const struct recv_silence *silence)
{
    return silence->sender_count < RECV_SILENT_MAX ? silence->sender_count : RECV_SILENT_MAX;
}

void recv_silence_print(FILE *to, const struct recv_silence *silence, const char *const *endpoints)
{
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    for (uint64_t i = 0; i < listed(silence); i++) {
        const struct spead_recv_sender *sender = &silence->sender[i];

        fprintf(
            to,
            "  silent   %s at %s sent no stop heap, and nothing in the last %.1f s: did it die?\n",
            spead_sender_address_format(&sender->address, text), endpoints[sender->source],
            (double)sender->silent_ns * 1e-9);
    }
    if (silence->sender_count > RECV_SILENT_MAX)
        fprintf(to, "  silent   %" PRIu64 " more senders did the same\n",
                silence->sender_count - RECV_SILENT_MAX);
}

json_t *recv_silence_json(const struct recv_silence *silence, const char *const *endpoints)
{
    json_t *array = json_array();
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    for (uint64_t i = 0; i < listed(silence); i++) {
        const struct spead_recv_sender *sender = &silence->sender[i];
        json_t *object =
            json_pack("{s:s, s:s, s:f, s:I, s:I}", "sender",
                      spead_sender_address_format(&sender->address, text), "endpoint",
                      endpoints[sender->source], "silent_s", (double)sender->silent_ns * 1e-9,
                      "heaps", (json_int_t)sender->heaps_complete, "incomplete_heaps",
                      (json_int_t)sender->heaps_incomplete);

        if (json_array_append_new(array, object) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
