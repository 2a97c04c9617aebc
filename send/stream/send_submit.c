/* SPDX-License-Identifier: Apache-2.0 */
/* Submits heaps and groups of heaps to a send stream. Any thread may call these functions. */
#include "send_stream.h"

#include <errno.h>
#include <math.h>

#include <speadi/deadline.h>
#include <speadi/packet.h>

/* What a caller submits: one heap or a group. */
struct submission {
    const struct spead_send_heap *heap; /* NULL if it is a group */
    const struct spead_send_options *options;
    const struct spead_send_group_heap *heaps;
    uint32_t count;
    enum spead_send_group_order order;
};

/* What a heap is when it has been checked. */
struct checked {
    struct speadi_heap_shape shape;
    bool has_rate; /* true if ns_per_byte is valid; else the heap has the rate of the stream */
    double ns_per_byte;
};

/* Takes the rate of a heap with a rate of its own. */
static int take_rate(const struct spead_send_stream *stream,
                     const struct spead_send_options *options, struct checked *checked)
{
    const double rate = options->rate_bytes_per_s;

    if (!isfinite(rate) || (rate > 0 && rate < 1))
        return -EINVAL;
    if (rate >= 0 && stream->hardware_rate)
        return -ENOTSUP;
    checked->has_rate = rate >= 0;
    checked->ns_per_byte = rate > 0 ? 1e9 / rate : 0;
    return 0;
}

/* Checks a heap and its options. Refuses the heap with -ENOTSUP if the CPU would have to copy from the memory of a
 * device. */
static inline int check(const struct spead_send_stream *stream, const struct spead_send_heap *heap,
                        const struct spead_send_options *options, struct checked *checked)
{
    int ret;

    if (!heap || options->destination >= stream->transport.destination_count)
        return -EINVAL;
    if (options->explicit_counter &&
        options->counter != speadi_pointer_value(options->counter, heap->flavour.heap_address_bits))
        return -EINVAL;
    checked->has_rate = false;
    if (options->explicit_rate) {
        ret = take_rate(stream, options, checked);
        if (ret < 0)
            return ret;
    }
    ret = speadi_heap_shape(&checked->shape, heap, &stream->packet_size);
    if (ret < 0)
        return ret;
    if (stream->device_memory.count != 0 &&
        !speadi_heap_is_within_reach(heap, &checked->shape, &stream->packet_size,
                                     &stream->device_memory))
        return -ENOTSUP;
    return 0;
}

/* Writes the entry of a heap that check() has accepted. */
static inline void fill_entry(struct speadi_heap_entry *entry, const struct spead_send_heap *heap,
                              const struct spead_send_options *options,
                              const struct checked *checked, uint32_t mix_count)
{
    entry->heap = heap;
    entry->done = options->done;
    entry->done_arg = options->done_arg;
    entry->counter = options->counter;
    entry->destination = (uint16_t)options->destination;
    entry->explicit_counter = options->explicit_counter;
    entry->is_next_of_group = false;
    entry->uses_room = false;
    speadi_heap_entry_set_shape(entry, &checked->shape,
                                checked->has_rate ? &checked->ns_per_byte : NULL, mix_count);
}

static inline void wake_owner(struct spead_send_stream *stream)
{
    /* OWNER1 load: this thread has published its heap before (QUEUE2). If several producers see `asleep`, the exchange
     * makes sure that only one of them calls wake(). The exchange can be relaxed, because the load already gives the
     * order. */
    if (atomic_load_explicit(&stream->asleep, memory_order_seq_cst) &&
        atomic_exchange_explicit(&stream->asleep, false, memory_order_relaxed))
        stream->transport.ops->wake(stream->transport.engine);
}

static inline int push_one(struct spead_send_stream *stream, const struct spead_send_heap *heap,
                           const struct spead_send_options *options)
{
    static const struct spead_send_options defaults = SPEAD_SEND_OPTIONS_INIT;
    struct checked checked;
    uint64_t position;
    int ret;

    if (!options)
        options = &defaults;
    ret = check(stream, heap, options, &checked);
    if (ret == 0)
        ret = speadi_heap_queue_claim(&stream->queue, 1, &position);
    if (ret < 0)
        return ret;
    fill_entry(speadi_heap_queue_at(&stream->queue, position), heap, options, &checked, 0);
    if (speadi_send_stream_is_owner(stream)) {
        speadi_heap_queue_publish(&stream->queue, position, true);
        return 0;
    }
    speadi_heap_queue_publish(&stream->queue, position, false);
    wake_owner(stream);
    return 0;
}

/* Publishes the heaps of a group, the last heap first. Each heap is checked twice: all before the first one is accepted,
 * and each when its entry is written. So no memory is needed between the two. */
