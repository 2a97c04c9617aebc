/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: after a good run and after a full disk, the capture file and its index contain only whole heaps. Method: a
 * probe source sends made heaps to the writer. A limit on the size of files (RLIMIT_FSIZE) imitates a full disk: the
 * write that reaches the limit writes only some bytes, and the next write fails. After each run every heap must be back
 * in its pool. */
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

#include <speadline/graph.h>
#include <speadline/probe.h>

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

/* Checks that every index line describes a heap that is whole in the file. Checks also that the file ends with the last
 * of these heaps. Returns the number of lines. */
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
        cr_assert_eq(verify_pattern_bad_bytes(payload, 0, (size_t)bytes, first_counter + count), 0);
        json_decref(heap);
        end += (uint64_t)bytes;
        count++;
    }
    cr_assert_eq((uint64_t)file_bytes(path), end, "bytes that no line describes");
    fclose(index);
    fclose(data);
    return count;
}

#define HEAPS_MAX 256u

struct rig {
    struct speadi_pool *pool;
    struct spead_message message[HEAPS_MAX];
    uint32_t count;
    struct spead_probe_source *source;
    struct heap_writer *writer;
    struct spead_graph *graph;
    struct spead_executor *executor;
};

static void add_heap(struct rig *rig, struct spead_heap *heap)
{
    rig->message[rig->count++] = (struct spead_message){
        .reference = (uint64_t)(uintptr_t)heap, .type = SPEAD_TYPE_HEAP, .sequence = rig->count};
}

static void make_rig(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig->pool = made_heap_pool(HEAPS_MAX, HEAP_BYTES);
}

/* Adds `count` heaps. Their heap counters are first, first + 1, ... */
static void add_heaps(struct rig *rig, uint64_t first, unsigned count, size_t bytes)
{
    for (unsigned i = 0; i < count; i++)
        add_heap(rig, made_heap(rig->pool, first + i, bytes, NULL, 0));
}

static void build(struct rig *rig, unsigned batch)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_executor_config executor_config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_probe_source_config source_config = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    static const char *const endpoints[] = {"127.0.0.1:7148", "239.1.2.3:7149"};
    struct heap_writer_config writer_config = {.batch = batch,
                                               .recording = SPEAD_RECORDING_WRITER_CONFIG_INIT};
    struct spead_node_config source, writer;
    struct spead_node *from, *to;

    writer_config.recording.path = path;
    writer_config.recording.endpoints = endpoints;
    writer_config.recording.endpoint_count = 2;
    source_config.messages = rig->message;
    source_config.count = rig->count;
    source_config.type = SPEAD_TYPE_HEAP;
    cr_assert_eq(spead_graph_create(&rig->graph, &config, NULL), 0);
    cr_assert_eq(spead_executor_create(&rig->executor, &executor_config, NULL), 0);
    cr_assert_eq(spead_probe_source_create(&rig->source, &source_config, NULL), 0);
    cr_assert_eq(heap_writer_create(&rig->writer, &writer_config, NULL), 0);
    source = spead_probe_source_node(rig->source, "source");
    writer = heap_writer_node(rig->writer, "writer");
    cr_assert_eq(spead_graph_add(rig->graph, &source, &from, NULL), 0);
    cr_assert_eq(spead_graph_add(rig->graph, &writer, &to, NULL), 0);
    cr_assert_eq(spead_graph_join(rig->graph, (struct spead_graph_end){from, NULL},
                                  (struct spead_graph_end){to, NULL}, NULL, NULL),
                 0);
}

/* Frees the rig. Asserts that every heap is back in the pool. */
static void release(struct rig *rig)
{
    struct speadi_block *region[HEAPS_MAX];

    for (uint64_t i = spead_probe_source_sent(rig->source); i < rig->count; i++)
        spead_message_unref(&rig->message[i]);
    spead_graph_destroy(rig->graph);
    spead_executor_destroy(rig->executor);
    spead_probe_source_destroy(rig->source);
    heap_writer_destroy(rig->writer);
    for (unsigned i = 0; i < HEAPS_MAX; i++) {
        region[i] = speadi_pool_take(rig->pool);
        cr_assert_not_null(region[i], "heap %u is still held", i);
    }
    for (unsigned i = 0; i < HEAPS_MAX; i++)
        speadi_block_release(region[i]);
    speadi_pool_unref(rig->pool);
}

