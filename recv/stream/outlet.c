/* SPDX-License-Identifier: Apache-2.0 */
/* Hands over the finished heaps of a receive stream to its consumer. See outlet.h. */
#include "outlet.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/channel_internal.h>
#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/heap_view.h>
#include <speadi/node_internal.h>
#include <speadi/numbers.h>

#include <speadline/recv_chunk.h>

#include "region_plan.h"

/* If nothing wakes the stream, a wait for room ends after this time, and the stream looks again. A stream that pauses
 * must look often, because its source goes on filling. The consumer does not wake it for each heap that it takes,
 * because that would make the consumer slower. */
#define LOOK_AGAIN_NS 100000u

/* ---- Making and unmaking ------------------------------------------------------------------- */

struct spead_channel_config speadi_outlet_channel_config(
    const struct spead_recv_stream_config *config,
    void (*on_shed)(void *arg, const struct spead_message *message, enum spead_shed_cause cause),
    void *arg)
{
    struct spead_channel_config channel = SPEAD_CHANNEL_CONFIG_INIT;

    channel.name = "heaps";
    channel.capacity = speadi_region_plan_messages(config);
    channel.on_full = config->on_full;
    if (config->on_full == SPEAD_ON_FULL_DROP_OLDEST)
        channel.form = SPEAD_CHANNEL_SPMC;
    channel.on_shed = on_shed;
    channel.on_shed_arg = arg;
    return channel;
}

static int open_channel(struct speadi_outlet *outlet, const struct spead_channel_config *channel,
                        struct spead_err *err)
{
    int ret = spead_channel_create(&outlet->channel, channel, err);

    if (ret < 0)
        return ret;
    /* The owner thread sends once per burst, and the consumer sleeps between bursts. A fence at each send is cheaper
     * here than a membarrier at each sleep, which would interrupt the owner thread, too. */
    speadi_channel_set_sync(outlet->channel, SPEADI_SYNC_FENCED);
    return spead_sender_open(&outlet->sender, outlet->channel, "receive stream", outlet->type, err);
}

int speadi_outlet_init(struct speadi_outlet *outlet, const struct spead_recv_stream_config *config,
                       const struct spead_channel_config *channel, uint32_t pending_max,
                       struct spead_err *err)
{
    int ret;

    *outlet = (struct speadi_outlet){.stop_wake.fd = -1,
                                     .type = config->chunks ? (uint16_t)spead_chunk_message_type()
                                                            : SPEAD_TYPE_HEAP,
                                     .pending_max = pending_max,
                                     .stream = config->message_stream,
                                     .waits = config->on_full == SPEAD_ON_FULL_BLOCK,
                                     .may_pause = config->on_full == SPEAD_ON_FULL_DROP_NEWEST,
                                     .sheds_oldest = config->on_full == SPEAD_ON_FULL_DROP_OLDEST,
                                     .counted = true,
                                     .capacity = channel->capacity,
                                     .places = channel->capacity,
                                     .shed_arg = channel->on_shed_arg};
    outlet->pending = calloc(pending_max, sizeof *outlet->pending);
    if (!outlet->pending)
        return speadi_err_set(err, -ENOMEM, "no memory for %u finished heaps", pending_max);
    ret = speadi_wake_fd_open(&outlet->stop_wake);
    if (ret < 0)
        speadi_err_code(err, ret, "cannot make the eventfd that ends a wait for room");
    else
        ret = open_channel(outlet, channel, err);
    if (ret < 0)
        speadi_outlet_release(outlet);
    return ret;
}

/* Sets the weight of a byte after the longest heap has become longer. */
static void set_per_byte(struct speadi_outlet_bound *bound)
{
    uint64_t bytes = SPEAD_RECV_HAND_OVER_SIZES * bound->longest;

    if (bytes < SPEAD_RECV_HAND_OVER_BYTES_MIN)
        bytes = SPEAD_RECV_HAND_OVER_BYTES_MIN;
    bound->per_byte = (SPEADI_OUTLET_FULL << 16) / bytes;
}

