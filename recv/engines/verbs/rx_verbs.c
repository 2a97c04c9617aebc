/* SPDX-License-Identifier: Apache-2.0 */
/* The receive engine `verbs`. It receives through a raw packet queue pair of libibverbs: the NIC writes frames into
 * registered memory and bypasses the kernel. While packets come, the engine makes no system call.
 *
 * Neither sockets nor tcpdump see a frame that matches a flow rule of the engine. The kernel still joins the multicast
 * groups and holds the ports (verbs_joins.h). */
#include "rx_verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/frame_layout.h>
#include <speadi/frame_parse.h>
#include <speadi/numbers.h>

#include "rx_engine.h"

/* ---- Opening ------------------------------------------------------------------------------- */

static void keep_config(struct speadi_verbs_engine *e, const struct speadi_rx_config *config)
{
    e->config = *config;
    memcpy(e->address, config->addresses, config->count * sizeof *config->addresses);
    e->config.addresses = e->address;
    e->config.interface = &e->interface;
    if (config->interface)
        e->interface = *config->interface;
    if (config->sender) {
        e->sender = *config->sender;
        e->config.sender = &e->sender;
    }
    if (config->log)
        e->log = *config->log;
    e->config.log = &e->log;
}

static int open_device(struct speadi_verbs_engine *e, struct spead_err *err)
{
    const struct speadi_verbs_wish wish = {
        .device = e->options.device,
        .interface = &e->interface,
        .address = &e->address[0],
    };

    return speadi_verbs_device_open(&e->device, &wish, err);
}

/* Decides for each IP version whether the readers accept frames that nobody has checked. */
static void choose_trust(struct speadi_verbs_engine *e)
{
    const struct speadi_verbs_cqes *cqes = &e->set.cq[0].cqes;
    bool trusts = e->options.checksum == SPEAD_CHECKSUM_TRUST;

    if (e->options.checksum == SPEAD_CHECKSUM_VERIFY)
        return;
    for (unsigned i = 0; i < e->queue_count; i++) {
        e->queue[i].reader.trusts_v4 = trusts || !cqes->v4;
        e->queue[i].reader.trusts_v6 = trusts || !cqes->v6;
    }
}

/* Says who checks the UDP checksums, if it is not the device. */
static void describe_trust(const struct speadi_verbs_engine *e, struct speadi_rx_facts *facts)
{
    const struct speadi_verbs_cqes *cqes = &e->set.cq[0].cqes;
    const struct speadi_verbs_reader *reader = &e->queue[0].reader;
    size_t used = strlen(facts->shape);
    bool checks = true, trusts = false;

    for (uint32_t i = 0; i < e->config.count; i++) {
        bool v4 = e->config.addresses[i].any.sa_family == AF_INET;

        checks = checks && (v4 ? cqes->v4 : cqes->v6);
        trusts = trusts || (v4 ? reader->trusts_v4 : reader->trusts_v6);
    }
    if (trusts || !checks)
        snprintf(facts->shape + used, sizeof facts->shape - used, "%s%s", used ? "; " : "",
                 trusts ? "a UDP checksum that the device has not checked is trusted"
                        : "the CPU checks the UDP checksums");
}

static void fill_facts(struct speadi_verbs_engine *e, struct speadi_rx_facts *facts)
{
    const struct speadi_verbs_interface *interface = &e->device.report.interface;

    facts->packet_bytes_max = e->mtu - SPEADI_IPV4_UDP_BYTES;
    facts->posted_bytes =
        e->queue_count * (e->is_striding ? (uint32_t)e->queue[0].mprq.arena.bytes
                                         : e->depth * e->queue[0].slots.slot_bytes);
    facts->queues = e->queue_count;
    facts->busy = e->options.comp_vector < 0;
    snprintf(facts->out_of_buffer, sizeof facts->out_of_buffer,
             "/sys/class/infiniband/%s/ports/%u/hw_counters/out_of_buffer", e->device.report.device,
             e->device.report.port);
    for (uint32_t i = 0; i < e->joins.count; i++)
        memcpy(facts->interface[i], interface->name, sizeof facts->interface[i]);
    if (e->config.packet_bytes_max > facts->packet_bytes_max)
        speadi_log_line(
            &e->log, SPEAD_LOG_INFO,
            "verbs engine: %s carries packets of up to %u bytes, not %u (its MTU is %u)",
            interface->name, facts->packet_bytes_max, e->config.packet_bytes_max, e->mtu);
}

