/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a device for its properties and fills a struct speadi_verbs_report. */
#include "verbs_report.h"

#include <stdio.h>

static const uint32_t raw_packets = 1u << IBV_QPT_RAW_PACKET;

static uint32_t at_least_0(int value)
{
    return value > 0 ? (uint32_t)value : 0;
}

static void read_limits(struct speadi_verbs_report *report, const struct ibv_device_attr *attr)
{
    snprintf(report->firmware, sizeof report->firmware, "%.60s", attr->fw_ver);
    report->max_qp_wr = at_least_0(attr->max_qp_wr);
    report->max_cqe = at_least_0(attr->max_cqe);
    report->max_sge = at_least_0(attr->max_sge);
    report->max_mr_bytes = attr->max_mr_size;
}

static void read_capabilities(struct speadi_verbs_report *report,
                              const struct ibv_device_attr_ex *attr)
{
    uint64_t flags = attr->orig_attr.device_cap_flags | attr->device_cap_flags_ex;

    report->flow_steering = (flags & IBV_DEVICE_MANAGED_FLOW_STEERING) != 0;
    report->checksum = (attr->raw_packet_caps & IBV_RAW_PACKET_CAP_IP_CSUM) != 0 ||
                       (flags & IBV_DEVICE_RAW_IP_CSUM) != 0;
    report->timestamp_mask = attr->completion_timestamp_mask;
    report->clock_khz = attr->hca_core_clock;
    if (attr->tso_caps.supported_qpts & raw_packets)
        report->tso_bytes_max = attr->tso_caps.max_tso;
    if (attr->packet_pacing_caps.supported_qpts & raw_packets) {
        report->rate_kbps_min = attr->packet_pacing_caps.qp_rate_limit_min;
        report->rate_kbps_max = attr->packet_pacing_caps.qp_rate_limit_max;
    }
    if (attr->rss_caps.supported_qpts & raw_packets)
        report->rss_queues_max = attr->rss_caps.max_rwq_indirection_table_size;
}

static void read_mlx5(struct speadi_verbs_report *report, const struct speadi_mlx5 *mlx5,
                      struct ibv_context *context)
{
    struct mlx5dv_context attr = {.comp_mask = MLX5DV_CONTEXT_MASK_STRIDING_RQ};
    const struct mlx5dv_striding_rq_caps *caps = &attr.striding_rq_caps;

    if (!mlx5->is_supported(context->device) || mlx5->query_device(context, &attr) != 0)
        return;
    report->mlx5 = true;
    report->real_time_stamps = (attr.flags & MLX5DV_CONTEXT_FLAGS_REAL_TIME_TS) != 0;
    if (!(attr.comp_mask & MLX5DV_CONTEXT_MASK_STRIDING_RQ) ||
        !(caps->supported_qpts & raw_packets) || caps->max_single_stride_log_num_of_bytes == 0)
        return;
    report->mprq.usable = true;
    report->mprq.stride_log_min = caps->min_single_stride_log_num_of_bytes;
    report->mprq.stride_log_max = caps->max_single_stride_log_num_of_bytes;
    report->mprq.strides_log_min = caps->min_single_wqe_log_num_of_strides;
    report->mprq.strides_log_max = caps->max_single_wqe_log_num_of_strides;
}

/* Returns the rate of the port in Mb/s, or 0 if a value is unknown to this function. */
static uint32_t port_rate(const struct ibv_port_attr *port)
{
    static const uint32_t lane_mbps[] = {2500,  5000,  10000,  10000, 14000,
                                         25000, 50000, 100000, 200000};
    static const uint32_t lanes[] = {1, 4, 8, 12, 2};
    unsigned speed = 0, width = 0;

    /* both values are single bits */
    while (speed < sizeof lane_mbps / sizeof *lane_mbps && port->active_speed >> speed > 1)
        speed++;
    while (width < sizeof lanes / sizeof *lanes && port->active_width >> width > 1)
        width++;
    if (port->active_speed == 0 || port->active_width == 0 ||
        speed == sizeof lane_mbps / sizeof *lane_mbps || width == sizeof lanes / sizeof *lanes)
        return 0;
    return lane_mbps[speed] * lanes[width];
}

int speadi_verbs_report_read(struct speadi_verbs_report *report, const struct speadi_verbs *verbs,
                             const struct speadi_mlx5 *mlx5, struct ibv_context *context,
                             struct spead_err *err)
{
    struct ibv_device_attr_ex attr;
    struct ibv_port_attr port;
    int code = speadi_verbs_query_device(verbs, context, &attr);

    if (code != 0)
        return speadi_verbs_failed(err, "query_device", report->device, code);
    /* The port number comes from sysfs. sysfs sometimes counts the ports of all functions of a card, but the device
     * counts only its own ports. */
    if (report->port > attr.orig_attr.phys_port_cnt)
        report->port = 1;
    read_limits(report, &attr.orig_attr);
    read_capabilities(report, &attr);
    report->comp_vectors = at_least_0(context->num_comp_vectors);
    code = speadi_verbs_query_port(verbs, context, report->port, &port);
    if (code != 0)
        return speadi_verbs_failed(err, "query_port", report->device, code);
    report->ethernet = port.link_layer == IBV_LINK_LAYER_ETHERNET;
    report->active = port.state == IBV_PORT_ACTIVE;
    report->rate_mbps = port_rate(&port);
    if (mlx5)
        read_mlx5(report, mlx5, context);
    return 0;
}