/* Writes the heaps that were added. Returns the result of the writer. */
static int write_all(struct rig *rig, unsigned batch, struct spead_recording_writer_stats *totals,
                     struct spead_err *err)
{
    int ret, waited;

    build(rig, batch);
    cr_assert_eq(spead_graph_start(rig->graph, rig->executor, err), 0, "%s", err->text);
    waited = spead_graph_wait(rig->graph, 0, err);
    ret = heap_writer_error(rig->writer, err);
    cr_expect_eq(waited, ret, "the graph fails as the writer does");
    *totals = heap_writer_stats(rig->writer);
    release(rig);
    return ret;
}

Test(heap_writer, what_was_taken_is_in_the_file_and_indexed)
{
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;

    make_rig(&rig);
    add_heaps(&rig, 1, 200, HEAP_BYTES);
    cr_assert_eq(write_all(&rig, 3, &totals, &err), 0);
    cr_expect_eq(totals.heaps, 200);
    cr_expect_eq(totals.bytes, 200 * HEAP_BYTES);
    cr_expect_eq(check_files(1), 200);
}

Test(heap_writer, a_second_run_appends)
{
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;

    for (unsigned run = 0; run < 2; run++) {
        make_rig(&rig);
        add_heaps(&rig, 1 + run * 5, 5, HEAP_BYTES);
        cr_assert_eq(write_all(&rig, 64, &totals, &err), 0);
    }
    cr_expect_eq(check_files(1), 10);
}

Test(heap_writer, gaps_are_indexed_with_their_causes)
{
    struct speadi_span spans[] = {{0, 1408}, {2816, HEAP_BYTES}};
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;
    json_t *line, *line_exact, *gap;

    make_rig(&rig);
    add_heap(&rig, made_heap(rig.pool, 4, HEAP_BYTES, spans, 2));
    cr_assert_eq(write_all(&rig, 1, &totals, &err), 0);
    line = json_load_file(index_path, 0, NULL);
    cr_assert(json_is_false(json_object_get(line, "complete")));
    cr_expect_eq(json_integer_value(json_object_get(line, "first_ns")), 1000000007);
    cr_expect_eq(json_integer_value(json_object_get(line, "last_ns")), 1000000009);
    cr_expect_str_eq(json_string_value(json_object_get(line, "clock")), "utc");
    cr_expect_eq(json_integer_value(json_object_get(line, "clock_error_ns")), 0);
    line_exact = json_object_get(line, "exact");
    cr_expect_str_eq(json_string_value(json_object_get(line_exact, "first_ns")), "1000000007");
    cr_assert_eq(json_array_size(json_object_get(line, "gaps")), 1);
    gap = json_array_get(json_object_get(line, "gaps"), 0);
    cr_expect_eq(json_integer_value(json_object_get(gap, "offset")), 1408);
    cr_expect_eq(json_integer_value(json_object_get(gap, "bytes")), 1408);
    cr_expect_str_eq(json_string_value(json_object_get(gap, "cause")), "unseen");
    json_decref(line);
}

#define IMMEDIATE (UINT64_C(1) << 63)

static uint64_t pointer(uint64_t mode, uint64_t id, uint64_t value, unsigned address_bits)
{
    return mode | id << address_bits | value;
}

/* Gives the heap these item pointers, as the receive core does. The array must live as long as the heap. */
static struct spead_heap *with_items(struct spead_heap *heap, uint64_t *pointers, uint32_t count)
{
    heap->pointers = pointers;
    heap->pointer_count = count;
    speadi_heap_sort_items(heap);
    heap->sorted = true;
    return heap;
}

