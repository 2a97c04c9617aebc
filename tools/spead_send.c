/* SPDX-License-Identifier: Apache-2.0 */
/* spead-send: sends heaps of a given size, at a given rate, to one or several destinations.
 *
 * One thread does everything and owns the stream. When a heap completes, the completion function fills the same heap
 * again and submits it. So the program hands nothing from one thread to another, and one CPU core is enough. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <speadi/clock.h>
#include <speadi/cpus.h>
#include <speadi/err.h>
#include <speadi/free_memory.h>

#include "option_effect.h"
#include "send_plan.h"
#include "send_report.h"
#include "spead2_pattern.h"
#include "spead_send_options.h"
#include "tool_exit.h"
#include "tool_limits.h"
#include "tool_secure.h"
#include "tool_signal.h"
#include "tool_terminal.h"
#include "verify_pattern.h"

#define TICK_NS 100000000u /* the program looks at signals and the clock at least this often */
/* In an early end the program waits for heaps in flight. It gives up when no packet has left for this time. */
#define DRAIN_NS 10000000000u
/* if an early end lasts longer than this time, the program says what it waits for */
#define PATIENCE_NS 2000000000u
/* for how long the program tries again to send a stop heap that was refused */
#define STOP_TRIES_NS 5000000000u

struct sender;

/* A heap with the memory of its payload. There is one slot for each heap that may be in flight. */
struct slot {
    struct sender *sender;
    struct spead_send_heap *heap;
    struct spead_send_heap
        *described; /* the same heap with descriptors; NULL with --descriptors never */
    uint8_t *payload;
    bool is_described; /* the heap in flight is `described` */
};

/* The stop heap of one destination. */
struct stop {
    struct sender *sender;
    struct spead_send_options options; /* counter and destination; valid if is_numbered is true */
    bool is_numbered;
    bool is_waiting; /* true if it must still be submitted, for the first time or again */
};

struct sender {
    const struct spead_send_tool_options *options;
    struct spead_send_stream *stream;
    struct slot *slots;
    unsigned slot_count;
    uint8_t *memory;
    size_t memory_bytes;
    struct speadi_free_memory free_at_start; /* what was free when memory_bytes was decided */

    struct spead_send_heap *stop_heap;
    uint64_t sequence;    /* number of heaps that next_heap() has numbered so far */
    uint64_t counter_max; /* the largest heap counter of the flavour */
    /* the destination of the next heap, and how many heaps each destination has had before */
    uint32_t destination;
    uint64_t round;
    uint64_t data_left;  /* data heaps that the program must still submit */
    struct stop *stops;  /* one for each endpoint */
    unsigned stops_left; /* stop heaps that the program must still submit */
    unsigned stops_lost; /* stop heaps that could not be sent */
    /* the time at which refused stop heaps are submitted again, and the time at which this ends; 0 if not set */
    uint64_t stops_again_ns, stops_until_ns;
    unsigned data_in_flight, stops_in_flight;
    uint64_t heaps_sent;       /* data heaps of which each packet was sent */
    uint64_t descriptor_bytes; /* payload bytes of the descriptors in these heaps */
    /* data heaps of which a packet was not sent, for a reason that can pass */
    uint64_t heaps_not_whole;
    /* the time when a signal or --seconds began an early end; 0 before that */
    uint64_t stopping_ns;
    struct tool_end end;       /* what ended the sending */
    struct tool_cpu cpu_start; /* what the process had used when the sending began */
    bool has_said_waiting;
    uint64_t ended_packets; /* how many packets had left or failed when the program last looked */
    uint64_t ended_ns;      /* when this number last grew */
    bool gave_up;           /* true if the program has abandoned heaps in flight */
    int error;              /* -errno of the heap that ends the program; 0 if there is none */
    uint64_t error_counter; /* the heap counter of that heap */
    int passing_error;      /* -errno of the last heap of heaps_not_whole */

    /* For each endpoint: how many bytes a packet takes on the wire in addition to its SPEAD bytes. */
    unsigned *overhead;
};

/* The stream that the signal handler stops. The pointer is NULL until the stream has been made, and again before the
 * stream is destroyed. The handler runs on the main thread only. */
static struct spead_send_stream *volatile signalled_stream;

