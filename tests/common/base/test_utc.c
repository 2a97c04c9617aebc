/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a time of UTC is read as it was written, and everything else is refused. */
#include <criterion/criterion.h>

#include <speadi/utc.h>

Test(utc, a_time_is_read_as_it_was_written)
{
    char text[SPEADI_UTC_TEXT_MAX];
    static const uint64_t times[] = {0, 1, 951782400000000000ull, 1764590400123456789ull,
                                     9999999999999999999ull};

    for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
        uint64_t back = 7;

        cr_expect(speadi_utc_read(speadi_utc_text(text, times[i]), &back), "%s", text);
        cr_expect_eq(back, times[i], "%s", text);
    }
    cr_expect_str_eq(speadi_utc_text(text, 1764590400000000000ull),
                     "2025-12-01T12:00:00.000000000Z");
}

Test(utc, a_day_and_the_seconds_since_1970_are_the_same_time)
{
    uint64_t day = 0, seconds = 1;

    cr_assert(speadi_utc_read("2025-12-01T12:00:00.5Z", &day));
    cr_assert(speadi_utc_read("1764590400.5", &seconds));
    cr_expect_eq(day, 1764590400500000000ull);
    cr_expect_eq(day, seconds);
}

Test(utc, what_is_no_time_is_refused)
{
    static const char *const texts[] = {
        "",
        "T",
        "noon",
        "-5",
        "+5",
        " 5",
        "5 ",
        "5.",
        "5.1234567890",
        "1e9",
        "0x10",
        "2025-12-01T12:00:00",
        "2025-02-29T12:00:00Z",
        "2025-12-01T24:00:00Z",
        "2025-12-01 12:00:00Z",
        "2025-13-01T12:00:00Z",
        "2025-12-01T12:00:00.Z",
        "1969-12-31T23:59:59Z",
        "2025-12-01T12:00Z",
        "99999999999",
        "2025-12-01T12:00:00+01:00",
    };

    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t time = 7;

        cr_expect_not(speadi_utc_read(texts[i], &time), "\"%s\"", texts[i]);
        cr_expect_eq(time, 7u);
    }
}