Test(heap_writer, a_line_says_where_the_heap_came_from_and_every_item)
{
    uint64_t pointers[] = {
        pointer(IMMEDIATE, 0x1600, 4096, 40),
        pointer(0, 0x4300, 0, 40),
        pointer(IMMEDIATE, 0x4101, 1, 40),
        pointer(0, 0x4301, 4000, 40),
    };
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;
    struct spead_heap *heap;
    json_t *line, *items;

    make_rig(&rig);
    add_heap(&rig, with_items(made_heap(rig.pool, 4, HEAP_BYTES, NULL, 0), pointers, 4));
    heap = (struct spead_heap *)(uintptr_t)rig.message[0].reference;
    heap->source = 1;
    heap->sender = (struct spead_sender_address){
        .address = {[10] = 0xff, 0xff, 192, 0, 2, 1}, .port = 7000, .known = true};
    cr_assert_eq(write_all(&rig, 1, &totals, &err), 0);
    line = json_load_file(index_path, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(line, "endpoint")), "239.1.2.3:7149");
    cr_expect_str_eq(json_string_value(json_object_get(line, "sender")), "192.0.2.1:7000");
    cr_expect_str_eq(json_string_value(json_object_get(line, "flavour")), "SPEAD-64-40");
    items = json_loads("[{\"id\": \"0x1600\", \"value\": 4096}, {\"id\": \"0x4101\", \"value\": 1},"
                       " {\"id\": \"0x4300\", \"offset\": 0, \"bytes\": 4000},"
                       " {\"id\": \"0x4301\", \"offset\": 4000, \"bytes\": 6000}]",
                       0, NULL);
    cr_expect(json_equal(json_object_get(line, "items"), items));
    json_decref(items);
    json_decref(line);
}

/* Programs that read numbers as doubles, such as jq, round what is above 2^53. */
Test(heap_writer, values_that_a_double_cannot_hold_are_written_in_hex_too)
{
    uint64_t pointers[] = {
        pointer(IMMEDIATE, 0x7f, UINT64_C(1) << 53, 56),
        pointer(IMMEDIATE, 0x7e, (UINT64_C(1) << 56) - 1, 56),
    };
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;
    struct spead_heap *heap;
    json_t *line, *items;

    make_rig(&rig);
    heap = made_heap(rig.pool, 4, HEAP_BYTES, NULL, 0);
    heap->heap_address_bits = 56;
    add_heap(&rig, with_items(heap, pointers, 2));
    cr_assert_eq(write_all(&rig, 1, &totals, &err), 0);
    line = json_load_file(index_path, 0, NULL);
    items = json_loads("[{\"id\": \"0x7f\", \"value\": 9007199254740992},"
                       " {\"id\": \"0x7e\", \"value\": 72057594037927935,"
                       " \"value_hex\": \"0xffffffffffffff\"}]",
                       0, NULL);
    cr_expect(json_equal(json_object_get(line, "items"), items));
    cr_expect(json_is_null(json_object_get(line, "sender")), "the sender is not known");
    json_decref(items);
    json_decref(line);
}

