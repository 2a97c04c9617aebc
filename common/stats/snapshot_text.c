/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots as JSON and as text. The names of statistics have no character that JSON would quote. */
#include <speadi/snapshot.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
    char *text;
    /* `length` is that of the whole text, including the part that does not fit into `text`. */
    size_t max, length;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format,
                                                      ...)
{
    size_t room = writer->length < writer->max ? writer->max - writer->length : 0;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(room ? writer->text + writer->length : NULL, room, format, args);
    va_end(args);
    if (length > 0)
        writer->length += (size_t)length;
}

static int length_of(const struct writer *writer)
{
    return writer->length > INT_MAX ? -EOVERFLOW : (int)writer->length;
}

/* A heap counter or a time of the day can be larger than the numbers that every reader of JSON keeps exactly. Such a
 * statistic is a string of digits, whatever its value is. */
static bool is_digits(const char *name)
{
    static const char *const names[] = {"first_packet_ns", "last_packet_ns", "sync_heap",
                                        "sync_ns"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

int spead_snapshot_json(const struct spead_snapshot *snapshot, char *text, size_t max)
{
    struct writer writer = {.text = text, .max = max};

    put(&writer, "{");
    for (uint32_t i = 0; i < snapshot->count; i++) {
        const struct spead_statistic *s = &snapshot->statistic[i];
        const char *quote = is_digits(s->name) ? "\"" : "";

        put(&writer, "%s\"%s\": %s", i > 0 ? ", " : "", s->name, quote);
        if (s->mode == SPEAD_STATISTIC_SUM)
            put(&writer, "%" PRId64, (int64_t)s->value); /* a difference can be below 0 */
        else
            put(&writer, "%" PRIu64, s->value);
        put(&writer, "%s", quote);
    }
    put(&writer, "}");
    return length_of(&writer);
}

int spead_snapshot_text(const struct spead_snapshot *snapshot, char *text, size_t max)
{
    struct writer writer = {.text = text, .max = max};

    if (max > 0)
        text[0] = '\0';
    for (uint32_t i = 0; i < snapshot->count; i++) {
        const struct spead_statistic *s = &snapshot->statistic[i];

        if (s->value == 0)
            continue;
        if (s->mode == SPEAD_STATISTIC_SUM)
            put(&writer, "%s %" PRId64 "\n", s->name, (int64_t)s->value);
        else
            put(&writer, "%s %" PRIu64 "\n", s->name, s->value);
    }
    return length_of(&writer);
}
