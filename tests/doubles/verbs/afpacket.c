/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the double: each context has an AF_PACKET socket, and a thread that acts as the device.
 *
 * A veth pair does some things that a cable does not do, and this file undoes them. It puts VLAN tags back that the
 * kernel has stripped. It computes checksums that the kernel has left to an offload. It drops and counts long frames
 * that the kernel has left to segmentation offload, because a cable would not carry such frames (turn
 * tx-udp-segmentation off on the sending host). The kernel also receives every frame. If no socket is bound to the port
 * of a unicast packet, the kernel answers the packet with ICMP. */
#include "double.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#    define PACKET_IGNORE_OUTGOING 23
#endif

/* SILENCE_NS: frames that the setting `burst` withholds are delivered when none has come for this long. */
enum { RECEIVE_BUFFER_BYTES = 32 << 20, IDLE_MS = 50, LATE_MS = 1, SILENCE_NS = 20000000 };

/* ---- Receiving ----------------------------------------------------------------------------------- */

static void deliver(struct vd_context *context, const struct vd_frame *frame,
                    const struct vd_key *key)
{
    struct vd_arrival arrival = {
        .frame = frame->bytes, .length = frame->length, .time_ns = frame->time_ns, .key = *key};

    arrival.sums_right = VD_SETTING(ip_csum) && (VD_SETTING(csum_blind) ||
                                                 vd_checksums_right(frame->bytes, frame->length));
    vd_flows_deliver(context, &arrival);
}

static void corrupt(struct vd_frame *frame, long offset)
{
    if (offset < 0 || (size_t)offset >= frame->length)
        offset = (long)frame->length - 1;
    frame->bytes[offset] ^= 1;
}

static int read_mtu(struct vd_context *context)
{
    struct ifreq request = {0};

    strcpy(request.ifr_name, context->device->interface);
    if (ioctl(context->packet_fd, SIOCGIFMTU, &request) < 0)
        return errno;
    context->mtu = (unsigned)request.ifr_mtu;
    return 0;
}

static void arrive(struct vd_context *context, struct vd_frame *frame)
{
    struct vd_frame *held = &context->rx_held;
    struct vd_key key;
    long offset;

    vd_key_read(&key, frame->bytes, frame->length);
    if (VD_SETTING(port_down) || VD_SETTING(device_fatal)) {
        VD_COUNT(rx_faulted, 1);
        return;
    }
    if (frame->length > context->mtu + VD_ETHERNET_EXTRA)
        /* the MTU can have changed */
        read_mtu(context);
    if (frame->length > context->mtu + VD_ETHERNET_EXTRA) {
        vd_refuse(0,
                  "a frame of %zu bytes came in where the MTU is %u: turn the sender's "
                  "tx-udp-segmentation off",
                  frame->length, context->mtu);
        VD_COUNT(rx_oversized, 1);
        return;
    }
    if (!vd_flows_want(context, &key)) {
        VD_COUNT(rx_unmatched, 1);
        return;
    }
    if (vd_fault("rx.drop", NULL)) {
        VD_COUNT(rx_faulted, 1);
        return;
    }
    if (vd_fault("rx.corrupt", &offset))
        corrupt(frame, offset);
    if (vd_fault("rx.swap", NULL) && !held->length) {
        *held = *frame;
        return;
    }
    deliver(context, frame, &key);
    if (vd_fault("rx.dup", NULL))
        deliver(context, frame, &key);
    if (held->length) {
        vd_key_read(&key, held->bytes, held->length);
        deliver(context, held, &key);
        held->length = 0;
    }
}

/* ---- Withholding --------------------------------------------------------------------------------- */

/* Delivers all frames that were withheld, one directly after the other. The caller has the lock of the context, so the
 * program can neither poll nor post between two of them. */
static void release(struct vd_context *context)
{
    for (unsigned i = 0; i < context->withheld_count; i++) {
        const struct vd_withheld *from = &context->withheld[i];
        struct vd_frame *frame = &context->rx_frame;

        frame->length = from->length;
        frame->time_ns = from->time_ns;
        memcpy(frame->bytes, from->bytes, from->length);
        free(from->bytes);
        arrive(context, frame);
    }
    free(context->withheld);
    context->withheld = NULL;
    context->withheld_count = 0;
}

