/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk streams: receive streams that put many heaps into one large array, the chunk, and hand over whole chunks.
 *
 * A chunk stream is a struct spead_recv_stream whose configuration has `chunks`. All functions of recv.h work on it,
 * except that chunks and not heaps are handed over: take_chunk() takes the place of take(), and the messages of the
 * channel and of the node (its output is "chunks") are of the type "chunk".
 *
 * Place:    When the first packet of a heap comes, the stream calls the place function of the user. The function says
 *           to which chunk the heap belongs, where in it, and which entry of `present` is the heap's. Heaps of two
 *           senders or of two endpoints are two heaps, even if their counters are equal: where each of them goes is what
 *           the place function says. The stream checks each answer and writes nothing outside of the chunk, see struct
 *           spead_chunk_place.
 *           speadline/recv_chunk_place.h has place functions for common layouts.
 * Window:   Up to `window` chunks with consecutive ids are open. The first heap of a newer chunk opens that chunk, and
 *           also the chunks between it and the newest one (with ids of at least 0). The oldest chunks leave, so that the
 *           window has no more than `window` chunks. If the new id is more than `window` ahead, all open chunks leave,
 *           and the chunks between are never made (chunk_ids_skipped). The oldest chunk also leaves when all its heaps
 *           are present, when it is older than chunk_timeout_ns, and when the stream ends. The consumer gets the chunks
 *           in the order of their ids, each id once.
 * Too old:  A heap whose chunk has left is refused, and so are later packets of a heap that had begun when its chunk
 *           left. Their packets count as too-old.
 * Contents: Each byte of a chunk was received for the place at which it lies, or it is missing. A byte that belongs to
 *           no heap that has begun is missing. The bytes of a heap that ended incomplete stay in the chunk, the heap is
 *           not marked in `present`, and spead_chunk_gaps() says which of its bytes are missing and why. Missing bytes
 *           have the value fill_byte, unless keep_unwritten is set.
 * Ledger:   The packets of a heap count as live until its chunk is handed over, and then as delivered, also if the heap
 *           is incomplete. Packets of heaps that the stream did not put into a chunk count as rejected (the place
 *           function said so), bad-place (its answer was refused), place-taken (another heap is there), too-old or
 *           no-memory (no chunk was free). Heaps that carry only start or stop items count as control; the place
 *           function does not see them.
 * Memory:   The stream has chunk_count chunks, made at create(). If the consumer holds so many that none is free for a
 *           new id, `on_full` of the stream says what happens. DROP_NEWEST: the stream stops reading while its source is
 *           less than half full (a pause), and then refuses the heaps of that chunk as no-memory until a chunk is free.
 *           BLOCK: it reads nothing until a chunk is free. DROP_OLDEST: it sheds the chunk that has waited longest for
 *           the consumer. A chunk that never got memory is not handed over (chunks_starved).
 * Settings: A chunk stream refuses heaps without declared length, as if allow_unsized_heaps were false. It does not use
 *           heap_bytes_max if chunk_bytes is less, and it does not use hand_over_heaps, held_heaps, keep_holes,
 *           deliver_incomplete and populate. heap_arena must be NULL.
 * Placing:  Payload is placed straight into chunks as it is into heaps (receive_path). If a chunk leaves while receives
 *           are posted into it, it is handed over when they have ended. No chunk overtakes another one.
 *
 * Threads: see recv.h. The owner thread calls the place function. A chunk that was handed over never changes; any thread
 * may call the functions on it. */
#ifndef SPEADLINE_RECV_CHUNK_H
#define SPEADLINE_RECV_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/heap.h>
#include <speadline/recv.h>
#include <speadline/region.h>
#include <speadline/sender_address.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_chunk; /* opaque */

/* ---- The place function -------------------------------------------------------------------- */

/* What the place function gets, in a struct that the library has made: the first packet of a heap that has come. It is the
 * first packet that the sender cut only if the network has not lost or overtaken that one (payload_offset). All pointers
 * are borrowed until the function returns. */
