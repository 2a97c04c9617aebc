/* One SPEAD send stream. Producers submit heaps to it, and it sends their packets.
 *
 * Threads:  one thread owns the stream. Only this owner thread calls start(), poll(), wait() and run(). Any number
 *           of threads may call submit() and submit_wait() at the same time. Any thread but the owner thread may
 *           call flush(). Any thread may call stop() and stats(), and a signal handler may call stop().
 * Lifetime: create -> [start -> poll/wait ... until -ESHUTDOWN] -> destroy. run() does the part in
 *           brackets. A spead_send_runner does that part on a thread of its own.
 * Bounds:   at most heaps_max heaps are in flight. When that many are in flight, submit() returns -EAGAIN. */
#ifndef SPEADLINE_SEND_H
#define SPEADLINE_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/engine.h>
#include <speadline/error.h>
#include <speadline/flavour.h>
#include <speadline/item.h>
#include <speadline/mem_link.h>
#include <speadline/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Heaps to send ------------------------------------------------------------------------- */

/* The description of a heap: its items in order. The caller builds it once and may send it many times. Between two
 * sends the caller may change values. The caller must not change or destroy it while a send of it is in flight.
 * Threads: the functions do not lock. The caller makes sure that only one thread at a time uses one heap. */
struct spead_send_heap; /* opaque */

/* Returns 0 and gives *out to the caller, -EINVAL (flavour not valid) or -ENOMEM. */
int spead_send_heap_create(struct spead_send_heap **out, struct spead_flavour flavour);
void spead_send_heap_destroy(struct spead_send_heap *heap); /* NULL is ignored */

/* Removes all items and sets the flavour. The heap keeps the memory of its items. So a heap that is reset and described
 * many times soon allocates nothing. Handles from before the call are no longer valid. Returns 0, or -EINVAL (flavour
 * not valid; nothing has changed then). */
int spead_send_heap_reset(struct spead_send_heap *heap, struct spead_flavour flavour);

/* Adds an immediate item: the item pointer holds the value. Returns the handle of the item (>= 0), -EINVAL (id is
 * below 5 or does not fit the flavour), -ERANGE (value does not fit the N heap-address bits of the flavour) or
 * -ENOMEM. Ids 1 to 4 are refused because the packetiser writes these items itself. */
int spead_send_heap_add_immediate(struct spead_send_heap *heap, uint64_t id, uint64_t value);

/* Adds an item whose value lies in memory: this many bytes at `data`. They travel in the payload of the heap. `data` is
 * borrowed until the last send of the heap has completed. If allow_immediate is true and the item has at most N/8
 * bytes, the bytes travel in the item pointer instead. The packetiser then reads them as one big-endian number. Returns
 * as spead_send_heap_add_immediate(). -ERANGE means here that the payload of the heap would be longer than N bits can
 * express. -EINVAL also means that data is NULL and bytes is not 0. */
int spead_send_heap_add_item(struct spead_send_heap *heap, uint64_t id, const void *data,
                             size_t bytes, bool allow_immediate);

/* Adds the stream-control item (0x06). Returns as spead_send_heap_add_immediate(). */
int spead_send_heap_add_control(struct spead_send_heap *heap, enum spead_stream_control value);

/* These two functions change the value of an item between two sends. set_immediate() is for immediate items, set_item()
 * for the others. They return 0, -EINVAL (the heap has no item with this handle, or the other function is the right one
 * for it) or -ERANGE (with the same meaning as in the function that added the item). */
int spead_send_heap_set_immediate(struct spead_send_heap *heap, int handle, uint64_t value);
int spead_send_heap_set_item(struct spead_send_heap *heap, int handle, const void *data,
                             size_t bytes);

/* Sets whether every packet of the heap carries all item pointers. Some receivers need that, because they interpret
 * each packet without the other packets of its heap. By default only the first packets carry item pointers. */
void spead_send_heap_repeat_pointers(struct spead_send_heap *heap, bool repeat);

