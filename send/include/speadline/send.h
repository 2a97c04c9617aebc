/* SPDX-License-Identifier: Apache-2.0 */
/* One SPEAD send stream. Producers submit heaps to the stream, and the stream sends the packets of these heaps.
 *
 * Threads:  One thread owns the stream, the owner thread. Only the owner thread calls start(), poll(), wait() and
 *           run(). Any number of threads may call submit() and submit_wait() at the same time. Any thread other than
 *           the owner thread may call flush(). Any thread may call stop() and stats(), and a signal handler may call
 *           stop().
 * Lifetime: create -> [start -> poll and wait, until poll() returns a negative value] -> destroy. The function run()
 *           does the part in brackets on the calling thread. A spead_send_runner does that part on a new thread.
 *           A stream runs once. Destroy a heap after its last send has completed, which is certain after flush() and
 *           after join() of the runner.
 * The end:  spead_send_stream_stop() ends this stream, but it sends nothing. If the receivers are to end too, submit a
 *           stop heap (spead_send_heap_create_control()) to each endpoint before stop(). The README has an example.
 * Bounds:   At most heaps_max heaps are in flight. When that many heaps are in flight, submit() returns -EAGAIN. */
#ifndef SPEADLINE_SEND_H
#define SPEADLINE_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/deadline.h>
#include <speadline/descriptor.h>
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

/* The description of a heap: its items in order. The caller builds the description once and may send it many times. A
 * send of the heap is in flight from submit() until its completion. During that time the caller must not change or
 * destroy the heap. Between two sends the caller may change the values of items. The functions do not lock: the caller
 * must make sure that only one thread at a time uses a heap. */
struct spead_send_heap; /* opaque */

/* Makes a heap without items. Returns 0 and gives *out to the caller, -EINVAL (flavour is not valid) or -ENOMEM. Any
 * thread. */
int spead_send_heap_create(struct spead_send_heap **out, struct spead_flavour flavour);
/* Frees a heap of which no send is in flight. NULL is ignored. */
void spead_send_heap_destroy(struct spead_send_heap *heap);

/* Removes all items from the heap and sets its flavour. The heap does not free the memory of the items, but uses it for
 * later items. So a program that resets and describes one heap many times soon allocates no more memory. Handles that
 * earlier calls returned are no longer valid. Returns 0 or -EINVAL (flavour is not valid). After -EINVAL the heap is
 * unchanged. */
int spead_send_heap_reset(struct spead_send_heap *heap, struct spead_flavour flavour);

/* Adds an immediate item, whose value travels in the item pointer. Returns the handle of the item (>= 0) for later
 * changes, or -EINVAL (id is below 5, or does not fit the flavour), -ERANGE (value does not fit the N heap-address bits
 * of the flavour) or -ENOMEM. Ids 1 to 4 are refused because the packetiser writes these items itself. */
int spead_send_heap_add_immediate(struct spead_send_heap *heap, uint64_t id, uint64_t value);

/* Adds an item whose value is the given number of bytes at `data`. The bytes travel in the payload of the heap. The
 * heap borrows `data` until the last send of the heap has completed. If allow_immediate is true, an item of at most N/8
 * bytes (N as in add_immediate()) travels in the item pointer instead, as one big-endian number. Returns the same
 * values as spead_send_heap_add_immediate(), with two differences. -ERANGE means that N bits cannot express the new
 * length of the payload. -EINVAL can also mean that `data` is NULL and `bytes` is not 0. */
int spead_send_heap_add_item(struct spead_send_heap *heap, uint64_t id, const void *data,
                             size_t bytes, bool allow_immediate);

/* Adds the stream-control item (0x06) with this value. Returns the same values as spead_send_heap_add_immediate(). */
int spead_send_heap_add_control(struct spead_send_heap *heap, enum spead_stream_control value);

/* Adds an item that describes the items with the identifier of the descriptor (descriptor.h), in the flavour of the
 * heap. `bug_compat` is a combination of enum spead_bug_compat, 0 for receivers that follow the protocol. The heap
 * encodes the descriptor into memory of its own, which it frees when it is reset or destroyed; so it keeps neither
 * `descriptor` nor a reference to it. The item cannot be changed: spead_send_heap_set_item() refuses its handle.
 * Returns the handle of the item (>= 0), -EINVAL (bug_compat has unknown bits), -ERANGE (the descriptor does not fit
 * the flavour or the heap) or -ENOMEM, with a sentence in *err. err may be NULL. After an error the heap is unchanged.
 * */
