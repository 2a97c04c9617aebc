/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a program that acquires and submits slots never gets a slot whose heap is in flight, waits no longer than until
 * the oldest heap has completed, and learns how each send has ended.
 *
 * Method: slots and a stream on a scripted engine (support/scripted_tx.h). The test polls the stream, or a runner does.
 * tests/stress/race_send_orders.c uses several threads. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <speadline/send_slots.h>

#include "scripted_tx.h"

enum { SLOTS = 3, BYTES = 1000 };

struct slots_rig {
    struct scripted_tx *tx;
    struct spead_send_stream *stream;
    struct spead_send_slots *slots;
};

static void open_rig(struct slots_rig *rig)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_slots_config slots = SPEAD_SEND_SLOTS_CONFIG_INIT;

    rig->tx = scripted_tx_create();
    rig->stream = scripted_tx_stream(rig->tx, &config);
    slots.slot_count = SLOTS;
    slots.slot_bytes = BYTES;
    slots.item_id = 0x1000;
    cr_assert_eq(spead_send_slots_create(&rig->slots, &slots, NULL), 0);
}

static void close_rig(struct slots_rig *rig)
{
    spead_send_stream_destroy(rig->stream);
    spead_send_slots_destroy(rig->slots);
    scripted_tx_destroy(rig->tx);
}

static struct spead_send_slot *acquire(struct slots_rig *rig)
{
    struct spead_send_slot *slot = NULL;

    cr_assert_eq(spead_send_slots_acquire(rig->slots, &slot, SPEAD_DEADLINE_NOW), 0);
    return slot;
}

static bool is_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

Test(send_slots, each_slot_has_a_heap_and_memory_of_its_own)
{
    struct slots_rig rig;
    struct spead_send_slot *slot[SLOTS];

    open_rig(&rig);
    cr_expect_eq(spead_send_slots_take(rig.slots, slot, SLOTS + 5), SLOTS);
    for (uint32_t i = 0; i < SLOTS; i++) {
        cr_expect_eq(slot[i]->index, i);
        cr_expect_eq(slot[i]->bytes, BYTES);
        cr_expect_eq((uintptr_t)slot[i]->data % 64, 0);
        cr_expect_eq(slot[i]->sent, 0);
        cr_expect_eq(spead_send_heap_payload_bytes(slot[i]->heap), BYTES);
        memset(slot[i]->data, 0xff, BYTES);
        for (uint32_t k = 0; k < i; k++)
            cr_expect_neq(slot[i]->heap, slot[k]->heap);
    }
    cr_expect_eq(((uint8_t *)slot[0]->data)[BYTES - 1], 0xff);
    close_rig(&rig);
}

Test(send_slots, a_slot_is_free_again_when_its_heap_has_completed)
{
    struct slots_rig rig;
    struct spead_send_slot *slot, *first;

    open_rig(&rig);
    rig.tx->hold = true;
    for (unsigned i = 0; i < SLOTS; i++) {
        slot = acquire(&rig);
        if (i == 0)
            first = slot;
        memset(slot->data, (int)i + 1, BYTES);
        cr_assert_eq(spead_send_slot_submit(slot, rig.stream, NULL), 0);
    }
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(spead_send_slots_acquire(rig.slots, &slot, SPEAD_DEADLINE_NOW), -ETIMEDOUT);
    rig.tx->let_go = 1;
    spead_send_stream_poll(rig.stream);
    slot = acquire(&rig);
    cr_expect_eq(slot, first, "the oldest heap completes first");
    cr_expect_eq(slot->sent, 1);
    cr_expect_eq(slot->result.counter, 1);
    cr_expect_eq(slot->result.error, 0);
    cr_expect_eq(slot->result.bytes, 48 + BYTES);
    cr_expect_eq(spead_send_slots_acquire(rig.slots, &slot, SPEAD_DEADLINE_NOW), -ETIMEDOUT);
    for (unsigned i = 0; i < SLOTS; i++)
        cr_expect_eq(scripted_tx_packet(rig.tx, i)[48], i + 1,
                     "each heap has the bytes of its slot");
    close_rig(&rig);
}

Test(send_slots, a_slot_tells_the_error_of_its_last_send)
{
    struct slots_rig rig;
    struct spead_send_slot *slot;

    open_rig(&rig);
    rig.tx->refuse[0].packet = 0;
    rig.tx->refuse[0].error = -EMSGSIZE;
    cr_assert_eq(spead_send_slot_submit(acquire(&rig), rig.stream, NULL), 0);
    spead_send_stream_poll(rig.stream);
    acquire(&rig), acquire(&rig);
    slot = acquire(&rig);
    cr_expect_eq(slot->result.error, -EMSGSIZE);
    close_rig(&rig);
}