static void withhold(struct vd_context *context, const struct vd_frame *frame)
{
    unsigned count = context->withheld_count + 1;
    struct vd_withheld *all = realloc(context->withheld, count * sizeof *all);
    uint8_t *bytes = malloc(frame->length + 1);

    if (!all || !bytes)
        vd_abort("no memory for a frame that is withheld");
    memcpy(bytes, frame->bytes, frame->length);
    all[count - 1] =
        (struct vd_withheld){.length = frame->length, .time_ns = frame->time_ns, .bytes = bytes};
    context->withheld = all;
    context->withheld_count = count;
    context->withheld_ns = vd_now_ns(CLOCK_MONOTONIC);
}

/* Passes a frame from the network on. Only frames that a rule matches are withheld. */
static void pass(struct vd_context *context, struct vd_frame *frame)
{
    uint64_t burst = VD_SETTING(burst);
    struct vd_key key;

    vd_key_read(&key, frame->bytes, frame->length);
    if (burst <= 1 || !vd_flows_want(context, &key)) {
        arrive(context, frame);
        return;
    }
    withhold(context, frame);
    if (context->withheld_count >= burst)
        release(context);
}

static void release_if_silent(struct vd_context *context)
{
    if (context->withheld_count > 0 &&
        (VD_SETTING(burst) <= 1 || vd_now_ns(CLOCK_MONOTONIC) - context->withheld_ns > SILENCE_NS))
        release(context);
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static void restore_vlan(struct vd_frame *frame, const struct tpacket_auxdata *aux)
{
    uint16_t tag[2] = {htons(ETH_P_8021Q), htons(aux->tp_vlan_tci)};

    if (!(aux->tp_status & TP_STATUS_VLAN_VALID) || frame->length < ETH_HLEN ||
        frame->length + sizeof tag > sizeof frame->bytes)
        return;
    if (aux->tp_status & TP_STATUS_VLAN_TPID_VALID)
        tag[0] = htons(aux->tp_vlan_tpid);
    memmove(frame->bytes + 12 + sizeof tag, frame->bytes + 12, frame->length - 12);
    memcpy(frame->bytes + 12, tag, sizeof tag);
    frame->length += sizeof tag;
}

static void read_control(struct vd_frame *frame, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;

            memcpy(&time, CMSG_DATA(c), sizeof time);
            frame->time_ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
        } else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
            struct tpacket_auxdata aux;

            memcpy(&aux, CMSG_DATA(c), sizeof aux);
            restore_vlan(frame, &aux);
            if (aux.tp_status & TP_STATUS_CSUMNOTREADY)
                vd_checksums_fill(frame->bytes, frame->length);
        }
    }
}

static bool receive_one(struct vd_context *context)
{
    struct vd_frame *frame = &context->rx_frame;
    struct iovec part = {frame->bytes, sizeof frame->bytes};
    union {
        char bytes[256];
        struct cmsghdr align;
    } control;
    struct sockaddr_ll from = {0};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(context->packet_fd, &message, MSG_DONTWAIT);

    if (got < 0)
        return false;
    frame->length = (size_t)got;
    frame->time_ns = 0;
    read_control(frame, &message);
    /* With `loopback`, the socket also gets what leaves the interface, but not what it sends itself. A NIC loops only
     * multicast. */
    if (from.sll_pkttype != PACKET_OUTGOING || frame->bytes[0] & 1)
        pass(context, frame);
    return true;
}

/* Tells whether something can become due although no frame comes. */
static bool may_be_late(void)
{
    return VD_SETTING(delay_us) || VD_SETTING(flush_us) || VD_SETTING(burst) > 1;
}

static void *play_device(void *arg)
{
    struct vd_context *context = arg;
    struct pollfd watched[2] = {{context->wake_fd, POLLIN, 0}, {context->packet_fd, POLLIN, 0}};
    bool stopping = false;

    while (!stopping) {
        poll(watched, 2, may_be_late() ? LATE_MS : IDLE_MS);
        pthread_mutex_lock(&context->lock);
        for (int i = 0; i < 64 && receive_one(context); i++)
            ;
        release_if_silent(context);
        vd_cq_notify_due(context);
        stopping = context->stopping;
        pthread_mutex_unlock(&context->lock);
    }
    return NULL;
}

