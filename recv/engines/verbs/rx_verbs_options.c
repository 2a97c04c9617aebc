/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the options of the verbs receive engine, and says whether the engine can be used for a stream. */
#include <errno.h>

#include <speadi/err.h>

#include "rx_engine.h"
#include "rx_verbs.h"

static int check_range(const char *field, uint32_t value, uint32_t least, uint32_t most,
                       struct spead_err *err)
{
    if (value >= least && value <= most)
        return 0;
    return speadi_err_range(err, field, value, least, most);
}

int speadi_rx_verbs_options_read(struct spead_recv_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err)
{
    static const struct spead_recv_verbs_config defaults = SPEAD_RECV_VERBS_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "verbs receive",
        .init = "SPEAD_RECV_VERBS_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = sizeof defaults.options,
    };
    int ret;

    ret = speadi_engine_options_read(own, &kind, from, err);
    if (ret == 0)
        ret = check_range("verbs.queues", own->queues, 1, SPEADI_RX_QUEUES_MAX, err);
    if (ret == 0)
        ret = check_range("verbs.mprq", own->mprq, 0, SPEAD_MPRQ_ON, err);
    if (ret == 0)
        ret = check_range("verbs.mprq_stride_log", own->mprq_stride_log, 0, 16, err);
    if (ret == 0)
        ret = check_range("verbs.mprq_entry_log", own->mprq_entry_log, 0, 26, err);
    if (ret == 0)
        ret = check_range("verbs.checksum", own->checksum, 0, SPEAD_CHECKSUM_TRUST, err);
    if (ret == 0)
        ret = check_range("verbs.clock", own->clock, 0, SPEAD_VERBS_CLOCK_SYSTEM, err);
    return ret;
}

int speadi_rx_verbs_usable(const struct speadi_rx_config *config, struct spead_err *err)
{
    struct spead_recv_verbs_config own;
    int ret;

    if (!config)
        return speadi_verbs_probe(&(struct speadi_verbs_wish){0}, NULL, err);
    ret = speadi_rx_verbs_options_read(&own, config->options, err);
    if (ret < 0)
        return ret;
    if (config->interfaces)
        return speadi_verbs_refuse_interfaces(err);
    return speadi_verbs_suits(own.device, config->interface, config->addresses, config->count, err);
}
