/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: payload lands in the reserved ranges, every packet is lent whole, and the device does not write to a range
 * after its reservation has ended. This also holds for memory that the CPU cannot read.
 * Method: the verbs double uses jumbo frames. The tests compare the content of the ranges with what was sent. The
 * memory that the CPU cannot read is a memfd: it is mapped without access and registered as a dma-buf. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "control.h"
#include "rx_rig.h"
#include "rx_verbs.h"
#include "verbs_double.h"
#include "verbs_rx_rig.h"

enum { HEAD = 72, RANGE = 4096, RANGES = 16, MEMORY = 1 << 20 };

static struct verbs_rx_rig rig;
static uint8_t sent[8192];
static uint8_t *memory;
static struct spead_region_info info;

static void open_engine(uint32_t buffer_bytes)
{
    const struct verbs_rx_options options = {.mtu = 9000, .buffer_bytes = buffer_bytes};

    test_use_verbs_double();
    if (!verbs_rx_rig_prepare(&rig, &options))
        cr_skip_test("%s %s", rig.reason, rig.err.text);
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), 0, "%s", rig.err.text);
}

static void attach(void)
{
    cr_assert_eq(rig.ops->attach(rig.engine, &info, &rig.err), 0, "%s", rig.err.text);
}

static void open_placed_with(uint32_t buffer_bytes)
{
    open_engine(buffer_bytes);
    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    info = (struct spead_region_info){.fd = -1, .data = memory, .bytes = MEMORY};
    attach();
}

static void open_placed(void)
{
    open_placed_with(0);
}

static void close_placed(void)
{
    struct vdouble_counters c;

    verbs_rx_rig_close(&rig);
    vdouble_counters(&c);
    cr_assert_eq(c.contexts + c.pds + c.mrs + c.channels + c.cqs + c.qps + c.flows, 0);
}

TestSuite(rx_verbs_placed, .fini = close_placed, .timeout = 60);

static void send_packet(uint32_t seed, size_t bytes)
{
    rx_rig_fill(sent, bytes, seed);
    cr_assert(verbs_rx_rig_send(&rig, 0, sent, bytes), "%s", strerror(errno));
}

static const struct speadi_rx_packet *take_at(int line)
{
    int count = verbs_rx_rig_poll(&rig);

    cr_assert_eq(count, 1, "line %d: poll says %d", line, count);
    return &rig.burst.packet[0];
}

#define take_one() take_at(__LINE__)

/* Sends a first frame. From this frame the engine learns how long the head of a frame is. */
static void prime(void)
{
    send_packet(1000, HEAD + RANGE);
    cr_assert_eq(take_one()->place, SPEADI_RX_UNPLACED);
    verbs_rx_rig_give_back(&rig);
}

static struct speadi_rx_range range(unsigned number)
{
    uint64_t offset = (uint64_t)number * RANGE;

    return (struct speadi_rx_range){info.data ? memory + offset : NULL, offset, RANGE};
}

/* Asks the engine to reserve `count` ranges, beginning with the range that has the index `first`. Returns how many
 * ranges it has accepted. */
static unsigned reserve(unsigned first, unsigned count)
{
    struct speadi_rx_range ranges[RANGES];

    for (unsigned i = 0; i < count; i++)
        ranges[i] = range(first + i);
    return rig.ops->reserve(rig.engine, 0, 0, HEAD, ranges, count);
}

/* Reserves the first `count` ranges. The engine has already posted slots without a range, and accepts a range only when
 * a slot is free. So the function sends packets that use up the posted slots. */
