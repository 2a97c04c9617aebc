/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the device can do what the stream configures, and opens the device and the queue of the verbs send
 * engine. */
#include "verbs_sender.h"

#include <errno.h>
#include <linux/capability.h>

#include <speadi/err.h>
#include <speadi/frame_layout.h>
#include <speadi/numbers.h>
#include <speadi/remedy.h>

static uint32_t network_head_bytes(const struct speadi_address *address)
{
    return address->any.sa_family == AF_INET6 ? SPEADI_IPV6_UDP_BYTES : SPEADI_IPV4_UDP_BYTES;
}

static int check_packet_size(const struct speadi_verbs_sender *engine,
                             const struct speadi_tx_config *config, struct spead_err *err)
{
    const struct speadi_verbs_interface *interface = &engine->device.report.interface;
    uint32_t head = 0;
    char raise[128];

    for (uint32_t i = 0; i < config->count; i++)
        head = speadi_max_u32(head, network_head_bytes(&config->addresses[i]));
    if (config->packet_bytes_max + head <= interface->mtu)
        return 0;
    return speadi_err_field(
        err, -EMSGSIZE, "packet_bytes_max",
        " %u: packets do not fit the MTU of %s, %u: send at most %u bytes, or %s (until a reboot; "
        "and everything on the way)",
        config->packet_bytes_max, interface->name, interface->mtu,
        interface->mtu > head ? (interface->mtu - head) & ~7u : 0,
        speadi_remedy_command(raise, sizeof raise, CAP_NET_ADMIN, "ip link set %s mtu %u",
                              interface->name, config->packet_bytes_max + head));
}

static int check_device_memory(const struct speadi_verbs_sender *engine,
                               const struct speadi_tx_config *config, struct spead_err *err)
{
    const struct speadi_verbs_report *report = &engine->device.report;
    bool any = false;

    for (uint32_t i = 0; i < config->memory_count; i++)
        any |= config->memory[i].is_dma_buf;
    if (any && report->max_sge < 2)
        return speadi_err_field(
            err, -ENOTSUP, "memory",
            ": %.40s gathers a frame from one place only: the CPU would have to copy "
            "from a device's memory",
            report->device);
    if (any && engine->paths.any_v6 && !report->checksum)
        return speadi_err_field(
            err, -ENOTSUP, "memory",
            ": %.40s writes no checksums, and the CPU cannot read a device's memory "
            "for those that IPv6 demands: send to IPv4, or from host memory",
            report->device);
    return 0;
}

/* Converts the configured rate to the rate of the device in kbit/s, and the burst of the pacer to that of the device. A
 * device counts the bytes of whole frames. The conversion assumes that all packets have full size. */
static int frame_rate(struct speadi_verbs_send_options *queue,
                      const struct speadi_verbs_sender *engine,
                      const struct speadi_tx_config *config, struct spead_err *err)
{
    const struct speadi_verbs_report *report = &engine->device.report;
    const double packet = config->packet_bytes_max;
    const double frame = packet + engine->paths.frame[0].bytes;
    const double counted =
        config->rate_of == SPEAD_RATE_WIRE ? frame + SPEADI_ETHERNET_AROUND_BYTES : packet;
    const double rate = config->rate_bytes_per_s / counted * frame * 8 / 1000;
    const double burst = (config->train_bytes_max / config->packet_bytes_max) * frame;

    if (!config->hardware_rate)
        return 0;
    if (rate < 1 || rate > UINT32_MAX)
        return speadi_err_field(err, -EINVAL, "hardware_rate", " needs a rate, of 1 to %u kbit/s",
                                UINT32_MAX);
    queue->rate_kbps = (uint32_t)rate;
    queue->rate_burst_bytes = burst < UINT32_MAX ? (uint32_t)burst : UINT32_MAX;
    queue->rate_frame_bytes = (uint16_t)(frame < UINT16_MAX ? frame : UINT16_MAX);
    if (report->rate_kbps_max == 0 ||
        (queue->rate_kbps >= report->rate_kbps_min && queue->rate_kbps <= report->rate_kbps_max))
        /* some devices that pace report no range; the engine then simply tries the rate */
        return 0;
    return speadi_err_field(err, -EINVAL, "hardware_rate",
                            ": %.40s paces frames at %u to %u kbit/s, not at %u; without it the "
                            "software paces",
                            report->device, report->rate_kbps_min, report->rate_kbps_max,
                            queue->rate_kbps);
}