int speadi_outlet_set_bound(struct speadi_outlet *outlet, const uint32_t *ring,
                            uint32_t class_count, struct spead_err *err)
{
    struct speadi_outlet_bound *bound = &outlet->bound;
    size_t places = speadi_power_of_two_from(outlet->capacity);

    bound->weights = calloc(places, sizeof *bound->weights);
    if (!bound->weights)
        return speadi_err_set(err, -ENOMEM, "no memory for %zu finished heaps", places);
    bound->mask = (uint32_t)places - 1;
    for (uint32_t i = 0; i < class_count; i++)
        bound->least[i] = SPEADI_OUTLET_FULL / ring[i];
    set_per_byte(bound);
    return 0;
}

void speadi_outlet_release(struct speadi_outlet *outlet)
{
    spead_receiver_close(outlet->receiver);
    speadi_outlet_close(outlet, -ECANCELED);
    spead_channel_unref(outlet->channel);
    spead_channel_unref(outlet->edge);
    speadi_wake_fd_close(&outlet->stop_wake);
    free(outlet->pending);
    free(outlet->bound.weights);
    *outlet = (struct speadi_outlet){.stop_wake.fd = -1};
}

uint64_t speadi_outlet_bytes(const struct speadi_outlet *outlet,
                             const struct spead_channel_config *channel)
{
    uint64_t weights = outlet->bound.weights
                           ? ((uint64_t)outlet->bound.mask + 1) * sizeof *outlet->bound.weights
                           : 0;

    return (uint64_t)outlet->pending_max * sizeof *outlet->pending + weights +
           spead_channel_bytes(channel) + 2 * spead_channel_end_bytes();
}

/* ---- Calls of the owner thread ------------------------------------------------------------- */

void speadi_outlet_add(struct speadi_outlet *outlet, struct spead_heap *heap)
{
    outlet->pending[outlet->pending_count++] = (struct spead_message){
        .reference = (uintptr_t)heap,
        .length = heap->length,
        .sequence = outlet->sequence++,
        .time_ns = heap->first_ns,
        .key = heap->counter,
        .stream = outlet->stream,
        .type = SPEAD_TYPE_HEAP,
        .flags = heap->complete ? 0 : SPEAD_MESSAGE_INCOMPLETE,
    };
}

void speadi_outlet_add_message(struct speadi_outlet *outlet, const struct spead_message *message)
{
    struct spead_message *to = &outlet->pending[outlet->pending_count++];

    *to = *message;
    to->sequence = outlet->sequence++;
    to->stream = outlet->stream;
}

uint32_t speadi_outlet_room(struct speadi_outlet *outlet)
{
    if (outlet->node)
        return speadi_node_room(outlet->node, 0);
    return outlet->sender ? speadi_sender_room(outlet->sender) : UINT32_MAX;
}

/* Returns the weight that the heap will have in the channel. */
static uint64_t weight_of(struct speadi_outlet_bound *bound, const struct spead_heap *heap)
{
    uint64_t weight, least = bound->least[heap->region->size_class];

    if (__builtin_expect(heap->length > bound->longest, 0)) {
        bound->longest = heap->length;
        set_per_byte(bound);
    }
    weight = heap->length * bound->per_byte >> 16;

    weight = weight > least ? weight : least;
    return weight < SPEADI_OUTLET_FULL ? weight : SPEADI_OUTLET_FULL - 1;
}

/* Notes the weights of the first pending heaps for note_sent(). Returns how many of the first `count` heaps fit. */
static uint32_t weigh(struct speadi_outlet *outlet, uint32_t count)
{
    struct speadi_outlet_bound *bound = &outlet->bound;
    uint64_t sum = bound->inside;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t weight = weight_of(bound, speadi_outlet_heap(&outlet->pending[i]));

        sum += weight;
        if (sum > SPEADI_OUTLET_FULL && sum != weight) /* one heap may always wait */
            return i;
        bound->weights[(outlet->sent + i) & bound->mask] = (uint32_t)weight;
    }
    return count;
}

