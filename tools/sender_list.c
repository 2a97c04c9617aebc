/* SPDX-License-Identifier: Apache-2.0 */
/* See sender_list.h. */
#include "sender_list.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tool_report.h"

#define ROOM_MIN   64u /* senders for which the first copy has room */
#define READ_TRIES 8u  /* new senders may come between two copies */

/* ---- Reading ------------------------------------------------------------------------------- */

static bool grow(struct sender_list *list, uint32_t room)
{
    struct spead_recv_sender *sender = realloc(list->sender, room * sizeof *sender);

    if (!sender)
        return false;
    list->sender = sender;
    list->room = room;
    return true;
}

void sender_list_read(struct sender_list *list, struct spead_recv_stream *stream)
{
    if (list->room == 0 && !grow(list, ROOM_MIN))
        return;
    for (unsigned tries = 0; tries < READ_TRIES; tries++) {
        int count;

        list->sender[0] = list->forgotten = (struct spead_recv_sender)SPEAD_RECV_SENDER_INIT;
        count = spead_recv_stream_senders(stream, list->sender, list->room, &list->forgotten);
        if (count < 0)
            return;
        list->count = (uint32_t)count < list->room ? (uint32_t)count : list->room;
        if (list->count == (uint32_t)count || !grow(list, (uint32_t)count + (uint32_t)count / 2))
            return;
    }
}

void sender_list_release(struct sender_list *list)
{
    free(list->sender);
    *list = (struct sender_list){0};
}

/* ---- Summary ------------------------------------------------------------------------------- */

static uint64_t lost(const struct spead_recv_sender *sender)
{
    return sender->missing_packets + sender->missing_heaps + sender->heaps_incomplete;
}

static int by_loss(const void *a, const void *b)
{
    uint64_t lost_a = lost(*(const struct spead_recv_sender *const *)a);
    uint64_t lost_b = lost(*(const struct spead_recv_sender *const *)b);

    return (lost_b > lost_a) - (lost_b < lost_a);
}

static void print_sender(FILE *to, const struct spead_recv_sender *sender,
                         const char *const *endpoints)
{
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    fprintf(to,
            "  sender   %s at %s: %" PRIu64 " heaps complete, %" PRIu64 " incomplete; %" PRIu64
            " packets inside heaps and %" PRIu64 " whole heaps are missing\n",
            spead_sender_address_format(&sender->address, text), endpoints[sender->source],
            sender->heaps_complete, sender->heaps_incomplete, sender->missing_packets,
            sender->missing_heaps);
}

static void print_forgotten(FILE *to, const struct spead_recv_sender *forgotten)
{
    if (lost(forgotten) > 0)
        fprintf(to,
                "  sender   %" PRIu64 " senders that lost their place: %" PRIu64
                " heaps complete, %" PRIu64 " incomplete; %" PRIu64
                " packets inside heaps and %" PRIu64 " whole heaps are missing\n",
                forgotten->senders, forgotten->heaps_complete, forgotten->heaps_incomplete,
                forgotten->missing_packets, forgotten->missing_heaps);
}

void sender_list_print(FILE *to, const struct sender_list *list, const char *const *endpoints)
{
    const struct spead_recv_sender **loser;
    uint32_t losers = 0;

    if (list->count + list->forgotten.senders < 2)
        return; /* the totals are those of the one sender */
    loser = malloc(list->count * sizeof *loser);
    if (!loser)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        if (lost(&list->sender[i]) > 0)
            loser[losers++] = &list->sender[i];
    if (losers > 0)
        qsort(loser, losers, sizeof *loser, by_loss);
    for (uint32_t i = 0; i < losers && i < SENDER_LIST_LINES; i++)
        print_sender(to, loser[i], endpoints);
    if (losers > SENDER_LIST_LINES)
        fprintf(to, "  sender   %u more senders lost something (--json lists all)\n",
                losers - SENDER_LIST_LINES);
    free(loser);
    print_forgotten(to, &list->forgotten);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* Sets the sums of one sender, or of the forgotten ones. Returns 0, or -1 when out of memory. */
static int set_sums(json_t *object, const struct spead_recv_sender *sender)
{
    int failed = tool_report_set(object, "heaps", sender->heaps_complete) < 0;

    failed |= tool_report_set(object, "incomplete_heaps", sender->heaps_incomplete) < 0;
    failed |= tool_report_set(object, "packets", sender->packets) < 0;
    failed |= tool_report_set(object, "payload_bytes", sender->payload_bytes) < 0;
    failed |= tool_report_set(object, "missing_packets", sender->missing_packets) < 0;
    failed |= tool_report_set(object, "missing_heaps", sender->missing_heaps) < 0;
    failed |= tool_report_set(object, "restarts", sender->restarts) < 0;
    return failed ? -1 : 0;
}

static json_t *sender_json(const struct spead_recv_sender *sender, const char *const *endpoints)
{
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];
    json_t *object = json_pack(
        "{s:s, s:s, s:b, s:f, s:f}", "sender", spead_sender_address_format(&sender->address, text),
        "endpoint", endpoints[sender->source], "stopped", sender->stopped, "silent_s",
        (double)sender->silent_ns * 1e-9, "heard_s",
        (double)(sender->last_packet_mono_ns - sender->first_packet_mono_ns) * 1e-9);

    if (object && set_sums(object, sender) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *sender_list_json(const struct sender_list *list, const char *const *endpoints)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < list->count; i++) {
        if (json_array_append_new(array, sender_json(&list->sender[i], endpoints)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *sender_list_forgotten_json(const struct sender_list *list)
{
    json_t *object = json_object();

    if (tool_report_set(object, "senders", list->forgotten.senders) < 0 ||
        set_sums(object, &list->forgotten) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