/* With hardware_tso, a request can carry several packets. Sets *bytes to the largest size of such a request, or to 0 if
 * each packet has a request of its own. Returns 0 or -errno with a sentence. */
static int run_bytes(uint32_t *bytes, const struct speadi_verbs_sender *engine,
                     const struct speadi_tx_config *config, struct spead_err *err)
{
    const struct speadi_verbs_report *report = &engine->device.report;

    *bytes = 0;
    if (!config->hardware_tso)
        return 0;
    if (report->tso_bytes_max == 0)
        return speadi_err_field(err, -ENOTSUP, "hardware_tso",
                                ": %.40s does not segment raw packets (TSO): do without it",
                                report->device);
    if (!report->checksum)
        return speadi_err_field(err, -ENOTSUP, "hardware_tso",
                                ": %.40s writes no checksums, which segments need: do without it",
                                report->device);
    *bytes = speadi_min_u32(report->tso_bytes_max, config->train_bytes_max);
    return 0;
}

static uint32_t longest_head(const struct speadi_verbs_sender *engine, uint32_t paths)
{
    uint32_t longest = 0;

    for (uint32_t i = 0; i < paths; i++)
        longest = speadi_max_u32(longest, engine->paths.frame[i].bytes);
    return longest;
}

static int open_device(struct speadi_verbs_sender *engine, const struct speadi_tx_config *config,
                       struct spead_err *err)
{
    struct speadi_interface interface = *config->interface;
    struct speadi_verbs_wish wish = {.device = engine->options.device, .interface = &interface};
    int ret = 0;

    if (!wish.device)
        ret = speadi_verbs_paths_interface(&interface, config, err);
    if (ret == 0)
        ret = speadi_verbs_device_open(&engine->device, &wish, err);
    if (ret == 0)
        ret = speadi_verbs_check_vector(&engine->device, engine->options.comp_vector, err);
    if (ret == 0)
        ret = check_packet_size(engine, config, err);
    if (ret < 0)
        return ret;
    if (interface.index == 0)
        interface.index = engine->device.report.interface.index;
    return speadi_verbs_paths_open(&engine->paths, config, &interface,
                                   &engine->device.report.interface, err);
}

static int open_queue(struct speadi_verbs_sender *engine, const struct speadi_tx_config *config,
                      struct spead_err *err)
{
    struct speadi_verbs_frames_options frames = {
        .payload_max = config->packet_bytes_max,
        .buffer_bytes = config->socket_buffer_bytes,
        .memory = config->memory,
        .memory_count = config->memory_count,
    };
    struct speadi_verbs_send_options queue = {.comp_vector = engine->options.comp_vector};
    const struct speadi_verbs_report *report = &engine->device.report;
    int ret = check_device_memory(engine, config, err);

    if (ret == 0)
        ret = frame_rate(&queue, engine, config, err);
    if (ret == 0)
        ret = run_bytes(&frames.run_bytes_max, engine, config, err);
    if (ret < 0)
        return ret;
    engine->slots_asked = speadi_verbs_frames_slots(&frames);
    queue.slots = speadi_power_of_two_up_to(
        speadi_min_u32(engine->slots_asked, speadi_min_u32(report->max_qp_wr, report->max_cqe)));
    queue.sge_max = speadi_verbs_frames_entries(&frames, report);
    if (frames.run_bytes_max)
        queue.segment_head_bytes = longest_head(engine, config->count);
    ret = speadi_verbs_send_queue_open(&engine->queue, &engine->device, &queue, err);
    if (ret < 0)
        return ret;
    frames.slots = engine->queue.options.slots;
    frames.entries = queue.sge_max;
    engine->chain_max = frames.slots >= 4 ? frames.slots / 4 : 1;
    return speadi_verbs_frames_init(&engine->frames, &engine->device, &frames, err);
}

int speadi_tx_verbs_options_read(struct spead_send_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err)
{
    static const struct spead_send_verbs_config defaults = SPEAD_SEND_VERBS_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "verbs send",
        .init = "SPEAD_SEND_VERBS_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = sizeof defaults.options,
    };

    return speadi_engine_options_read(own, &kind, from, err);
}

int speadi_verbs_sender_open(struct speadi_verbs_sender *engine,
                             const struct speadi_tx_config *config, struct spead_err *err)
{
    int ret = speadi_tx_verbs_options_read(&engine->options, config->options, err);

    if (ret == 0 && config->interfaces)
        ret = speadi_verbs_refuse_interfaces(err);
    if (ret == 0)
        ret = open_device(engine, config, err);
    return ret < 0 ? ret : open_queue(engine, config, err);
}