int spead_send_heap_add_descriptor(struct spead_send_heap *heap,
                                   const struct spead_descriptor *descriptor, uint32_t bug_compat,
                                   struct spead_err *err);

/* Makes a heap that has nothing but the stream-control item, such as the start heap and the stop heap of a stream. If it is
 * submitted without an explicit counter, its counter continues the sequence of the stream. The heap may be submitted many
 * times, for example to each destination. Returns the same values as spead_send_heap_create(); destroy it in the same
 * way. */
int spead_send_heap_create_control(struct spead_send_heap **out, struct spead_flavour flavour,
                                   enum spead_stream_control value);

/* The two functions change the value of an item between two sends of the heap. set_immediate() is for immediate items;
 * set_item() is for the other items. `handle` is the value that the add function returned. Both return 0, -EINVAL (the
 * heap has no item with this handle, or the item needs the other function) or -ERANGE (the same meaning as in the add
 * function). */
int spead_send_heap_set_immediate(struct spead_send_heap *heap, int handle, uint64_t value);
int spead_send_heap_set_item(struct spead_send_heap *heap, int handle, const void *data,
                             size_t bytes);

/* Sets whether every packet of the heap carries all item pointers. Some receivers need all pointers in every packet,
 * because they interpret each packet without the other packets of its heap. By default only the first packets of a heap
 * carry item pointers. */
void spead_send_heap_repeat_pointers(struct spead_send_heap *heap, bool repeat);

/* The number of bytes of the header of a packet that carries `items` item pointers. */
#define SPEAD_SEND_HEADER_BYTES(items) (40u + 8u * (items))

/* Gives *header room* to the heap: `bytes` bytes at `room`, into which the stream may write the header of the heap. If the
 * whole heap is one packet, and its payload begins where the room ends, header and payload then lie one behind another,
 * and the engines `socket` and `uring` need not copy the payload to bring them together. The packets of such heaps are sent
 * with the least work if their memory lies in the order in which they are submitted, without a gap: each heap has
 * SPEAD_SEND_HEADER_BYTES bytes of room, then its payload, and the room of the next heap follows at once. Where the room
 * cannot be used, because the heap has more packets, the room is too small, or the payload begins elsewhere, the heap is
 * sent as without it.
 * The heap borrows the room, as it does its data, until reset() or until this function is called again (NULL: no room). No
 * other heap may have the same room, and only the stream may write to it: it leaves the header there, and the next send of
 * an unchanged heap needs only another counter. A heap with header room must not be in flight on two streams at a time. On
 * one stream it may be: the second packet then gets a header elsewhere. */
void spead_send_heap_set_header_room(struct spead_send_heap *heap, void *room, size_t bytes);

/* Returns the length of the payload: the sum of the lengths of all addressed items, in bytes. */
uint64_t spead_send_heap_payload_bytes(const struct spead_send_heap *heap);

/* ---- The stream ---------------------------------------------------------------------------- */

/* The two functions describe the engines that a send stream can use. Their contracts are those of
 * spead_recv_engine_info() and spead_recv_engine_usable(). */
int spead_send_engine_info(uint32_t index, struct spead_engine_info *info);
int spead_send_engine_usable(const char *name, struct spead_err *err);

struct spead_send_stream; /* opaque */

/* Which bytes of a packet rate_bytes_per_s counts. */
enum spead_rate_of {
    /* only the SPEAD bytes: header, item pointers and payload, as spead2 counts */
    SPEAD_RATE_SPEAD = 0,
    /* The rate counts the SPEAD bytes, and also the UDP, IP and Ethernet bytes of each packet. The Ethernet bytes
     * include the checksum (FCS), the preamble and the gap between frames. Each packet then has 66 bytes more with
     * IPv4, and 86 bytes more with IPv6. */
    SPEAD_RATE_WIRE = 1,
};

/* How the bytes of a packet get from the heap to the kernel. Only the engines `socket` and `uring` have these two ways;
 * with another engine, create() refuses every value but SPEAD_SEND_PATH_AUTO with -ENOTSUP. */
