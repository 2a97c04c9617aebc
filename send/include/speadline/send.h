/* One SPEAD send stream: heaps in, packets out.
 *
 * Threads:  one thread owns the stream: it alone calls start(), poll(), wait() and run(). submit() and
 *           submit_wait() may be called by any number of threads; flush() by any but the owner;
 *           stop() and stats() by any, stop() also in a signal handler.
 * Lifetime: create -> [start -> poll/wait ... until -ESHUTDOWN] -> destroy. run() does the part in
 *           brackets; a spead_send_runner does it on a thread of its own.
 * Bounds:   at most heaps_max heaps are in flight; submit() answers -EAGAIN beyond that. */
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

/* A heap being described: items in order. It is built once and may be sent many times, also with
 * changed values, but never changed or destroyed while a send of it is in flight.
 * Threads: none of its own; the caller serialises. */
struct spead_send_heap; /* opaque */

/* Returns 0 and gives *out to the caller, -EINVAL (flavour not valid) or -ENOMEM. */
int spead_send_heap_create(struct spead_send_heap **out, struct spead_flavour flavour);
void spead_send_heap_destroy(struct spead_send_heap *heap); /* NULL is ignored */

/* Takes all items out and sets the flavour. Their memory is kept: a heap that is described over and over
 * soon allocates nothing. Handles end. Returns 0 or -EINVAL (flavour not valid; then nothing changed). */
int spead_send_heap_reset(struct spead_send_heap *heap, struct spead_flavour flavour);

/* Adds an item whose value sits in its pointer. Returns the item's handle (>= 0), -EINVAL (id is 0 or
 * does not fit), -ERANGE (value does not fit N bits) or -ENOMEM. Ids 1 to 4 are the packetiser's own
 * and are refused. */
int spead_send_heap_add_immediate(struct spead_send_heap *heap, uint64_t id, uint64_t value);

/* Adds an item of bytes bytes at data, in the heap's payload. data is borrowed until the last send
 * of the heap has completed. With allow_immediate an item of at most N/8 bytes is sent in its
 * pointer, big-endian as it lies in memory. Returns as above (-ERANGE: the heap's payload would be
 * longer than N bits can say), and -EINVAL when data is NULL and bytes is not 0. */
int spead_send_heap_add_item(struct spead_send_heap *heap, uint64_t id, const void *data,
                             size_t bytes, bool allow_immediate);

/* Adds stream-control item 0x06. Returns as add_immediate. */
int spead_send_heap_add_control(struct spead_send_heap *heap, enum spead_stream_control value);

/* Changes an item between sends. -EINVAL: no such handle, or of the other kind; -ERANGE as add. */
int spead_send_heap_set_immediate(struct spead_send_heap *heap, int handle, uint64_t value);
int spead_send_heap_set_item(struct spead_send_heap *heap, int handle, const void *data,
                             size_t bytes);

/* Repeats all item pointers in every packet, for receivers that read packets by themselves. */
void spead_send_heap_repeat_pointers(struct spead_send_heap *heap, bool repeat);

/* Payload bytes of all addressed items. */
uint64_t spead_send_heap_payload_bytes(const struct spead_send_heap *heap);

/* ---- The stream ---------------------------------------------------------------------------- */

/* The engines that send streams can have; as spead_recv_engine_info() and spead_recv_engine_usable(). */
int spead_send_engine_info(uint32_t index, struct spead_engine_info *info);
int spead_send_engine_usable(const char *name, struct spead_err *err);

struct spead_send_stream; /* opaque */

/* What a rate counts. */
enum spead_rate_of {
    SPEAD_RATE_SPEAD = 0, /* SPEAD bytes: header, item pointers, payload (as spead2) */
    SPEAD_RATE_WIRE = 1, /* also UDP, IP and Ethernet with FCS, preamble, gap: 66 bytes (IPv6 86) */
};

/* Memory that payload is sent from. An engine that goes past the kernel registers it with the device
 * and sends from it in place; payload that lies elsewhere it copies. It stays where it is as long as the
 * stream. */