/* The first signal needs nothing here: look_around() sees it, lets the heaps in flight complete and then sends the stop
 * heaps. The second signal ends the stream immediately. While there is no stream, the second signal kills the program,
 * because from then on the signal has its default action. */
static void on_signal(int nth)
{
    if (nth < 2)
        return;
    if (!signalled_stream) {
        raise(tool_signal_first());
        return;
    }
    spead_send_stream_stop(signalled_stream);
    spead_send_stream_stop(signalled_stream);
}

/* ---- Heaps --------------------------------------------------------------------------------- */

/* Returns the number of bytes of header room of each heap, or 0 if heaps are more than one packet each. */
static size_t header_room(const struct sender *sender)
{
    const struct spead_send_tool_options *options = sender->options;
    const uint64_t head = SPEAD_SEND_HEADER_BYTES(options->items);

    return options->heap_size + head <= options->stream.packet_bytes_max ? (size_t)head : 0;
}

static int add_items(struct spead_send_heap *heap, const struct slot *slot,
                     const struct spead_send_tool_options *options)
{
    uint64_t bytes = options->heap_size / options->items;
    int ret = 0;

    for (uint64_t i = 0; ret >= 0 && i < options->items; i++) {
        bool last = i + 1 == options->items;

        ret = spead_send_heap_add_item(heap, spead_send_item_id(options, i),
                                       slot->payload + i * bytes,
                                       last ? options->heap_size - i * bytes : bytes, false);
    }
    return ret < 0 ? ret : 0;
}

/* Makes the heaps of a slot. */
static int make_heap(struct slot *slot, const struct spead_send_tool_options *options,
                     struct spead_err *err)
{
    const struct spead_flavour flavour = {(uint8_t)options->addr_bits};
    const size_t room = header_room(slot->sender);
    int ret = spead_send_heap_create(&slot->heap, flavour);

    if (ret == 0)
        ret = add_items(slot->heap, slot, options);
    if (ret == 0 && room > 0)
        spead_send_heap_set_header_room(slot->heap, slot->payload - room, room);
    if (ret < 0 || options->descriptors == SEND_DESCRIPTORS_NEVER)
        return ret;
    ret = spead_send_heap_create(&slot->described, flavour);
    if (ret == 0)
        ret = send_descriptors_add(slot->described, options, err);
    if (ret == 0)
        ret = add_items(slot->described, slot, options);
    if (ret == -ERANGE)
        return speadi_err_set(err, ret,
                              "--heap-size %" PRIu64 ", --items %" PRIu64
                              ": the heap and its descriptors have more bytes or identifiers than "
                              "fit --addr-bits %" PRIu32 "; more bits have room for them",
                              options->heap_size, options->items, options->addr_bits);
    return ret;
}

/* Returns the distance between the payloads of two heaps. Heaps with header room lie without a gap, so that the packets
 * of a train do. */
static size_t stride_of(const struct sender *sender)
{
    const size_t bytes = (size_t)sender->options->heap_size, room = header_room(sender);

    if (room > 0)
        return room + bytes;
    return bytes > 0 ? (bytes + 63) / 64 * 64 : 64;
}

/* Decides how much memory the heaps take. The memory is filled at once, and engine verbs pins it. If it is more than
 * the host or a cgroup has free, the function refuses it, because the kernel would kill this program or another one. */
static int plan_memory(struct sender *sender, struct spead_err *err)
{
    const struct speadi_free_memory free_now = speadi_free_memory_read();
    char need[SPEADI_BYTES_TEXT_MAX], has[SPEADI_BYTES_TEXT_MAX];

    sender->memory_bytes = stride_of(sender) * sender->options->stream.heaps_max;
    sender->free_at_start = free_now;
    if (sender->memory_bytes <= free_now.bytes)
        return 0;
    return speadi_err_set(
        err, -ENOMEM,
        "--max-heaps %" PRIu32 " of --heap-size %" PRIu64 " take %s of memory, and %s has %s free",
        sender->options->stream.heaps_max, sender->options->heap_size,
        speadi_bytes_text(need, sender->memory_bytes),
        speadi_free_memory_limiter_name(free_now.limiter), speadi_bytes_text(has, free_now.bytes));
}