Test(send_slots, a_refused_slot_stays_with_the_caller)
{
    struct slots_rig rig;
    struct spead_send_slot *slot;
    struct spead_send_options options = SPEAD_SEND_OPTIONS_INIT;

    open_rig(&rig);
    slot = acquire(&rig);
    options.destination = 7;
    cr_expect_eq(spead_send_slot_submit(slot, rig.stream, &options), -EINVAL);
    options.destination = 0;
    options.done = (spead_send_done_fn *)(uintptr_t)abort;
    cr_expect_eq(spead_send_slot_submit(slot, rig.stream, &options), -EINVAL, "the slots use it");
    cr_expect_eq(spead_send_slots_flush(rig.slots, SPEAD_DEADLINE_NOW), 0, "nothing is in flight");
    options.done = NULL;
    options.explicit_counter = true;
    options.counter = 99;
    cr_expect_eq(spead_send_slot_submit(slot, rig.stream, &options), 0);
    cr_expect_eq(spead_send_slots_flush(rig.slots, SPEAD_DEADLINE_NOW), -ETIMEDOUT);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(slot->result.counter, 99);
    spead_send_stream_stop(rig.stream);
    acquire(&rig), acquire(&rig);
    slot = acquire(&rig);
    cr_expect_eq(spead_send_slot_submit(slot, rig.stream, NULL), -ESHUTDOWN);
    spead_send_slot_give_back(slot);
    cr_expect_eq(acquire(&rig), slot);
    close_rig(&rig);
}

Test(send_slots, the_descriptor_is_readable_while_a_slot_is_free)
{
    struct slots_rig rig;
    struct spead_send_slot *slot[SLOTS];
    int fd;

    open_rig(&rig);
    fd = spead_send_slots_fd(rig.slots);
    cr_assert_geq(fd, 0);
    cr_expect_eq(spead_send_slots_fd(rig.slots), fd);
    cr_expect(is_readable(fd));
    cr_assert_eq(spead_send_slots_take(rig.slots, slot, 1), 1);
    cr_expect(is_readable(fd), "two are left");
    cr_assert_eq(spead_send_slots_take(rig.slots, slot + 1, SLOTS), 2);
    cr_expect_not(is_readable(fd));
    for (unsigned i = 0; i < SLOTS; i++)
        cr_assert_eq(spead_send_slot_submit(slot[i], rig.stream, NULL), 0);
    cr_expect_not(is_readable(fd), "they are in flight");
    spead_send_stream_poll(rig.stream);
    cr_expect(is_readable(fd));
    cr_assert_eq(spead_send_slots_take(rig.slots, slot, SLOTS), SLOTS);
    cr_expect_not(is_readable(fd));
    cr_expect_eq(spead_send_slots_take(rig.slots, slot, SLOTS), 0);
    spead_send_slot_give_back(slot[1]);
    cr_expect(is_readable(fd));
    close_rig(&rig);
}