struct spead_send_memory {
    const void *data; /* how items name its first byte */
    size_t bytes;
    /* A device's memory, which the CPU cannot read: `data` only names it; whole pages. Only an engine that has such a
     * device can send from it. */
    bool is_dma_buf;
    int fd; /* of the dma-buf; may be closed after create() */
    uint64_t fd_offset;
};

/* What SPEAD_SEND_STREAM_CONFIG_INIT sets. */
#define SPEAD_SEND_PACKET_BYTES_DEFAULT        1472u /* an Ethernet MTU of 1500, less IPv4 and UDP */
#define SPEAD_SEND_SOCKET_BUFFER_BYTES_DEFAULT (512u << 10) /* 512 KiB */
#define SPEAD_SEND_HEAPS_DEFAULT               4u
#define SPEAD_SEND_BURST_BYTES_DEFAULT         65536u
#define SPEAD_SEND_BURST_RATE_RATIO_DEFAULT    1.05

struct spead_send_stream_config {
    uint32_t struct_size; /* set by _INIT */

    /* Destinations: endpoints "HOST:PORT" or "[V6]:PORT", or memory links. Several are
     * substreams, chosen per heap. Borrowed during create() only; links are referenced. At most 64. */
    const char *const *endpoints;
    uint32_t endpoint_count;
    struct spead_mem_link *const *links;
    uint32_t link_count;

    const char *engine;           /* a name of spead_send_engine_info(), or "auto" (default) */
    const char *interface_name;   /* name or local address to send from; NULL: the route's */
    const char *fault;            /* fault decorator's specification (docs/faults.md); NULL: none */
    uint32_t packet_bytes_max;    /* largest SPEAD packet, rounded down to 8; >= 56 */
    uint32_t socket_buffer_bytes; /* asked of the kernel for each socket */
    uint32_t multicast_ttl;       /* default 1 */

    uint32_t heaps_max;      /* heaps in flight */
    double rate_bytes_per_s; /* 0: unlimited */
    enum spead_rate_of rate_of;
    uint32_t burst_bytes;    /* most bytes sent back to back at a limited rate */
    double burst_rate_ratio; /* how much faster than the rate it may catch up; >= 1 */

    uint64_t heap_counter_first, heap_counter_step; /* automatic numbering: 1, 1 */
    struct spead_log log;

    /* The device paces at rate_bytes_per_s, not the software. Only with an engine that has such a device; default
     * false. */
    bool hardware_rate;
    /* The device cuts packets of one size out of one request (TSO). Experimental: no hardware has verified it. Only with an
     * engine that has such a device; default false. */
    bool hardware_tso;
    const struct spead_send_memory *memory; /* borrowed during create(); pieces do not overlap */
    uint32_t memory_count;
    uint32_t reserved;

