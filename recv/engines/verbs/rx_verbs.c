/* SPDX-License-Identifier: Apache-2.0 */
/* The receive engine `verbs`. It receives through a raw packet queue pair of libibverbs: the NIC writes frames into
 * registered memory and bypasses the kernel. While packets come, the engine makes no system call.
 *
 * Neither sockets nor tcpdump see a frame that matches a flow rule of the engine. The kernel still joins the multicast
 * groups and holds the ports (verbs_joins.h). */
#include "rx_verbs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/frame_layout.h>
#include <speadi/frame_parse.h>
#include <speadi/numbers.h>

#include "rx_engine.h"

/* How often the owner thread reads the events of the device if it polls and never sleeps. */
#define EVENTS_EVERY_NS 10000000u

/* ---- Opening ------------------------------------------------------------------------------- */

static void keep_config(struct speadi_verbs_engine *e, const struct speadi_rx_config *config)
{
    e->config = *config;
    e->config.addresses = e->reader.address;
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
    speadi_verbs_reader_init(&e->reader, config);
}

static int open_device(struct speadi_verbs_engine *e, struct spead_err *err)
{
    const struct speadi_verbs_wish wish = {
        .device = e->options.device,
        .interface = &e->interface,
        .address = &e->reader.address[0],
    };

    return speadi_verbs_device_open(&e->device, &wish, err);
}

/* Decides for each IP version whether the reader accepts frames that nobody has checked. */
static void choose_trust(struct speadi_verbs_engine *e)
{
    const struct speadi_verbs_cqes *cqes = &e->queue.cq.cqes;
    bool trusts = e->options.checksum == SPEAD_CHECKSUM_TRUST;

    if (e->options.checksum == SPEAD_CHECKSUM_VERIFY)
        return;
    e->reader.trusts_v4 = trusts || !cqes->v4;
    e->reader.trusts_v6 = trusts || !cqes->v6;
}