struct spead_chunk_packet {
    /* who has sent the packet; NULL if the endpoint cannot tell its senders apart, such as a memory link */
    const struct spead_sender_address *sender;
    uint64_t heap_counter;
    /* the declared length of the heap, in bytes; at most chunk_bytes */
    uint64_t heap_length;
    uint64_t payload_offset, payload_bytes; /* the part of the heap that the packet carries */
    uint64_t time_ns;                       /* when the packet came, by `clock` */
    enum spead_clock clock;
    uint32_t item_count; /* as in the configuration */
    /* items[i] is the value of the item with the identifier items[i] of the configuration. It is -1 if the packet has
     * no such item, or if the item is not immediate. If the packet has several, the first one counts. */
    const int64_t *items;
    /* The SPEAD header of the packet and its item pointers, as they came. The payload is not behind them: it may lie in
     * memory that the CPU cannot touch. */
    const uint8_t *header;
    size_t header_bytes;
    /* Counters of the user, counter_count of the configuration. The function may change them. They are never reset;
     * spead_recv_stream_place_counters() reads them. */
    uint64_t *counters;
    uint32_t counter_count;
    uint32_t source; /* the endpoint (or memory link), counted from 0 */
};

/* What the place function answers. Before the call chunk_id is -1, the other numbers are 0, and the bytes of `extra` are
 * zero. The stream refuses an answer, counts it (heaps_bad_place), and writes nothing, if
 *   - heap_index is present_count or more; with packet_presence_bytes, if the last packet of the heap has no entry
 *   - heap_offset + heap_length is more than chunk_bytes
 * It refuses the heap too (heaps_place_taken) if another heap of the chunk has the index, or has bytes in the range. */
struct spead_chunk_place {
    int64_t chunk_id; /* 0 or more; a negative value rejects the heap (heaps_rejected) */
    /* The entry of the heap in `present`. With packet_presence_bytes: the entry of its first packet. */
    uint64_t heap_index;
    uint64_t heap_offset; /* where the payload of the heap begins in the chunk, in bytes */
    /* The function may write extra_bytes bytes (of the configuration) here. They go into the chunk, see
     * spead_chunk_extra(). NULL if extra_bytes is 0. */
    void *extra;
};

/* Decides where a heap goes. It must not block, and must not call functions of the stream. It is called once for each
 * heap of a sender, when the first packet of the heap comes; again for a heap whose counter the stream has forgotten
 * (see finished_heaps_max) or that had no memory. Owner thread. */
typedef void (*spead_chunk_place_fn)(void *state, const struct spead_chunk_packet *packet,
                                     struct spead_chunk_place *place);

/* ---- The configuration --------------------------------------------------------------------- */

#define SPEAD_CHUNK_WINDOW_DEFAULT 2u
#define SPEAD_CHUNK_ITEMS_MAX      64u
#define SPEAD_CHUNK_COUNTERS_MAX   64u

