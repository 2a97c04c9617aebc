/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the kind of the receive queue and the number of its receives, and makes the memory for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>
#include <speadi/frame_layout.h>
#include <speadi/frame_parse.h>
#include <speadi/numbers.h>
#include <speadi/port_place.h>

#include "rx_verbs.h"

/* At least so many receives are posted, however small the buffer is: a NIC drops a packet at once if it finds none, and
 * the owner thread may be late by a timer tick or a hand-over. */
#define RECEIVES_MIN 1024u

/* At least so many packets of a queue may be in a burst. */
#define BURST_MIN 64u

/* No port has a larger MTU: those of mlx5 have at most 9978. */
#define MTU_MOST 9978u

/* From this rate of the port on, in Mb/s, short packets go to a multi-packet queue: one post then serves hundreds of
 * packets. Below it an owner thread has 0.47 us or more for each packet of 1472 bytes. The bound is an estimate: nobody has
 * measured it on hardware. */
#define FAST_MBPS 25000u

/* ---- The kind of the queue ------------------------------------------------------------------ */

/* Checks the options of a stream with several queues. The device chooses the queue of a flow by a hash of IPv4
 * addresses and ports. */
static int check_queues(const struct speadi_verbs_engine *e, struct spead_err *err)
{
    uint32_t queues = e->options.queues, most = e->device.report.rss_queues_max;

    if (!speadi_is_power_of_two(queues) || queues > SPEADI_RX_QUEUES_MAX)
        return speadi_err_field(err, -EINVAL, "verbs.queues",
                                " %u: must be a power of two up to %u", queues,
                                SPEADI_RX_QUEUES_MAX);
    if (queues > most)
        return speadi_err_field(err, -ENOTSUP, "verbs.queues",
                                " %u: verbs device %s hashes over %u queues at most", queues,
                                e->device.report.device, most);
    for (uint32_t i = 0; i < e->config.count; i++)
        if (e->config.addresses[i].any.sa_family != AF_INET)
            return speadi_err_field(err, -ENOTSUP, "verbs.queues",
                                    " %u: only IPv4 is spread over several queues", queues);
    return 0;
}

/* Checks whether the user may have the multi-packet queue that was asked for. Such a queue writes whole frames one after
 * another. So it cannot place the payload of a frame apart from the head of the frame. */
static int check_striding(const struct speadi_verbs_engine *e, struct spead_err *err)
{
    const struct speadi_verbs_report *report = &e->device.report;

    if (!report->mprq.usable)
        return speadi_err_field(
            err, -ENOTSUP, "verbs.mprq",
            ": verbs device %s has no multi-packet receive queue (mlx5 of ConnectX-5 and later); "
            "use off",
            report->device);
    if (e->config.path == SPEAD_PATH_PLACED)
        return speadi_err_field(err, -EINVAL, "verbs.mprq",
                                ": payload cannot be placed through a multi-packet receive queue; "
                                "use off, or path bounce");
    return 0;
}

/* Returns the MTU of the longest frames that may come. The port below a VLAN, or the physical function of a virtual
 * function, may carry longer frames than the interface, and they reach the same queue. A device that has no room for a
 * spill gets slots for the longest frames of all ports, because each longer frame would make its queue fail. */
static uint32_t mtu_of_frames(const struct speadi_verbs_report *report)
{
    struct speadi_port_place place;
    uint32_t mtu;

    speadi_port_place_read(&place, report->interface.name);
    mtu = speadi_max_u32(report->interface.mtu, place.wider_mtu);
    return report->max_sge < SPEADI_VERBS_SPILL_PIECES ? speadi_max_u32(mtu, MTU_MOST) : mtu;
}

/* Returns the length of the longest packet that can come. */
static uint32_t packet_bytes_max(const struct speadi_verbs_engine *e)
{
    return speadi_min_u32(e->config.packet_bytes_max, e->mtu - SPEADI_IPV4_UDP_BYTES);
}

int speadi_verbs_check_placing(const struct speadi_verbs_engine *e, struct spead_err *err)
{
    const struct speadi_verbs_report *report = &e->device.report;

    if (e->is_striding)
        return speadi_err_set(err, -ENOTSUP, "the multi-packet receive queue packs packets");
    if (e->config.count > 1)
        return speadi_err_set(
            err, -ENOTSUP,
            "packets of several endpoints come through the same queue, in an order that "
            "cannot be foretold");
    if (report->max_sge < SPEADI_VERBS_PIECES)
        return speadi_err_set(err, -ENOTSUP,
                              "verbs device %s scatters a frame over %u pieces, placing takes %u",
                              report->device, report->max_sge, SPEADI_VERBS_PIECES);
    if (e->config.path == SPEAD_PATH_AUTO && packet_bytes_max(e) < SPEADI_RX_AUTO_PLACED_BYTES)
        return speadi_err_set(err, -ENOTSUP,
                              "packets have at most %u bytes, and copying them costs "
                              "less",
                              packet_bytes_max(e));
    return 0;
}

