/* SPDX-License-Identifier: Apache-2.0 */
/* See expected_senders.h. */
#include "expected_senders.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/address.h>
#include <speadi/err.h>

#define LINE_MAX_BYTES 320 /* a name of a host has at most 253 bytes */
#define NAMES_MAX      (EXPECTED_SENDERS_NAMED * (SPEAD_SENDER_ADDRESS_TEXT_MAX + 2) + 32)

/* ---- Reading the file ------------------------------------------------------------------------ */

/* What is needed while the file is read. */
struct reading {
    const char *path;
    uint32_t senders_max, room;
    enum spead_sender_key key;
    unsigned line;
    struct spead_err *err;
};

static struct spead_sender_address sender_of(const struct speadi_address *from)
{
    struct spead_sender_address sender = {.known = true};

    if (from->any.sa_family == AF_INET) {
        sender.address[10] = sender.address[11] = 0xff;
        memcpy(sender.address + 12, &from->v4.sin_addr, 4);
        sender.port = ntohs(from->v4.sin_port);
    } else {
        memcpy(sender.address, &from->v6.sin6_addr, 16);
        sender.port = ntohs(from->v6.sin6_port);
    }
    return sender;
}

/* Cuts the comment and the white space at both ends. Returns the rest, which may be "". */
static char *trim(char *text)
{
    char *end;

    text[strcspn(text, "#\r\n")] = '\0';
    while (isspace((unsigned char)*text))
        text++;
    end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

static int refuse(const struct reading *reading, int code, const char *why)
{
    return speadi_err_set(reading->err, code, "%s, line %u: %s", reading->path, reading->line, why);
}

/* Makes room for one more sender. Returns 0 or -errno with a sentence. */
static int make_room(struct expected_senders *expected, struct reading *reading)
{
    uint32_t room = reading->room ? 2 * reading->room : 64;
    struct expected_sender *sender;

    if (expected->count == reading->senders_max)
        return refuse(reading, -EINVAL,
                      "more senders than --senders has room for: raise --senders");
    if (expected->count < reading->room)
        return 0;
    sender = realloc(expected->sender, room * sizeof *sender);
    if (!sender)
        return speadi_err_set(reading->err, -ENOMEM, "out of memory");
    expected->sender = sender;
    reading->room = room;
    return 0;
}

static int take_line(struct expected_senders *expected, struct reading *reading, const char *text)
{
    struct speadi_address address;
    struct spead_sender_address sender;
    struct spead_err err = {0};
    int ret = speadi_address_parse(&address, text, SPEADI_ADDRESS_SENDER, &err);

    if (ret < 0)
        return refuse(reading, ret, err.text);
    sender = sender_of(&address);
    if (sender.port != 0 && reading->key == SPEAD_SENDER_KEY_ADDRESS)
        return refuse(reading, -EINVAL,
                      "with --sender-key address a sender has no port: write the host alone");
    ret = make_room(expected, reading);
    if (ret < 0)
        return ret;
    expected->sender[expected->count++] =
        (struct expected_sender){.address = sender, .line = reading->line};
    return 0;
}

static int read_lines(struct expected_senders *expected, struct reading *reading, FILE *file)
{
    char buffer[LINE_MAX_BYTES];
    int ret = 0;

    while (ret == 0 && fgets(buffer, sizeof buffer, file)) {
        char *text;

        reading->line++;
        if (strlen(buffer) == sizeof buffer - 1 && buffer[sizeof buffer - 2] != '\n')
            return refuse(reading, -EINVAL, "the line is too long: write one HOST or HOST:PORT");
        text = trim(buffer);
        if (*text != '\0')
            ret = take_line(expected, reading, text);
    }
    if (ret == 0 && ferror(file))
        return speadi_err_set(reading->err, -EIO, "%s cannot be read: %m", reading->path);
    return ret;
}

/* ---- Order ---------------------------------------------------------------------------------- */

static int compare(const struct spead_sender_address *a, const struct spead_sender_address *b)
{
    int order = memcmp(a->address, b->address, sizeof a->address);

    return order != 0 ? order : a->port - b->port;
}

static int by_address(const void *a, const void *b)
{
    return compare(&((const struct expected_sender *)a)->address,
                   &((const struct expected_sender *)b)->address);
}

/* Sorts the senders. Refuses two lines for one sender. */
static int sort(struct expected_senders *expected, struct reading *reading)
{
    char why[64];

    qsort(expected->sender, expected->count, sizeof *expected->sender, by_address);
    for (uint32_t i = 1; i < expected->count; i++) {
        const struct expected_sender *a = &expected->sender[i - 1], *b = &expected->sender[i];

        if (compare(&a->address, &b->address) != 0)
            continue;
        reading->line = a->line > b->line ? a->line : b->line;
        snprintf(why, sizeof why, "the sender of line %u again",
                 a->line < b->line ? a->line : b->line);
        return refuse(reading, -EINVAL, why);
    }
    return 0;
}

static int load_file(struct expected_senders *expected, struct reading *reading)
{
    FILE *file = fopen(reading->path, "re");
    int ret;

    if (!file)
        return speadi_err_set(reading->err, -errno,
                              "%s: %m (give a number of senders, or a file with a HOST or "
                              "HOST:PORT in each line)",
                              reading->path);
    ret = read_lines(expected, reading, file);
    fclose(file);
    if (ret == 0 && expected->count == 0)
        return speadi_err_set(reading->err, -EINVAL, "%s names no sender", reading->path);
    return ret < 0 ? ret : sort(expected, reading);
}

int expected_senders_load(struct expected_senders *expected, const char *value,
                          uint32_t senders_max, enum spead_sender_key key, struct spead_err *err)
{
    struct reading reading = {.path = value, .senders_max = senders_max, .key = key, .err = err};
    unsigned long count;

    *expected = (struct expected_senders){0};
    if (*value == '\0' || value[strspn(value, "0123456789")] != '\0')
        return load_file(expected, &reading);
    errno = 0;
    count = strtoul(value, NULL, 10);
    if (errno != 0 || count == 0 || count > senders_max)
        return speadi_err_set(err, -EINVAL, "%s: must be 1 to %" PRIu32 ", the value of --senders",
                              value, senders_max);
    expected->count = (uint32_t)count;
    return 0;
}

void expected_senders_release(struct expected_senders *expected)
{
    free(expected->sender);
    *expected = (struct expected_senders){0};
}

/* ---- Comparing ------------------------------------------------------------------------------ */

/* Returns the entry for this sender: the one with its port, or else the one for any port. */
static struct expected_sender *entry_of(const struct expected_senders *expected,
                                        const struct spead_sender_address *address)
{
    struct expected_sender key = {.address = *address}, *entry;

    entry = bsearch(&key, expected->sender, expected->count, sizeof key, by_address);
    if (entry)
        return entry;
    key.address.port = 0;
    return bsearch(&key, expected->sender, expected->count, sizeof key, by_address);
}

static bool is_expected(const struct expected_senders *expected,
                        const struct spead_recv_sender *sender)
{
    return sender->address.known && entry_of(expected, &sender->address) != NULL;
}

void expected_senders_look(struct expected_senders *expected, const struct sender_list *list)
{
    const uint64_t known = list->count + list->forgotten.senders;

    if (!expected->sender) {
        if (expected->heard < expected->count)
            expected->heard = known < expected->count ? (uint32_t)known : expected->count;
        expected->unexpected = known > expected->count ? known - expected->count : 0;
        return;
    }
    expected->unexpected = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct expected_sender *entry =
            list->sender[i].address.known ? entry_of(expected, &list->sender[i].address) : NULL;

        if (!entry) {
            expected->unexpected++;
        } else if (!entry->heard) {
            entry->heard = true;
            expected->heard++;
        }
    }
}