enum spead_send_path {
    /* The engine chooses for each packet: packets whose pieces (header and payload) have fewer than 1536 bytes on
     * average are gathered. For ordinary packets of two pieces, these are the packets below 3072 bytes. */
    SPEAD_SEND_PATH_AUTO = 0,
    /* The engine copies the header and the payload of several packets into one small buffer that stays in the CPU's
     * cache, and the kernel gets one long piece. The CPU must be able to read the payload: create() refuses this value
     * with -EINVAL if a piece of `memory` is a dma-buf. */
    SPEAD_SEND_PATH_GATHER = 1,
    /* The kernel gets the address of each header and of each piece of payload. */
    SPEAD_SEND_PATH_REFERENCE = 2,
};

/* A piece of memory that contains payload. An engine that bypasses the kernel registers the piece with the device. Then
 * the device reads payload from the piece without a copy. Such an engine first copies all payload that lies in no
 * registered piece. The caller must leave the memory at its address until the stream is destroyed. */
struct spead_send_memory {
    /* The address of the first byte of the memory. If is_dma_buf is true, nobody reads through this address. The stream
     * only computes with it: an item whose `data` is this address + x begins x bytes after the beginning of the
     * memory. */
    const void *data;
    size_t bytes; /* size of the memory */
    /* True: the memory belongs to a device, and the CPU cannot read it. It must consist of whole pages. Only an engine
     * with a suitable device can send from it. False: the memory is plain memory of the process. */
    bool is_dma_buf;
    int fd;             /* file descriptor of the dma-buf; the caller may close it after create() */
    uint64_t fd_offset; /* offset of the memory in the dma-buf, in bytes */
};

/* The default values that SPEAD_SEND_STREAM_CONFIG_INIT sets. Each macro belongs to a field of struct
 * spead_send_stream_config; the comment of that field says what the value means. */
#define SPEAD_SEND_PACKET_BYTES_DEFAULT        1472u /* fits an MTU of 1500 bytes (IPv4, UDP) */
#define SPEAD_SEND_SOCKET_BUFFER_BYTES_DEFAULT (512u << 10) /* 512 KiB */
#define SPEAD_SEND_HEAPS_DEFAULT               4u
#define SPEAD_SEND_BURST_BYTES_DEFAULT         65536u
#define SPEAD_SEND_BURST_RATE_RATIO_DEFAULT    1.05

/* The configuration of a send stream. Start from SPEAD_SEND_STREAM_CONFIG_INIT and set the fields that must differ from
 * their defaults. If a value is out of range, create() returns -EINVAL and names the field in its err. Where the
 * comment of a field says "borrowed", the caller must keep the memory valid only until create() returns. */
struct spead_send_stream_config {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */

    /* The endpoints that the stream sends to, each as a text "HOST:PORT" or "[V6]:PORT". "%IF" behind the port names
     * the interface of this endpoint, as in "239.1.2.3:7148%eth0"; it must not contradict the interface of the stream.
     * A zone inside the brackets is the scope of the address. The same endpoint given twice is two flows. The stream
     * needs 1 to 64 destinations: either endpoints or memory links. For each heap the producer chooses one of the
     * destinations. For example, each substream can have a destination of its own. The stream borrows the array and the
     * strings. */
    const char *const *endpoints;
    uint32_t endpoint_count;
    /* The memory links that the stream sends to, if it has no endpoints. The stream takes a reference to each link. It
     * borrows the array. */
    struct spead_mem_link *const *links;
    uint32_t link_count;

    /* The name of the engine: one of the names that spead_send_engine_info() returns, or "auto" (default). NULL means
     * the same as "auto". "auto" chooses the usable engine with the lowest rank. Borrowed. */
    const char *engine;
    /* The network interface from which the stream sends: its name ("eth0") or one of its addresses. It holds
     * for all endpoints that name none. NULL (default): the routes of the kernel decide. Borrowed. */
    const char *interface;
    /* The faults that the fault decorator makes on purpose in the packets, as a text (see docs/faults.md). NULL
     * (default): no faults. Borrowed. */
    const char *fault;
    /* The size of the largest SPEAD packet, in bytes, with header and item pointers; 56 to 65507, default 1472. The
     * stream rounds the size down to a multiple of 8. */
    uint32_t packet_bytes_max;
    /* The size of the send buffer that the stream requests from the kernel for each socket, in bytes; default 512
     * KiB. */
    uint32_t socket_buffer_bytes;
    /* The time to live of multicast packets: through how many networks a packet can pass. 0 to 255, default 1. */
    uint32_t multicast_ttl;

