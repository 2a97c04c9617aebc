/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the text about a failure is one line, fits into its buffer and gives the reason. The error code is stored with
 * the text.
 * Method: the tests pass short, long and hostile texts through each function. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include <speadi/err.h>

static const char long_text[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123";

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

Test(err, sentence_and_code_are_kept_and_the_code_returned)
{
    struct spead_err err;

    cr_expect_eq(speadi_err_set(&err, -EINVAL, "packet size %d is too small", 40), -EINVAL);
    cr_expect_eq(err.code, -EINVAL);
    cr_expect_str_eq(err.text, "packet size 40 is too small");
}

Test(err, nobody_needs_to_listen)
{
    cr_expect_eq(speadi_err_set(NULL, -ENOMEM, "lost"), -ENOMEM);
    errno = EPERM;
    cr_expect_eq(speadi_err_errno(NULL, "lost"), -EPERM);
    speadi_log_line(NULL, SPEAD_LOG_INFO, "lost");
    speadi_log_line(&(struct spead_log){0}, SPEAD_LOG_INFO, "lost");
}

Test(err, reason_of_the_system_is_appended)
{
    struct spead_err err;

    errno = ENOENT;
    cr_expect_eq(speadi_err_errno(&err, "cannot open %s", "x.dat"), -ENOENT);
    cr_expect_eq(err.code, -ENOENT);
    cr_expect_str_eq(err.text, "cannot open x.dat: No such file or directory");
}

Test(err, a_reason_that_a_limit_causes_names_the_limit)
{
    struct spead_err err;

    errno = EMFILE;
    speadi_err_errno(&err, "cannot open a UDP socket");
    cr_expect_str_eq(err.text, "cannot open a UDP socket: Too many open files: raise `ulimit -n`");
    cr_expect_eq(speadi_err_code(&err, -ENFILE, "x"), -ENFILE);
    cr_expect(ends_with(err.text, "raise the sysctl fs.file-max"), "%s", err.text);
    cr_expect_eq(speadi_err_code(NULL, -EMFILE, "lost"), -EMFILE);
}

Test(err, long_sentence_is_cut_with_a_mark)
{
    struct spead_err err;

    speadi_err_set(&err, -EINVAL, "%s", long_text);
    cr_expect_eq(strlen(err.text), SPEAD_ERR_TEXT_MAX - 1);
    cr_expect(ends_with(err.text, "..."));
}

/* Formats a sentence of a filling, `end` and a text that does not fit. Returns what is left behind the filling. */
static const char *cut_sentence(unsigned filling, const char *end)
{
    static struct spead_err err;

    speadi_err_set(&err, -EINVAL, "%.*s: %s %s", (int)filling, long_text, end, long_text);
    return err.text + filling;
}

Test(err, a_remedy_is_whole_or_not_there)
{
    cr_expect_str_eq(cut_sentence(240, "raise the limit"), "...");
    cr_expect_str_eq(cut_sentence(200, "raise it with `sudo sysctl -w net.core.rmem_max=8388608`"),
                     "...");
    cr_expect_str_eq(cut_sentence(20, "it is full: run `sudo something "), ": it is full...");
    cr_expect_str_eq(cut_sentence(150, "lower it, or raise it (see the page, which says more"),
                     ": lower it, or raise it...");
}

Test(err, what_is_added_is_whole_or_not_there)
{
    struct spead_err err;

    speadi_err_set(&err, -EINVAL, "%.*s", SPEAD_ERR_TEXT_MAX - 10, long_text);
    cr_expect_eq(speadi_err_add(&err, -EINVAL, " (channel \"abc\")"), -EINVAL);
    cr_expect_eq(strlen(err.text), SPEAD_ERR_TEXT_MAX - 10u);
    speadi_err_add(&err, -EINVAL, " (short)");
    cr_expect(ends_with(err.text, " (short)"));
}

/* The limit itself is far above what the test needs. */
Test(err, no_memory_names_the_limits_of_memory)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)1 << 62, .rlim_max = (rlim_t)1 << 62};
    struct spead_err err;

    speadi_err_set(&err, -ENOMEM, "no memory for a table");
    cr_expect_str_eq(err.text, "no memory for a table");
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
    speadi_err_set(&err, -ENOMEM, "no memory for a table");
    cr_expect_str_eq(err.text, "no memory for a table (`ulimit -v` allows 4503599627370496 KiB, "
                               "`ulimit -d` allows 4503599627370496 KiB)");
    errno = ENOMEM;
    speadi_err_errno(&err, "mmap");
    cr_expect_not_null(strstr(err.text, "memory (`ulimit -v`"), "%s", err.text);
    speadi_err_set(&err, -EINVAL, "a table");
    cr_expect_str_eq(err.text, "a table");
}

Test(err, sentence_that_just_fits_is_not_cut)
{
    struct spead_err err;

    speadi_err_set(&err, -EINVAL, "%.*s", SPEAD_ERR_TEXT_MAX - 1, long_text);
    cr_expect_eq(strncmp(err.text, long_text, SPEAD_ERR_TEXT_MAX - 1), 0);
}

Test(err, long_sentence_keeps_its_reason)
{
    struct spead_err err;

    errno = EACCES;
    speadi_err_errno(&err, "%s", long_text);
    cr_expect_eq(strlen(err.text), SPEAD_ERR_TEXT_MAX - 1);
    cr_expect(ends_with(err.text, "...: Permission denied"), "%s", err.text);
}

Test(err, quoted_text_cannot_break_the_line)
{
    struct spead_err err;

    speadi_err_set(&err, -EINVAL, "no host \"%s\"", "a\nb\rc\033[2Jd\177");
    cr_expect_str_eq(err.text, "no host \"a?b?c?[2Jd?\"");
}