/* Each line has more bytes than the writer prints at a time. */
Test(heap_writer, long_lines_are_written_in_portions)
{
    enum { HEAPS = 3, ITEMS = 40000 };
    uint64_t *pointers = calloc(HEAPS * ITEMS, sizeof *pointers);
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;
    char *text = NULL;
    size_t room = 0;
    FILE *index;

    make_rig(&rig);
    for (unsigned i = 0; i < HEAPS * ITEMS; i++)
        pointers[i] = pointer(IMMEDIATE, 0x1000 + i % ITEMS, i, 40);
    for (unsigned i = 0; i < HEAPS; i++)
        add_heap(&rig, with_items(made_heap(rig.pool, 1 + i, HEAP_BYTES, NULL, 0),
                                  pointers + i * ITEMS, ITEMS));
    cr_assert_eq(write_all(&rig, HEAPS, &totals, &err), 0, "%s", err.text);
    cr_expect_eq(totals.heaps, HEAPS);
    index = fopen(index_path, "r");
    for (unsigned i = 0; i < HEAPS; i++) {
        json_t *line, *items;

        cr_assert_gt(getline(&text, &room, index), 1 << 20);
        line = json_loads(text, 0, NULL);
        items = json_object_get(line, "items");
        cr_expect_eq(json_integer_value(json_object_get(line, "counter")), 1 + (int)i);
        cr_expect_eq(json_integer_value(json_object_get(line, "offset")), i * HEAP_BYTES);
        cr_expect_eq(json_array_size(items), ITEMS);
        cr_expect_eq(json_integer_value(json_object_get(json_array_get(items, 7), "value")),
                     (int)(i * ITEMS + 7));
        json_decref(line);
    }
    cr_expect_eq(getline(&text, &room, index), -1);
    fclose(index);
    free(text);
    free(pointers);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Here the data file reaches the size limit earlier than the index. */
Test(heap_writer, a_full_disk_is_named_and_leaves_whole_heaps)
{
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;

    limit_files(7 * HEAP_BYTES + 4321);
    make_rig(&rig);
    add_heaps(&rig, 1, 100, HEAP_BYTES);
    cr_expect_eq(write_all(&rig, 4, &totals, &err), -EFBIG);
    cr_expect_not_null(strstr(err.text, path), "%s", err.text);
    cr_expect_null(strstr(err.text, ".jsonl"), "%s", err.text);
    cr_expect_eq(totals.heaps, 7);
    cr_expect_eq(check_files(1), 7);
}

/* A heap without payload has only an index line, so only the index grows. */
Test(heap_writer, a_full_disk_for_the_index_leaves_whole_lines)
{
    struct spead_recording_writer_stats totals;
    struct spead_err err = {0};
    struct rig rig;
    unsigned count;

    limit_files(2000);
    make_rig(&rig);
    add_heaps(&rig, 1, 100, 0);
    cr_expect_eq(write_all(&rig, 4, &totals, &err), -EFBIG);
    cr_expect_not_null(strstr(err.text, index_path), "%s", err.text);
    count = check_files(1);
    cr_expect_gt(count, 3);
    cr_expect_eq(totals.heaps, count);
}

/* Expects that the start of the graph fails with this code, and that the text of the error contains `says`. */
static void expect_no_start(const char *name, int code, const char *says)
{
    struct spead_err err = {0};
    struct rig rig;

    snprintf(path, sizeof path, "%s", name);
    make_rig(&rig);
    build(&rig, 1);
    cr_expect_eq(spead_graph_start(rig.graph, rig.executor, &err), code, "%s", err.text);
    cr_expect_not_null(strstr(err.text, says), "%s", err.text);
    release(&rig);
}

Test(heap_writer, only_regular_files_will_do)
{
    char name[64];

    snprintf(name, sizeof name, "%s", path);
    expect_no_start("/dev/null", -EINVAL, "/dev/null");
    expect_no_start("/nowhere/file", -ENOENT, "/nowhere/file");
    snprintf(path, sizeof path, "%s", name);
}

Test(heap_writer, a_file_that_is_being_written_is_refused)
{
    char name[64];
    int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    cr_assert_eq(fcntl(other, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK}), 0);
    snprintf(name, sizeof name, "%s", path);
    expect_no_start(name, -EBUSY, path);
    close(other);
}

/* The start of the graph opens the files. So a graph that is only built must make no file. */
Test(heap_writer, building_opens_nothing)
{
    struct rig rig;
    struct stat st;

    make_rig(&rig);
    add_heaps(&rig, 1, 1, HEAP_BYTES);
    build(&rig, 1);
    cr_expect_lt(stat(path, &st), 0, "the file was made before the start");
    release(&rig);
}

Test(heap_writer, cancelling_gives_every_heap_back_and_leaves_whole_ones)
{
    struct spead_err err = {0};
    struct rig rig;
    uint64_t written;

    make_rig(&rig);
    add_heaps(&rig, 1, 200, HEAP_BYTES);
    build(&rig, 2);
    cr_assert_eq(spead_graph_start(rig.graph, rig.executor, &err), 0, "%s", err.text);
    while (heap_writer_stats(rig.writer).heaps == 0 && !spead_graph_has_ended(rig.graph))
        ;
    spead_graph_cancel(rig.graph);
    spead_graph_wait(rig.graph, 0, NULL);
    written = heap_writer_stats(rig.writer).heaps;
    release(&rig);
    cr_expect_eq(check_files(1), written);
}