Test(send_slots, acquire_waits_for_the_stream, .timeout = 60)
{
    struct slots_rig rig;
    struct spead_send_runner *runner;
    struct spead_send_slot *slot;

    open_rig(&rig);
    rig.tx->at_once = 1;
    cr_assert_eq(spead_send_runner_start(&runner, rig.stream, -1, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(spead_send_slots_acquire(rig.slots, &slot, SPEAD_DEADLINE_NEVER), 0);
        memset(slot->data, (int)i, BYTES);
        cr_assert_eq(spead_send_slot_submit(slot, rig.stream, NULL), 0);
    }
    cr_expect_eq(spead_send_slots_flush(rig.slots, SPEAD_DEADLINE_NEVER), 0);
    spead_send_stream_stop(rig.stream);
    cr_assert_eq(spead_send_runner_join(runner, NULL), 0);
    cr_assert_eq(rig.tx->packet_count, 100);
    for (unsigned i = 0; i < 100; i++)
        for (unsigned k = 0; k < BYTES; k++)
            cr_assert_eq(scripted_tx_packet(rig.tx, i)[48 + k], i, "byte %u of heap %u", k, i);
    close_rig(&rig);
}

Test(send_slots, the_owner_thread_never_waits_for_itself)
{
    struct slots_rig rig;
    struct spead_send_slot *slot;

    open_rig(&rig);
    cr_assert_eq(spead_send_stream_start(rig.stream, NULL), 0);
    for (unsigned i = 0; i < SLOTS; i++)
        cr_assert_eq(spead_send_slot_submit(acquire(&rig), rig.stream, NULL), 0);
    cr_expect_eq(spead_send_slots_acquire(rig.slots, &slot, SPEAD_DEADLINE_NEVER), -EDEADLK);
    cr_expect_eq(spead_send_slots_flush(rig.slots, SPEAD_DEADLINE_NEVER), -EDEADLK);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(spead_send_slots_flush(rig.slots, SPEAD_DEADLINE_NEVER), 0);
    close_rig(&rig);
}

/* The heaps were submitted by a thread that was not the owner thread at that time. */
Test(send_slots, the_owner_thread_does_not_wait_for_heaps_that_others_submitted, .timeout = 60)
{
    struct slots_rig rig;
    struct spead_send_slot *slot;

    open_rig(&rig);
    for (unsigned i = 0; i < SLOTS; i++)
        cr_assert_eq(spead_send_slot_submit(acquire(&rig), rig.stream, NULL), 0);
    cr_assert_eq(spead_send_stream_start(rig.stream, NULL), 0);
    cr_expect_eq(spead_send_slots_acquire(rig.slots, &slot, SPEAD_DEADLINE_NEVER), -EDEADLK);
    cr_expect_eq(spead_send_slots_flush(rig.slots, SPEAD_DEADLINE_NEVER), -EDEADLK);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(spead_send_slots_acquire(rig.slots, &slot, SPEAD_DEADLINE_NEVER), 0);
    close_rig(&rig);
}

Test(send_slots, an_owner_thread_may_wait_for_heaps_of_another_stream, .timeout = 60)
{
    struct slots_rig rig, other;
    struct spead_send_slot *slot;

    open_rig(&rig);
    open_rig(&other);
    cr_assert_eq(spead_send_stream_start(rig.stream, NULL), 0);
    cr_assert_eq(spead_send_slot_submit(acquire(&rig), other.stream, NULL), 0);
    for (unsigned i = 1; i < SLOTS; i++)
        cr_assert_eq(spead_send_slot_submit(acquire(&rig), rig.stream, NULL), 0);
    cr_expect_eq(spead_send_slots_acquire(rig.slots, &slot, spead_deadline_after_ms(1)), -ETIMEDOUT,
                 "the other stream can complete its heap meanwhile");
    cr_expect_eq(spead_send_slots_flush(rig.slots, SPEAD_DEADLINE_NEVER), -EDEADLK,
                 "the heaps of the own stream cannot");
    spead_send_stream_poll(other.stream);
    cr_expect_eq(spead_send_slots_acquire(rig.slots, &slot, SPEAD_DEADLINE_NEVER), 0);
    spead_send_stream_poll(rig.stream);
    close_rig(&rig);
    close_rig(&other);
}

Test(send_slots, slots_without_memory_have_heaps_that_the_program_describes)
{
    static const uint8_t data[20];
    struct spead_send_slots_config config = SPEAD_SEND_SLOTS_CONFIG_INIT;
    struct slots_rig rig;
    struct spead_send_slot *slot;
    struct spead_send_memory memory;

    open_rig(&rig);
    spead_send_slots_memory(rig.slots, &memory);
    cr_expect_geq(memory.bytes, SLOTS * BYTES);
    cr_expect_eq(memory.data, acquire(&rig)->data);
    spead_send_slots_destroy(rig.slots);
    cr_assert_eq(spead_send_slots_create(&rig.slots, &config, NULL), 0);
    spead_send_slots_memory(rig.slots, &memory);
    cr_expect_eq(memory.bytes, 0);
    slot = acquire(&rig);
    cr_expect_null(slot->data);
    cr_expect_eq(slot->item, -1);
    cr_expect_geq(spead_send_heap_add_item(slot->heap, 0x1001, data, sizeof data, false), 0);
    cr_expect_eq(spead_send_slot_submit(slot, rig.stream, NULL), 0);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(slot->result.bytes, 48 + sizeof data);
    close_rig(&rig);
}

Test(send_slots, a_configuration_out_of_range_is_refused_by_the_name_of_its_field)
{
    static const struct {
        struct spead_send_slots_config config;
        const char *field;
    } bad[] = {
        {{.slot_count = 0, .flavour = {40}}, "slot_count"},
        {{.slot_count = (1u << 20) + 1, .flavour = {40}}, "slot_count"},
        {{.slot_count = 1, .slot_bytes = 2ull << 40, .flavour = {40}}, "slot_bytes"},
        {{.slot_count = 1, .slot_bytes = 300, .item_id = 0x1000, .flavour = {8}}, "slot_bytes"},
        {{.slot_count = 1, .item_id = 3, .flavour = {40}}, "item_id"},
        {{.slot_count = 1, .flavour = {41}}, "flavour"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct spead_send_slots_config config = bad[i].config;
        struct spead_send_slots *slots;
        struct spead_err err = {0};

        config.struct_size = sizeof config;
        cr_expect_eq(spead_send_slots_create(&slots, &config, &err), -EINVAL, "%zu", i);
        cr_expect_eq(strncmp(err.text, bad[i].field, strlen(bad[i].field)), 0, "%s", err.text);
    }
}