/* Tells whether `auto` takes a multi-packet queue. */
static bool prefers_striding(const struct speadi_verbs_engine *e)
{
    if (e->options.mprq != SPEAD_MPRQ_AUTO || !e->device.report.mprq.usable)
        return false;
    if (e->config.path != SPEAD_PATH_AUTO)
        return e->config.path == SPEAD_PATH_BOUNCE;
    return packet_bytes_max(e) < SPEADI_RX_AUTO_PLACED_BYTES &&
           e->device.report.rate_mbps >= FAST_MBPS;
}

/* Decides how many pieces a receive may have. Placing takes three, and the queues must be opened for them. While the core
 * has made no reservation, the engine posts all receives, because for small packets the core never makes any. But if the
 * user wants payload to be placed, the engine posts no more than the window from the start. */
static void choose_pieces(struct speadi_verbs_engine *e)
{
    bool may_place =
        e->config.path != SPEAD_PATH_BOUNCE && speadi_verbs_check_placing(e, NULL) == 0;

    e->sge_max = may_place ? SPEADI_VERBS_PIECES : 1;
    for (unsigned i = 0; i < e->queue_count; i++)
        e->queue[i].placing = may_place && e->config.path == SPEAD_PATH_PLACED;
}

int speadi_verbs_choose_shape(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = 0;

    e->mtu = mtu_of_frames(&e->device.report);
    if (e->options.queues > 1)
        ret = check_queues(e, err);
    if (ret == 0 && e->options.mprq == SPEAD_MPRQ_ON)
        ret = check_striding(e, err);
    if (ret < 0)
        return ret;
    e->is_striding = e->options.mprq == SPEAD_MPRQ_ON || prefers_striding(e);
    return 0;
}

/* ---- The receives ----------------------------------------------------------------------------- */

/* Returns the bytes of a slot. A slot can hold the longest frame that may come. The longest frame that the stream
 * expects may be shorter, but a queue fails when a frame is longer than its slot. */
static uint32_t frame_bytes(const struct speadi_verbs_engine *e)
{
    return e->mtu + SPEADI_ETHERNET_BYTES + SPEADI_VLAN_TAGS_MAX * SPEADI_VLAN_BYTES;
}

static int open_queues(struct speadi_verbs_engine *e, struct spead_err *err)
{
    const unsigned count = e->options.queues;

    e->queue = speadi_alloc_lines(count * sizeof *e->queue);
    if (!e->queue)
        return speadi_err_set(err, -ENOMEM, "verbs engine: no memory for %u queues", count);
    memset(e->queue, 0, count * sizeof *e->queue);
    e->queue_count = count;
    e->burst_max = speadi_max_u32(SPEADI_VERBS_BURST / count, BURST_MIN);
    for (unsigned i = 0; i < count; i++) {
        struct speadi_verbs_queue *queue = &e->queue[i];

        queue->cq = &e->set.cq[i];
        queue->accepted = queue->ended = i;
        speadi_verbs_reader_init(&queue->reader, &e->config, (uint16_t)i);
    }
    return 0;
}

static int open_arrivals(struct speadi_verbs_queue *queue, uint32_t count, struct spead_err *err)
{
    queue->arrival = calloc(count, sizeof *queue->arrival);
    queue->arrival_max = count;
    return queue->arrival
               ? 0
               : speadi_err_set(err, -ENOMEM, "verbs engine: no memory for %u arrivals", count);
}

/* The queues share the bytes of the buffer. */
static int open_entries(struct speadi_verbs_engine *e, struct spead_err *err)
{
    const uint32_t buffer_bytes = e->config.socket_buffer_bytes / e->queue_count;
    int ret = 0;

    for (unsigned i = 0; ret == 0 && i < e->queue_count; i++) {
        struct speadi_verbs_queue *queue = &e->queue[i];

        ret = speadi_mprq_open(&queue->mprq, &e->device, buffer_bytes, &e->options, frame_bytes(e),
                               err);
        if (ret == 0)
            ret = open_arrivals(queue, queue->mprq.shape.completions, err);
    }
    return ret;
}

/* Decides how many receives of each queue are posted, and what sets this number. The queues share the receives that the
 * buffer holds, and the window. */
static void choose_depth(struct speadi_verbs_engine *e, uint32_t slot_bytes)
{
    const struct speadi_verbs_report *report = &e->device.report;
    uint32_t most = speadi_min_u32(report->max_qp_wr, report->max_cqe);
    uint32_t queues = e->queue_count, wanted = e->config.socket_buffer_bytes / slot_bytes / queues;
    uint32_t window = e->config.placed_window ? e->config.placed_window : SPEADI_RX_RESERVE_MAX;

    e->depth_reason = "as many as the buffer holds";
    if (wanted < RECEIVES_MIN / queues) {
        wanted = RECEIVES_MIN / queues;
        e->depth_reason = "the least number; the buffer holds fewer";
    }
    if (wanted > most) {
        wanted = most;
        e->depth_reason = "the most that the device takes";
    }
    e->depth = wanted;
    window = speadi_min_u32(window, SPEADI_RX_RESERVE_MAX) / queues;
    e->window = speadi_min_u32(wanted, speadi_max_u32(window, 1));
}