/* Returns how many payload bytes all addressed items have together. */
uint64_t spead_send_heap_payload_bytes(const struct spead_send_heap *heap);

/* ---- The stream ---------------------------------------------------------------------------- */

/* These two functions describe the engines that a send stream can use. Their contracts are the same as those of
 * spead_recv_engine_info() and spead_recv_engine_usable(). */
int spead_send_engine_info(uint32_t index, struct spead_engine_info *info);
int spead_send_engine_usable(const char *name, struct spead_err *err);

struct spead_send_stream; /* opaque */

/* What a rate counts. */
enum spead_rate_of {
    SPEAD_RATE_SPEAD = 0, /* SPEAD bytes: header, item pointers, payload; spead2 counts so */
    /* The rate also counts the UDP, IP and Ethernet bytes of each packet, with FCS, preamble and gap. These are 66
     * bytes (IPv6: 86 bytes). */
    SPEAD_RATE_WIRE = 1,
};

/* A piece of memory that contains payload. An engine that bypasses the kernel registers it with the device, and the
 * device reads payload from it without a copy. Such an engine copies payload that lies in no registered piece.
 * The caller must keep the memory at its address until the stream is destroyed. */
struct spead_send_memory {
    const void *data; /* address of the first byte of this memory */
    size_t bytes;
    /* True: this is the memory of a device, and the CPU cannot read it. Then nobody reads through `data`; items use it
     * only as the address where this memory begins. The memory consists of whole pages. Only an engine with a suitable
     * device can send from it. */
    bool is_dma_buf;
    int fd; /* descriptor of the dma-buf; the caller may close it after create() */
    uint64_t fd_offset;
};

/* The values that SPEAD_SEND_STREAM_CONFIG_INIT sets. */
#define SPEAD_SEND_PACKET_BYTES_DEFAULT        1472u /* an Ethernet MTU of 1500, less IPv4 and UDP */
#define SPEAD_SEND_SOCKET_BUFFER_BYTES_DEFAULT (512u << 10) /* 512 KiB */
#define SPEAD_SEND_HEAPS_DEFAULT               4u
#define SPEAD_SEND_BURST_BYTES_DEFAULT         65536u
#define SPEAD_SEND_BURST_RATE_RATIO_DEFAULT    1.05

struct spead_send_stream_config {
    uint32_t struct_size; /* set by _INIT */

    /* The destinations: either endpoints "HOST:PORT" or "[V6]:PORT", or memory links. There may be 1 to 64 of them. The
     * producer chooses a destination for each heap; for example, each substream can have its own. The arrays and
     * strings are borrowed until create() returns. The stream takes a reference to each link. */
    const char *const *endpoints;
    uint32_t endpoint_count;
    struct spead_mem_link *const *links;
    uint32_t link_count;

    const char *engine;         /* a name of spead_send_engine_info(), or "auto" (default) */
    const char *interface_name; /* name or local address to send from; NULL: the route decides */
    const char *fault;         /* specification of a fault decorator (docs/faults.md); NULL: none */
    uint32_t packet_bytes_max; /* largest SPEAD packet; >= 56; rounded down to a multiple of 8 */
    uint32_t socket_buffer_bytes; /* send buffer that the stream requests for each socket */
    uint32_t multicast_ttl;       /* default 1 */

    uint32_t heaps_max;      /* at most so many heaps are in flight */
    double rate_bytes_per_s; /* 0: unlimited */
    enum spead_rate_of rate_of;
    uint32_t burst_bytes; /* at a limited rate: at most so many bytes are sent without a pause */
    /* A stream that is behind its rate sends faster, until it has caught up. It then sends at most at rate_bytes_per_s
     * times this ratio; >= 1. */
    double burst_rate_ratio;

    uint64_t heap_counter_first, heap_counter_step; /* automatic heap counters; default 1 and 1 */
    struct spead_log log;