    /* Options of single engines, such as struct spead_send_verbs_config (speadline/verbs.h); NULL: their defaults.
     * Borrowed during create(). */
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

/* Returns 0 and gives *out to the caller, or -EINVAL (err names the field), -ENOMEM, -ENOTSUP, or
 * -errno of the network. On failure *out is untouched. err may be NULL. */
int spead_send_stream_create(struct spead_send_stream **out,
                             const struct spead_send_stream_config *config, struct spead_err *err);

/* Frees the stream; what is still in flight is completed with -ECANCELED first. The owner thread has
 * left poll() for good. NULL is ignored. */
void spead_send_stream_destroy(struct spead_send_stream *stream);

struct spead_send_plan {
    uint32_t struct_size;         /* set by _INIT */
    uint32_t socket_buffer_bytes; /* effective, read back; 0: none */
    const char *engine;
    const char *engine_reason;
    uint64_t memory_bytes; /* everything the stream allocated; it never grows */
};
/* clang-format off */
#define SPEAD_SEND_PLAN_INIT { .struct_size = sizeof(struct spead_send_plan) }
/* clang-format on */
void spead_send_stream_plan(const struct spead_send_stream *stream, struct spead_send_plan *plan);

/* How one heap ended. */
struct spead_send_result {
    int error;        /* 0: every packet was taken; else the first -errno (-ECANCELED: stopped) */
    uint64_t bytes;   /* SPEAD bytes handed over, headers included */
    uint64_t counter; /* the heap counter it was sent with */
};

/* Called once per accepted heap, in order of acceptance, on the owner thread. Its slot is free by
 * then, so it may submit again. It must not block. */
typedef void spead_send_done_fn(void *arg, const struct spead_send_result *result);

/* How to send one heap. Zero-initialise, or start from SPEAD_SEND_OPTIONS_INIT. */
struct spead_send_options {
    spead_send_done_fn *done; /* may be NULL */
    void *done_arg;
    uint32_t destination;  /* index of the endpoint or link */
    bool explicit_counter; /* use counter below; automatic numbering is not advanced */
    uint64_t counter;
};
/* clang-format off */
#define SPEAD_SEND_OPTIONS_INIT { 0 }
/* clang-format on */

/* Queues a heap; never blocks, never copies payload. The heap and its payload are borrowed until its
 * completion. options may be NULL. Returns 0, -EAGAIN (heaps_max in flight; counted as refused),
 * -EINVAL (destination or counter out of range, or the packet size cannot carry this heap: repeated
 * pointers that do not fit), -ESHUTDOWN after stop(). Any thread. */
int spead_send_stream_submit(struct spead_send_stream *stream, const struct spead_send_heap *heap,
                             const struct spead_send_options *options);

/* The same, but waits for a slot until deadline_ns (CLOCK_MONOTONIC; 0: without limit): -ETIMEDOUT.
 * Any thread but the owner, which gets -EDEADLK where it would wait. */
int spead_send_stream_submit_wait(struct spead_send_stream *stream,
                                  const struct spead_send_heap *heap,
                                  const struct spead_send_options *options, uint64_t deadline_ns);

/* Waits until everything accepted before the call has completed, callbacks and statistics included.
 * Returns 0 or -ETIMEDOUT. Any thread but the owner, which gets -EDEADLK. */
int spead_send_stream_flush(struct spead_send_stream *stream, uint64_t deadline_ns);

/* Owner thread, once, before the first poll. At a limited rate it takes the thread's timer slack away
 * (PR_SET_TIMERSLACK), as the pacer sleeps by timers. */
int spead_send_stream_start(struct spead_send_stream *stream, struct spead_err *err);

/* Sends what is due; never blocks. Returns the number of packets handed over (0: nothing due or no
 * room), -ESHUTDOWN once stopped and drained, or another -errno when the transport has failed. */
int spead_send_stream_poll(struct spead_send_stream *stream);

/* Sleeps until a heap is submitted, the pacer's time has come, the transport has room, stop(), or
 * deadline_ns (CLOCK_MONOTONIC; 0: no limit of the caller's). Returns 0. */
int spead_send_stream_wait(struct spead_send_stream *stream, uint64_t deadline_ns);

/* start, then poll and wait until stopped. Returns 0, or -errno when the transport failed. */
int spead_send_stream_run(struct spead_send_stream *stream, struct spead_err *err);

/* Refuses new heaps, sends what was accepted, then ends. A second call abandons what was not yet
 * sent (completed with -ECANCELED). Any thread, and signal handlers. */
void spead_send_stream_stop(struct spead_send_stream *stream);

/* Fills *stats (struct_size set by its _INIT). Any thread; exact as of the last poll. */
void spead_send_stream_stats(const struct spead_send_stream *stream,
                             struct spead_send_stats *stats);

/* A thread that runs a stream; as spead_recv_runner. */
struct spead_send_runner; /* opaque */
int spead_send_runner_start(struct spead_send_runner **out, struct spead_send_stream *stream,
                            int cpu, struct spead_err *err);
int spead_send_runner_join(struct spead_send_runner *runner, uint64_t *cpu_ns);

#ifdef __cplusplus
}
#endif
#endif
