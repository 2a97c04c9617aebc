/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the text of a fault specification ("loss=0.01,delay=2ms") into struct speadi_fault_spec. */
#include <speadi/fault.h>

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#define WORD_BYTES_MAX  64
#define BURST_MAX       1000000u
#define REORDER_MAX     1024u
#define DURATION_NS_MAX 3600e9

/* One word of the specification: "key=value". */
struct word {
    char text[WORD_BYTES_MAX];  /* "key\0value": a NUL replaces the '=' */
    char whole[WORD_BYTES_MAX]; /* "key=value", for error messages */
    const char *value;          /* points into `text` */
};

/* Reads a number at the start of *text and moves *text behind the number. The decimal separator is always a point, even
 * if the locale of the program has another one. */
static bool read_number(const char **text, double *number)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end = NULL;

    *number = 0;
    if (c == (locale_t)0)
        return false;
    if (isdigit((unsigned char)**text) || **text == '.')
        *number = strtod_l(*text, &end, c);
    freelocale(c);
    if (!end || end == *text)
        return false;
    *text = end;
    return true;
}

static bool read_chance(const char *text, void *to)
{
    double chance;

    if (!read_number(&text, &chance) || *text || !(chance >= 0 && chance <= 1))
        return false;
    *(double *)to = chance;
    return true;
}

static bool read_integer(const char *text, uint64_t *integer)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *integer = strtoull(text, &end, 10);
    return errno == 0 && !*end;
}

static bool read_burst(const char *text, void *to)
{
    uint64_t burst;

    if (!read_integer(text, &burst) || burst < 1 || burst > BURST_MAX)
        return false;
    *(uint32_t *)to = (uint32_t)burst;
    return true;
}

static bool read_window(const char *text, void *to)
{
    uint64_t window;

    if (!read_integer(text, &window) || window > REORDER_MAX)
        return false;
    *(uint32_t *)to = (uint32_t)window;
    return true;
}

static bool read_seed(const char *text, void *to)
{
    return read_integer(text, to);
}

/* Reads a duration at the start of *text and moves *text behind the duration. */
static bool read_time(const char **text, uint64_t *ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    double number;

    if (!read_number(text, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t length = strlen(units[i].name);

        if (strncmp(*text, units[i].name, length) != 0)
            continue;
        *text += length;
        number *= units[i].ns;
        *ns = (uint64_t)(number <= DURATION_NS_MAX ? number : 0);
        return number <= DURATION_NS_MAX;
    }
    return false;
}

static bool read_delay(const char *text, void *to)
{
    return read_time(&text, to) && !*text;
}

static bool read_stall(const char *text, void *to)
{
    /* points to two fields one after the other: stall_ns and stall_every_ns */
    uint64_t *stall = to;
    uint64_t length, every;

    if (!read_time(&text, &length) || *text++ != '/' || !read_time(&text, &every) || *text ||
        length >= every)
        return false;
    stall[0] = length;
    stall[1] = every;
    return true;
}

_Static_assert(offsetof(struct speadi_fault_spec, stall_every_ns) ==
                   offsetof(struct speadi_fault_spec, stall_ns) + sizeof(uint64_t),
               "read_stall() fills both");

static const struct key {
    const char *name;
    size_t offset;
    bool (*read)(const char *text, void *to);
    const char *takes;
} keys[] = {
    {"loss", offsetof(struct speadi_fault_spec, loss), read_chance, "a chance from 0 to 1"},
    {"burst", offsetof(struct speadi_fault_spec, burst), read_burst, "1 to 1000000 packets"},
    {"dup", offsetof(struct speadi_fault_spec, duplicate), read_chance, "a chance from 0 to 1"},
    {"reorder", offsetof(struct speadi_fault_spec, reorder), read_window, "0 to 1024 packets"},
    {"reorder-chance", offsetof(struct speadi_fault_spec, reorder_chance), read_chance,
     "a chance from 0 to 1"},
    {"truncate", offsetof(struct speadi_fault_spec, truncate), read_chance, "a chance from 0 to 1"},
    {"flip", offsetof(struct speadi_fault_spec, flip), read_chance, "a chance from 0 to 1"},
    {"delay", offsetof(struct speadi_fault_spec, delay_ns), read_delay,
     "a time such as 2ms (ns, us, ms, s; at most an hour)"},
    {"stall", offsetof(struct speadi_fault_spec, stall_ns), read_stall,
     "LENGTH/PERIOD such as 50ms/1s, the length below the period"},
    {"seed", offsetof(struct speadi_fault_spec, seed), read_seed, "an integer of 64 bits"},
};

#define KEY_LIST "loss, burst, dup, reorder, reorder-chance, truncate, flip, delay, stall, seed"

/* Copies the word at `text` into *word and divides it into key and value. Returns the place where the next word begins,
 * or NULL when the word is not valid. */
static const char *next_word(const char *text, struct word *word)
{
    size_t length = strcspn(text, ",");
    char *equals;

    snprintf(word->whole, sizeof word->whole, "%.*s", (int)(length < 1000 ? length : 1000), text);
    memcpy(word->text, word->whole, sizeof word->text);
    equals = strchr(word->text, '=');
    /* The word is refused when it is too long, has no '=', or ends with a comma that no word follows. */
    if (length >= WORD_BYTES_MAX || !equals || (text[length] && !text[length + 1]))
        return NULL;
    *equals = '\0';
    word->value = equals + 1;
    return text[length] ? text + length + 1 : text + length;
}

static int read_word(struct speadi_fault_spec *spec, const struct word *word, struct spead_err *err)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(word->text, keys[i].name) != 0)
            continue;
        if (keys[i].read(word->value, (char *)spec + keys[i].offset))
            return 0;
        return speadi_err_field(err, -EINVAL, "fault", " \"%s\": %s takes %s", word->whole,
                                keys[i].name, keys[i].takes);
    }
    return speadi_err_field(err, -EINVAL, "fault",
                            " \"%s\": there is no \"%s\"; known are " KEY_LIST, word->whole,
                            word->text);
}

int speadi_fault_parse(struct speadi_fault_spec *spec, const char *text, struct spead_err *err)
{
    struct speadi_fault_spec parsed = {.burst = 1, .reorder_chance = 0.1, .seed = 1};
    struct word word;
    int ret;

    do { /* reads at least one word, because an empty specification is a mistake of the user */
        text = next_word(text, &word);
        if (!text)
            return speadi_err_field(
                err, -EINVAL, "fault",
                " \"%s\": write KEY=VALUE, joined by commas; keys are " KEY_LIST, word.whole);
        ret = read_word(&parsed, &word, err);
        if (ret < 0)
            return ret;
    } while (*text);
    *spec = parsed;
    return 0;
}

uint64_t speadi_fault_stall_end(const struct speadi_fault_spec *spec, uint64_t start_ns,
                                uint64_t now_ns)
{
    uint64_t into;

    if (spec->stall_every_ns == 0 || spec->stall_ns == 0)
        return 0;
    into = (now_ns - start_ns) % spec->stall_every_ns;
    if (into + spec->stall_ns < spec->stall_every_ns)
        return 0;
    return now_ns - into + spec->stall_every_ns;
}
