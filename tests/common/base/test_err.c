/* Goal: a failure is one line that fits, says the reason and carries the code.
 * Method: short, long and hostile text through each of the three functions. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

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
    speadi_log(NULL, SPEAD_LOG_INFO, "lost");
    speadi_log(&(struct spead_log){0}, SPEAD_LOG_INFO, "lost");
}

Test(err, reason_of_the_system_is_appended)
{
    struct spead_err err;

    errno = ENOENT;
    cr_expect_eq(speadi_err_errno(&err, "cannot open %s", "x.dat"), -ENOENT);
    cr_expect_eq(err.code, -ENOENT);
    cr_expect_str_eq(err.text, "cannot open x.dat: No such file or directory");
}

Test(err, long_sentence_is_cut_with_a_mark)
{
    struct spead_err err;

    speadi_err_set(&err, -EINVAL, "%s", long_text);
    cr_expect_eq(strlen(err.text), SPEAD_ERR_TEXT_MAX - 1);
    cr_expect(ends_with(err.text, "..."));
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

    speadi_log(&log, SPEAD_LOG_WARNING, "buffer of %u bytes\n", 4096u);
    cr_expect_eq(heard.count, 1);
    cr_expect_eq(heard.level, SPEAD_LOG_WARNING);
    cr_expect_str_eq(heard.line, "buffer of 4096 bytes?");
    speadi_log(&log, SPEAD_LOG_INFO, "%s%s", long_text, long_text);
    cr_expect_eq(heard.level, SPEAD_LOG_INFO);
    cr_expect(ends_with(heard.line, "..."));
}