    /* The largest number of heaps that can be in flight, which means submitted and not yet completed. 1 to 2^20,
     * default 4. */
    uint32_t heaps_max;
    /* The rate at which the stream sends, in bytes per second. 0 (default) means no limit. */
    double rate_bytes_per_s;
    enum spead_rate_of rate_of; /* which bytes the rate counts; default SPEAD_RATE_SPEAD */
    /* At a limited rate, the stream sends in bursts, with pauses between them. This is the largest size of a burst, in
     * bytes; default 64 KiB. */
    uint32_t burst_bytes;
    /* A stream that is late sends faster than rate_bytes_per_s, until it is no longer late. This ratio limits that: the
     * stream never sends faster than rate_bytes_per_s times the ratio. >= 1, default 1.05. */
    double burst_rate_ratio;

    /* The automatic heap counters: the stream gives the first heap this first counter, and each later heap a counter
     * that is larger by the step. Defaults: 1 and 1. Several senders of one receiver share the counters if sender i of n
     * begins at i and has the step n. spead_send_stream_set_counters() changes both later. */
    uint64_t heap_counter_first, heap_counter_step;
    struct spead_log log; /* gets the warnings and decisions of the stream; default: no callback */

    /* True: the device paces the packets at rate_bytes_per_s, and the stream itself does not pause between bursts. Only
     * engines with a suitable device can do this. False (default): the stream paces the packets. */
    bool hardware_rate;
    /* True: the stream gives the device one large request, and the device cuts it into packets of one size (TSO). Only
     * engines with a suitable device can do this. This option is experimental, because nobody has tried it on hardware
     * yet. Default false. */
    bool hardware_tso;
    /* The memory that contains the payload of later heaps, as an array of memory_count pieces that do not overlap. By
     * default this is NULL and memory_count is 0, which means that the caller names no memory. The stream borrows the
     * array. The memory itself must stay at its address until the stream is destroyed. */
    const struct spead_send_memory *memory;
    uint32_t memory_count;
    uint32_t reserved;

