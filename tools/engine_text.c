/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_text.h. */
#include "engine_text.h"

#include <inttypes.h>

#include "port_survey.h"

static void print_limits(FILE *to, const struct speadi_verbs_report *report)
{
    fprintf(to,
            "        firmware %s; %" PRIu32 " work requests, %" PRIu32 " completions, %" PRIu32
            " pieces each; %" PRIu32 " completion vectors\n",
            report->firmware, report->max_qp_wr, report->max_cqe, report->max_sge,
            report->comp_vectors);
    fprintf(to,
            "        flow steering %s, checksums %s, time stamps %s, queues for RSS %" PRIu32
            ", segmentation %s\n",
            report->flow_steering ? "yes" : "no", report->checksum ? "yes" : "no",
            report->timestamp_mask ? "yes" : "no", report->rss_queues_max,
            report->tso_bytes_max ? "yes" : "no");
    if (report->rate_kbps_max)
        fprintf(to, "        paces %" PRIu32 " to %" PRIu32 " kb/s\n", report->rate_kbps_min,
                report->rate_kbps_max);
    if (report->mprq.usable)
        fprintf(to, "        multi-packet queue: strides of %u to %u B, 2^%u to 2^%u an entry\n",
                1u << report->mprq.stride_log_min, 1u << report->mprq.stride_log_max,
                report->mprq.strides_log_min, report->mprq.strides_log_max);
}

static void print_device(FILE *to, const struct speadi_verbs_report *report)
{
    const uint8_t *mac = report->interface.mac;

    fprintf(to, "        %s port %u, interface %s, %02x:%02x:%02x:%02x:%02x:%02x, MTU %" PRIu32,
            report->device, report->port, report->interface.name, mac[0], mac[1], mac[2], mac[3],
            mac[4], mac[5], report->interface.mtu);
    if (report->interface.vlan)
        fprintf(to, ", VLAN %u", report->interface.vlan);
    fprintf(to, ", %s, %s\n", report->ethernet ? "Ethernet" : "InfiniBand",
            report->active ? "active" : "not active");
    print_limits(to, report);
}

static void print_engine(FILE *to, const struct survey_engine *engine)
{
    fprintf(to, "%-7s %s%s\n", engine->name,
            engine->usable ? "usable" : "not usable: ", engine->reason);
    if (engine->report.device[0] != '\0') {
        print_device(to, &engine->report);
        port_survey_print(to, &engine->place);
    }
    for (unsigned i = 0; i < engine->remedy_count; i++)
        tool_remedy_print(to, &engine->remedy[i]);
}

void survey_print(FILE *to, const struct survey *survey)
{
    if (survey->count == 0)
        fputs(
            "This library was built without an engine for UDP, so spead-send and spead-recv have nothing to "
            "work with. Build it with -DSPEADLINE_ENGINES=all.\n",
            to);
    for (unsigned i = 0; i < survey->count; i++)
        print_engine(to, &survey->engine[i]);
}