    /* True: the device keeps rate_bytes_per_s, and the pacer of the stream does nothing. Only engines with a suitable
     * device can do this. Default false. */
    bool hardware_rate;
    /* True: the stream gives the device one large request, and the device cuts it into packets of one size (TSO). Only
     * engines with a suitable device can do this. It is experimental, because it has not been tried on hardware yet.
     * Default false. */
    bool hardware_tso;
    const struct spead_send_memory *memory; /* borrowed until create() returns; no overlaps */
    uint32_t memory_count;
    uint32_t reserved;

    /* Options for particular engines, such as struct spead_send_verbs_config (speadline/verbs.h). NULL: every engine
     * uses its defaults. Borrowed until create() returns. */
    const struct spead_engine_options *engine_options;
};

/* clang-format off */
#define SPEAD_SEND_STREAM_CONFIG_INIT { \
    .struct_size = sizeof(struct spead_send_stream_config), .engine = "auto", \
    .packet_bytes_max = SPEAD_SEND_PACKET_BYTES_DEFAULT, \
    .socket_buffer_bytes = SPEAD_SEND_SOCKET_BUFFER_BYTES_DEFAULT, .multicast_ttl = 1, \
    .heaps_max = SPEAD_SEND_HEAPS_DEFAULT, .burst_bytes = SPEAD_SEND_BURST_BYTES_DEFAULT, \
    .burst_rate_ratio = SPEAD_SEND_BURST_RATE_RATIO_DEFAULT, \
    .heap_counter_first = 1, .heap_counter_step = 1 }
/* clang-format on */

/* Creates a stream and opens its engine. Returns 0 and gives *out to the caller. Returns -EINVAL (err names the field),
 * -ENOMEM, -ENOTSUP (the engine cannot do what the configuration asks for), or the -errno of a network call. On failure
 * *out is untouched. err may be NULL. */
int spead_send_stream_create(struct spead_send_stream **out,
                             const struct spead_send_stream_config *config, struct spead_err *err);

/* Frees the stream. Before that it completes every heap that is still in flight with -ECANCELED; the calling thread
 * runs these completions. The caller must make sure that the owner thread no longer calls poll() or wait(). NULL is
 * ignored. */
void spead_send_stream_destroy(struct spead_send_stream *stream);

struct spead_send_plan {
    uint32_t struct_size;         /* set by _INIT */
    uint32_t socket_buffer_bytes; /* as the kernel granted it; 0: the engine has no socket buffer */
    const char *engine;
    const char *engine_reason; /* one sentence: why the stream has this engine */
    uint64_t memory_bytes;     /* all memory of the stream; it does not grow later */
};
/* clang-format off */
#define SPEAD_SEND_PLAN_INIT { .struct_size = sizeof(struct spead_send_plan) }
/* clang-format on */
void spead_send_stream_plan(const struct spead_send_stream *stream, struct spead_send_plan *plan);

/* How one heap ended. */
struct spead_send_result {
    int error;        /* 0: every packet was sent; else the first -errno (-ECANCELED: abandoned) */
    uint64_t bytes;   /* SPEAD bytes sent, headers included */
    uint64_t counter; /* the heap counter that the packets carry */
};

/* The completion of a heap. The owner thread calls it once for each accepted heap, in the order of acceptance. The slot
 * of the heap is free before this call, so the function may submit another heap. It must not block. */
typedef void spead_send_done_fn(void *arg, const struct spead_send_result *result);

/* How to send one heap. Start from SPEAD_SEND_OPTIONS_INIT, or from a zeroed struct. */
struct spead_send_options {
    spead_send_done_fn *done; /* may be NULL */
    void *done_arg;
    uint32_t destination;  /* index of the endpoint or link */
    bool explicit_counter; /* true: use `counter` and do not advance the automatic heap counter */
    uint64_t counter;
};
/* clang-format off */
#define SPEAD_SEND_OPTIONS_INIT { 0 }
/* clang-format on */