/* Makes one mapping that holds the payloads of all heaps. It asks for huge pages, because the kernel copies faster from
 * huge pages. */
static int make_memory(struct sender *sender, struct spead_err *err)
{
    const size_t stride = stride_of(sender);

    if (plan_memory(sender, err) < 0)
        return -ENOMEM;
    sender->memory = mmap(NULL, sender->memory_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sender->memory == MAP_FAILED) {
        sender->memory = NULL;
        return -errno;
    }
    /* a failure does no harm: the call is only advice to the kernel */
    madvise(sender->memory, sender->memory_bytes, MADV_HUGEPAGE);
    for (unsigned i = 0; i < sender->slot_count; i++) {
        sender->slots[i].payload = sender->memory + i * stride + header_room(sender);
        verify_pattern_fill(sender->slots[i].payload, (size_t)sender->options->heap_size, 0);
    }
    return 0;
}

static int make_heaps(struct sender *sender, struct spead_err *err)
{
    const struct spead_send_tool_options *options = sender->options;
    struct spead_flavour flavour = {(uint8_t)options->addr_bits};
    int ret;

    sender->slot_count = options->stream.heaps_max;
    sender->slots = calloc(sender->slot_count, sizeof *sender->slots);
    if (!sender->slots)
        return -ENOMEM;
    ret = make_memory(sender, err);
    for (unsigned i = 0; ret == 0 && i < sender->slot_count; i++) {
        sender->slots[i].sender = sender;
        ret = make_heap(&sender->slots[i], options, err);
    }
    if (ret == 0)
        ret = spead_send_heap_create_control(&sender->stop_heap, flavour, SPEAD_CONTROL_STOP);
    return ret < 0 ? ret : 0;
}

static void release_heaps(struct sender *sender)
{
    for (unsigned i = 0; sender->slots && i < sender->slot_count; i++) {
        spead_send_heap_destroy(sender->slots[i].heap);
        spead_send_heap_destroy(sender->slots[i].described);
    }
    free(sender->slots);
    spead_send_heap_destroy(sender->stop_heap);
    if (sender->memory)
        munmap(sender->memory, sender->memory_bytes);
    free(sender->overhead);
    free(sender->stops);
}

/* ---- Submitting ---------------------------------------------------------------------------- */

static void fail(struct sender *sender, int error, uint64_t counter)
{
    if (sender->error == 0) {
        sender->error = error;
        sender->error_counter = counter;
    }
    sender->data_left = 0;
    sender->stops_left = 0;
}

/* Returns true if the program goes on after a heap that has ended with `error`. */
static bool can_pass(const struct sender *sender, int error)
{
    enum spead_send_bucket bucket = spead_send_error_bucket(error);

    return !sender->options->stream.fail_fast &&
           (bucket == SPEAD_SEND_DROPPED_LOCAL || bucket == SPEAD_SEND_UNREACHABLE);
}

/* Chooses the counter and the destination of the next heap. One sequence of numbers counts all heaps: data heaps and
 * stop heaps, of all destinations. The destinations take turns. So with n destinations each destination gets every n-th
 * counter. */
static struct spead_send_options next_heap(struct sender *sender)
{
    struct spead_send_options next = SPEAD_SEND_OPTIONS_INIT;

    next.destination = sender->destination++;
    if (sender->destination == sender->options->shared.endpoint_count) {
        sender->destination = 0;
        sender->round++;
    }
    next.explicit_counter = true;
    next.counter = ++sender->sequence & sender->counter_max;
    return next;
}

static void fill(const struct slot *slot, uint64_t counter)
{
    const struct spead_send_tool_options *options = slot->sender->options;

    if (options->verify_rule == VERIFY_SPEAD2)
        spead2_pattern_fill(slot->payload, (size_t)options->heap_size, counter);
    else
        verify_pattern_fill(slot->payload, (size_t)options->heap_size, counter);
}

/* Returns how many payload bytes of the heap in flight are descriptors. */
static uint64_t descriptor_bytes_of(const struct slot *slot)
{
    return slot->is_described ? spead_send_heap_payload_bytes(slot->described) -
                                    spead_send_heap_payload_bytes(slot->heap)
                              : 0;
}

static void submit_data(struct slot *slot);
static void submit_stops(struct sender *sender);