/* The chunks of a stream. Start from SPEAD_CHUNK_CONFIG_INIT and set chunk_bytes, present_count and place. */
struct spead_chunk_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    /* The number of entries of `present`, 1 to 2^24: how many heaps a chunk has, or how many packets (see
     * packet_presence_bytes). */
    uint32_t present_count;
    uint64_t chunk_bytes; /* the size of a chunk in bytes, 1 to 2^40 */
    /* the number of chunks that may be open at the same time, 1 to 1024; default 2 */
    uint32_t window;
    /* How many chunks there are: the open ones, those that wait for the consumer and those that it holds; more than
     * `window`, at most 65536. 0 (default) means window + 4. */
    uint32_t chunk_count;

    spead_chunk_place_fn place; /* must be set */
    void *place_state; /* first argument of place(); borrowed until the stream is destroyed */
    /* The identifiers of the items whose values place() needs, at most SPEAD_CHUNK_ITEMS_MAX. The sender must repeat
     * these items in each packet if packets may be lost or overtaken. Borrowed until create() returns. */
    const uint64_t *items;
    uint32_t item_count;
    /* The bytes that place() may say of each heap besides its place; 0 (default) to 4096. */
    uint32_t extra_bytes;
    /* 0 (default): an entry of `present` stands for a heap. Otherwise it stands for a packet with so many bytes of
     * payload: the entry of a packet is heap_index + payload_offset / packet_presence_bytes. An entry is set if all
     * bytes of its packet have arrived, also in a heap that ended incomplete. The packets of a heap have the same size,
     * except the last one. Such streams mostly want allow_out_of_order. */
    uint32_t packet_presence_bytes;
    /* The number of gaps that a chunk can describe. 0 (default) means 1024 more than it has heaps. Where this is too
     * few, neighbouring gaps of a heap are described as one (struct spead_chunk_gap). At least present_count. */
    uint32_t gaps_max;
    uint8_t fill_byte; /* the value of missing bytes; default 0 */
    /* True: missing bytes keep whatever the memory held before, often bytes of an older chunk. This saves writing them.
     * Default false. */
    bool keep_unwritten;
    uint8_t reserved[6];
    /* The age limit of an open chunk, in nanoseconds after its first packet, as heap_timeout_ns is for heaps. Chunks
     * with lower ids leave with it. 0 (default) means no limit. */
    uint64_t chunk_timeout_ns;

    /* The memory of the chunks if the caller has made it, of any kind (host, pinned, device, dma-buf), as heap_arena of
     * the stream is for heaps. Each chunk takes chunk_bytes, rounded up to whole pages. Memory that the CPU cannot touch
     * needs room for spare buffers behind the chunks; if it is too small, create() says how much it needs. Borrowed
     * until ended() as heap_arena is. NULL (default): the stream makes this memory, and populates it in create(). */
    const struct spead_region_arena *arena;
    /* chunk_count buffers of the caller of chunk_bytes each, which the CPU can touch, in place of an arena: chunk number
     * i lies in buffers[i]. The array is borrowed until create() returns. The buffers are borrowed until the stream is
     * destroyed and the last chunk is released. Engines that register memory with a device bounce payload then. */
    void *const *buffers;

    /* Names of counters of the user, at most SPEAD_CHUNK_COUNTERS_MAX, or 0. place() gets the counters. The number alone
     * counts for the stream; the names are for spead_recv_stream_place_counter_name(). Copied. */
    const char *const *counter_names;
    uint32_t counter_count;
    uint32_t reserved_2;
};
/* clang-format off */
#define SPEAD_CHUNK_CONFIG_INIT { .struct_size = sizeof(struct spead_chunk_config), .window = SPEAD_CHUNK_WINDOW_DEFAULT }
/* clang-format on */
/* Does what SPEAD_CHUNK_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_chunk_config_init(struct spead_chunk_config *config, size_t size);

/* ---- Taking chunks ------------------------------------------------------------------------- */

/* As spead_recv_stream_take() and spead_recv_stream_try_take(), for the next chunk. The caller owns one reference to
 * *chunk. They return -EINVAL if the stream has no chunks; take() and its likes return -EINVAL if it has. Consumer
 * thread. */
int spead_recv_stream_take_chunk(struct spead_recv_stream *stream, struct spead_chunk **chunk,
                                 uint64_t deadline_ns);
int spead_recv_stream_try_take_chunk(struct spead_recv_stream *stream, struct spead_chunk **chunk);

/* Returns the id of the message type "chunk", or -errno. In a message of this type, `reference` is the chunk, `length`
 * its size in bytes, `time_ns` the time of its first packet, `key` its id, and `sequence` counts the chunks of the stream
 * from 0. The flag SPEAD_MESSAGE_INCOMPLETE says that not all entries of `present` are set. Any thread. */
int spead_chunk_message_type(void);

/* Copies the counters of the place function, at most max, as they were after the last poll(). Returns how many there
 * are. Any thread. */
uint32_t spead_recv_stream_place_counters(const struct spead_recv_stream *stream, uint64_t *values,
                                          uint32_t max);
/* Returns the name of such a counter, or NULL past the last one. It lives as long as the stream. Any thread. */
const char *spead_recv_stream_place_counter_name(const struct spead_recv_stream *stream,
                                                 uint32_t index);

/* ---- A chunk ------------------------------------------------------------------------------- */

/* Adds one reference. Returns `chunk`. */
struct spead_chunk *spead_chunk_ref(struct spead_chunk *chunk);
/* Gives one reference back. With the last one the chunk is free for a new id. It may outlive its stream. NULL is
 * ignored. */
void spead_chunk_unref(struct spead_chunk *chunk);

/* The id that the place function gave to the chunk. */
int64_t spead_chunk_id(const struct spead_chunk *chunk);
/* The memory of the chunk; NULL if the CPU cannot touch it. Valid as long as the caller holds a reference, as all that
 * the functions below return. */