/* Returns how many pending heaps fit, as far as this thread knows without a look at the channel. */
static uint32_t fitting_known(struct speadi_outlet *outlet)
{
    uint64_t known = outlet->capacity - (outlet->sent - outlet->gone);
    uint32_t count = outlet->pending_count;

    count = count < known ? count : (uint32_t)known;
    return outlet->bound.weights ? weigh(outlet, count) : count;
}

/* Finds out which heaps have left the channel. `there` is the number of free places in it. */
static void note_gone(struct speadi_outlet *outlet, uint32_t there)
{
    uint64_t inside = there < outlet->places ? outlet->places - there : 0;

    while (outlet->sent - outlet->gone > inside) {
        if (outlet->bound.weights)
            outlet->bound.inside -= outlet->bound.weights[outlet->gone & outlet->bound.mask];
        outlet->gone++;
    }
}

uint32_t speadi_outlet_fitting(struct speadi_outlet *outlet)
{
    uint32_t fitting, there;

    if (outlet->counted) {
        fitting = fitting_known(outlet);
        if (__builtin_expect(fitting == outlet->pending_count, 1))
            return fitting;
    } else if (!outlet->waits && !outlet->may_pause) {
        return outlet->pending_count;
    }
    there = speadi_outlet_room(outlet);
    if (there == UINT32_MAX)
        return outlet->pending_count;
    if (!outlet->counted)
        return there < outlet->pending_count ? there : outlet->pending_count;
    note_gone(outlet, there);
    return fitting_known(outlet);
}

static void note_sent(struct speadi_outlet *outlet, uint32_t count)
{
    if (outlet->bound.weights && outlet->counted)
        for (uint32_t i = 0; i < count; i++)
            outlet->bound.inside += outlet->bound.weights[(outlet->sent + i) & outlet->bound.mask];
    outlet->sent += count;
}

int speadi_outlet_send(struct speadi_outlet *outlet, uint32_t first, uint32_t count)
{
    const struct spead_message *messages = outlet->pending + first;
    int ret = -EPIPE;

    if (outlet->node)
        ret = spead_node_send(outlet->node, 0, messages, count);
    else if (outlet->sender)
        ret = spead_sender_try_send(outlet->sender, messages, count);
    if (ret > 0)
        note_sent(outlet, (uint32_t)ret);
    return ret;
}

void speadi_outlet_shed(struct speadi_outlet *outlet, uint32_t count)
{
    if (outlet->node)
        speadi_node_shed(outlet->node, 0, outlet->pending, count);
    else
        speadi_sender_shed(outlet->sender, outlet->pending, count);
}

bool speadi_outlet_shed_oldest(struct speadi_outlet *outlet)
{
    bool done = outlet->node ? speadi_node_shed_oldest(outlet->node, 0)
                             : outlet->sender && speadi_sender_shed_oldest(outlet->sender);

    if (done)
        note_gone(outlet, speadi_outlet_room(outlet));
    return done;
}

uint64_t speadi_outlet_high_water(const struct speadi_outlet *outlet)
{
    /* OUTLET1 acquire: pairs with the release in bind_edge(). This thread sees a channel that is completely made, and
     * the outlet's reference to it. */
    const struct spead_channel *edge = atomic_load_explicit(&outlet->edge, memory_order_acquire);

    return speadi_channel_high_water(edge ? edge : outlet->channel);
}

void speadi_outlet_remove(struct speadi_outlet *outlet, uint32_t count)
{
    outlet->pending_count -= count;
    if (outlet->pending_count > 0)
        memmove(outlet->pending, outlet->pending + count,
                outlet->pending_count * sizeof *outlet->pending);
}

static void bind_edge(struct speadi_outlet *outlet, struct spead_channel *edge)
{
    outlet->waits = edge && speadi_channel_policy_of(edge) == SPEAD_ON_FULL_BLOCK;
    outlet->may_pause = edge && speadi_channel_policy_of(edge) == SPEAD_ON_FULL_DROP_NEWEST;
    outlet->sheds_oldest = edge && speadi_channel_policy_of(edge) == SPEAD_ON_FULL_DROP_OLDEST;
    outlet->counted = edge && outlet->shed_arg &&
                      speadi_channel_shed_arg(edge, &outlet->places) == outlet->shed_arg;
    if (!edge)
        return;
    if (outlet->counted && outlet->places < outlet->capacity)
        outlet->capacity = outlet->places;
    spead_channel_ref(edge);
    /* OUTLET1 release: a thread that asks for statistics sees the whole channel and the reference to it. */
    atomic_store_explicit(&outlet->edge, edge, memory_order_release);
}