static void on_data_done(void *arg, const struct spead_send_result *result)
{
    struct slot *slot = arg;
    struct sender *sender = slot->sender;

    sender->data_in_flight--;
    if (result->error == 0) {
        sender->heaps_sent++;
        sender->descriptor_bytes += descriptor_bytes_of(slot);
    } else if (can_pass(sender, result->error)) {
        sender->heaps_not_whole++;
        sender->passing_error = result->error;
    } else if (result->error != -ECANCELED)
        fail(sender, result->error, result->counter);
    if (sender->data_left > 0)
        submit_data(slot);
    else if (sender->data_in_flight == 0)
        submit_stops(sender);
}

/* Lets look_around() submit the stop heap again, unless the time for that is over. */
static void retry_stop(struct stop *stop)
{
    struct sender *sender = stop->sender;
    const uint64_t now_ns = speadi_clock_mono_ns();

    if (sender->stops_until_ns == 0)
        sender->stops_until_ns = now_ns + STOP_TRIES_NS;
    if (now_ns > sender->stops_until_ns) {
        sender->stops_lost++;
        return;
    }
    stop->is_waiting = true;
    sender->stops_left++;
    sender->stops_again_ns = now_ns + TICK_NS;
}

static void on_stop_done(void *arg, const struct spead_send_result *result)
{
    struct stop *stop = arg;
    struct sender *sender = stop->sender;

    sender->stops_in_flight--;
    if (can_pass(sender, result->error))
        retry_stop(stop);
    else if (result->error != 0 && result->error != -ECANCELED)
        fail(sender, result->error, result->counter);
    if (sender->stops_again_ns == 0)
        submit_stops(sender);
}

static void submit_data(struct slot *slot)
{
    struct sender *sender = slot->sender;
    struct spead_send_options next;
    int ret;

    slot->is_described =
        slot->described != NULL && send_descriptors_are_due(sender->options, sender->round);
    next = next_heap(sender);
    if (sender->options->shared.verify)
        fill(slot, next.counter);
    next.done = on_data_done;
    next.done_arg = slot;
    ret = spead_send_stream_submit(sender->stream,
                                   slot->is_described ? slot->described : slot->heap, &next);
    if (ret < 0 && ret != -ESHUTDOWN)
        fail(sender, ret, next.counter);
    if (ret < 0)
        return;
    sender->data_left--;
    sender->data_in_flight++;
}

/* Submits a stop heap. Returns false when it cannot be submitted. */
static bool submit_stop(struct sender *sender, struct stop *stop)
{
    int ret;

    if (!stop->is_numbered) {
        stop->options = next_heap(sender);
        stop->options.done = on_stop_done;
        stop->options.done_arg = stop;
        stop->is_numbered = true;
    }
    ret = spead_send_stream_submit(sender->stream, sender->stop_heap, &stop->options);
    if (ret < 0 && ret != -ESHUTDOWN)
        fail(sender, ret, stop->options.counter);
    if (ret < 0)
        return false;
    stop->is_waiting = false;
    sender->stops_left--;
    sender->stops_in_flight++;
    return true;
}

/* Submits one stop heap for each destination. It is called when all data heaps have completed. At most slot_count stop
 * heaps are in flight at a time. When one of them completes, its completion function calls this function again. */
static void submit_stops(struct sender *sender)
{
    sender->stops_again_ns = 0;
    for (unsigned i = 0; i < sender->options->shared.endpoint_count && sender->stops_left > 0 &&
                         sender->stops_in_flight < sender->slot_count;
         i++) {
        if (sender->stops[i].is_waiting && !submit_stop(sender, &sender->stops[i]))
            return;
    }
}

/* ---- What was sent --------------------------------------------------------------------------- */

/* Returns the number of bytes on the wire. All heaps have the same number of packets, and all destinations get about
 * the same number of heaps. So all destinations get about the same number of packets, and the mean of their overheads
 * is the mean overhead of a packet. */
static uint64_t wire_bytes(const struct sender *sender, struct spead_count sent)
{
    uint64_t sum = 0, count = sender->options->shared.endpoint_count;

    for (uint64_t i = 0; i < count; i++)
        sum += sender->overhead[i];
    return sent.bytes + sent.packets * sum / count;
}