/* ---- Fields --------------------------------------------------------------------------------- */

Test(err, a_refused_field_is_named_and_begins_the_sentence)
{
    struct spead_err err = {0};

    cr_expect_eq(speadi_err_field(&err, -ENOTSUP, "mprq", ": %s has none", "mlx5_0"), -ENOTSUP);
    cr_expect_eq(err.code, -ENOTSUP);
    cr_expect_str_eq(err.field, "mprq");
    cr_expect_str_eq(err.text, "mprq: mlx5_0 has none");
    speadi_err_set(&err, -EIO, "another failure");
    cr_expect_null(err.field, "an older failure's field does not stay");
    speadi_err_field(&err, -EINVAL, "mprq", ": no");
    errno = EIO;
    speadi_err_errno(&err, "a third");
    cr_expect_null(err.field);
}

Test(err, ranges_are_said_in_one_way)
{
    struct spead_err err;

    cr_expect_eq(speadi_err_range(&err, "hand_over_heaps", 0, 1, 64), -EINVAL);
    cr_expect_str_eq(err.field, "hand_over_heaps");
    cr_expect_str_eq(err.text, "hand_over_heaps 0: must be 1 to 64");
    speadi_err_range(&err, "step", 0, 1, UINT64_MAX);
    cr_expect_str_eq(err.text, "step 0: must be 1 or more");
    speadi_err_range_real(&err, "loss", 1.5, 0, 1);
    cr_expect_str_eq(err.text, "loss 1.5: must be 0 to 1");
    speadi_err_range_real(&err, "ratio", 0.99, 1, HUGE_VAL);
    cr_expect_str_eq(err.text, "ratio 0.99: must be 1 or more");
    speadi_err_range_real(&err, "error", 3, -HUGE_VAL, 0);
    cr_expect_str_eq(err.text, "error 3: must be 0 or less");
}

Test(err, a_field_is_put_before_a_sentence_that_has_none)
{
    struct spead_err err;

    speadi_err_set(&err, -ENODEV, "\"eth9\": there is no such interface");
    cr_expect_eq(speadi_err_blame(&err, -ENODEV, "interface"), -ENODEV);
    cr_expect_str_eq(err.field, "interface");
    cr_expect_str_eq(err.text, "interface \"eth9\": there is no such interface");
    speadi_err_blame(&err, -ENODEV, "engine");
    cr_expect_str_eq(err.field, "interface", "who knew the field knew better");
    speadi_err_set(&err, -EINVAL, "%s", long_text);
    speadi_err_blame(&err, -EINVAL, "source");
    cr_expect(ends_with(err.text, "..."), "%s", err.text);
}

Test(err, a_sentence_can_be_added_to_and_stays_whole)
{
    struct spead_err err;
    int code = speadi_err_range(&err, "lanes", 9, 1, 8);

    cr_expect_eq(speadi_err_add(&err, code, " (channel \"%s\")", "a"), -EINVAL);
    cr_expect_str_eq(err.text, "lanes 9: must be 1 to 8 (channel \"a\")");
    for (unsigned i = 0; i < 300; i++)
        speadi_err_add(&err, code, "x");
    cr_expect_eq(strlen(err.text), SPEAD_ERR_TEXT_MAX - 1);
    cr_expect(ends_with(err.text, "x"), "what does not fit is left out");
    cr_expect_eq(strncmp(err.text, "lanes 9: must be 1 to 8", 23), 0);
}

Test(err, a_failure_is_handed_on_with_its_field)
{
    struct spead_err first, second = {0};

    speadi_err_range(&first, "lanes", 9, 1, 8);
    cr_expect_eq(speadi_err_copy(&second, &first), -EINVAL);
    cr_expect_str_eq(second.field, "lanes");
    cr_expect_str_eq(second.text, first.text);
    cr_expect_eq(speadi_err_copy(NULL, &first), -EINVAL);
}

Test(err, refusals_need_nobody_to_listen_either)
{
    cr_expect_eq(speadi_err_field(NULL, -ENOTSUP, "mprq", ": no"), -ENOTSUP);
    cr_expect_eq(speadi_err_range(NULL, "lanes", 9, 1, 8), -EINVAL);
    cr_expect_eq(speadi_err_range_real(NULL, "loss", 9, 1, 8), -EINVAL);
    cr_expect_eq(speadi_err_blame(NULL, -ENODEV, "engine"), -ENODEV);
    cr_expect_eq(speadi_err_add(NULL, -EBUSY, "x"), -EBUSY);
}

/* ---- The log -------------------------------------------------------------------------------- */

struct heard {
    unsigned count;
    enum spead_log_level level;
    char line[1024];
};

static void hear(void *arg, enum spead_log_level level, const char *line)
{
    struct heard *heard = arg;

    heard->count++;
    heard->level = level;
    strncpy(heard->line, line, sizeof heard->line - 1);
}

Test(err, log_hands_over_one_formatted_line)
{
    struct heard heard = {0};
    struct spead_log log = {.fn = hear, .arg = &heard};

    speadi_log_line(&log, SPEAD_LOG_WARNING, "buffer of %u bytes\n", 4096u);
    cr_expect_eq(heard.count, 1);
    cr_expect_eq(heard.level, SPEAD_LOG_WARNING);
    cr_expect_str_eq(heard.line, "buffer of 4096 bytes?");
    speadi_log_line(&log, SPEAD_LOG_INFO, "%s%s", long_text, long_text);
    cr_expect_eq(heard.level, SPEAD_LOG_INFO);
    cr_expect(ends_with(heard.line, "..."));
}
