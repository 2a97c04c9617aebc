/* SPDX-License-Identifier: Apache-2.0 */
/* Tells what a stream knows of its senders: to any thread while it runs, and sender by sender when it has ended. */
#include <errno.h>
#include <stdlib.h>

#include <speadi/struct_size.h>

#include "recv_stream.h"

static struct spead_recv_sender sender_of(const struct speadi_sender_words *words)
{
    struct spead_recv_sender sender = SPEAD_RECV_SENDER_INIT;
    const uint64_t *word = words->word;

    sender.address = speadi_sender_words_address(words, &sender.source);
    sender.stopped = word[SPEADI_SENDER_STOPPED] != 0;
    sender.heaps_complete = word[SPEADI_SENDER_COMPLETE];
    sender.heaps_incomplete = word[SPEADI_SENDER_INCOMPLETE];
    sender.restarts = word[SPEADI_SENDER_RESTARTS];
    sender.senders = word[SPEADI_SENDER_SENDERS];
    sender.packets = word[SPEADI_SENDER_PACKETS];
    sender.payload_bytes = word[SPEADI_SENDER_PAYLOAD_BYTES];
    sender.missing_packets = word[SPEADI_SENDER_MISSING_PACKETS];
    sender.missing_heaps = word[SPEADI_SENDER_MISSING_HEAPS];
    sender.first_packet_mono_ns = word[SPEADI_SENDER_FIRST_NS];
    sender.last_packet_mono_ns = word[SPEADI_SENDER_SEEN_NS];
    return sender;
}

int spead_recv_stream_sender(const struct spead_recv_stream *stream, uint32_t index,
                             struct spead_recv_sender *sender)
{
    const struct speadi_sender *from;
    struct speadi_sender_words words;
    struct spead_recv_sender full;

    if (index >= stream->senders.count)
        return -ERANGE;
    from = &stream->senders.sender[index];
    for (unsigned i = 0; i < SPEADI_SENDER_WORDS; i++)
        words.word[i] = speadi_sender_row_get(from->row, i);
    full = sender_of(&words);
    full.silent_ns = stream->age_ns - from->seen_ns;
    return speadi_struct_write(sender, &full, sizeof full);
}

/* Returns how long a sender has been silent at now_ns. The owner thread may have heard it since. */
static uint64_t silence(const struct spead_recv_sender *sender, uint64_t now_ns)
{
    return now_ns > sender->last_packet_mono_ns ? now_ns - sender->last_packet_mono_ns : 0;
}

/* Writes the rows into the array of the caller, whose elements may be shorter or longer than ours. */
static int write_rows(const struct speadi_sender_words *rows, uint32_t count,
                      struct spead_recv_sender *senders, uint64_t now_ns)
{
    const uint32_t stride = senders->struct_size;
    uint8_t *to = (uint8_t *)senders;
    int ret = 0;

    for (uint32_t i = 0; i < count && ret == 0; i++, to += stride) {
        struct spead_recv_sender full = sender_of(&rows[i]);

        full.silent_ns = silence(&full, now_ns);
        ((struct spead_recv_sender *)(void *)to)->struct_size = stride;
        ret = speadi_struct_write(to, &full, sizeof full);
    }
    return ret;
}

int spead_recv_stream_senders(struct spead_recv_stream *stream, struct spead_recv_sender *senders,
                              uint32_t senders_max, struct spead_recv_sender *forgotten)
{
    const uint32_t room =
        senders_max < stream->senders.senders_max ? senders_max : stream->senders.senders_max;
    struct speadi_sender_words *rows = malloc((room + 1ull) * sizeof *rows);
    int count, ret = 0;

    if (!rows)
        return -ENOMEM;
    count = speadi_sender_rows_read(&stream->senders.rows, rows, room, &rows[room]);
    if (count > 0 && room > 0)
        ret = write_rows(rows, (uint32_t)count < room ? (uint32_t)count : room, senders,
                         stream->clock());
    if (count >= 0 && ret == 0 && forgotten) {
        const struct spead_recv_sender full = sender_of(&rows[room]);

        ret = speadi_struct_write(forgotten, &full, sizeof full);
    }
    free(rows);
    return ret < 0 ? ret : count;
}