static void reserve_all(unsigned count)
{
    unsigned done = 0;

    for (uint32_t i = 0; i < 5000 && done < count; i++) {
        done += reserve(done, count - done);
        if (done == count)
            return;
        send_packet(2000 + i, 100);
        cr_assert_gt(verbs_rx_rig_poll(&rig), 0);
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_eq(done, count);
}

/* Sends packets with one byte of payload until a packet lands in reservation 0. The caller must give that packet
 * back. */
static void reach_the_reserved(void)
{
    for (uint32_t i = 0; i < 5000; i++) {
        const struct speadi_rx_packet *packet;

        send_packet(3000, HEAD + 1);
        packet = take_one();
        if (packet->place == 0)
            return;
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_fail("no frame lands in a reservation");
}

/* The test sends more packets than a window has receives. So it fails if the engine posts only a window of receives. */
Test(rx_verbs_placed, what_is_too_small_to_place_finds_the_whole_queue)
{
    enum { PACKETS = 300 };
    unsigned lent = 0;

    open_placed_with(4u << 20);
    for (uint32_t i = 0; i < PACKETS; i++)
        send_packet(i, 100);
    while (lent < PACKETS) {
        int count = verbs_rx_rig_poll(&rig);

        cr_assert_gt(count, 0, "%u of %u packets came", lent, PACKETS);
        lent += (unsigned)count;
        verbs_rx_rig_give_back(&rig);
    }
}

Test(rx_verbs_placed, payload_lands_in_the_ranges_in_order)
{
    open_placed();
    prime();
    reserve_all(RANGES);
    reach_the_reserved(); /* One byte of payload lands in the first range. */
    cr_assert_eq(rig.burst.reservations_ended[0], 1);
    verbs_rx_rig_give_back(&rig);
    for (uint32_t i = 1; i < RANGES; i++) {
        const struct speadi_rx_packet *packet;

        send_packet(i, HEAD + RANGE);
        packet = take_one();
        cr_assert_eq(packet->place, i);
        cr_assert_eq(packet->head_bytes, HEAD);
        cr_assert_eq(packet->body, memory + i * RANGE);
        cr_assert(rx_rig_packet_is(packet, sent, HEAD + RANGE));
        cr_assert_eq(rig.burst.reservations_ended[0], i + 1);
        verbs_rx_rig_give_back(&rig);
    }
}

Test(rx_verbs_placed, a_packet_longer_than_its_range_is_lent_whole_and_harms_nothing)
{
    const struct speadi_rx_packet *packet;

    open_placed();
    prime();
    reserve_all(RANGES);
    reach_the_reserved();
    verbs_rx_rig_give_back(&rig);
    send_packet(1, HEAD + RANGE + 3000);
    packet = take_one();
    cr_assert_eq(packet->place, 1);
    cr_assert_eq(packet->datagram_bytes, HEAD + RANGE + 3000);
    cr_assert_arr_eq(packet->head, sent, HEAD);
    cr_assert_arr_eq(packet->body, sent + HEAD, RANGE);
    cr_assert_eq(packet->tail_bytes, 3000);
    cr_assert_arr_eq(packet->tail, sent + HEAD + RANGE, 3000);
    cr_assert_eq(rig.burst.reservations_ended[0], 2);
    verbs_rx_rig_give_back(&rig);
    send_packet(2, HEAD - 10); /* This packet is shorter than the expected head. */
    cr_assert(rx_rig_packet_is(take_one(), sent, HEAD - 10));
    verbs_rx_rig_give_back(&rig);
    send_packet(3, HEAD + RANGE);
    cr_assert_eq(take_one()->place, 3);
    verbs_rx_rig_give_back(&rig);
}

Test(rx_verbs_placed, after_quiesce_nothing_is_reserved_and_packets_still_come)
{
    open_placed();
    prime();
    reserve_all(RANGES);
    rig.ops->quiesce(rig.engine);
    cr_assert_eq(reserve(0, 1), 0);
    reach_the_reserved();
    verbs_rx_rig_give_back(&rig);
    for (uint32_t i = 1; i < RANGES + 4; i++) {
        const struct speadi_rx_packet *packet;

        send_packet(i, HEAD + RANGE);
        packet = take_one();
        cr_assert_eq(packet->place, i < RANGES ? i : SPEADI_RX_UNPLACED);
        cr_assert(rx_rig_packet_is(packet, sent, HEAD + RANGE));
        verbs_rx_rig_give_back(&rig);
    }
}

static uint64_t completions(void)
{
    struct vdouble_counters c;

    vdouble_counters(&c);
    return c.completions;
}

/* With some firmware a queue goes on after a frame that is longer than its slot. The engine must find the completion of
 * this frame also when it empties a queue that has failed. */
Test(rx_verbs_placed, a_frame_beyond_its_slot_counts_also_when_the_queue_fails)
{
    struct speadi_verbs_engine *engine;
    uint64_t before;

    open_placed();
    engine = rig.engine;
    prime();
    reserve_all(RANGES);
    before = completions();
    vdouble_script("len_err_fatal=0 rx.status@1=LOC_LEN_ERR");
    send_packet(1, HEAD + 1);
    for (int i = 0; i < 5000 && completions() == before; i++)
        usleep(1000);
    engine->failed = true;
    cr_assert_eq(take_one()->flags, SPEADI_RX_TRUNCATED);
    verbs_rx_rig_give_back(&rig);
    send_packet(2, HEAD + 1);
    cr_assert(rx_rig_packet_is(take_one(), sent, HEAD + 1));
}

Test(rx_verbs_placed, a_failed_queue_ends_its_reservations)
{
    struct speadi_rx_counters counters = {0};

    open_placed();
    prime();
    reserve_all(RANGES);
    reach_the_reserved();
    verbs_rx_rig_give_back(&rig);
    vdouble_script("rx.status@2=LOC_PROT_ERR");
    send_packet(1, HEAD + RANGE);
    cr_assert_eq(take_one()->place, 1);
    verbs_rx_rig_give_back(&rig);
    send_packet(2, HEAD + RANGE);
    for (unsigned i = 0; i < 5000 && counters.rebuilds == 0; i++) {
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        rig.ops->counters(rig.engine, &counters);
        usleep(1000);
    }
    cr_assert_eq(rig.burst.reservations_ended[0], RANGES);
    send_packet(3, HEAD + RANGE);
    cr_assert(rx_rig_packet_is(take_one(), sent, HEAD + RANGE));
    verbs_rx_rig_give_back(&rig);
}

Test(rx_verbs_placed, the_queue_of_a_device_that_is_gone_is_closed_before_its_ranges_are_handed_on)
{
    struct vdouble_counters c;

    open_placed();
    prime();
    reserve_all(8);
    vdouble_script("device_fatal=1");
    for (int i = 0; i < 500 && rig.ops->poll(rig.engine, &rig.burst) != -ENODEV; i++)
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 10000000);
    rig.ops->quiesce(rig.engine);
    vdouble_counters(&c);
    cr_assert_eq(c.qps, 0);
}

Test(rx_verbs_placed, memory_that_the_cpu_cannot_touch_is_filled_by_the_device_alone)
{
    int fd = memfd_create("device", MFD_CLOEXEC);
    uint8_t *seen;

    open_engine(0);
    cr_assert_eq(ftruncate(fd, MEMORY), 0);
    memory = mmap(NULL, MEMORY, PROT_NONE, MAP_SHARED, fd, 0);
    seen = mmap(NULL, MEMORY, PROT_READ, MAP_SHARED, fd, 0);
    info = (struct spead_region_info){.kind = SPEAD_REGION_DMA_BUF,
                                      .fd = fd,
                                      .device_address = (uintptr_t)memory,
                                      .bytes = MEMORY};
    attach();
    prime();
    reserve_all(RANGES);
    reach_the_reserved();
    cr_assert_null(rig.burst.packet[0].body);
    verbs_rx_rig_give_back(&rig);
    for (uint32_t i = 1; i < RANGES; i++) {
        const struct speadi_rx_packet *packet;

        send_packet(i, HEAD + RANGE);
        packet = take_one();
        cr_assert_eq(packet->place, i);
        cr_assert_null(packet->body);
        cr_assert_eq(packet->body_bytes, RANGE);
        cr_assert_arr_eq(packet->head, sent, HEAD);
        cr_assert_arr_eq(seen + i * RANGE, sent + HEAD, RANGE);
        verbs_rx_rig_give_back(&rig);
    }
    verbs_rx_rig_close(&rig);
    munmap(memory, MEMORY);
    munmap(seen, MEMORY);
    close(fd);
}

Test(rx_verbs_placed, what_does_not_fit_memory_of_the_device_is_lent_in_three_parts)
{
    int fd = memfd_create("device", MFD_CLOEXEC);
    const struct speadi_rx_packet *packet;

    open_engine(0);
    cr_assert_eq(ftruncate(fd, MEMORY), 0);
    info = (struct spead_region_info){
        .kind = SPEAD_REGION_DMA_BUF, .fd = fd, .device_address = 1 << 20, .bytes = MEMORY};
    attach();
    prime();
    reserve_all(4);
    reach_the_reserved();
    verbs_rx_rig_give_back(&rig);
    send_packet(1, HEAD + RANGE + 3000);
    packet = take_one();
    cr_assert_eq(packet->flags, 0);
    cr_assert_neq(packet->place, SPEADI_RX_UNPLACED);
    cr_assert_eq(packet->datagram_bytes, HEAD + RANGE + 3000);
    cr_assert_eq(packet->head_bytes, HEAD);
    cr_assert_null(packet->body);
    cr_assert_eq(packet->body_bytes, RANGE);
    cr_assert_eq(packet->tail_bytes, 3000);
    cr_assert_arr_eq(packet->head, sent, HEAD);
    cr_assert_arr_eq(packet->tail, sent + HEAD + RANGE, 3000);
    verbs_rx_rig_give_back(&rig);
    verbs_rx_rig_close(&rig);
    close(fd);
}

/* The double would refuse a registration. */
Test(rx_verbs_placed, for_a_plan_no_memory_is_registered)
{
    const struct verbs_rx_options options = {.mtu = 9000};

    test_use_verbs_double();
    if (!verbs_rx_rig_prepare(&rig, &options))
        cr_skip_test("%s %s", rig.reason, rig.err.text);
    rig.config.plan_only = true;
    cr_assert_eq(verbs_rx_rig_open_engine(&rig), 0, "%s", rig.err.text);
    info = (struct spead_region_info){.fd = -1, .data = sent, .bytes = sizeof sent};
    vdouble_script("reg_mr@1=ENOMEM");
    attach();
    verbs_rx_rig_close(&rig);
}

Test(rx_verbs_placed, memory_that_cannot_be_registered_is_refused_and_packets_still_come)
{
    open_engine(0);
    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    info = (struct spead_region_info){.fd = -1, .data = memory, .bytes = MEMORY};
    vdouble_script("reg_mr@1=ENOMEM");
    cr_assert_eq(rig.ops->attach(rig.engine, &info, &rig.err), -ENOMEM);
    cr_assert(strstr(rig.err.text, "reg_mr"), "%s", rig.err.text);
    prime();
    cr_assert_eq(reserve(0, 1), 0);
}

Test(rx_verbs_placed, a_device_that_scatters_over_too_few_pieces_refuses_and_packets_still_come)
{
    vdouble_script("max_sge=2");
    open_engine(0);
    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    info = (struct spead_region_info){.fd = -1, .data = memory, .bytes = MEMORY};
    cr_assert_eq(rig.ops->attach(rig.engine, &info, &rig.err), -ENOTSUP);
    cr_assert(strstr(rig.err.text, "over 2 pieces"), "%s", rig.err.text);
    prime();
    cr_assert_eq(reserve(0, 1), 0);
}

/* Reserves a range for a packet with so many bytes before its payload, and sends the packet. Returns it. */
static const struct speadi_rx_packet *place_behind(uint32_t head_bytes)
{
    struct speadi_rx_range one;

    open_placed();
    one = range(0);
    prime();
    for (uint32_t i = 0; rig.ops->reserve(rig.engine, 0, 0, head_bytes, &one, 1) == 0; i++) {
        cr_assert_lt(i, 5000u);
        send_packet(i, 100);
        (void)take_one();
        verbs_rx_rig_give_back(&rig);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        const struct speadi_rx_packet *packet;

        send_packet(i, head_bytes + RANGE);
        packet = take_one();
        if (packet->place == 0)
            return packet;
        verbs_rx_rig_give_back(&rig);
    }
    cr_assert_fail("no frame lands in a reservation");
    return NULL;
}

/* Tells whether the head of the packet lies among the heads, not in a slot. */
static bool is_among_heads(const struct speadi_rx_packet *packet)
{
    const struct speadi_verbs_engine *engine = rig.engine;
    const struct speadi_verbs_slots *slots = &engine->queue[0].slots;
    const uint8_t *heads = slots->arena.data + slots->heads_at;

    return packet->head >= heads && packet->head < heads + slots->count * SPEADI_VERBS_HEAD_BYTES;
}

Test(rx_verbs_placed, heads_lie_together_but_for_those_that_are_too_long)
{
    const struct speadi_rx_packet *packet = place_behind(HEAD);

    cr_expect(is_among_heads(packet));
    cr_expect(rx_rig_packet_is(packet, sent, HEAD + RANGE));
    close_placed();
    packet = place_behind(300);
    cr_expect_not(is_among_heads(packet));
    cr_expect_eq(packet->head_bytes, 300u);
    cr_expect(rx_rig_packet_is(packet, sent, 300 + RANGE));
}