static uint64_t payload_sent(const struct sender *sender)
{
    return sender->heaps_sent * sender->options->heap_size + sender->descriptor_bytes;
}

static void fill_report(struct send_report *report, const struct sender *sender)
{
    const struct spead_send_stream_config *config = &sender->options->stream;
    struct spead_count sent;

    report->stats = (struct spead_send_stats)SPEAD_SEND_STATS_INIT;
    report->plan = (struct spead_send_plan)SPEAD_SEND_PLAN_INIT;
    spead_send_stream_stats(sender->stream, &report->stats);
    spead_send_stream_plan(sender->stream, &report->plan);
    report->device_gbps = config->hardware_rate ? config->rate_bytes_per_s * 8 / 1e9 : 0;
    report->device_wire = config->rate_of == SPEAD_RATE_WIRE;
    report->shared = &sender->options->shared;
    report->running = false;
    report->end = sender->end;
    sent = report->stats.bucket[SPEAD_SEND_SENT];
    report->totals = (struct tool_totals){
        .tool = "spead-send",
        .engine = report->plan.engine,
        .engine_reason = report->plan.engine_reason,
        .payload_bytes = payload_sent(sender),
        .wire_bytes = wire_bytes(sender, sent),
        .heaps = sender->heaps_sent,
        .packets = sent.packets,
        .first_packet_ns = report->stats.counters.first_packet_mono_ns,
        .last_packet_ns = report->stats.counters.last_packet_mono_ns,
        .cpu = tool_cpu_since(sender->cpu_start),
    };
}

/* Prints the summary so far, after SIGUSR1. */
static void report_so_far(const struct sender *sender)
{
    struct send_report report;

    fill_report(&report, sender);
    report.running = true;
    report.totals.reason_told = true; /* the summary at the end has the reason */
    send_report_summary(stderr, &report);
}

/* ---- The loop ------------------------------------------------------------------------------ */

static void begin(struct sender *sender)
{
    uint64_t heaps = sender->options->shared.heaps;

    sender->counter_max =
        spead_flavour_value_max((struct spead_flavour){(uint8_t)sender->options->addr_bits});
    sender->data_left = heaps > 0 ? heaps : UINT64_MAX;
    sender->stops_left = (unsigned)sender->options->shared.endpoint_count;
    for (unsigned i = 0; i < sender->stops_left; i++)
        sender->stops[i] = (struct stop){.sender = sender, .is_waiting = true};
    for (unsigned i = 0; i < sender->slot_count && sender->data_left > 0; i++)
        submit_data(&sender->slots[i]);
}

/* Returns how long a packet takes at the rate; 0 if there is no limit. */
static uint64_t packet_ns(const struct sender *sender)
{
    const struct spead_send_stream_config *config = &sender->options->stream;

    return config->rate_bytes_per_s > 0
               ? (uint64_t)(1e9 * config->packet_bytes_max / config->rate_bytes_per_s)
               : 0;
}

static void abandon(struct sender *sender)
{
    sender->gave_up = true;
    spead_send_stream_stop(sender->stream);
    spead_send_stream_stop(sender->stream);
}

/* Waits for the heaps in flight after an early end began. Abandons them when no packet leaves for too long. */
static void await_heaps(struct sender *sender, uint64_t now_ns)
{
    struct spead_send_stats stats = SPEAD_SEND_STATS_INIT;
    uint64_t ended;

    spead_send_stream_stats(sender->stream, &stats);
    ended = stats.submitted.packets - stats.bucket[SPEAD_SEND_PENDING].packets;
    if (ended != sender->ended_packets || sender->ended_ns == 0) {
        sender->ended_packets = ended;
        sender->ended_ns = now_ns;
    }
    if (now_ns - sender->ended_ns > DRAIN_NS + 2 * packet_ns(sender))
        abandon(sender);
    if (sender->has_said_waiting || now_ns - sender->stopping_ns < PATIENCE_NS)
        return;
    sender->has_said_waiting = true;
    if (!sender->options->shared.quiet)
        tool_failed("%u heaps are in flight and still leave: interrupt it again to end at once",
                    sender->data_in_flight + sender->stops_in_flight);
}

