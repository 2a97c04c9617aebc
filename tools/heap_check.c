/* SPDX-License-Identifier: Apache-2.0 */
/* See heap_check.h. */
#include "heap_check.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

#include "verify_pattern.h"

#define GAPS_MAX 4097u /* a heap keeps at most 4096 received ranges, with 4097 gaps around them */

struct heap_check {
    struct heap_check_config config;
    struct spead_gap *gaps; /* an array of GAPS_MAX gaps; NULL without `verify` */
    /* true after end_stream(); the node releases all heaps that still arrive */
    bool ended;

    /* The heaps held[first] to held[count - 1] are checked and not yet sent to the output. */
    struct spead_message held[HEAP_CHECK_BATCH_MAX];
    uint32_t first, count;

    enum verify_rule rule; /* the rule that the last heap followed */
    int print_error;       /* -errno of the first heap that could not be printed */

    struct heap_check_totals totals; /* only step() uses these totals */
    /* Copies of the totals: step() writes them, other threads read them. */
    _Atomic uint64_t heaps, incomplete_heaps, payload_bytes, bad_bytes, spead2_heaps, past_limit;
};

static struct spead_heap *heap_of(const struct spead_message *message)
{
    return (struct spead_heap *)(uintptr_t)message->reference;
}

static bool has_enough(const struct heap_check *check)
{
    return check->config.heaps_max > 0 && check->totals.heaps >= check->config.heaps_max;
}

/* Ends the stream immediately: after the second stop() the stream reads no more packets. */
static void end_stream(struct heap_check *check)
{
    check->ended = true;
    spead_recv_stream_stop(check->config.stream);
    spead_recv_stream_stop(check->config.stream);
}

static void verify(struct heap_check *check, const struct spead_heap *heap)
{
    uint64_t bad = verify_pattern_heap(heap, check->gaps, GAPS_MAX, &check->rule);

    check->totals.bad_bytes += bad;
    check->totals.spead2_heaps +=
        bad == 0 && check->rule == VERIFY_SPEAD2 && spead_heap_length(heap) > 0;
}

/* Counts and checks a heap. Returns true if the caller must send the heap to the output. */
static bool check_heap(struct heap_check *check, struct spead_heap *heap)
{
    struct heap_check_totals *totals = &check->totals;

    if (check->ended) {
        totals->past_limit += has_enough(check);
        return false;
    }
    totals->payload_bytes += spead_heap_received(heap);
    if (spead_heap_is_complete(heap))
        totals->heaps++;
    else
        totals->incomplete_heaps++;
    if (check->config.verify)
        verify(check, heap);
    if (check->config.printer && check->print_error == 0)
        check->print_error = item_printer_heap(check->config.printer, heap);
    if (has_enough(check))
        end_stream(check);
    return check->config.passes_on;
}

static void publish(struct heap_check *check)
{
    const struct heap_check_totals *totals = &check->totals;

    /* relaxed: no other data depends on these counts */
    atomic_store_explicit(&check->heaps, totals->heaps, memory_order_relaxed);
    atomic_store_explicit(&check->incomplete_heaps, totals->incomplete_heaps, memory_order_relaxed);
    atomic_store_explicit(&check->payload_bytes, totals->payload_bytes, memory_order_relaxed);
    atomic_store_explicit(&check->bad_bytes, totals->bad_bytes, memory_order_relaxed);
    atomic_store_explicit(&check->spead2_heaps, totals->spead2_heaps, memory_order_relaxed);
    atomic_store_explicit(&check->past_limit, totals->past_limit, memory_order_relaxed);
}

/* Takes a batch of heaps from the input and checks them. The heaps for the output stay in check->held. The function
 * releases all other heaps. Returns how many heaps came, or the error of spead_node_receive(). */
static int take_batch(struct heap_check *check, struct spead_node *self)
{
    struct spead_message *held = check->held;
    int ret = spead_node_receive(self, 0, held, check->config.batch);

    check->first = check->count = 0;
    for (int i = 0; i < ret; i++) {
        if (check_heap(check, heap_of(&held[i])))
            held[check->count++] = held[i];
        else
            spead_message_unref(&held[i]);
    }
    if (ret > 0)
        publish(check);
    return ret;
}

