/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, arms and closes the completion queue. See verbs_cq.h. */
#include "verbs_cq.h"

#include <errno.h>

#include <speadi/err.h>

/* How often the engine asks again while the clock of the device is in change. libmlx5 has asked 10 times each time. The
 * kernel needs less than a microsecond for a change. */
#define BUSY_MAX 1000u

/* Returns true if the stamp suits the choice of the user and what the device reports. Whether the device has the stamp
 * shows only when the queue is made. */
static bool suits(const struct speadi_verbs_cq *cq, enum speadi_verbs_stamp stamp,
                  enum spead_verbs_clock clock)
{
    const struct speadi_verbs_report *report = &cq->device->report;
    struct ibv_values_ex now = {.comp_mask = IBV_VALUES_MASK_RAW_CLOCK};

    switch (stamp) {
    case SPEADI_STAMP_TICKS: /* useful only if the counter can be read and its frequency is known */
        return clock == SPEAD_VERBS_CLOCK_AUTO && !report->real_time_stamps &&
               report->timestamp_mask && report->clock_khz &&
               ibv_query_rt_values_ex(cq->device->context, &now) == 0;
    case SPEADI_STAMP_REAL_TIME:
        return clock == SPEAD_VERBS_CLOCK_NIC && report->real_time_stamps;
    case SPEADI_STAMP_WALLCLOCK: /* libmlx5 does not convert the real-time format */
        return clock == SPEAD_VERBS_CLOCK_NIC && !report->real_time_stamps;
    case SPEADI_STAMP_HOST:
    default:
        return clock != SPEAD_VERBS_CLOCK_NIC;
    }
}

/* Makes the completion queue. Tries the kinds of time stamps one after another. Only such a try shows which kinds a
 * device has: the device refuses to make a queue with a kind that it lacks. */
static void create(struct speadi_verbs_cq *cq, struct ibv_cq_init_attr_ex *attr,
                   enum spead_verbs_clock clock)
{
    static const uint64_t fields[] = {
        [SPEADI_STAMP_HOST] = 0,
        [SPEADI_STAMP_TICKS] = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP,
        [SPEADI_STAMP_REAL_TIME] = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP,
        [SPEADI_STAMP_WALLCLOCK] = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK,
    };

    errno = EOPNOTSUPP;
    for (int stamp = SPEADI_STAMP_WALLCLOCK; stamp >= SPEADI_STAMP_HOST && !cq->ex; stamp--) {
        if (!suits(cq, (enum speadi_verbs_stamp)stamp, clock))
            continue;
        attr->wc_flags = IBV_WC_EX_WITH_BYTE_LEN | fields[stamp];
        cq->ex = ibv_create_cq_ex(cq->device->context, attr);
        cq->stamp = (enum speadi_verbs_stamp)stamp;
        if (!cq->ex && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
            return;
    }
}

static int refuse(const struct speadi_verbs_cq *cq, enum spead_verbs_clock clock, int code,
                  struct spead_err *err)
{
    if (clock == SPEAD_VERBS_CLOCK_NIC && (code == EOPNOTSUPP || code == ENOSYS || code == EINVAL))
        return speadi_err_field(err, -ENOTSUP, "verbs.clock",
                                " nic: verbs device %s does not give its clock in completions; use "
                                "auto, which is UTC",
                                cq->device->report.device);
    return speadi_verbs_failed(err, "create_cq_ex", cq->device->report.device, code);
}

int speadi_verbs_cq_open(struct speadi_verbs_cq *cq, struct speadi_verbs_device *device,
                         const struct speadi_verbs_cq_config *config, struct spead_err *err)
{
    struct ibv_cq_init_attr_ex attr = {
        .cqe = config->entries,
        .comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS,
        .flags = IBV_CREATE_CQ_ATTR_SINGLE_THREADED,
    };
    int ret = speadi_verbs_check_vector(device, config->comp_vector, err);

    *cq = (struct speadi_verbs_cq){.device = device};
    if (ret == 0 && config->comp_vector >= 0) {
        ret = speadi_verbs_channel_open(&cq->channel, device, err);
        attr.channel = cq->channel;
        attr.comp_vector = (uint32_t)config->comp_vector;
    }
    if (ret < 0)
        return ret;
    create(cq, &attr, config->clock);
    if (!cq->ex)
        return refuse(cq, config->clock, errno, err);
    speadi_verbs_cqes_open(&cq->cqes, device, cq->ex, config->of_pair);
    return 0;
}

int speadi_verbs_cq_start_poll(const struct speadi_verbs_cq *cq)
{
    struct ibv_poll_cq_attr attr = {0};
    int ret = ibv_start_poll(cq->ex, &attr);

    for (unsigned i = 0; __builtin_expect(ret == EBUSY, 0) && i < BUSY_MAX; i++)
        ret = ibv_start_poll(cq->ex, &attr);
    return ret;
}

void speadi_verbs_cq_close(struct speadi_verbs_cq *cq)
{
    if (cq->ex) {
        if (cq->channel)
            speadi_verbs_cq_take_events(cq);
        cq->device->verbs->destroy_cq(ibv_cq_ex_to_cq(cq->ex));
    }
    if (cq->channel)
        cq->device->verbs->destroy_comp_channel(cq->channel);
    cq->ex = NULL;
    cq->channel = NULL;
    cq->armed = false;
}

int speadi_verbs_cq_arm(struct speadi_verbs_cq *cq)
{
    int error = cq->channel && !cq->armed ? ibv_req_notify_cq(ibv_cq_ex_to_cq(cq->ex), 0) : 0;

    cq->armed = cq->channel && error == 0;
    return -error;
}

void speadi_verbs_cq_take_events(struct speadi_verbs_cq *cq)
{
    if (speadi_verbs_channel_clear(cq->channel, cq->device))
        cq->armed = false;
}
