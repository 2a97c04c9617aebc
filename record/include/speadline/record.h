/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: heaps in files.
 *
 * A recording is two files. The data file FILE holds the payloads of the heaps, one behind the other. The index
 * FILE.jsonl has a line of JSON for each heap, which says where its payload lies and what is known of the heap. The
 * bytes of a gap are a hole of the data file: they read as zero and take no room on the disk.
 *
 * A heap is *acknowledged* when the sync that covers it has returned: then its payload and its line survive a power
 * cut. With SPEAD_RECORDING_SYNC_INTERVAL a line goes into the index only after the payload of its heap was synced. So
 * the index never describes a heap that a crash could take back.
 *
 * Errors: see error.h. No function prints. */
#ifndef SPEADLINE_RECORD_H
#define SPEADLINE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/heap.h>
#include <speadline/item.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Writing ------------------------------------------------------------------------------- */

/* Writes heaps.
 *
 * Threads: one thread at a time calls write() and finish(). Any thread may call stats(). The writer has a thread of its
 * own that syncs, so a slow sync delays no call of write(). */
struct spead_recording_writer;

/* What the heaps are written into. */
enum spead_recording_format {
    /* A data file and an index; the only format that can be read and synced. */
    SPEAD_RECORDING_FILES = 0,
    /* The payloads of the complete heaps, one behind the other, into any kind of file. Incomplete heaps are left
     * out. */
    SPEAD_RECORDING_RAW = 1,
    /* For each heap its index line and then its bytes, into any kind of file. The line has a key "follows": the number
     * of bytes behind its newline. Of an incomplete heap only the bytes that arrived follow. */
    SPEAD_RECORDING_FRAMED = 2,
};

/* At most this many bytes of lines wait for a sync. This is enough for about 150,000 heaps with one item. While a sync
 * runs, the same number of bytes may be under way. So a writer uses at most twice this memory and one line. */
#define SPEAD_RECORDING_LINES_BYTES_MAX (64u << 20)

/* When the files are synced (fdatasync). Only SPEAD_RECORDING_FILES looks at this. */
enum spead_recording_sync {
    /* As sync_ns and sync_heaps say, and at the end. */
    SPEAD_RECORDING_SYNC_INTERVAL = 0,
    SPEAD_RECORDING_SYNC_END = 1,   /* only at the end: no heap is acknowledged before */
    SPEAD_RECORDING_SYNC_NEVER = 2, /* never: no heap is ever acknowledged */
};

/* The configuration of a writer. Start from SPEAD_RECORDING_WRITER_CONFIG_INIT. */
struct spead_recording_writer_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    enum spead_recording_format format;
    enum spead_recording_sync sync;
    /* The endpoints of the stream, as text: a heap came at endpoints[spead_heap_source(heap)]. Borrowed. */
    uint32_t endpoint_count;
    const char *const *endpoints;
    const char *path; /* required: the data file; the index has this name and ".jsonl". Borrowed */
    /* A descriptor to write to. The writer then does not open `path`; it only uses `path` as the name of the descriptor
     * in sentences. Not for the format SPEAD_RECORDING_FILES. Borrowed. Default -1: `path` is opened. */
    int fd;
    /* True: the file may be a link, and it may have several names. False: a link and a file with several names are
     * refused; a link to a folder is followed only if it belongs to this user or to root. A file of another user is
     * refused in both cases. */
    bool follow_links;
    /* A heap is synced at the latest sync_ns after it was written, and at the latest when sync_heaps heaps wait for a
     * sync. 0 means no such limit. Default: 1 s, and no limit of heaps. */
    uint64_t sync_ns, sync_heaps;
    struct spead_log log; /* gets a line for everything that was recovered */
};
/* clang-format off */
#define SPEAD_RECORDING_WRITER_CONFIG_INIT { .struct_size = sizeof(struct spead_recording_writer_config), \
        .fd = -1, .sync_ns = 1000000000u }
