/* SPDX-License-Identifier: Apache-2.0 */
/* spead-info: says which engines the other tools can use on this machine, and what a recording holds. */
#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "engine_survey.h"
#include "engine_text.h"
#include "info_recording.h"
#include "port_survey.h"
#include "spead_info_options.h"
#include "tool_exit.h"
#include "tool_limits.h"
#include "tool_report.h"
#include "tool_secure.h"

static json_t *device_object(const struct survey_engine *engine)
{
    const struct speadi_verbs_report *report = &engine->report;
    json_t *mprq = json_null();

    if (report->mprq.usable)
        mprq =
            json_pack("{s:i, s:i, s:i, s:i}", "stride_bytes_min", 1 << report->mprq.stride_log_min,
                      "stride_bytes_max", 1 << report->mprq.stride_log_max, "strides_log2_min",
                      (int)report->mprq.strides_log_min, "strides_log2_max",
                      (int)report->mprq.strides_log_max);
    return json_pack(
        "{s:s, s:i, s:s, s:s, s:I, s:i, s:b, s:b, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:I, s:I,"
        " s:I, s:I, s:o, s:o}",
        "name", report->device, "port", (int)report->port, "firmware", report->firmware,
        "interface", report->interface.name, "mtu", (json_int_t)report->interface.mtu, "vlan",
        (int)report->interface.vlan, "ethernet", report->ethernet, "active", report->active,
        "max_qp_wr", (json_int_t)report->max_qp_wr, "max_cqe", (json_int_t)report->max_cqe,
        "max_sge", (json_int_t)report->max_sge, "comp_vectors", (json_int_t)report->comp_vectors,
        "flow_steering", report->flow_steering, "checksum", report->checksum, "timestamps",
        report->timestamp_mask != 0, "rss_queues_max", (json_int_t)report->rss_queues_max,
        "tso_bytes_max", (json_int_t)report->tso_bytes_max, "rate_kbps_min",
        (json_int_t)report->rate_kbps_min, "rate_kbps_max", (json_int_t)report->rate_kbps_max,
        "mprq", mprq, "place", port_survey_json(&engine->place));
}

static json_t *remedies_array(const struct survey_engine *engine)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < engine->remedy_count; i++)
        if (json_array_append_new(array, tool_remedy_json(&engine->remedy[i])) < 0) {
            json_decref(array);
            return NULL; /* with this NULL, json_pack() of the caller fails too */
        }
    return array;
}

static const char *endpoint_word(enum spead_endpoint_kind endpoint)
{
    return endpoint == SPEAD_ENDPOINT_UDP ? "udp" : "text";
}

static json_t *engine_object(const struct survey_engine *engine)
{
    bool known = engine->report.device[0] != '\0';

    return json_pack("{s:s, s:s, s:b, s:s, s:o, s:o}", "name", engine->name, "endpoint",
                     endpoint_word(engine->endpoint), "usable", engine->usable, "reason",
                     engine->reason, "remedies", remedies_array(engine), "device",
                     known ? device_object(engine) : json_null());
}

static int print_json(const struct survey *survey)
{
    json_t *engines = json_array();

    for (unsigned i = 0; i < survey->count; i++)
        if (json_array_append_new(engines, engine_object(&survey->engine[i])) < 0) {
            json_decref(engines);
            return tool_report_print(NULL);
        }
    return tool_report_print(json_pack("{s:s, s:s, s:s, s:o}", "schema", TOOL_SCHEMA, "version",
                                       spead_version(), "tool", "spead-info", "engines", engines));
}

int main(int argc, char **argv)
{
    static struct survey survey;
    struct spead_info_tool_options options;
    struct spead_err err;
    int ret;

    tool_secure_start();
    tool_streams_prepare();
    tool_limits_prepare();
    spead_info_options_parse(&options, argc, argv);
    if (options.topic == INFO_RECORDING)
        return info_recording(options.file, options.json);
    ret = survey_take(&survey, options.interface, &err);
    if (ret < 0)
        return tool_failed_call(&spead_info_program, ret, &err);
    if (options.json)
        return print_json(&survey);
    survey_print(stdout, &survey);
    return fflush(stdout) == 0 ? TOOL_DONE : tool_failed("cannot write: %m");
}