/* Says who checks the UDP checksums, if it is not the device. */
static void describe_trust(const struct speadi_verbs_engine *e, struct speadi_rx_facts *facts)
{
    const struct speadi_verbs_cqes *cqes = &e->queue.cq.cqes;
    size_t used = strlen(facts->shape);
    bool checks = true, trusts = false;

    for (uint32_t i = 0; i < e->config.count; i++) {
        bool v4 = e->config.addresses[i].any.sa_family == AF_INET;

        checks = checks && (v4 ? cqes->v4 : cqes->v6);
        trusts = trusts || (v4 ? e->reader.trusts_v4 : e->reader.trusts_v6);
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
        e->is_striding ? (uint32_t)e->mprq.arena.bytes : e->depth * e->slots.slot_bytes;
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
        ret = speadi_verbs_queue_begin(e, err);
    if (ret < 0)
        return ret;
    choose_trust(e);
    fill_facts(e, facts);
    speadi_verbs_describe_shape(e, facts);
    describe_trust(e, facts);
    return 0;
}

/* Closes everything. It closes the queue pair first: after that the device no longer writes into slots and heaps. */
static void verbs_close(void *self)
{
    struct speadi_verbs_engine *e = self;

    speadi_verbs_queue_close(&e->queue);
    speadi_verbs_joins_close(&e->joins);
    speadi_verbs_deregister(&e->device, &e->heaps);
    speadi_verbs_slots_close(&e->slots);
    speadi_mprq_close(&e->mprq);
    free(e->arrival);
    e->arrival = NULL;
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

/* Returns true if there may be packets to lend. After an error, and while no queue can be opened, the engine still lends
 * the packets that arrived earlier. */
static bool can_lend(const struct speadi_verbs_engine *e)
{
    return e->arrival_count > 0 || e->queue.qp;
}

static int verbs_poll(void *self, struct speadi_rx_burst *burst)
{
    struct speadi_verbs_engine *e = self;

    speadi_rx_burst_begin(burst);
    speadi_verbs_reader_begin(&e->reader);
    e->looked = true;
    /* The frames of a failed multi-packet queue lie in memory that the next queue will use. So lend them before the
     * queue is replaced. */
    if (e->failed && e->is_striding && !e->error && can_lend(e))
        speadi_verbs_harvest(e, burst);
    if (e->failed && !e->error && burst->count == 0)
        speadi_verbs_queue_replace(e);
    if (!e->error && e->queue.qp && burst->count == 0)
        speadi_verbs_refill(e);
    if (burst->count == 0 && can_lend(e))
        speadi_verbs_harvest(e, burst);
    burst->reservations_ended = e->ended;
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
    speadi_verbs_return(e);
}

static unsigned verbs_reserve(void *self, uint16_t source, uint32_t head_bytes,
                              const struct speadi_rx_range *ranges, unsigned count)
{
    return speadi_verbs_reserve(self, source, head_bytes, ranges, count);
}

static unsigned verbs_ahead(void *self)
{
    const struct speadi_verbs_engine *e = self;

    /* While frames are kept, the reservations of some of them have not ended, and the engine accepts no others. */
    if (e->arrival_count > 0)
        return 0;
    return e->posted - (unsigned)(e->accepted - e->ended);
}

static double verbs_fill(void *self)
{
    return speadi_verbs_used_up(self);
}

/* The queue goes on receiving, and its reservations stay posted: the core takes its heaps to other memory. After an
 * error nothing can come any more, so the queue is closed. */
static void verbs_quiesce(void *self)
{
    struct speadi_verbs_engine *e = self;

    e->quiesced = true;
    if (e->error)
        speadi_verbs_queue_end(e);
}

static void verbs_halt(void *self)
{
    struct speadi_verbs_engine *e = self;

    e->failed = false; /* no other queue takes its place */
    speadi_verbs_queue_end(e);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* Without completion events the owner thread never sleeps. It reads the events of the device here, every 10 ms. */
static void poll_events(struct speadi_verbs_engine *e)
{
    uint64_t now = speadi_clock_mono_ns();

    if (now - e->events_ns < EVENTS_EVERY_NS)
        return;
    e->events_ns = now;
    speadi_verbs_read_events(e);
    speadi_wake_fd_clear(&e->wake_fd);
}

static void sleep_until(struct speadi_verbs_engine *e, uint64_t deadline_ns)
{
    const int fds[] = {e->queue.cq.channel->fd, e->device.context->async_fd,
                       speadi_interface_watch_fd(&e->joins.interfaces)};

    e->sleeps++;
    speadi_wake_fd_wait(&e->wake_fd, fds, fds[2] < 0 ? 2 : 3, POLLIN, deadline_ns);
    speadi_verbs_cq_take_events(&e->queue.cq);
    speadi_verbs_read_events(e);
}

static void verbs_wait(void *self, uint64_t deadline_ns)
{
    struct speadi_verbs_engine *e = self;
    int ret;

    if (e->error || e->arrival_count > 0)
        return;
    if (e->failed) {
        speadi_verbs_wait_for_retry(e, deadline_ns);
        return;
    }
    if (!e->queue.cq.channel) {
        poll_events(e);
        return;
    }
    if (e->empty_polls < e->options.max_poll)
        return;
    if (e->queue.cq.armed && e->looked) {
        sleep_until(e, deadline_ns);
        return;
    }
    /* A completion that came before speadi_verbs_cq_arm() gives no event. So the core must call poll() once more before
     * this thread sleeps; poll() sets `looked`. */
    e->looked = false;
    ret = speadi_verbs_cq_arm(&e->queue.cq);
    if (ret < 0)
        e->failed = true;
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

static void verbs_counters(void *self, struct speadi_rx_counters *counters)
{
    struct speadi_verbs_engine *e = self;

    *counters = (struct speadi_rx_counters){
        .messages = e->messages,
        .sleeps = e->sleeps,
        .rebuilds = e->rebuilds,
        .rebuild_ns = e->rebuild_ns,
        .rebuild_failures = e->rebuild_failures,
        .unverified = e->reader.unverified,
        .link_downs = e->link_downs,
        .rejoins = e->joins.interfaces.rejoins,
        .memory_bytes = e->mprq.arena.bytes + speadi_verbs_slots_bytes(&e->slots) +
                        e->arrival_max * sizeof *e->arrival,
    };
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