uint32_t expected_senders_missing(const struct expected_senders *expected)
{
    return expected->count - expected->heard;
}

/* ---- Names ---------------------------------------------------------------------------------- */

/* Writes up to EXPECTED_SENDERS_NAMED names into a text. */
struct names {
    char text[NAMES_MAX];
    size_t bytes;
    uint64_t count;
};

/* Adds the name of a sender; port 0 means that only the host is expected. */
static void add_name(struct names *names, const struct spead_sender_address *address)
{
    char name[SPEAD_SENDER_ADDRESS_TEXT_MAX];

    if (names->count++ >= EXPECTED_SENDERS_NAMED)
        return;
    spead_sender_address_format(address, name);
    if (address->port == 0 && address->known)
        *strrchr(name, ':') = '\0';
    names->bytes += (size_t)snprintf(names->text + names->bytes, sizeof names->text - names->bytes,
                                     "%s%s", names->count == 1 ? ": " : ", ", name);
}

static const char *end_names(struct names *names)
{
    if (names->count > EXPECTED_SENDERS_NAMED)
        snprintf(names->text + names->bytes, sizeof names->text - names->bytes,
                 " and %" PRIu64 " more", names->count - EXPECTED_SENDERS_NAMED);
    return names->text;
}

/* Writes the names of the missing senders: ": A, B and 3 more", or "" if only their number is known. */
static const char *missing_names(struct names *names, const struct expected_senders *expected)
{
    *names = (struct names){0};
    for (uint32_t i = 0; expected->sender && i < expected->count; i++)
        if (!expected->sender[i].heard)
            add_name(names, &expected->sender[i].address);
    return end_names(names);
}

