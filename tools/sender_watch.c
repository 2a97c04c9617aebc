/* SPDX-License-Identifier: Apache-2.0 */
/* See sender_watch.h. */
#include "sender_watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#define SECOND_NS      1000000000u
#define STEADY_HEAPS   3u
#define HEAP_INTERVALS 10u
#define OWN_SILENCES   2u

/* ---- One sender ----------------------------------------------------------------------------- */

static uint64_t heaps_of(const struct spead_recv_sender *sender)
{
    return sender->heaps_complete + sender->heaps_incomplete;
}

/* Returns how long the sender may be silent. */
static uint64_t patience(const struct watched_sender *watched,
                         const struct spead_recv_sender *sender)
{
    uint64_t interval =
        (sender->last_packet_mono_ns - sender->first_packet_mono_ns) / heaps_of(sender);

    return speadi_max_u64(speadi_max_u64(SECOND_NS, HEAP_INTERVALS * interval),
                          OWN_SILENCES * watched->longest_ns);
}

static bool is_silent(const struct watched_sender *watched, const struct spead_recv_sender *sender)
{
    return heaps_of(sender) >= STEADY_HEAPS && !sender->stopped &&
           sender->silent_ns > patience(watched, sender);
}

/* Notes the silence that ended since the look before. Returns its length, or 0 if the sender was not heard again. */
static uint64_t note_silence(struct watched_sender *watched, const struct spead_recv_sender *sender)
{
    uint64_t silence = sender->last_packet_mono_ns - watched->last_ns;

    watched->last_ns = sender->last_packet_mono_ns;
    if (watched->silent)
        watched->longest_ns = speadi_max_u64(watched->longest_ns, silence);
    return silence;
}

/* ---- The log --------------------------------------------------------------------------------- */

/* The lines of one look. */
struct look {
    const char *const *endpoints;
    const struct spead_log *log;
    unsigned stopped, back;
};

static void say_stopped(struct look *look, const struct spead_recv_sender *sender)
{
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    if (look->stopped++ < SENDER_WATCH_LINES)
        speadi_log_line(look->log, SPEAD_LOG_WARNING,
                        "sender %s at %s stopped %.1f s ago, after %" PRIu64
                        " heaps: look at the sender and at its link",
                        spead_sender_address_format(&sender->address, text),
                        look->endpoints[sender->source], (double)sender->silent_ns * 1e-9,
                        heaps_of(sender));
}

static void say_back(struct look *look, const struct spead_recv_sender *sender, uint64_t silence)
{
    char text[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    if (look->back++ < SENDER_WATCH_LINES)
        speadi_log_line(look->log, SPEAD_LOG_WARNING,
                        "sender %s at %s is back: nothing had come from it for %.1f s",
                        spead_sender_address_format(&sender->address, text),
                        look->endpoints[sender->source], (double)silence * 1e-9);
}

static void say_how_many_more(const struct look *look)
{
    if (look->stopped > SENDER_WATCH_LINES)
        speadi_log_line(look->log, SPEAD_LOG_WARNING, "%u more senders stopped at that time",
                        look->stopped - SENDER_WATCH_LINES);
    if (look->back > SENDER_WATCH_LINES)
        speadi_log_line(look->log, SPEAD_LOG_WARNING, "%u more senders are back",
                        look->back - SENDER_WATCH_LINES);
}

/* ---- All senders ----------------------------------------------------------------------------- */

static void look_at(struct look *look, struct watched_sender *watched,
                    const struct spead_recv_sender *sender)
{
    uint64_t silence;

    if (watched->first_ns != sender->first_packet_mono_ns)
        *watched = (struct watched_sender){.first_ns = sender->first_packet_mono_ns,
                                           .last_ns = sender->last_packet_mono_ns};
    silence = note_silence(watched, sender);
    if (watched->silent && silence > 0) {
        watched->silent = false;
        say_back(look, sender, silence);
    }
    if (!watched->silent && is_silent(watched, sender)) {
        watched->silent = true;
        say_stopped(look, sender);
    }
}

/* Makes room for as many senders as the list has. Returns false when out of memory. */
static bool has_room(struct sender_watch *watch, uint32_t count)
{
    struct watched_sender *watched;

    if (count <= watch->room)
        return true;
    watched = realloc(watch->watched, count * sizeof *watched);
    if (!watched)
        return false;
    memset(watched + watch->room, 0, (count - watch->room) * sizeof *watched);
    watch->watched = watched;
    watch->room = count;
    return true;
}

void sender_watch_look(struct sender_watch *watch, const struct sender_list *list,
                       const char *const *endpoints, uint64_t now_ns, const struct spead_log *log)
{
    struct look look = {.endpoints = endpoints, .log = log};

    watch->due_ns = now_ns + SENDER_WATCH_EVERY_NS;
    if (!has_room(watch, list->count))
        return;
    for (uint32_t i = 0; i < list->count; i++)
        look_at(&look, &watch->watched[i], &list->sender[i]);
    say_how_many_more(&look);
}

void sender_watch_release(struct sender_watch *watch)
{
    free(watch->watched);
    *watch = (struct sender_watch){0};
}