/* clang-format on */
/* Does what SPEAD_RECORDING_WRITER_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_recording_writer_config_init(struct spead_recording_writer_config *config, size_t size);

/* What a writer has done so far. */
struct spead_recording_writer_stats {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t reserved;
    /* `heaps` counts the heaps that are whole in the data file and have their line in the index. `bytes` is the payload
     * of these heaps that has arrived. */
    uint64_t heaps, bytes;
    uint64_t heaps_waiting; /* heaps whose payload is written, and whose line waits for a sync */
    uint64_t heaps_synced;  /* heaps that are acknowledged; the first ones of `heaps` */
    /* Heaps that were not written: incomplete heaps of which no byte of payload came, and, with SPEAD_RECORDING_RAW,
     * all incomplete heaps. */
    uint64_t heaps_skipped;
    uint64_t heaps_lost;         /* heaps that were written, and that a failed sync took back */
    uint64_t syncs, sync_ns_max; /* number of syncs, and the time that the longest one took */
    /* Bytes that were cut off the two files when they were opened, because a writer before this one did not end in
     * order. */
    uint64_t recovered_data_bytes, recovered_index_bytes;
};
/* clang-format off */
#define SPEAD_RECORDING_WRITER_STATS_INIT { .struct_size = sizeof(struct spead_recording_writer_stats) }
/* clang-format on */
/* Does what SPEAD_RECORDING_WRITER_STATS_INIT does; `size` is sizeof *stats. Any thread. See docs/abi.md. */
void spead_recording_writer_stats_init(struct spead_recording_writer_stats *stats, size_t size);

/* Opens the files for appending, makes them if there are none, and locks them. If an earlier writer did not end in
 * order, the function cuts off a torn last line, and the data that no line describes; the log says so. What
 * earlier writers have left is synced first, as `sync` says. It may wait for
 * the disk; for a FIFO it waits for a reader, and a signal ends the wait (-EINTR).
 * Returns 0 and gives *out to the caller, or -errno with a sentence:
 *   -EINVAL  a field is out of its range, the file is of a wrong kind, or the index does not match the data file: the
 *            data file is missing or shorter than the index says, it does not hold the last heap of the index, it has
 *            bytes and there is no index, or one of the last two lines of the index describes no heap, or the last one
 *            describes a heap that does not begin where the heap before it ends;
 *   -ELOOP, -EMLINK, -EPERM   a link, a file with several names (follow_links), or a file of another user;
 *   -EBUSY   another program writes to one of the files;
 *   -ENOMEM, and the errors of the file system.
 * err may be NULL, in this function and in those below. Any thread. */
int spead_recording_writer_create(struct spead_recording_writer **out,
                                  const struct spead_recording_writer_config *config,
                                  struct spead_err *err);

/* Writes `count` heaps. Returns 0, or the -errno that ended the writing; a failed sync ends the writing too. Returns
 * -ENOTSUP if the CPU cannot touch a payload. *written is how many of the heaps are whole in the data file or were
 * skipped. After an error every later call returns the same error and writes nothing. The heaps may be released after
 * the call. If another program has removed a file or has cut it, the writing ends with -ESTALE, and the files stay as
 * they are. The call waits for the disk. It waits for a sync only if SPEAD_RECORDING_LINES_BYTES_MAX bytes of lines
 * wait for a sync. */
int spead_recording_writer_write(struct spead_recording_writer *writer,
                                 struct spead_heap *const *heaps, unsigned count, unsigned *written,
                                 struct spead_err *err);

/* Syncs what waits, and closes the files. After an error the files end with the last heap that is whole in both;
 * after a failed sync they end with the last acknowledged heap. Bytes that another program has added are cut off.
 * Returns -ESTALE also if a file was moved; then it has all heaps, and the sentence says where it is. Returns 0, or
 * the first error of the writer: the sentence then names the file, and after a failed sync the heaps that are lost.
 * A second call returns the same. */
int spead_recording_writer_finish(struct spead_recording_writer *writer, struct spead_err *err);

/* Returns 0, or the -errno that ended the writing so far. Any thread may call it; a sync can fail at any time. */
int spead_recording_writer_error(struct spead_recording_writer *writer);

/* Fills *stats. The caller must have set stats->struct_size by SPEAD_RECORDING_WRITER_STATS_INIT. Any thread may call
 * it. */
void spead_recording_writer_stats(struct spead_recording_writer *writer,
                                  struct spead_recording_writer_stats *stats);

/* Calls finish(), and frees the writer. No other thread may use the writer. NULL is ignored. */
void spead_recording_writer_destroy(struct spead_recording_writer *writer);

/* ---- Reading ------------------------------------------------------------------------------- */

/* Reads a recording, heap by heap, in the order of the index. Its writer may still be writing. One thread at a time
 * uses a reader. */
struct spead_recording_reader;

/* A heap of a recording, as its line of the index describes it. The pointers are valid until the next call of next() or
 * close(). */