static const char *unexpected_names(struct names *names, const struct expected_senders *expected,
                                    const struct sender_list *list)
{
    *names = (struct names){0};
    for (uint32_t i = 0; expected->sender && i < list->count; i++)
        if (!is_expected(expected, &list->sender[i]))
            add_name(names, &list->sender[i].address);
    return end_names(names);
}

/* ---- Saying --------------------------------------------------------------------------------- */

/* Returns when the first sender was heard, or UINT64_MAX. */
static uint64_t first_heard(const struct sender_list *list)
{
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < list->count; i++)
        if (list->sender[i].first_packet_mono_ns < first)
            first = list->sender[i].first_packet_mono_ns;
    return first;
}

void expected_senders_say(struct expected_senders *expected, const struct sender_list *list,
                          uint64_t now_ns, const struct spead_log *log)
{
    const uint64_t first = first_heard(list);
    const uint32_t missing = expected_senders_missing(expected);
    struct names names;

    if (expected->count == 0 || expected->said || first == UINT64_MAX ||
        now_ns < first + EXPECTED_SENDERS_AFTER_NS)
        return;
    expected->said = true;
    if (missing > 0)
        speadi_log_line(log, SPEAD_LOG_WARNING, "%u of %u senders are missing%s", missing,
                        expected->count, missing_names(&names, expected));
    if (expected->unexpected > 0)
        speadi_log_line(log, SPEAD_LOG_WARNING, "%" PRIu64 " senders are not expected%s",
                        expected->unexpected, unexpected_names(&names, expected, list));
    if (missing == 0)
        speadi_log_line(log, SPEAD_LOG_INFO, "all %u expected senders were heard", expected->count);
}

void expected_senders_print(FILE *to, const struct expected_senders *expected,
                            const struct sender_list *list)
{
    const uint32_t missing = expected_senders_missing(expected);
    struct names names;

    if (expected->count == 0)
        return;
    if (missing > 0)
        fprintf(to, "  expected %u of %u senders are missing%s\n", missing, expected->count,
                missing_names(&names, expected));
    else
        fprintf(to, "  expected all %u senders were heard\n", expected->count);
    if (expected->unexpected > 0)
        fprintf(to, "  expected %" PRIu64 " further senders were heard%s\n", expected->unexpected,
                unexpected_names(&names, expected, list));
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* Appends the name of a sender. Returns 0, or -1 when out of memory. */
static int append(json_t *array, const struct spead_sender_address *address)
{
    struct names names = {0};

    add_name(&names, address);
    return json_array_append_new(array, json_string(names.text + strlen(": ")));
}

json_t *expected_senders_json(const struct expected_senders *expected,
                              const struct sender_list *list)
{
    json_t *missing, *unexpected;
    int failed = 0;

    if (expected->count == 0)
        return json_null();
    missing = json_array();
    unexpected = json_array();
    for (uint32_t i = 0; expected->sender && i < expected->count; i++)
        if (!expected->sender[i].heard)
            failed |= append(missing, &expected->sender[i].address) < 0;
    for (uint32_t i = 0; expected->sender && i < list->count; i++)
        if (!is_expected(expected, &list->sender[i]))
            failed |= append(unexpected, &list->sender[i].address) < 0;
    if (failed) {
        json_decref(missing);
        json_decref(unexpected);
        return NULL;
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "expected", (json_int_t)expected->count,
                     "heard", (json_int_t)expected->heard, "missing",
                     (json_int_t)expected_senders_missing(expected), "unexpected",
                     (json_int_t)expected->unexpected, "missing_senders", missing,
                     "unexpected_senders", unexpected);
}