static void release_held(struct heap_check *check)
{
    while (check->first < check->count)
        spead_message_unref(&check->held[check->first++]);
}

/* Sends the heaps in check->held to the output. Returns 0. Returns -EAGAIN if the channel had no room for all of
 * them. */
static int pass_on(struct heap_check *check, struct spead_node *self)
{
    uint32_t left = check->count - check->first;
    int ret = left > 0 ? spead_node_send(self, 0, &check->held[check->first], left) : 0;

    if (ret > 0)
        check->first += (uint32_t)ret;
    if (ret >= 0)
        return check->first < check->count ? -EAGAIN : 0;
    if (ret == -EAGAIN)
        return ret;
    /* The node behind the output has failed, and the graph reports that. This node goes on taking heaps and releases
     * them, so that the stream can end in order. */
    release_held(check);
    end_stream(check);
    return 0;
}

static int step(void *state, struct spead_node *self)
{
    struct heap_check *check = state;
    int came;

    if (pass_on(check, self) == -EAGAIN)
        return SPEAD_STEP_WAITING;
    came = take_batch(check, self);
    if (check->print_error < 0) {
        spead_node_explain(self, "cannot print items on standard output: %s",
                           strerror(-check->print_error));
        return check->print_error;
    }
    if (came < 0)
        return came == -EAGAIN ? SPEAD_STEP_WAITING : SPEAD_STEP_DONE;
    if (pass_on(check, self) == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if ((unsigned)came == check->config.batch)
        return SPEAD_STEP_AGAIN;
    spead_node_wait_input(self, 0); /* fewer heaps came than asked for: the input is empty */
    return SPEAD_STEP_WAITING;
}

static void finish(void *state)
{
    release_held(state);
}

struct spead_node_config heap_check_node(struct heap_check *check, const char *name)
{
    static const struct spead_node_ops ops = {.kind = "heap-check", .step = step, .finish = finish};
    static const struct spead_port port = {"heaps", SPEAD_TYPE_HEAP};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = check;
    config.inputs = config.outputs = &port;
    config.input_count = 1;
    config.output_count = check->config.passes_on ? 1 : 0;
    config.blocking = check->config.printer != NULL;
    return config;
}

/* ---- Making, reading, destroying ----------------------------------------------------------- */

int heap_check_create(struct heap_check **out, const struct heap_check_config *config,
                      struct spead_err *err)
{
    struct heap_check *check = calloc(1, sizeof *check);

    if (!check)
        return speadi_err_set(err, -ENOMEM, "out of memory");
    check->config = *config;
    if (config->batch > HEAP_CHECK_BATCH_MAX)
        check->config.batch = HEAP_CHECK_BATCH_MAX;
    check->gaps = config->verify ? calloc(GAPS_MAX, sizeof *check->gaps) : NULL;
    if (config->verify && !check->gaps) {
        free(check);
        return speadi_err_set(err, -ENOMEM, "out of memory");
    }
    *out = check;
    return 0;
}

void heap_check_destroy(struct heap_check *check)
{
    if (!check)
        return;
    free(check->gaps);
    free(check);
}

struct heap_check_totals heap_check_totals(const struct heap_check *check)
{
    /* relaxed: no other data depends on these counts */
    return (struct heap_check_totals){
        .heaps = atomic_load_explicit(&check->heaps, memory_order_relaxed),
        .incomplete_heaps = atomic_load_explicit(&check->incomplete_heaps, memory_order_relaxed),
        .payload_bytes = atomic_load_explicit(&check->payload_bytes, memory_order_relaxed),
        .bad_bytes = atomic_load_explicit(&check->bad_bytes, memory_order_relaxed),
        .spead2_heaps = atomic_load_explicit(&check->spead2_heaps, memory_order_relaxed),
        .past_limit = atomic_load_explicit(&check->past_limit, memory_order_relaxed),
    };
}