/* Submits a heap. It never blocks and never copies payload. The heap and its payload are borrowed until the completion.
 * options may be NULL. Any thread may call it. Returns 0, or one of these errors. After an error the heap is refused:
 * -EAGAIN:    heaps_max heaps are in flight; the stream counts this refusal.
 * -EINVAL:    heap is NULL, destination or counter is out of range, or packets of this size cannot carry the heap
 *             (for example because repeated item pointers do not fit).
 * -ESHUTDOWN: stop() was called. */
int spead_send_stream_submit(struct spead_send_stream *stream, const struct spead_send_heap *heap,
                             const struct spead_send_options *options);

/* Submits a heap as submit() does. When no slot is free, it waits for one until deadline_ns (CLOCK_MONOTONIC; 0:
 * without limit). Returns as submit(), and -ETIMEDOUT when no slot became free. Any thread but the owner thread may
 * call it. In the owner thread it returns -EDEADLK where it would have to wait. */
int spead_send_stream_submit_wait(struct spead_send_stream *stream,
                                  const struct spead_send_heap *heap,
                                  const struct spead_send_options *options, uint64_t deadline_ns);

/* Waits until every heap that was accepted before the call has completed, its completion has returned, and the
 * statistics show it. deadline_ns has the same meaning as in submit_wait(). Returns 0 or -ETIMEDOUT. Any thread but the
 * owner thread may call it. In the owner thread it returns -EDEADLK. */
int spead_send_stream_flush(struct spead_send_stream *stream, uint64_t deadline_ns);

/* Prepares the calling thread and the engine for sending. The owner thread calls it once, before the first poll(). At a
 * limited rate it sets the timer slack of the thread to the minimum (PR_SET_TIMERSLACK), because the pacer sleeps by
 * timers. Returns 0, or -errno of the engine. */
int spead_send_stream_start(struct spead_send_stream *stream, struct spead_err *err);

/* Sends the packets that are due. Owner thread; it never blocks. Returns the number of packets that the engine took
 * (0: no packet is due, or the engine has no room), -ESHUTDOWN when the stream was stopped and has completed all
 * heaps, or another -errno when the engine has failed. */
int spead_send_stream_poll(struct spead_send_stream *stream);

/* Owner thread. Sleeps until a producer submits a heap, the pacer allows the next burst, the engine has room or
 * results, a thread calls stop(), or deadline_ns (CLOCK_MONOTONIC; 0: the caller sets no limit) has passed.
 * Returns 0. */
int spead_send_stream_wait(struct spead_send_stream *stream, uint64_t deadline_ns);

/* Calls start(), and then poll() and wait() again and again, until the stream was stopped and has completed all heaps.
 * Returns 0, or -errno when start() or the engine failed. */
int spead_send_stream_run(struct spead_send_stream *stream, struct spead_err *err);

/* Stops the stream. After this call the stream refuses new heaps. It still sends the heaps that it has accepted. When
 * all of them have completed, poll() returns -ESHUTDOWN. A second call makes the stream abandon the heaps that are not
 * yet sent: they complete with -ECANCELED. Any thread and signal handlers may call it. */
void spead_send_stream_stop(struct spead_send_stream *stream);

/* Fills *stats, which starts from SPEAD_SEND_STATS_INIT. Any thread may call it. The numbers are exact for the end of
 * the last poll(). */
void spead_send_stream_stats(const struct spead_send_stream *stream,
                             struct spead_send_stats *stats);

/* A thread that runs a send stream. The functions have the same contracts as those of spead_recv_runner. */
struct spead_send_runner; /* opaque */
int spead_send_runner_start(struct spead_send_runner **out, struct spead_send_stream *stream,
                            int cpu, struct spead_err *err);
int spead_send_runner_join(struct spead_send_runner *runner, uint64_t *cpu_ns);

#ifdef __cplusplus
}
#endif
#endif