/* Begins an early end after a signal or --seconds. Stops the stream when all heaps have completed. */
static void look_around(struct sender *sender, uint64_t now_ns, uint64_t end_ns)
{
    if (sender->stopping_ns == 0 && (now_ns >= end_ns || tool_signal_count() > 0)) {
        sender->stopping_ns = now_ns;
        tool_end_note(&sender->end, tool_signal_count() > 0 ? TOOL_END_SIGNAL : TOOL_END_SECONDS);
        sender->data_left = 0;
        if (sender->data_in_flight == 0)
            submit_stops(sender);
    }
    if (sender->stops_again_ns != 0 && now_ns >= sender->stops_again_ns)
        submit_stops(sender);
    if (sender->data_left == 0 && sender->data_in_flight == 0 && sender->stops_in_flight == 0 &&
        (sender->stops_left == 0 || tool_signal_count() > 1))
        spead_send_stream_stop(sender->stream);
    if (sender->stopping_ns != 0)
        await_heaps(sender, now_ns);
}

static void show(struct sender *sender, struct tool_progress *progress, uint64_t now_ns)
{
    char rest[64];

    if (now_ns < progress->due_ns)
        return;
    snprintf(rest, sizeof rest, "in flight %u", sender->data_in_flight);
    tool_progress_update(progress, now_ns, payload_sent(sender), sender->heaps_sent, NULL, rest);
}

/* Sends until the stream has ended. Returns 0, or -errno when the stream failed. */
static int run(struct sender *sender)
{
    const struct tool_shared *shared = &sender->options->shared;
    struct tool_progress progress;
    uint64_t now = speadi_clock_mono_ns(), end = UINT64_MAX;
    int ret = 0;

    if (shared->seconds > 0)
        end = now + (uint64_t)(shared->seconds * 1e9);
    tool_progress_start(&progress, shared->quiet);
    begin(sender);
    while (ret >= 0) {
        now = speadi_clock_mono_ns();
        look_around(sender, now, end);
        show(sender, &progress, now);
        if (tool_signal_take_report())
            report_so_far(sender);
        ret = spead_send_stream_poll(sender->stream);
        if (ret == 0)
            spead_send_stream_wait(sender->stream,
                                   now + TICK_NS < end || now >= end ? now + TICK_NS : end);
    }
    tool_progress_end(&progress);
    if (ret != -ESHUTDOWN || sender->error != 0)
        sender->end.cause = TOOL_END_ERROR;
    tool_end_note(&sender->end, TOOL_END_HEAPS);
    return ret == -ESHUTDOWN ? 0 : ret;
}

/* ---- Before and after ---------------------------------------------------------------------- */

static int pin(int cpu)
{
    struct spead_err err;

    if (cpu >= 0 && speadi_cpu_pin(cpu, &err) < 0)
        return tool_failed("cannot stay on CPU %d: %s", cpu, err.text);
    return TOOL_DONE;
}

/* Makes what the program keeps for each endpoint. */
static int make_endpoints(struct sender *sender)
{
    const struct tool_shared *shared = &sender->options->shared;

    sender->overhead = calloc(shared->endpoint_count, sizeof *sender->overhead);
    sender->stops = calloc(shared->endpoint_count, sizeof *sender->stops);
    if (!sender->overhead || !sender->stops)
        return -ENOMEM;
    for (uint32_t i = 0; i < shared->endpoint_count; i++)
        sender->overhead[i] = tool_wire_overhead(shared->endpoints[i], false);
    return 0;
}

static int report_failure(const struct sender *sender, int stream_error)
{
    if (sender->error != 0)
        return tool_failed("heap %" PRIu64 " could not be sent: %s", sender->error_counter,
                           strerror(-sender->error));
    if (stream_error < 0)
        return tool_failed("sending failed: %s", strerror(-stream_error));
    if (sender->gave_up)
        return tool_failed("no packet has left for 10 s: the heaps in flight are abandoned, and no "
                           "stop heap was sent, so receivers may wait for one");
    if (sender->heaps_not_whole > 0)
        return tool_failed("%" PRIu64 " of %" PRIu64 " heaps were not sent whole: %s",
                           sender->heaps_not_whole, sender->heaps_sent + sender->heaps_not_whole,
                           strerror(-sender->passing_error));
    if (sender->stops_lost > 0)
        return tool_failed(
            "the stop heaps of %u destinations could not be sent: receivers may wait "
            "for them",
            sender->stops_lost);
    return TOOL_DONE;
}