uint8_t *spead_chunk_data(const struct spead_chunk *chunk);
uint64_t spead_chunk_bytes(const struct spead_chunk *chunk); /* chunk_bytes */
/* Says where the chunk lies, for memory of every kind. The caller must have set info->struct_size. */
void spead_chunk_region_info(const struct spead_chunk *chunk, struct spead_region_info *info);

/* The array `present`: one byte for each heap (or packet), 1 if it is there whole and 0 if it is not. *count becomes
 * present_count; count may be NULL. */
const uint8_t *spead_chunk_present(const struct spead_chunk *chunk, uint32_t *count);
/* How many entries of `present` are 1, and how many are 0. */
uint32_t spead_chunk_present_count(const struct spead_chunk *chunk);
uint32_t spead_chunk_missing_count(const struct spead_chunk *chunk);
uint64_t spead_chunk_received(const struct spead_chunk *chunk); /* payload bytes that arrived */

/* What came of the heap with an index. */
enum spead_chunk_heap_state {
    SPEAD_CHUNK_HEAP_ABSENT = 0, /* no packet was put into the chunk */
    SPEAD_CHUNK_HEAP_COMPLETE = 1,
    SPEAD_CHUNK_HEAP_INCOMPLETE = 2, /* the gaps of the heap are among those of the chunk */
};
struct spead_chunk_heap {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    enum spead_chunk_heap_state state;
    uint64_t offset, bytes; /* where it lies in the chunk, and its declared length */
    uint64_t received;      /* bytes of it that arrived */
    uint64_t heap_counter;
    uint32_t source; /* the endpoint at which its first packet came */
    uint32_t reserved;
};
/* clang-format off */
#define SPEAD_CHUNK_HEAP_INIT { .struct_size = sizeof(struct spead_chunk_heap) }
/* clang-format on */
/* Does what SPEAD_CHUNK_HEAP_INIT does; `size` is sizeof *heap. Any thread. See docs/abi.md. */
void spead_chunk_heap_init(struct spead_chunk_heap *heap, size_t size);
/* Describes the heap with this heap_index. If no heap came with it, the state is ABSENT and the other fields are 0. With
 * packet_presence_bytes only the index of the first packet of a heap names the heap. The caller must have set
 * heap->struct_size. Returns 0, or -ERANGE if index is present_count or more. */
int spead_chunk_heap(const struct spead_chunk *chunk, uint32_t index,
                     struct spead_chunk_heap *heap);

/* A range of an incomplete heap that is missing. */
struct spead_chunk_gap {
    uint64_t offset; /* in the chunk, in bytes */
    uint64_t bytes;
    uint32_t heap_index;
    /* The packets that would fill the range, 0 if not known; see struct spead_gap. */
    uint32_t packets;
    enum spead_gap_cause cause;
    /* True: the chunk had no room for all gaps of the heap. The range is all from its first missing byte to its last
     * one: bytes in it that arrived are counted as missing, too. `cause` is that of the first gap. */
    bool merged;
};
/* Writes the gaps of the incomplete heaps into `gaps`, in the order in which the heaps ended, and at most `max`. Returns
 * how many the chunk has. A heap of which nothing came (ABSENT) has no gap here: all of it is missing. */
size_t spead_chunk_gaps(const struct spead_chunk *chunk, struct spead_chunk_gap *gaps, size_t max);

/* The bytes that place() said of the heap with this index: extra_bytes of them, all zero if no heap came. They are there
 * for incomplete heaps, too. NULL if the index is out of range or extra_bytes is 0. */
const void *spead_chunk_extra(const struct spead_chunk *chunk, uint32_t index);

/* When the first and the last packet of the chunk came, by its clock; 0 if none came. See heap.h for the clock. */
uint64_t spead_chunk_first_ns(const struct spead_chunk *chunk);
uint64_t spead_chunk_last_ns(const struct spead_chunk *chunk);
enum spead_clock spead_chunk_clock(const struct spead_chunk *chunk);
uint64_t spead_chunk_clock_error_ns(const struct spead_chunk *chunk);
uint64_t spead_chunk_packets(const struct spead_chunk *chunk); /* accepted packets */
uint32_t spead_chunk_stream(const struct spead_chunk *chunk);  /* message_stream of the stream */

#ifdef __cplusplus
}
#endif
#endif