/* ---- Sending ------------------------------------------------------------------------------------- */

static int put(struct vd_context *context, const struct vd_frame *frame)
{
    if (VD_SETTING(port_down) || VD_SETTING(device_fatal)) {
        /* The program sees this frame as sent, but a fault of the script loses it here. */
        VD_COUNT(tx_faulted, 1);
        return 0;
    }
    if (send(context->packet_fd, frame->bytes, frame->length, 0) < 0)
        return vd_refuse(errno, "sending on %s: %s", context->device->interface, strerror(errno));
    VD_COUNT(tx_frames, 1);
    return 0;
}

int vd_network_send(struct vd_context *context)
{
    struct vd_frame *frame = &context->tx_frame, *held = &context->tx_held;
    long offset;
    int err;

    if (vd_fault("tx.drop", NULL)) {
        VD_COUNT(tx_faulted, 1);
        return 0;
    }
    if (vd_fault("tx.corrupt", &offset))
        corrupt(frame, offset);
    if (vd_fault("tx.swap", NULL) && !held->length) {
        *held = *frame;
        return 0;
    }
    err = put(context, frame);
    if (!err && vd_fault("tx.dup", NULL))
        err = put(context, frame);
    if (!err && held->length) {
        err = put(context, held);
        held->length = 0;
    }
    return err;
}

/* ---- Opening and closing ------------------------------------------------------------------------- */

static int listen_to(struct vd_context *context, int fd)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = context->device->interface_index};
    struct packet_mreq all = {.mr_ifindex = context->device->interface_index,
                              .mr_type = PACKET_MR_ALLMULTI};
    int one = 1, bytes = RECEIVE_BUFFER_BYTES, ignore_outgoing = !VD_SETTING(loopback);

    if (read_mtu(context) != 0)
        return errno;
    /* The errors of the next two calls are ignored, because the double also works without the larger buffer and without
     * the membership. Without one of the options below, the double would give wrong results. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore_outgoing,
                   sizeof ignore_outgoing) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return errno;
    return 0;
}

static int start(struct vd_context *context)
{
    sigset_t all, before;
    int err;

    /* The device thread blocks all signals, so that only threads of the program handle signals. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&context->thread, NULL, play_device, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

/* Opens the socket and starts the thread of the device. Without CAP_NET_RAW the device still opens, but then no queue
 * pair can be made. */
int vd_network_open(struct vd_context *context)
{
    int err;

    context->packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (context->packet_fd < 0)
        return errno == EPERM ? 0 : errno;
    context->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (context->wake_fd < 0) {
        err = errno;
        close(context->packet_fd);
        return err;
    }
    err = listen_to(context, context->packet_fd);
    if (!err)
        err = start(context);
    if (err) {
        close(context->packet_fd);
        close(context->wake_fd);
    }
    return err;
}

void vd_network_close(struct vd_context *context)
{
    uint64_t one = 1;

    if (context->packet_fd < 0)
        return;
    pthread_mutex_lock(&context->lock);
    context->stopping = true;
    pthread_mutex_unlock(&context->lock);
    if (write(context->wake_fd, &one, sizeof one) < 0)
        vd_abort("cannot wake the device's thread: %s", strerror(errno));
    pthread_join(context->thread, NULL);
    for (unsigned i = 0; i < context->withheld_count; i++)
        free(context->withheld[i].bytes);
    free(context->withheld);
    close(context->packet_fd);
    close(context->wake_fd);
}

bool vd_network_link_up(const struct vd_context *context)
{
    struct ifreq request = {0};

    if (context->packet_fd < 0)
        /* Without the socket, this function cannot read the state of the interface. */
        return true;
    strcpy(request.ifr_name, context->device->interface);
    return ioctl(context->packet_fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) &&
           (request.ifr_flags & IFF_RUNNING);
}
