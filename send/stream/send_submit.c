/* SPDX-License-Identifier: Apache-2.0 */
/* Submits heaps and groups of heaps to a send stream. Any thread may call these functions. */
#include "send_stream.h"

#include <errno.h>
#include <math.h>

#include <speadi/deadline.h>
#include <speadi/packet.h>

/* What a caller submits: one heap, whose entry is made, or a group. */
struct submission {
    const struct speadi_heap_entry *entry; /* NULL if it is a group */
    const struct spead_send_group_heap *heaps;
    uint32_t count;
    enum spead_send_group_order order;
};

/* Changes *ns_per_byte to the time for a byte at the rate of a heap with a rate of its own. */
static int take_rate(const struct spead_send_stream *stream,
                     const struct spead_send_options *options, double *ns_per_byte)
{
    const double rate = options->rate_bytes_per_s;

    if (!isfinite(rate) || (rate > 0 && rate < 1))
        return -EINVAL;
    if (rate >= 0 && stream->hardware_rate)
        return -ENOTSUP;
    if (rate >= 0)
        *ns_per_byte = rate > 0 ? 1e9 / rate : 0;
    return 0;
}

/* Computes the shape of a heap. Refuses the heap with -ENOTSUP if the CPU would have to copy from the memory of a
 * device. */
static inline int find_shape(const struct spead_send_stream *stream,
                             struct speadi_heap_entry *entry, const struct spead_send_heap *heap)
{
    struct speadi_heap_shape shape; /* not that of *entry: the compiler keeps *entry in registers */
    int ret = speadi_heap_shape(&shape, heap, &stream->packet_size);

    if (ret < 0)
        return ret;
    if (stream->device_memory.count != 0 &&
        !speadi_heap_is_within_reach(heap, &shape, &stream->packet_size, &stream->device_memory))
        return -ENOTSUP;
    entry->shape = shape;
    return 0;
}

static inline int make_entry(const struct spead_send_stream *stream,
                             struct speadi_heap_entry *entry, const struct spead_send_heap *heap,
                             const struct spead_send_options *options)
{
    static const struct spead_send_options defaults = SPEAD_SEND_OPTIONS_INIT;
    double ns_per_byte = -1;

    if (!options)
        options = &defaults;
    if (!heap || options->destination >= stream->transport.destination_count)
        return -EINVAL;
    if (options->explicit_counter &&
        options->counter != speadi_pointer_value(options->counter, heap->flavour.heap_address_bits))
        return -EINVAL;
    if (options->explicit_rate) {
        int ret = take_rate(stream, options, &ns_per_byte);

        if (ret < 0)
            return ret;
    }
    entry->ns_per_byte = ns_per_byte;
    entry->heap = heap;
    entry->done = options->done;
    entry->done_arg = options->done_arg;
    entry->counter = options->counter;
    entry->explicit_counter = options->explicit_counter;
    entry->destination = (uint16_t)options->destination;
    entry->mix_count = 0;
    entry->mix_order = 0;
    entry->is_next_of_group = false;
    return find_shape(stream, entry, heap);
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

static inline int push_entry(struct spead_send_stream *stream,
                             const struct speadi_heap_entry *entry)
{
    const bool by_owner = speadi_send_stream_is_owner(stream);
    int ret = speadi_heap_queue_push(&stream->queue, entry, by_owner);

    if (ret == 0 && !by_owner)
        wake_owner(stream);
    return ret;
}

/* Publishes the heaps of a group, the last heap first. check_group() has made each entry once without an error, so the
 * entries can be made again in this place, and no memory is needed for them. */
static int push_group(struct spead_send_stream *stream, const struct submission *group)
{
    const bool by_owner = speadi_send_stream_is_owner(stream);
    const bool is_mixed = group->order == SPEAD_SEND_GROUP_ROUND_ROBIN && group->count > 1;
    struct speadi_heap_entry entry;
    uint64_t position;
    int ret = speadi_heap_queue_claim(&stream->queue, group->count, &position);

    if (ret < 0)
        return ret;
    for (uint32_t i = group->count; i-- > 0;) {
        (void)make_entry(stream, &entry, group->heaps[i].heap, &group->heaps[i].options);
        entry.mix_count = is_mixed ? group->count : 0;
        entry.mix_order = SPEADI_MIX_ROUND_ROBIN;
        entry.is_next_of_group = i > 0;
        speadi_heap_queue_publish(&stream->queue, position + i, &entry, by_owner || i > 0);
    }
    if (!by_owner)
        wake_owner(stream);
    return 0;
}

static int push(struct spead_send_stream *stream, const struct submission *submission)
{
    return submission->entry ? push_entry(stream, submission->entry)
                             : push_group(stream, submission);
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
    struct speadi_heap_entry entry;
    int ret = make_entry(stream, &entry, heap, options);

    if (ret < 0)
        return ret;
    ret = push_entry(stream, &entry);
    if (ret == -EAGAIN)
        count_refused(stream, 1);
    return ret;
}

int spead_send_stream_submit_wait(struct spead_send_stream *stream,
                                  const struct spead_send_heap *heap,
                                  const struct spead_send_options *options, uint64_t deadline_ns)
{
    struct speadi_heap_entry entry;
    const struct submission submission = {.entry = &entry};
    int ret = make_entry(stream, &entry, heap, options);

    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    if (ret < 0)
        return ret;
    ret = push_entry(stream, &entry);
    return ret == -EAGAIN ? push_wait(stream, &submission, deadline_ns) : ret;
}

/* ---- Groups -------------------------------------------------------------------------------- */

static int check_group(const struct spead_send_stream *stream, const struct submission *group)
{
    struct speadi_heap_entry entry;
    int ret = 0;

    if (!group->heaps || group->count == 0 || group->count > stream->queue.heaps_max ||
        (group->order != SPEAD_SEND_GROUP_SERIAL && group->order != SPEAD_SEND_GROUP_ROUND_ROBIN))
        return -EINVAL;
    for (uint32_t i = 0; i < group->count && ret == 0; i++)
        ret = make_entry(stream, &entry, group->heaps[i].heap, &group->heaps[i].options);
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