static int verbs_open(void *self, const struct speadi_rx_config *config,
                      struct speadi_rx_facts *facts, struct spead_err *err)
{
    struct speadi_verbs_engine *e = self;
    int ret;

    e->wake_fd.fd = -1;
    e->outage.limit_ns = SPEADI_VERBS_OUTAGE_NS;
    ret = speadi_rx_verbs_options_read(&e->options, config->options, err);
    if (ret == 0 && config->interfaces)
        ret = speadi_verbs_refuse_interfaces(err);
    if (ret < 0)
        return ret;
    keep_config(e, config);
    ret = speadi_wake_fd_open(&e->wake_fd);
    if (ret < 0)
        return speadi_err_code(err, ret, "verbs engine: cannot make an eventfd");
    ret = open_device(e, err);
    if (ret == 0)
        ret = speadi_verbs_choose_shape(e, err);
    if (ret == 0)
        ret = speadi_verbs_open_memory(e, err);
    if (ret == 0)
        ret = speadi_verbs_joins_open(&e->joins, &e->config, e->device.report.interface.index, err);
    if (ret == 0)
        ret = speadi_verbs_queues_begin(e, err);
    if (ret < 0)
        return ret;
    choose_trust(e);
    fill_facts(e, facts);
    speadi_verbs_describe_shape(e, facts);
    describe_trust(e, facts);
    return 0;
}

/* Closes everything. It closes the queues first: after that the device no longer writes into slots and heaps. */
static void verbs_close(void *self)
{
    struct speadi_verbs_engine *e = self;

    speadi_verbs_queues_close(&e->set);
    speadi_verbs_joins_close(&e->joins);
    speadi_verbs_deregister(&e->device, &e->heaps);
    speadi_verbs_close_memory(e);
    speadi_verbs_device_close(&e->device);
    speadi_wake_fd_close(&e->wake_fd);
}

/* The operation `attach`: registers the memory of the heaps. */
static int verbs_attach(void *self, const struct spead_region_info *memory, struct spead_err *err)
{
    struct speadi_verbs_engine *e = self;
    const struct speadi_verbs_span span = {
        .data = memory->data,
        .bytes = memory->bytes,
        .fd = memory->kind == SPEAD_REGION_DMA_BUF ? memory->fd : -1,
        .fd_offset = memory->fd_offset,
        .iova = memory->device_address,
        .write = true,
    };
    int ret = speadi_verbs_check_placing(e, err);

    if (ret < 0)
        return ret;
    if (e->config.plan_only)
        return 0;
    ret = speadi_verbs_register(&e->device, &e->heaps, &span, err);
    e->attached = ret == 0;
    return ret;
}

/* ---- Data path ----------------------------------------------------------------------------- */

static void refill_all(struct speadi_verbs_engine *e)
{
    for (unsigned i = 0; i < e->queue_count; i++)
        speadi_verbs_refill(e, &e->queue[i]);
}

/* Handles that a queue has failed. The frames of failed multi-packet queues lie in memory that the next queues will use.
 * So this function lends them before the queues are replaced. The queues that have not failed must get no more frames
 * then, or the time for that would never come. */
static void recover(struct speadi_verbs_engine *e, struct speadi_rx_burst *burst)
{
    if (e->is_striding) {
        if (e->queue_count > 1)
            speadi_verbs_flows_close(&e->set.flows);
        speadi_verbs_harvest(e, burst);
    }
    if (burst->count == 0)
        speadi_verbs_queues_replace(e);
}

static int verbs_poll(void *self, struct speadi_rx_burst *burst)
{
    struct speadi_verbs_engine *e = self;

    speadi_rx_burst_begin(burst);
    for (unsigned i = 0; i < e->queue_count; i++)
        speadi_verbs_reader_begin(&e->queue[i].reader);
    e->looked = true;
    if (e->failed && !e->error)
        recover(e, burst);
    if (!e->error && e->set.qp && burst->count == 0)
        refill_all(e);
    if (burst->count == 0)
        speadi_verbs_harvest(e, burst);
    for (unsigned i = 0; i < e->queue_count; i++)
        burst->reservations_ended[i] = e->queue[i].ended;
    speadi_verbs_tell_clock(e, burst);
    if (burst->count > 0) {
        e->messages++;
        e->empty_polls = 0;
        return (int)burst->count;
    }
    e->empty_polls++;
    return e->error;
}

