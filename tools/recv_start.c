/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_start.h. */
#include "recv_start.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/item.h>

#include <speadi/err.h>
#include <speadi/utc.h>

#include "option_table.h"

/* ---- --start-at ---------------------------------------------------------------------------- */

static const char form[] =
    "must be heap:N, item:ID=VALUE, item:ID%STEP or time:UTC, such as heap:1000, item:0x1600=5 or "
    "time:2026-12-01T12:00:00Z";

/* Reads a decimal number, or a hexadecimal one that begins with 0x. Returns what stands behind it, or NULL. */
static const char *read_number(const char *text, uint64_t *value)
{
    bool hex = text[0] == '0' && text[1] == 'x';
    size_t digits = hex ? strspn(text + 2, "0123456789abcdefABCDEF") : strspn(text, "0123456789");
    char *end;

    if (digits == 0)
        return NULL;
    errno = 0;
    *value = strtoull(text, &end, hex ? 16 : 10);
    return errno == 0 ? end : NULL;
}

/* Reads "%STEP" if it is there. Returns what stands behind it, or NULL. */
static const char *read_step(const char *text, uint64_t *step)
{
    if (*text != '%')
        return text;
    text = read_number(text + 1, step);
    return text && *step > 0 ? text : NULL;
}

static bool read_heap(const char *text, struct spead_recv_start_point *point)
{
    text = read_number(text, &point->least);
    if (text)
        text = read_step(text, &point->step);
    return text && *text == '\0';
}

static bool read_item(const char *text, struct spead_recv_start_point *point)
{
    text = read_number(text, &point->item);
    if (!text || (*text != '=' && strncmp(text, ">=", 2) != 0 && *text != '%'))
        return false;
    if (*text != '%')
        text = read_number(text + (*text == '=' ? 1 : 2), &point->least);
    if (text)
        text = read_step(text, &point->step);
    return text && *text == '\0';
}

static int parse_start(const struct tool_option *row, const char *text, void *to,
                       struct spead_err *err)
{
    struct spead_recv_start_point point = SPEAD_RECV_START_POINT_INIT;
    bool good = false;

    (void)row;
    if (strncmp(text, "heap:", 5) == 0) {
        point.kind = SPEAD_START_POINT_HEAP;
        good = read_heap(text + 5, &point);
    } else if (strncmp(text, "item:", 5) == 0) {
        point.kind = SPEAD_START_POINT_ITEM;
        good = read_item(text + 5, &point);
        if (good && point.item <= SPEAD_ID_STREAM_CONTROL)
            return speadi_err_set(err, -EINVAL,
                                  "item 0x%" PRIx64 " is one of the protocol; the id "
                                  "of an item is 0x%x or more",
                                  point.item, SPEAD_ID_STREAM_CONTROL + 1);
    } else if (strncmp(text, "time:", 5) == 0) {
        point.kind = SPEAD_START_POINT_TIME;
        good = speadi_utc_read(text + 5, &point.least);
    }
    if (!good)
        return speadi_err_set(err, -EINVAL, "%s", form);
    *(struct spead_recv_start_point *)to = point;
    return 0;
}

static void print_start(const struct tool_option *row, const void *from, char *text, size_t room)
{
    const struct spead_recv_start_point *point = from;
    char step[32] = "", utc[SPEADI_UTC_TEXT_MAX];

    (void)row;
    if (point->step > 0)
        snprintf(step, sizeof step, "%%%" PRIu64, point->step);
    switch (point->kind) {
    case SPEAD_START_POINT_NONE:
        text[0] = '\0';
        break;
    case SPEAD_START_POINT_HEAP:
        snprintf(text, room, "heap:%" PRIu64 "%s", point->least, step);
        break;
    case SPEAD_START_POINT_ITEM:
        snprintf(text, room, "item:0x%" PRIx64 "=%" PRIu64 "%s", point->item, point->least, step);
        break;
    case SPEAD_START_POINT_TIME:
        snprintf(text, room, "time:%s", speadi_utc_text(utc, point->least));
        break;
    }
}