void speadi_outlet_bind(struct speadi_outlet *outlet, struct spead_node *node)
{
    speadi_outlet_close(outlet, 0);
    outlet->node = node;
    outlet->receiver_gone = !node;
    bind_edge(outlet, node ? speadi_node_channel(node, 0) : NULL);
}

void speadi_outlet_close(struct speadi_outlet *outlet, int error)
{
    if (error == -EAGAIN || error == -ETIMEDOUT)
        error = -EIO; /* a receiving end returns these two when no heap is there */
    spead_sender_close(outlet->sender, error);
    outlet->sender = NULL;
}

/* Sleeps until the consumer takes a heap out of a channel that blocks. Returns false if that is not possible. */
static bool sleep_until_taken(struct speadi_outlet *outlet, uint64_t deadline_ns)
{
    uint32_t room = outlet->places - (uint32_t)(outlet->sent - outlet->gone);

    if (!outlet->waits || !outlet->counted || !outlet->bound.weights)
        return false;
    if (outlet->node)
        return speadi_node_sleep_at(outlet->node, 0, room, &outlet->stop_wake, deadline_ns);
    return outlet->sender &&
           speadi_sender_sleep_at(outlet->sender, room, &outlet->stop_wake, deadline_ns);
}

void speadi_outlet_wait_room(struct speadi_outlet *outlet, uint64_t deadline_ns)
{
    int fd = outlet->sender && outlet->waits && !outlet->bound.weights
                 ? spead_sender_fd(outlet->sender)
                 : -ENOENT;

    if (sleep_until_taken(outlet, deadline_ns))
        return;
    if (fd < 0) {
        uint64_t again = speadi_clock_mono_ns() + LOOK_AGAIN_NS;

        deadline_ns = again < deadline_ns ? again : deadline_ns;
    }
    speadi_wake_fd_wait(&outlet->stop_wake, &fd, fd >= 0, POLLIN, deadline_ns);
}

/* ---- Calls of the consumer thread ---------------------------------------------------------- */

static int open_receiver(struct speadi_outlet *outlet)
{
    if (outlet->receiver)
        return 0;
    return spead_receiver_open(&outlet->receiver, outlet->channel, "take()", outlet->type, NULL);
}

/* take() returns -ESHUTDOWN after every end of the stream. If the stream failed, its poll(), run() or runner returns
 * the reason. */
static int take_result(int ret)
{
    return __builtin_expect(ret >= 0, 1) || ret == -EAGAIN || ret == -ETIMEDOUT ? ret : -ESHUTDOWN;
}

/* Opens the receiving end, then takes. The compiler must not inline this rare case: otherwise every call of
 * speadi_outlet_take() would save more registers. */
static __attribute__((noinline)) int open_and_take(struct speadi_outlet *outlet,
                                                   struct spead_heap **heaps, uint32_t max,
                                                   bool wait, uint64_t deadline_ns)
{
    int ret = open_receiver(outlet);

    if (ret < 0)
        return ret == -EBUSY || ret == -ENOMEM ? ret : -ESHUTDOWN;
    return take_result(speadi_receiver_take(outlet->receiver, heaps, max, wait, deadline_ns));
}

int speadi_outlet_take(struct speadi_outlet *outlet, struct spead_heap **heaps, uint32_t max,
                       bool wait, uint64_t deadline_ns)
{
    if (__builtin_expect(!outlet->receiver, 0))
        return open_and_take(outlet, heaps, max, wait, deadline_ns);
    return take_result(speadi_receiver_take(outlet->receiver, heaps, max, wait, deadline_ns));
}

int speadi_outlet_fd(struct speadi_outlet *outlet)
{
    int ret = open_receiver(outlet);

    return ret < 0 ? ret : spead_receiver_fd(outlet->receiver);
}