struct spead_recording_heap {
    uint32_t struct_size;       /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t heap_address_bits; /* of the flavour SPEAD-64-N: N */
    uint64_t counter;           /* heap counter */
    uint64_t offset, bytes;     /* where the payload begins in the data file, and its length */
    uint64_t first_ns, last_ns; /* times of the first and the last packet, by `clock` */
    enum spead_clock clock;
    bool complete;
    bool has_sample; /* true: sample_crc32 is known */
    /* CRC-32 (as zlib's crc32()) of the first and the last 512 bytes of the payload */
    uint32_t sample_crc32;
    uint32_t reserved;
    const char *endpoint, *sender; /* NULL if not known */
    const struct spead_gap *gaps;  /* the missing ranges; their field `packets` is 0 */
    size_t gap_count;
    const struct spead_item *items; /* the items; their field `data` is NULL */
    size_t item_count;
    uint64_t clock_error_ns; /* bound of the error of the times, or SPEAD_CLOCK_ERROR_UNKNOWN */
};
/* clang-format off */
#define SPEAD_RECORDING_HEAP_INIT { .struct_size = sizeof(struct spead_recording_heap) }
/* clang-format on */
/* Does what SPEAD_RECORDING_HEAP_INIT does; `size` is sizeof *heap. Any thread. See docs/abi.md. */
void spead_recording_heap_init(struct spead_recording_heap *heap, size_t size);

/* Opens the recording whose data file is `path`. Never waits for another program, and never keeps a writer away.
 * Returns 0 and gives *out to the caller, or -ENOENT, -EINVAL (one of the two is no regular file), -ENOMEM or
 * another -errno, with a sentence. Any thread. */
int spead_recording_reader_open(struct spead_recording_reader **out, const char *path,
                                struct spead_err *err);

/* Reads the next line of the index into *heap. The caller must have set heap->struct_size by
 * SPEAD_RECORDING_HEAP_INIT; without it the call returns -EINVAL and reads no line. Returns 1 if there is such a
 * line. Returns 0 at the end of the index; a torn last line counts as not there, and a later call sees lines that a
 * writer has added meanwhile. Returns -EBADMSG if the line describes no heap, or -ENOMEM or another -errno. */
int spead_recording_reader_next(struct spead_recording_reader *reader,
                                struct spead_recording_heap *heap, struct spead_err *err);

/* Reads `bytes` bytes of the payload of the heap, from `offset` of the payload on. Returns 0, -ERANGE if the heap is
 * shorter, -ENODATA if the data file is shorter than the index says, or another -errno. */
int spead_recording_reader_payload(struct spead_recording_reader *reader,
                                   const struct spead_recording_heap *heap, uint64_t offset,
                                   void *to, size_t bytes, struct spead_err *err);

/* Closes the files and frees the reader. NULL is ignored. */
void spead_recording_reader_close(struct spead_recording_reader *reader);

/* What a recording holds, and whether it is whole. */
struct spead_recording_info {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    /* True if every heap of the index is in the data file, as far as its length and its samples show it, and if there
     * is nothing else in the two files. */
    bool whole;
    /* A writer has the files open. Then it is no fault that no line describes the newest data yet. */
    bool being_written;
    uint64_t heaps, incomplete_heaps;
    uint64_t payload_bytes, missing_bytes; /* lengths of all heaps, and of all their gaps */
    /* length of the data file, bytes that it takes on the disk, and length of the index */
    uint64_t data_bytes, disk_bytes, index_bytes;
    uint64_t torn_bytes;      /* a torn last line of the index */
    uint64_t unindexed_bytes; /* bytes of the data file behind the last heap of the index */
    /* Heaps that are not there: they reach past the end of the data file, they do not begin where the heap before them
     * ends, or their samples differ. */
    uint64_t bad_heaps;
    uint64_t first_bad_counter; /* heap counter of the first of them */
    /* The number of the first line that describes no heap, from 1 on, or 0 if there is none. */
    uint64_t bad_line;
    uint64_t first_ns, last_ns; /* the earliest and the latest time of a packet */
    /* The clocks of these times: bit N is set if a heap has times of clock N of enum spead_clock. */
    uint64_t clocks;
    uint64_t clock_error_ns; /* the largest bound of their error, or SPEAD_CLOCK_ERROR_UNKNOWN */
};
/* clang-format off */
#define SPEAD_RECORDING_INFO_INIT { .struct_size = sizeof(struct spead_recording_info) }
/* clang-format on */
/* Does what SPEAD_RECORDING_INFO_INIT does; `size` is sizeof *info. Any thread. See docs/abi.md. */
void spead_recording_info_init(struct spead_recording_info *info, size_t size);

/* Reads the whole index, and 1 KiB of each complete heap. The caller must have set info->struct_size by
 * SPEAD_RECORDING_INFO_INIT. Returns 0 when *info is filled, also if the recording is not whole. Returns -EINVAL if
 * struct_size is not valid, or another -errno with a sentence if the files cannot be read. Any thread; the call
 * waits for the disk. */
int spead_recording_inspect(const char *path, struct spead_recording_info *info,
                            struct spead_err *err);

#ifdef __cplusplus
}
#endif
#endif