const struct tool_type tool_start_at = {sizeof(struct spead_recv_start_point), parse_start,
                                        print_start, NULL};

/* ---- What the program says ----------------------------------------------------------------- */

/* Writes "heap 1000" or "item 0x1600 from 5 on, a multiple of 4". Returns `text`. */
static const char *in_words(const struct spead_recv_start_point *point,
                            char text[RECV_START_TEXT_MAX])
{
    char step[48] = "", utc[SPEADI_UTC_TEXT_MAX];

    if (point->step > 0)
        snprintf(step, sizeof step, ", a multiple of %" PRIu64, point->step);
    if (point->kind == SPEAD_START_POINT_HEAP)
        snprintf(text, RECV_START_TEXT_MAX, "heap %" PRIu64 "%s", point->least, step);
    else if (point->kind == SPEAD_START_POINT_ITEM)
        snprintf(text, RECV_START_TEXT_MAX, "item 0x%" PRIx64 " from %" PRIu64 " on%s", point->item,
                 point->least, step);
    else
        snprintf(text, RECV_START_TEXT_MAX, "%s", speadi_utc_text(utc, point->least));
    return text;
}

void recv_start_print_plan(FILE *to, const struct spead_recv_start_point *point)
{
    char words[RECV_START_TEXT_MAX];

    if (point->kind != SPEAD_START_POINT_NONE)
        fprintf(to, "  start    at %s; heaps before it are discarded\n", in_words(point, words));
}

const char *recv_start_waiting(const struct spead_recv_start_point *point,
                               const struct spead_recv_counters *counters,
                               char text[RECV_START_TEXT_MAX])
{
    char words[RECV_START_TEXT_MAX];

    if (!counters->awaits_start)
        return NULL;
    snprintf(text, RECV_START_TEXT_MAX, "waiting for %.100s: %" PRIu64 " heaps discarded",
             in_words(point, words), counters->heaps_before_start);
    return text;
}

void recv_start_print(FILE *to, const char *begin, const struct spead_recv_start_point *point,
                      const struct spead_recv_counters *counters)
{
    char words[RECV_START_TEXT_MAX], utc[SPEADI_UTC_TEXT_MAX];

    if (point->kind == SPEAD_START_POINT_NONE)
        return;
    if (counters->awaits_start)
        fprintf(to, "%snever: %s did not come; %" PRIu64 " heaps before it were discarded\n", begin,
                in_words(point, words), counters->heaps_before_start);
    else
        fprintf(to,
                "%ssince heap %" PRIu64 ", time %s; %" PRIu64 " sender%s; %" PRIu64
                " heaps before %s were discarded\n",
                begin, counters->sync_heap, speadi_utc_text(utc, counters->sync_ns),
                counters->senders_in_sync, counters->senders_in_sync == 1 ? "" : "s",
                counters->heaps_before_start, in_words(point, words));
}

json_t *recv_start_json(const struct spead_recv_start_point *point,
                        const struct spead_recv_stats *stats)
{
    const struct spead_recv_counters *counters = &stats->counters;
    const struct spead_count *before = &stats->total.bucket[SPEAD_RECV_BEFORE_START];
    const bool in_sync = !counters->awaits_start;
    char at[RECV_START_TEXT_MAX];

    if (point->kind == SPEAD_START_POINT_NONE)
        return json_null();
    print_start(NULL, point, at, sizeof at);
    return json_pack("{s:s, s:b, s:o, s:o, s:I, s:I, s:I, s:I}", "at", at, "in_sync", in_sync,
                     "heap", in_sync ? json_sprintf("%" PRIu64, counters->sync_heap) : json_null(),
                     "time_ns", in_sync ? json_sprintf("%" PRIu64, counters->sync_ns) : json_null(),
                     "senders", (json_int_t)counters->senders_in_sync, "heaps_before",
                     (json_int_t)counters->heaps_before_start, "packets_before",
                     (json_int_t)before->packets, "bytes_before", (json_int_t)before->bytes);
}