static void verbs_give_back(void *self, struct speadi_rx_burst *burst)
{
    struct speadi_verbs_engine *e = self;

    burst->count = 0;
    for (unsigned i = 0; i < e->queue_count; i++)
        speadi_verbs_return(e, &e->queue[i]);
}

static unsigned verbs_reserve(void *self, uint16_t source, uint16_t queue, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count)
{
    struct speadi_verbs_engine *e = self;

    return speadi_verbs_reserve(e, &e->queue[queue], source, head_bytes, ranges, count);
}

static unsigned verbs_ahead(void *self, uint16_t queue)
{
    const struct speadi_verbs_engine *e = self;
    const struct speadi_verbs_queue *q = &e->queue[queue];

    /* While frames are kept, the reservations of some of them have not ended, and the engine accepts no others. */
    if (q->arrival_count > 0)
        return 0;
    return q->posted - (unsigned)((q->accepted - q->ended) / e->queue_count);
}

static double verbs_fill(void *self)
{
    return speadi_verbs_used_up(self);
}

/* The queues go on receiving, and their reservations stay posted: the core takes its heaps to other memory. After an
 * error nothing can come any more, so the queues are closed. */
static void verbs_quiesce(void *self)
{
    struct speadi_verbs_engine *e = self;

    e->quiesced = true;
    if (e->error)
        speadi_verbs_queues_end(e);
}

static void verbs_halt(void *self)
{
    struct speadi_verbs_engine *e = self;

    e->failed = false; /* no other queue takes its place */
    speadi_verbs_queues_end(e);
}

/* ---- Other operations ----------------------------------------------------------------------- */

static void verbs_wait(void *self, uint64_t deadline_ns)
{
    speadi_verbs_wait(self, deadline_ns);
}

static void verbs_wake(void *self)
{
    struct speadi_verbs_engine *e = self;

    speadi_wake_fd_signal(&e->wake_fd);
}

static void verbs_refresh(void *self)
{
    struct speadi_verbs_engine *e = self;

    speadi_interface_watch_read(&e->joins.interfaces);
}

/* Returns the memory of all queues. */
static uint64_t memory_bytes(const struct speadi_verbs_engine *e)
{
    uint64_t bytes = e->queue_count * sizeof *e->queue;

    for (unsigned i = 0; i < e->queue_count; i++)
        bytes += e->queue[i].mprq.arena.bytes + speadi_verbs_slots_bytes(&e->queue[i].slots) +
                 e->queue[i].arrival_max * sizeof *e->queue[i].arrival;
    return bytes;
}

static void verbs_counters(void *self, struct speadi_rx_counters *counters)
{
    const struct speadi_verbs_engine *e = self;

    *counters = (struct speadi_rx_counters){
        .messages = e->messages,
        .sleeps = e->sleeps,
        .rebuilds = e->rebuilds,
        .rebuild_ns = e->rebuild_ns,
        .rebuild_failures = e->rebuild_failures,
        .link_downs = e->link_downs,
        .rejoins = e->joins.interfaces.rejoins,
        .memory_bytes = memory_bytes(e),
    };
    for (unsigned i = 0; i < e->queue_count; i++) {
        counters->unverified += e->queue[i].reader.unverified;
        counters->packets_by_queue[i] = e->queue[i].packets;
    }
}

const struct speadi_rx_engine_ops speadi_rx_engine_verbs = {
    .about = {.name = "verbs",
              .endpoint = SPEAD_ENDPOINT_UDP,
              .rank = 10,
              .caveat = SPEADI_VERBS_CAVEAT,
              .gives_way = true},
    .state_size = sizeof(struct speadi_verbs_engine),
    .caps = SPEADI_RX_CAP_PLACED | SPEADI_RX_CAP_AHEAD | SPEADI_RX_CAP_PINS | SPEADI_RX_CAP_DEVICE,
    .usable = speadi_rx_verbs_usable,
    .open = verbs_open,
    .close = verbs_close,
    .attach = verbs_attach,
    .poll = verbs_poll,
    .give_back = verbs_give_back,
    .reserve = verbs_reserve,
    .ahead = verbs_ahead,
    .wait = verbs_wait,
    .wake = verbs_wake,
    .quiesce = verbs_quiesce,
    .halt = verbs_halt,
    .fill = verbs_fill,
    .refresh = verbs_refresh,
    .counters = verbs_counters,
};
