/* The capture file and its index: what is in them after a good run, and after a disk that ran full.
 * Method: heaps made by hand; "full" is a limit on the size of files (RLIMIT_FSIZE), which write()
 * meets as it meets a full disk: some bytes, then an error. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap_writer.h"
#include "made_heap.h"
#include "verify_pattern.h"

#define HEAP_BYTES 10000u

static char folder[] = "/tmp/speadline-writer-XXXXXX";
static char path[64], index_path[80];

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/capture", folder);
    snprintf(index_path, sizeof index_path, "%s/capture.jsonl", folder);
}

static void remove_folder(void)
{
    unlink(path);
    unlink(index_path);
    rmdir(folder);
}

TestSuite(heap_writer, .init = make_folder, .fini = remove_folder);

static off_t file_bytes(const char *name)
{
    struct stat st;

    cr_assert_eq(stat(name, &st), 0);
    return st.st_size;
}

/* Every index line describes a heap that is whole in the file, and the file ends with the last one.
 * Returns how many there are. */
static unsigned check_files(uint64_t first_counter)
{
    FILE *index = fopen(index_path, "r"), *data = fopen(path, "r");
    uint64_t end = 0;
    unsigned count = 0;
    char line[4096];

    cr_assert_not_null(index);
    cr_assert_not_null(data);
    while (fgets(line, sizeof line, index) != NULL) {
        json_t *heap = json_loads(line, 0, NULL);
        json_int_t counter, offset, bytes;
        uint8_t payload[HEAP_BYTES];

        cr_assert_not_null(heap, "not JSON: %s", line);
        cr_assert_eq(json_unpack(heap, "{s:I, s:I, s:I}", "counter", &counter, "offset", &offset,
                                 "bytes", &bytes),
                     0);
        cr_assert_eq((uint64_t)counter, first_counter + count);
        cr_assert_eq((uint64_t)offset, end);
        cr_assert_eq(fread(payload, 1, (size_t)bytes, data), (size_t)bytes);
        cr_assert_eq(verify_pattern_bad_bytes(payload, 0, (size_t)bytes, (uint64_t)counter), 0);
        json_decref(heap);
        end += (uint64_t)bytes;
        count++;
    }
    cr_assert_eq((uint64_t)file_bytes(path), end, "bytes that no line describes");
    fclose(index);
    fclose(data);
    return count;
}

/* Pushes count heaps, numbered from first on; returns the first error of a push. */
static int push_heaps(struct heap_writer *writer, struct speadi_pool *pool, uint64_t first,
                      unsigned count)
{
    int ret = 0;

    for (unsigned i = 0; i < count && ret == 0; i++)
        ret = heap_writer_push(writer, made_heap(pool, first + i, HEAP_BYTES, NULL, 0));
    return ret;
}

/* Pool with a heap more than the writer may hold: the one that is being pushed. */
static struct heap_writer *open_writer(struct speadi_pool **pool, unsigned depth)
{
    struct heap_writer *writer;
    struct spead_err err;

    *pool = made_heap_pool(depth + 1, HEAP_BYTES);
    cr_assert_eq(heap_writer_open(&writer, path, depth, &err), 0, "%s", err.text);
    return writer;
}

Test(heap_writer, what_was_pushed_is_in_the_file_and_indexed)
{
    struct heap_writer_totals totals;
    struct speadi_pool *pool;
    struct heap_writer *writer = open_writer(&pool, 3);

    cr_assert_eq(push_heaps(writer, pool, 1, 200), 0);
    cr_assert_eq(heap_writer_close(writer, false, &totals, NULL), 0);
    cr_expect_eq(totals.heaps, 200);
    cr_expect_eq(totals.bytes, 200 * HEAP_BYTES);
    cr_expect_eq(check_files(1), 200);
    speadi_pool_unref(pool);
}

Test(heap_writer, a_second_run_appends)
{
    struct speadi_pool *pool;

    for (unsigned run = 0; run < 2; run++) {
        struct heap_writer *writer = open_writer(&pool, 2);

        cr_assert_eq(push_heaps(writer, pool, 1 + run * 5, 5), 0);
        cr_assert_eq(heap_writer_close(writer, false, NULL, NULL), 0);
        speadi_pool_unref(pool);
    }
    cr_expect_eq(check_files(1), 10);
}

