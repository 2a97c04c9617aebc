/* SPDX-License-Identifier: Apache-2.0 */
/* See utc.h. */
#include <speadi/utc.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S      1000000000u
#define SECONDS_MAX   (UINT64_MAX / NS_PER_S - 1)
#define SECONDS_CHARS 10u /* digits of the largest number of seconds */

const char *speadi_utc_text(char text[SPEADI_UTC_TEXT_MAX], uint64_t utc_ns)
{
    time_t seconds = (time_t)(utc_ns / NS_PER_S);
    char day[SPEADI_UTC_TEXT_MAX / 2];
    struct tm tm;

    if (gmtime_r(&seconds, &tm) && strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) > 0)
        snprintf(text, SPEADI_UTC_TEXT_MAX, "%s.%09uZ", day, (unsigned)(utc_ns % NS_PER_S));
    else
        snprintf(text, SPEADI_UTC_TEXT_MAX, "%" PRIu64 " ns", utc_ns);
    return text;
}

/* Reads exactly `digits` digits. Returns what stands behind them, or NULL. */
static const char *read_digits(const char *text, unsigned digits, int *value)
{
    *value = 0;
    for (; digits > 0; digits--, text++) {
        if (*text < '0' || *text > '9')
            return NULL;
        *value = 10 * *value + (*text - '0');
    }
    return text;
}

/* Reads a day and a time, as in "2026-12-01T12:00:00". Returns what stands behind it, or NULL. */
static const char *read_day(const char *text, uint64_t *seconds)
{
    static const char between[] = "--T::";
    struct tm tm = {0}, back;
    int *const part[] = {&tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec};
    time_t time;

    for (unsigned i = 0; i < 6; i++) {
        if (i > 0 && *text++ != between[i - 1])
            return NULL;
        text = read_digits(text, i == 0 ? 4 : 2, part[i]);
        if (!text)
            return NULL;
    }
    tm.tm_year -= 1900;
    tm.tm_mon--;
    time = timegm(&(struct tm){.tm_year = tm.tm_year,
                               .tm_mon = tm.tm_mon,
                               .tm_mday = tm.tm_mday,
                               .tm_hour = tm.tm_hour,
                               .tm_min = tm.tm_min,
                               .tm_sec = tm.tm_sec});
    /* timegm() takes the 31st of February, too, and makes another day of it. */
    if (time < 0 || !gmtime_r(&time, &back) || back.tm_mon != tm.tm_mon ||
        back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min ||
        back.tm_sec != tm.tm_sec)
        return NULL;
    *seconds = (uint64_t)time;
    return text;
}

static const char *read_seconds(const char *text, uint64_t *seconds)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > SECONDS_CHARS + 1)
        return NULL;
    *seconds = 0;
    for (; digits > 0; digits--)
        *seconds = 10 * *seconds + (uint64_t)(*text++ - '0');
    return text;
}

/* Reads a point and up to 9 digits, if a point is there. Returns what stands behind it, or NULL. */
static const char *read_fraction(const char *text, uint64_t *ns)
{
    size_t digits;

    *ns = 0;
    if (*text != '.')
        return text;
    digits = strspn(++text, "0123456789");
    if (digits == 0 || digits > 9)
        return NULL;
    for (unsigned i = 0; i < 9; i++)
        *ns = 10 * *ns + (i < digits ? (uint64_t)(text[i] - '0') : 0);
    return text + digits;
}

bool speadi_utc_read(const char *text, uint64_t *utc_ns)
{
    bool is_day = strchr(text, 'T') != NULL;
    uint64_t seconds = 0, ns = 0;

    text = is_day ? read_day(text, &seconds) : read_seconds(text, &seconds);
    if (text)
        text = read_fraction(text, &ns);
    if (!text || strcmp(text, is_day ? "Z" : "") != 0 || seconds > SECONDS_MAX)
        return false;
    *utc_ns = seconds * NS_PER_S + ns;
    return true;
}