static int push_group(struct spead_send_stream *stream, const struct submission *group)
{
    const bool by_owner = speadi_send_stream_is_owner(stream);
    const bool is_mixed = group->order == SPEAD_SEND_GROUP_ROUND_ROBIN && group->count > 1;
    struct checked checked;
    uint64_t position;
    int ret = speadi_heap_queue_claim(&stream->queue, group->count, &position);

    if (ret < 0)
        return ret;
    for (uint32_t i = group->count; i-- > 0;) {
        const struct spead_send_group_heap *heap = &group->heaps[i];
        struct speadi_heap_entry *entry = speadi_heap_queue_at(&stream->queue, position + i);

        (void)check(stream, heap->heap, &heap->options, &checked);
        fill_entry(entry, heap->heap, &heap->options, &checked, is_mixed ? group->count : 0);
        entry->mix_order = SPEADI_MIX_ROUND_ROBIN;
        entry->is_next_of_group = i > 0;
        speadi_heap_queue_publish(&stream->queue, position + i, by_owner || i > 0);
    }
    if (!by_owner)
        wake_owner(stream);
    return 0;
}

static int push(struct spead_send_stream *stream, const struct submission *submission)
{
    return submission->heaps ? push_group(stream, submission)
                             : push_one(stream, submission->heap, submission->options);
}

/* Pushes what did not fit, after heaps have completed. */
static int push_wait(struct spead_send_stream *stream, const struct submission *submission,
                     uint64_t deadline_ns)
{
    int ret, waited = 0;

    if (speadi_send_stream_is_owner(stream))
        return -EDEADLK; /* the owner thread would wait for itself */
    speadi_progress_begin(&stream->progress);
    for (;;) {
        uint32_t epoch = speadi_progress_epoch(&stream->progress);

        ret = push(stream, submission);
        if (ret != -EAGAIN || waited < 0)
            break;
        waited = speadi_progress_wait(&stream->progress, epoch, deadline_ns);
    }
    speadi_progress_end(&stream->progress);
    return ret == -EAGAIN ? waited : ret;
}

static void count_refused(struct spead_send_stream *stream, uint32_t heaps)
{
    /* relaxed: no other data depends on this count */
    atomic_fetch_add_explicit(&stream->heaps_refused, heaps, memory_order_relaxed);
}

int spead_send_stream_submit(struct spead_send_stream *stream, const struct spead_send_heap *heap,
                             const struct spead_send_options *options)
{
    int ret = push_one(stream, heap, options);

    if (ret == -EAGAIN)
        count_refused(stream, 1);
    return ret;
}

int spead_send_stream_submit_wait(struct spead_send_stream *stream,
                                  const struct spead_send_heap *heap,
                                  const struct spead_send_options *options, uint64_t deadline_ns)
{
    const struct submission submission = {.heap = heap, .options = options};
    int ret;

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    ret = push_one(stream, heap, options);
    return ret == -EAGAIN ? push_wait(stream, &submission, deadline_ns) : ret;
}

/* ---- Groups -------------------------------------------------------------------------------- */

static int check_group(const struct spead_send_stream *stream, const struct submission *group)
{
    struct checked checked;
    int ret = 0;

    if (!group->heaps || group->count == 0 || group->count > stream->queue.heaps_max ||
        (group->order != SPEAD_SEND_GROUP_SERIAL && group->order != SPEAD_SEND_GROUP_ROUND_ROBIN))
        return -EINVAL;
    for (uint32_t i = 0; i < group->count && ret == 0; i++)
        ret = check(stream, group->heaps[i].heap, &group->heaps[i].options, &checked);
    return ret;
}

int spead_send_stream_submit_group(struct spead_send_stream *stream,
                                   const struct spead_send_group_heap *heaps, uint32_t count,
                                   enum spead_send_group_order order)
{
    const struct submission group = {.heaps = heaps, .count = count, .order = order};
    int ret = check_group(stream, &group);

    if (ret < 0)
        return ret;
    ret = push_group(stream, &group);
    if (ret == -EAGAIN)
        count_refused(stream, count);
    return ret;
}

int spead_send_stream_submit_group_wait(struct spead_send_stream *stream,
                                        const struct spead_send_group_heap *heaps, uint32_t count,
                                        enum spead_send_group_order order, uint64_t deadline_ns)
{
    const struct submission group = {.heaps = heaps, .count = count, .order = order};
    int ret = check_group(stream, &group);

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    if (ret < 0)
        return ret;
    ret = push_group(stream, &group);
    return ret == -EAGAIN ? push_wait(stream, &group, deadline_ns) : ret;
}