    /* A list of options that only particular engines have, such as struct spead_send_verbs_config (speadline/verbs.h).
     * NULL (default): every engine uses its defaults. Borrowed. */
    const struct spead_engine_options *engine_options;
    /* True: the first packet that cannot be sent ends the stream, whatever the reason is: poll() returns its error, and
     * the other heaps are abandoned. False (default): such packets are only counted, in the bucket of their error, and
     * the stream goes on. The log names each error once. Later lines, at most one in 10 s, say how many such packets
     * came after the line before. */
    bool fail_fast;
    uint8_t reserved_fail_fast[7];
    /* How packets reach the kernel; default SPEAD_SEND_PATH_AUTO. */
    enum spead_send_path send_path;
    /* The bytes of payload in every packet except the last one of a heap, for receivers that find the place of a packet by
     * a division. A multiple of 8, from 8 to packet_bytes_max (rounded down) without 48 bytes: the header and one item
     * pointer. All item pointers of a heap are then in its first packet, which is therefore longer than the others, or in
     * every packet. A heap whose pointers leave less room than that is refused with -EINVAL. 0 (default): each packet has
     * as much payload as fits. */
    uint32_t packet_payload_bytes;
    /* A train is several packets of one size that the kernel gets in one call. The last packet of a heap is usually
     * shorter and ends its train, so heaps of a few packets make short trains. With mix_heaps N the stream sends the full
     * packets of up to N consecutive heaps first, and then their last packets, if this makes fewer trains. Such heaps have
     * one destination and one rate, and at most 65507 bytes each. The packets of one heap stay in order, and so do the
     * completions; but a heap begins before up to N - 1 heaps before it have ended, so a receiver needs N live heaps
     * (live_heaps_max). Groups of ROUND_ROBIN are not touched, and with packet_payload_bytes only heaps that repeat
     * their item pointers are mixed. 0 (default) or 1: heaps leave one after another. At most
     * 64. Engines that build no trains refuse N > 1 with -ENOTSUP: memory links, and engine verbs without
     * hardware_tso. */
    uint32_t mix_heaps;
    uint32_t reserved_end;
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
/* Does what SPEAD_SEND_STREAM_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_send_stream_config_init(struct spead_send_stream_config *config, size_t size);

/* Creates a stream and opens its engine. Returns 0 and gives *out to the caller. Returns -EINVAL (err names the field),
 * -ENOMEM, -ENOTSUP (the engine cannot do what the configuration asks for), or the -errno of a network call. On failure
 * *out is unchanged. err may be NULL. Any thread may call this function; it may block. */
int spead_send_stream_create(struct spead_send_stream **out,
                             const struct spead_send_stream_config *config, struct spead_err *err);

/* Frees the stream. Before that, the function completes every heap that is still in flight with -ECANCELED. It runs the
 * completion functions of these heaps on the calling thread. The owner thread must have stopped calling poll() and
 * wait(). NULL is ignored. */
void spead_send_stream_destroy(struct spead_send_stream *stream);

/* What create() has decided: the engine, and how much memory the stream uses. The strings live as long as the
 * stream. */
struct spead_send_plan {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    /* The size of the send buffer that the kernel has granted, in bytes. 0 means that the engine has no socket
     * buffer. */
    uint32_t socket_buffer_bytes;
    const char *engine;        /* name of the engine that the stream uses */
    const char *engine_reason; /* one sentence: why the stream uses this engine */
    uint64_t memory_bytes; /* all memory that the stream has, in bytes; this never grows later */
    /* Engine verbs: how many packets the queue of the device holds, and the size of the memory for their headers and for
     * payload that is copied, in bytes. 0 for the other engines. */
    uint64_t queue_packets, queue_bytes;
};
/* clang-format off */
#define SPEAD_SEND_PLAN_INIT { .struct_size = sizeof(struct spead_send_plan) }
/* clang-format on */
/* Does what SPEAD_SEND_PLAN_INIT does; `size` is sizeof *plan. Any thread. See docs/abi.md. */
void spead_send_plan_init(struct spead_send_plan *plan, size_t size);
/* Fills *plan. The caller must have set plan->struct_size by SPEAD_SEND_PLAN_INIT. Any thread may call this
 * function. */
void spead_send_stream_plan(const struct spead_send_stream *stream, struct spead_send_plan *plan);

/* How the send of one heap has ended. The stream passes this to the completion function. */
struct spead_send_result {
    /* 0 if every packet of the heap was sent. Otherwise the first error of a packet, as -errno. -ECANCELED means that
     * the stream has abandoned the heap, and -ENOBUFS that a full queue of this host has dropped packets. */
    int error;
    uint64_t bytes;   /* SPEAD bytes that were sent, with headers */
    uint64_t counter; /* the heap counter that the packets carry */
};

/* The completion function of a heap. The owner thread of the stream calls it once for each accepted heap, in the order
 * in which the stream accepted the heaps. When the call begins, the heap no longer counts as in flight, so this
 * function may submit another heap. It must not block. */
typedef void spead_send_done_fn(void *arg, const struct spead_send_result *result);

/* How to send one heap. Start from SPEAD_SEND_OPTIONS_INIT, or from a zeroed struct. */
struct spead_send_options {
    /* completion function of the heap; NULL means that the stream calls none */
    spead_send_done_fn *done;
    void *done_arg;       /* first argument of done() */
    uint32_t destination; /* index of the endpoint or link in the arrays of the stream */
    /* True: the heap gets the heap counter `counter`, and the automatic counter of the stream does not change. False:
     * the heap gets the next automatic counter. */
    bool explicit_counter;
    /* True: the heap has the rate `rate_bytes_per_s`. False: it has the rate of the stream. */
    bool explicit_rate;
    uint64_t counter; /* the heap counter, if explicit_counter is true */
    /* The rate of the packets of this heap if explicit_rate is true, in bytes per second, at least 1. 0 means no limit;
     * a negative value means the rate of the stream. It counts the same bytes as the rate of the stream (rate_of), and
     * the same size of bursts and the same burst_rate_ratio apply. A heap never overtakes the heaps before it, so it
     * waits until they were sent at their rates. A heap with another rate than the one before it begins a new batch, so
     * groups of ROUND_ROBIN whose heaps have different rates cost much more CPU for each packet. A device that paces
     * (hardware_rate) knows one rate only, so a stream with such a device refuses 0 and positive values with -ENOTSUP. */
    double rate_bytes_per_s;
};
/* clang-format off */
#define SPEAD_SEND_OPTIONS_INIT { 0 }
/* clang-format on */
/* Does what SPEAD_SEND_OPTIONS_INIT does; `size` is sizeof *options. Any thread. See docs/abi.md. */
void spead_send_options_init(struct spead_send_options *options, size_t size);

/* Submits a heap. The call never blocks and never copies payload. The stream borrows the heap and its payload until the
 * completion. `options` may be NULL, which means SPEAD_SEND_OPTIONS_INIT. Any thread may call this function. Returns 0,
 * or one of these errors, after which the stream has not accepted the heap:
 *     -EAGAIN:    heaps_max heaps are in flight already; the stream counts this refusal
 *     -EINVAL:    `heap` is NULL, or `destination`, `counter` or `rate_bytes_per_s` is out of range, or packets of this
 *                 size cannot carry the heap (for example because repeated item pointers do not fit, or because
 *                 packet_payload_bytes do not fit beside them)
 *     -ENOTSUP:   the heap has a rate of its own, and the device paces the packets; or a packet of the heap would have
 *                 more than 16 pieces of payload, and still more than 16 when all pieces are copied that the CPU can
 *                 read (is_dma_buf) and pieces of a device that touch each other are one: send fewer and longer items
 *     -ESHUTDOWN: stop() was called */
int spead_send_stream_submit(struct spead_send_stream *stream, const struct spead_send_heap *heap,
                             const struct spead_send_options *options);

/* Submits a heap as submit() does. If heaps_max heaps are in flight, it waits until one of them completes or until
 * deadline_ns, which is a deadline (deadline.h). Returns the same values as submit(), -ETIMEDOUT when the deadline has
 * passed, and -EINVAL when deadline_ns is a duration. Any thread may call this function. In the owner thread it never
 * waits: if heaps_max heaps are in flight there, it returns -EDEADLK. */
int spead_send_stream_submit_wait(struct spead_send_stream *stream,
                                  const struct spead_send_heap *heap,
                                  const struct spead_send_options *options, uint64_t deadline_ns);

/* Begins a new sequence of automatic heap counters: the next heap that the stream accepts and that has no explicit counter
 * gets `next`, and each later one a counter that is larger by `step`. Counters wrap at 2^N of the flavour of their heap.
 * Heaps that were accepted before this call keep the counters of the old sequence, also if they have not been sent yet.
 * Heaps that other threads submit during this call get counters of either sequence. Any thread may call this function,
 * before the stream starts and while it runs. Returns 0, -EINVAL (step is 0) or -EAGAIN: 8 earlier changes wait, each for
 * a heap that was accepted before it and that the owner thread has not looked at yet. Then nothing has changed. */
int spead_send_stream_set_counters(struct spead_send_stream *stream, uint64_t next, uint64_t step);

/* ---- Groups of heaps ----------------------------------------------------------------------- */

/* In which order the packets of a group leave. The packets of one heap are always in order. */
enum spead_send_group_order {
    /* The packets of the first heap, then those of the second, and so on. On a stream with mix_heaps they are mixed like
     * heaps outside of a group. */
    SPEAD_SEND_GROUP_SERIAL = 0,
    /* one packet of each heap that is not finished yet, in turn */
    SPEAD_SEND_GROUP_ROUND_ROBIN = 1,
};

/* One heap of a group, with its own completion function, destination, heap counter and rate. Start from a zeroed struct. */
struct spead_send_group_heap {
    const struct spead_send_heap *heap;
    struct spead_send_options options;
};

/* Submits the heaps of a group, all or none. No heap of another producer comes between them: their automatic counters
 * follow each other, and so do their packets. Each heap completes by itself, with its own result. They complete in the
 * order of the array, as all heaps do: in a ROUND_ROBIN group a heap that is sent early waits for the heaps before it.
 * The stream reads the array only during this call. It borrows each heap and its payload until the completion of this
 * heap. The same heap may stand in the array several times. The packets of a ROUND_ROBIN group belong to several heaps
 * at a time, so a receiver needs room for as many live heaps. Any thread may call this function, and it never blocks.
 * Returns 0, or one of these errors, after which the stream has accepted no heap of the group and no automatic counter
 * has changed:
 *     -EAGAIN:    the group does not fit now, because other heaps are in flight; the stream counts `count` refused
 *                 heaps
 *     -EINVAL:    `count` is 0 or exceeds heaps_max, so that the group never fits; or `order` is unknown; or one of the
 *                 heaps would be refused by spead_send_stream_submit() with -EINVAL or -ENOTSUP, and then with that error
 *     -ESHUTDOWN: stop() was called */
int spead_send_stream_submit_group(struct spead_send_stream *stream,
                                   const struct spead_send_group_heap *heaps, uint32_t count,
                                   enum spead_send_group_order order);

/* Submits a group as spead_send_stream_submit_group() does. If the group does not fit, it waits until enough heaps have
 * completed or until deadline_ns, which is a deadline (deadline.h). Producers of single heaps do not wait for it, so a
 * group can wait as long as they keep the stream full. Returns the same values as submit_group(), -ETIMEDOUT when the
 * deadline has passed, and -EINVAL also when deadline_ns is a duration. Any thread may call this function. In the owner
 * thread it never waits: if the group does not fit there, it returns -EDEADLK. */
int spead_send_stream_submit_group_wait(struct spead_send_stream *stream,
                                        const struct spead_send_group_heap *heaps, uint32_t count,
                                        enum spead_send_group_order order, uint64_t deadline_ns);

/* ---- Running ------------------------------------------------------------------------------- */

/* Waits until every heap that was accepted before this call has completed. At that time the completion functions of
 * these heaps have returned, and the statistics show the heaps. deadline_ns is a deadline (deadline.h). Returns 0,
 * -ETIMEDOUT, or -EINVAL (deadline_ns is a duration). Any thread other than the owner thread may call this function; in
 * the owner thread it returns -EDEADLK. */
int spead_send_stream_flush(struct spead_send_stream *stream, uint64_t deadline_ns);

/* Prepares the calling thread, which is the owner thread, and the engine for sending. Call it once, before the first
 * poll(). At a limited rate it sets the timer slack of the thread to the minimum (PR_SET_TIMERSLACK), so that the
 * sleeps of the thread end at the right time. Returns 0, -EBUSY (the stream was started before: it runs once), or the
 * -errno of the engine, with a sentence in *err. After an error nothing has changed. err may be NULL. */
int spead_send_stream_start(struct spead_send_stream *stream, struct spead_err *err);

/* Sends the packets that the rate allows to be sent now. Owner thread; it never blocks. Returns
 *  >= 0        the number of packets that the engine took; 0 means that the rate allows no packet yet, or that the
 *              engine has no room
 *  -ESHUTDOWN  the stream was stopped, and all heaps have completed
 *  other       the -errno with which the engine has failed */
int spead_send_stream_poll(struct spead_send_stream *stream);

/* Sleeps until there is something to do, and then returns 0. It returns when a producer submits a heap, when the rate
 * allows the next burst, when the engine has room or results, or when a thread calls stop(). It also returns at
 * deadline_ns, which is a deadline (deadline.h). It returns -EINVAL when deadline_ns is a duration. Owner thread. */
int spead_send_stream_wait(struct spead_send_stream *stream, uint64_t deadline_ns);

/* Calls start() once, and after it poll() and wait() again and again, until the stream was stopped and all heaps have
 * completed. The calling thread is the owner thread. Returns 0, or the -errno with which start() or the engine
 * failed, with a sentence in *err. err may be NULL. */
int spead_send_stream_run(struct spead_send_stream *stream, struct spead_err *err);

/* Stops the stream. After this call the stream refuses new heaps. It still sends the heaps that it has accepted. When
 * all of these heaps have completed, poll() returns -ESHUTDOWN. A second call makes the stream abandon the heaps that
 * it has not sent yet: they complete with -ECANCELED. Any thread and any signal handler may call this function. */
void spead_send_stream_stop(struct spead_send_stream *stream);

/* Fills *stats with the counters of the stream, as they were after the last poll(). The caller must have set
 * stats->struct_size by SPEAD_SEND_STATS_INIT. Any thread may call this function. */
void spead_send_stream_stats(const struct spead_send_stream *stream,
                             struct spead_send_stats *stats);

/* A thread that runs a send stream and is its owner thread. The two functions have the same contracts as
 * spead_recv_runner_start() and spead_recv_runner_join(). */
struct spead_send_runner; /* opaque */
int spead_send_runner_start(struct spead_send_runner **out, struct spead_send_stream *stream,
                            int cpu, struct spead_err *err);
int spead_send_runner_join(struct spead_send_runner *runner, uint64_t *cpu_ns);

#ifdef __cplusplus
}
#endif
#endif