/* Sends on the started stream and prints the report. Returns the exit status. */
static int send_and_report(struct sender *sender)
{
    struct send_report report;
    int ret, status;

    sender->cpu_start = tool_cpu_now();
    ret = run(sender);
    fill_report(&report, sender);
    if (!sender->options->shared.quiet)
        send_report_summary(stderr, &report);
    else if (!sender->options->shared.json)
        tool_report_total(stderr, &report.totals, "heaps sent");
    status = report_failure(sender, ret);
    if (sender->options->shared.json && tool_report_print(send_report_json(&report)) != TOOL_DONE)
        status = TOOL_FAILED;
    return status;
}

/* Warns of options that the user has typed for another engine than the one that was taken. */
static void warn_of_engine(const struct sender *sender, const struct spead_log *log)
{
    struct spead_send_plan plan = SPEAD_SEND_PLAN_INIT;

    spead_send_stream_plan(sender->stream, &plan);
    tool_effects_warn(&spead_send_program, &sender->options->shared.given, plan.engine, log);
}

/* Makes the stream. The configuration tells the stream where the memory of the heaps is, so that engine verbs can send
 * from there without a copy. */
static int make_stream(struct sender *sender, struct spead_err *err)
{
    struct spead_send_stream_config config = spead_send_stream_config_of(sender->options);
    const struct spead_send_memory memory = {
        .data = sender->memory, .bytes = sender->memory_bytes, .fd = -1};
    int ret;

    config.log = tool_shared_log(&sender->options->shared);
    config.memory = &memory;
    config.memory_count = sender->memory ? 1 : 0; /* for a plan there is none */
    ret = spead_send_stream_create(&sender->stream, &config, err);
    if (ret < 0)
        return ret;
    signalled_stream = sender->stream;
    warn_of_engine(sender, &config.log);
    return 0;
}

static int print_plan(const struct sender *sender)
{
    const struct spead_count per_packet = {.packets = sender->options->shared.endpoint_count};
    struct send_plan plan = {
        .options = sender->options,
        .stream = SPEAD_SEND_PLAN_INIT,
        .heap_memory_bytes = sender->memory_bytes,
        .free_now = sender->free_at_start,
        .overhead_bytes = (double)wire_bytes(sender, per_packet) / (double)per_packet.packets,
    };

    spead_send_stream_plan(sender->stream, &plan.stream);
    if (sender->options->shared.json)
        return tool_report_print(send_plan_json(&plan));
    send_plan_print(stdout, &plan);
    if (fflush(stdout) == EOF)
        return tool_failed("cannot write the plan to standard output: %m");
    return TOOL_DONE;
}

int main(int argc, char **argv)
{
    struct spead_send_tool_options options;
    struct sender sender = {.options = &options};
    struct spead_err err = {0};
    int ret, status;

    tool_secure_start();
    tool_streams_prepare();
    tool_limits_prepare();
    tool_terminal_prepare();
    spead_send_options_parse(&options, argc, argv);
    status = pin(options.shared.cpu);
    if (status != TOOL_DONE)
        return status;
    tool_signal_install(on_signal);
    tool_signal_install_report();
    ret = options.shared.plan ? plan_memory(&sender, &err) : make_heaps(&sender, &err);
    if (ret == 0)
        ret = make_stream(&sender, &err);
    if (ret == 0)
        ret = make_endpoints(&sender);
    if (ret == 0 && !options.shared.plan)
        ret = spead_send_stream_start(sender.stream, &err);
    if (ret == -ENOMEM && err.text[0] == '\0') {
        speadi_err_set(&err, ret,
                       "no memory for --max-heaps %" PRIu32 " of --heap-size %" PRIu64
                       ": lower them",
                       options.stream.heaps_max, options.heap_size);
        status = tool_failed("%s", err.text);
    } else if (ret < 0) {
        status = tool_failed_call(&spead_send_program, ret, &err);
    } else {
        status = options.shared.plan ? print_plan(&sender) : send_and_report(&sender);
    }
    signalled_stream = NULL;
    spead_send_stream_destroy(sender.stream);
    release_heaps(&sender);
    return status;
}
