/* SPDX-License-Identifier: Apache-2.0 */
/* Opens one port of a device for raw Ethernet packets, and tests whether this process is allowed to use such
 * packets. */
#include <speadi/verbs_device.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/remedy.h>

#include "verbs_find.h"
#include "verbs_interface.h"
#include "verbs_report.h"

static int check_fitness(const struct speadi_verbs_report *report, struct spead_err *err)
{
    char remedy[160];

    if (!report->ethernet)
        return speadi_err_set(
            err, -EPROTONOSUPPORT,
            "port %u of %.40s is InfiniBand: %s makes it Ethernet, for good, after a reboot",
            report->port, report->device,
            speadi_remedy_command(remedy, sizeof remedy, CAP_SYS_RAWIO,
                                  "mlxconfig -d %.40s set LINK_TYPE_P%u=2", report->device,
                                  report->port));
    if (!report->active)
        return speadi_err_set(
            err, -ENETDOWN,
            "port %u of %.40s is not active: %s (until a reboot), and check the cable (`ethtool "
            "%s`)",
            report->port, report->device,
            speadi_remedy_command(remedy, sizeof remedy, CAP_NET_ADMIN, "ip link set %s up",
                                  report->interface.name),
            report->interface.name);
    if (!report->flow_steering)
        return speadi_err_set(err, -ENOTSUP,
                              "%.40s cannot steer flows to a program: a ConnectX-4 or later can",
                              report->device);
    return 0;
}

/* Makes the event descriptor of the device non-blocking, so that a read returns immediately when there is no event. */
static int make_async(struct ibv_context *context, const char *name, struct spead_err *err)
{
    int flags = fcntl(context->async_fd, F_GETFL);

    if (flags < 0 || fcntl(context->async_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return speadi_err_errno(err, "event descriptor of %.40s", name);
    return 0;
}

static int read_report(struct speadi_verbs_device *device, const struct speadi_verbs_found *found,
                       struct spead_err *err)
{
    struct speadi_verbs_report *report = &device->report;
    int ret;

    memcpy(report->device, found->device, sizeof report->device);
    report->port = found->port;
    ret = speadi_verbs_interface_read(&report->interface, found->interface_index, err);
    if (ret < 0)
        return ret;
    /* this is no failure, because devices of other makers need no libmlx5 */
    if (speadi_mlx5_load(&device->mlx5, NULL) < 0)
        device->mlx5 = NULL;
    ret = speadi_verbs_report_read(report, device->verbs, device->mlx5, device->context, err);
    if (!report->mlx5)
        device->mlx5 = NULL;
    return ret;
}

static int open_found(struct speadi_verbs_device *device, const struct speadi_verbs_found *found,
                      struct spead_err *err)
{
    int ret = read_report(device, found, err);

    if (ret == 0)
        ret = check_fitness(&device->report, err);
    if (ret == 0)
        ret = make_async(device->context, found->device, err);
    if (ret < 0)
        return ret;
    device->pd = device->verbs->alloc_pd(device->context);
    return device->pd ? 0 : speadi_verbs_failed(err, "alloc_pd", found->device, errno);
}

int speadi_verbs_device_open(struct speadi_verbs_device *device,
                             const struct speadi_verbs_wish *wish, struct spead_err *err)
{
    struct speadi_verbs_found found;
    int ret;

    *device = (struct speadi_verbs_device){0};
    ret = speadi_verbs_load(&device->verbs, err);
    if (ret == 0)
        ret = speadi_verbs_find(device->verbs, wish, &found, err);
    if (ret < 0)
        return ret;
    device->context = found.context;
    ret = open_found(device, &found, err);
    if (ret < 0)
        speadi_verbs_device_close(device);
    return ret;
}

void speadi_verbs_device_close(struct speadi_verbs_device *device)
{
    int code = 0;

    assert(device->registrations == 0);
    if (device->pd)
        code = device->verbs->dealloc_pd(device->pd);
    /* EBUSY would mean that an object that was made from pd still exists. */
    assert(code != EBUSY);
    if (device->context)
        code = device->verbs->close_device(device->context);
    assert(code != EBUSY);
    (void)code;
    device->pd = NULL;
    device->context = NULL;
}

/* Tests whether this process is allowed to use raw packets: makes a queue pair for raw packets and destroys it again.
 * Only the kernel can answer this, because the answer depends on capabilities, namespaces and the age of the driver. */
static int try_raw_packets(struct speadi_verbs_device *device, struct spead_err *err)
{
    const struct speadi_verbs *verbs = device->verbs;
    struct ibv_cq *cq = verbs->create_cq(device->context, 1, NULL, NULL, 0);
    struct ibv_qp_init_attr attr = {
        .send_cq = cq,
        .recv_cq = cq,
        .cap = {.max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1},
        .qp_type = IBV_QPT_RAW_PACKET,
    };
    struct ibv_qp *qp;
    int ret = 0;

    if (!cq)
        return speadi_verbs_failed(err, "create_cq", device->report.device, errno);
    qp = verbs->create_qp(device->pd, &attr);
    if (qp)
        verbs->destroy_qp(qp);
    else
        ret = speadi_verbs_failed(err, "create_qp", device->report.device, errno);
    verbs->destroy_cq(cq);
    return ret;
}

int speadi_verbs_probe(const struct speadi_verbs_wish *wish, struct speadi_verbs_report *report,
                       struct spead_err *err)
{
    struct speadi_verbs_device device;
    int ret = speadi_verbs_device_open(&device, wish, err);

    if (ret == 0)
        ret = try_raw_packets(&device, err);
    if (report)
        *report = device.report;
    speadi_verbs_device_close(&device);
    return ret;
}

int speadi_verbs_check_vector(const struct speadi_verbs_device *device, int vector,
                              struct spead_err *err)
{
    if (vector >= -1 && (vector < 0 || (uint32_t)vector < device->report.comp_vectors))
        return 0;
    return speadi_err_field(err, -EINVAL, "verbs.comp_vector",
                            " %d: %.40s has 0 to %u, and -1 polls without sleeping", vector,
                            device->report.device, device->report.comp_vectors - 1);
}