Test(heap_writer, gaps_are_indexed_with_their_causes)
{
    struct speadi_span spans[] = {{0, 1408}, {2816, HEAP_BYTES}};
    struct speadi_pool *pool;
    struct heap_writer *writer = open_writer(&pool, 1);
    json_t *line, *gap;

    cr_assert_eq(heap_writer_push(writer, made_heap(pool, 4, HEAP_BYTES, spans, 2)), 0);
    cr_assert_eq(heap_writer_close(writer, false, NULL, NULL), 0);
    line = json_load_file(index_path, 0, NULL);
    cr_assert(json_is_false(json_object_get(line, "complete")));
    cr_expect_eq(json_integer_value(json_object_get(line, "first_ns")), 1000000007);
    cr_expect_eq(json_integer_value(json_object_get(line, "last_ns")), 1000000009);
    cr_assert_eq(json_array_size(json_object_get(line, "gaps")), 1);
    gap = json_array_get(json_object_get(line, "gaps"), 0);
    cr_expect_eq(json_integer_value(json_object_get(gap, "offset")), 1408);
    cr_expect_eq(json_integer_value(json_object_get(gap, "bytes")), 1408);
    cr_expect_str_eq(json_string_value(json_object_get(gap, "cause")), "unseen");
    json_decref(line);
    speadi_pool_unref(pool);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The data file is the one that meets the limit. */
Test(heap_writer, a_full_disk_is_named_and_leaves_whole_heaps)
{
    struct heap_writer_totals totals;
    struct speadi_pool *pool;
    struct heap_writer *writer;
    struct spead_err err;
    int ret;

    limit_files(7 * HEAP_BYTES + 4321);
    writer = open_writer(&pool, 4);
    ret = push_heaps(writer, pool, 1, 100);
    cr_expect_eq(ret, -EFBIG, "push goes on failing once writing has");
    cr_expect_eq(heap_writer_close(writer, false, &totals, &err), -EFBIG);
    cr_expect_not_null(strstr(err.text, path), "%s", err.text);
    cr_expect_null(strstr(err.text, ".jsonl"), "%s", err.text);
    cr_expect_eq(totals.heaps, 7);
    cr_expect_eq(check_files(1), 7);
    speadi_pool_unref(pool);
}

/* Heaps of no bytes have index lines only, so the index is the file that grows. */
Test(heap_writer, a_full_disk_for_the_index_leaves_whole_lines)
{
    struct heap_writer_totals totals;
    struct speadi_pool *pool;
    struct heap_writer *writer;
    struct spead_err err;
    unsigned count;
    int ret = 0;

    limit_files(1000);
    writer = open_writer(&pool, 4);
    for (uint64_t i = 0; i < 100 && ret == 0; i++)
        ret = heap_writer_push(writer, made_heap(pool, 1 + i, 0, NULL, 0));
    cr_expect_eq(ret, -EFBIG);
    cr_expect_eq(heap_writer_close(writer, false, &totals, &err), -EFBIG);
    cr_expect_not_null(strstr(err.text, index_path), "%s", err.text);
    count = check_files(1);
    cr_expect_gt(count, 3);
    cr_expect_eq(totals.heaps, count);
    speadi_pool_unref(pool);
}

Test(heap_writer, an_index_cut_short_by_a_crash_is_refused_by_name)
{
    struct heap_writer *writer;
    struct spead_err err;
    FILE *index = fopen(index_path, "w");

    fputs("{\"counter\":1,", index);
    fclose(index);
    cr_expect_eq(heap_writer_open(&writer, path, 1, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, index_path), "%s", err.text);
}

Test(heap_writer, only_regular_files_will_do)
{
    struct heap_writer *writer;
    struct spead_err err;

    cr_expect_eq(heap_writer_open(&writer, "/dev/null", 1, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "/dev/null"), "%s", err.text);
    cr_expect_eq(heap_writer_open(&writer, "/nowhere/file", 1, &err), -ENOENT);
    cr_expect_not_null(strstr(err.text, "/nowhere/file"), "%s", err.text);
}

Test(heap_writer, a_file_that_is_being_written_is_refused)
{
    struct speadi_pool *pool;
    struct heap_writer *writer = open_writer(&pool, 4), *other;
    struct spead_err err;

    cr_expect_eq(heap_writer_open(&other, path, 1, &err), -EBUSY);
    cr_expect_not_null(strstr(err.text, path), "%s", err.text);
    cr_assert_eq(push_heaps(writer, pool, 1, 3), 0);
    cr_assert_eq(heap_writer_close(writer, false, NULL, NULL), 0);
    cr_expect_eq(check_files(1), 3);
    speadi_pool_unref(pool);
    cr_assert_eq(heap_writer_open(&other, path, 1, &err), 0, "%s", err.text);
    heap_writer_close(other, false, NULL, NULL);
}

Test(heap_writer, abandoning_gives_every_heap_back)
{
    struct speadi_pool *pool;
    struct heap_writer *writer = open_writer(&pool, 8);
    struct speadi_region *region[9];
    unsigned count;

    cr_assert_eq(push_heaps(writer, pool, 1, 8), 0);
    cr_assert_eq(heap_writer_close(writer, true, NULL, NULL), 0);
    count = check_files(1);
    cr_expect_leq(count, 8);
    for (unsigned i = 0; i < 9; i++) {
        region[i] = speadi_pool_take(pool);
        cr_assert_not_null(region[i], "heap %u is still held", i);
    }
    for (unsigned i = 0; i < 9; i++)
        speadi_region_release(region[i]);
    speadi_pool_unref(pool);
}