static int open_slots(struct speadi_verbs_engine *e, struct spead_err *err)
{
    uint32_t bytes = (uint32_t)speadi_round_up(frame_bytes(e), SPEADI_CACHE_LINE), slots;
    int ret = 0;

    choose_pieces(e);
    choose_depth(e, bytes);
    slots = e->depth + e->burst_max; /* those that are posted, and those of a burst */
    for (unsigned i = 0; ret == 0 && i < e->queue_count; i++) {
        ret = open_arrivals(&e->queue[i], slots, err);
        if (ret == 0)
            ret = speadi_verbs_slots_open(&e->queue[i].slots, &e->device, slots, bytes, err);
    }
    return ret;
}

static void close_queue(struct speadi_verbs_queue *queue)
{
    speadi_verbs_slots_close(&queue->slots);
    speadi_mprq_close(&queue->mprq);
    free(queue->arrival);
    queue->arrival = NULL;
}

void speadi_verbs_close_memory(struct speadi_verbs_engine *e)
{
    for (unsigned i = 0; i < e->queue_count; i++)
        close_queue(&e->queue[i]);
    free(e->queue);
    e->queue = NULL;
    e->queue_count = 0;
}

int speadi_verbs_open_memory(struct speadi_verbs_engine *e, struct spead_err *err)
{
    int ret = open_queues(e, err);

    if (ret == 0)
        ret = e->is_striding ? open_entries(e, err) : open_slots(e, err);
    if (ret != -ENOTSUP || !e->is_striding || e->options.mprq == SPEAD_MPRQ_ON)
        return ret;
    /* the device is too small for such queues, and the user has not asked for them */
    e->is_striding = false;
    for (unsigned i = 0; i < e->queue_count; i++)
        close_queue(&e->queue[i]);
    return open_slots(e, err);
}

/* ---- For people ------------------------------------------------------------------------------- */

/* Says how long the receives last at the rate of the port, if every frame has the longest length. */
static void describe_time(const struct speadi_verbs_engine *e, char *text, size_t size)
{
    double rate = e->device.report.rate_mbps;
    uint32_t receives = e->depth * e->queue_count;

    text[0] = 0;
    if (rate > 0)
        snprintf(text, size, ", %.2g ms at %g Gb/s", receives * (frame_bytes(e) * 8e-3) / rate,
                 rate * 1e-3);
}

/* "" for one queue. */
static void describe_queues(const struct speadi_verbs_engine *e, char *text, size_t size)
{
    text[0] = 0;
    if (e->queue_count > 1)
        snprintf(text, size, "%u queues that share ", e->queue_count);
}

static void describe_slots(const struct speadi_verbs_engine *e, struct speadi_rx_facts *facts)
{
    char time[40], queues[40], window[60] = "";

    describe_time(e, time, sizeof time);
    describe_queues(e, queues, sizeof queues);
    if (e->sge_max > 1 && e->window < e->depth)
        snprintf(window, sizeof window, "; %u while payload is placed", e->window * e->queue_count);
    else if (e->sge_max > 1 && e->config.path == SPEAD_PATH_AUTO)
        snprintf(window, sizeof window, "; payload of %u bytes or more is placed",
                 SPEADI_RX_AUTO_PLACED_BYTES);
    snprintf(facts->shape, sizeof facts->shape, "%s%u receives (%s%s)%s", queues, facts->receives,
             e->depth_reason, time, window);
}

static void describe_entries(const struct speadi_verbs_engine *e, struct speadi_rx_facts *facts)
{
    const struct speadi_verbs_striding *shape = &e->queue[0].mprq.shape;
    char queues[60] = "multi-packet queue of";

    if (e->queue_count > 1)
        snprintf(queues, sizeof queues, "%u multi-packet queues, each of", e->queue_count);
    snprintf(facts->shape, sizeof facts->shape, "%s %u entries of %u bytes, in strides of %u%s",
             queues, shape->entries, 1u << (shape->stride_log + shape->strides_log),
             1u << shape->stride_log,
             e->config.path == SPEAD_PATH_AUTO && e->options.mprq == SPEAD_MPRQ_AUTO
                 ? ": packets are too short to be placed, and the port is fast"
                 : "");
}

void speadi_verbs_describe_shape(const struct speadi_verbs_engine *e, struct speadi_rx_facts *facts)
{
    facts->reserve_max = e->window;
    facts->burst_max = SPEADI_VERBS_BURST;
    facts->receives = e->depth * e->queue_count;
    if (e->is_striding)
        describe_entries(e, facts);
    else
        describe_slots(e, facts);
}
