/* What the engine was told for itself, and whether it can be used for a stream. */
#include <errno.h>

#include <speadi/err.h>

#include "rx_engine.h"
#include "rx_verbs.h"

static int check_range(const char *field, uint32_t value, uint32_t most, struct spead_err *err)
{
    if (value <= most)
        return 0;
    return speadi_err_set(err, -EINVAL, "engine verbs: %s must be 0 to %u, not %u", field, most,
                          value);
}

int speadi_rx_verbs_options_read(struct spead_recv_verbs_config *own,
                                 const struct spead_engine_options *from, struct spead_err *err)
{
    int ret;

    *own = (struct spead_recv_verbs_config)SPEAD_RECV_VERBS_CONFIG_INIT;
    ret = speadi_engine_options_read(own, sizeof *own, from, err);
    if (ret == 0)
        ret = check_range("queues", own->queues, SPEADI_VERBS_WQS_MAX, err);
    if (ret == 0)
        ret = check_range("mprq", own->mprq, SPEAD_MPRQ_OFF, err);
    if (ret == 0)
        ret = check_range("mprq_stride_log", own->mprq_stride_log, 16, err);
    if (ret == 0)
        ret = check_range("mprq_entry_log", own->mprq_entry_log, 26, err);
    return ret;
}

int speadi_rx_verbs_usable(const struct speadi_rx_config *config, struct spead_err *err)
{
    struct spead_recv_verbs_config own;
    int ret;

    if (config == NULL)
        return speadi_verbs_probe(&(struct speadi_verbs_wish){0}, NULL, err);
    ret = speadi_rx_verbs_options_read(&own, config->options, err);
    if (ret < 0)
        return ret;
    return speadi_verbs_suits(own.device, config->interface, config->addresses, config->count, err);
}
