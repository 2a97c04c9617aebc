/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: another user cannot make a link by which spead-recv --output writes into a file that this user has chosen.
 * Method: the test makes such links in a folder of its own, and runs the built program. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp_folder.h"
#include "tool_run.h"

static char folder[] = "/tmp/speadline-links-XXXXXX";
static char victim[64];

static void enter_with_folder(void)
{
    FILE *file;

    tool_enter();
    test_folder_enter(folder);
    snprintf(victim, sizeof victim, "%s/victim", folder);
    file = fopen(victim, "w");
    cr_assert_not_null(file);
    fputs("precious\n", file);
    fclose(file);
}

static void remove_folder(void)
{
    test_folder_remove(folder);
}

TestSuite(capture_links, .init = enter_with_folder, .fini = remove_folder, .timeout = 60);

static bool victim_is_whole(void)
{
    char text[32] = "";
    FILE *file = fopen(victim, "r");

    cr_assert_not_null(file);
    cr_assert_not_null(fgets(text, sizeof text, file));
    fclose(file);
    return strcmp(text, "precious\n") == 0;
}

static void expect(const char *options, int status, const char *says)
{
    struct program program = {0};
    char line[200], *said;

    snprintf(line, sizeof line, "127.0.0.1:17351 --quiet --seconds 0.05 %s", options);
    program_start(&program, SPEAD_RECV, line);
    expect_status(&program, status);
    said = program_err(&program);
    cr_expect(strstr(said, says), "%s: \"%s\" does not say \"%s\"", options, said, says);
    free(said);
    program_release(&program);
}

Test(capture_links, a_link_in_the_place_of_the_file_is_refused)
{
    cr_assert_eq(symlink(victim, "capture"), 0);
    expect("--output capture", 2, "capture is a link");
    cr_assert_eq(symlink("made", "dangling"), 0);
    expect("--output dangling", 2, "dangling is a link");
    cr_expect_eq(access("made", F_OK), -1, "the target of the link was made");
    cr_expect(victim_is_whole());
}

Test(capture_links, a_link_in_the_place_of_the_index_is_refused)
{
    cr_assert_eq(symlink(victim, "capture.jsonl"), 0);
    expect("--output capture", 2, "capture.jsonl is a link");
    cr_expect(victim_is_whole());
    cr_expect_eq(access("capture", F_OK), -1, "the data file was made");
}

Test(capture_links, a_second_name_of_a_file_is_refused)
{
    cr_assert_eq(link(victim, "capture"), 0);
    expect("--output capture", 2, "2 names");
    cr_expect(victim_is_whole());
}

Test(capture_links, a_file_of_another_user_is_refused)
{
    if (geteuid() != 0) {
        remove_folder(); /* Criterion does not do this for a test that is skipped */
        cr_skip_test("needs root, to make a file of another user");
    }
    cr_assert_eq(chown(victim, 65534, 65534), 0);
    expect("--output victim", 1, "belongs to another user");
    expect("--output victim --follow-links", 1, "belongs to another user");
    cr_expect(victim_is_whole());
}

Test(capture_links, links_are_followed_where_the_user_asks_for_it)
{
    cr_assert_eq(symlink("made", "capture"), 0);
    expect("--output capture --follow-links", 0, "");
    cr_expect_eq(access("made", F_OK), 0);
}

Test(capture_links, the_sentence_about_a_link_names_the_option_that_follows_links)
{
    cr_assert_eq(symlink("made", "capture"), 0);
    expect("--output capture", 2, "--follow-links");
}

/* A file of a kind that cannot be written is wrong use, whatever the kind. */
Test(capture_links, what_is_no_file_is_refused_with_one_status)
{
    cr_assert_eq(mkdir("folder", 0700), 0);
    expect("--output folder", 2, "a folder");
    expect("--output /dev/null", 2, "not a regular file");
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    expect("--output fifo --output-format files", 2, "not a regular file");
}
