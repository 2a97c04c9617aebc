/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that are longer than their slots. A slot holds the MTU that the interface, and the port below it, had when the
 * stream began. Longer frames come if an MTU is raised later, or if the kernel does not tell which port lies below a VLAN
 * or a function of SR-IOV.
 *
 * The first such frame can move the queue into its error state. The receives of the next queue have one more piece, the
 * spill: a part of memory that all slots share, and that holds what nobody reads. So a longer frame fails no queue any
 * more. It is counted as truncated. */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/clock.h>
#include <speadi/err.h>

#include "rx_verbs.h"

/* Returns the present MTU of the interface, or 0 if the kernel does not say it. */
static unsigned mtu_now(const char *interface)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};
    unsigned mtu = 0;

    if (fd < 0)
        return 0;
    memcpy(request.ifr_name, interface, sizeof request.ifr_name);
    if (ioctl(fd, SIOCGIFMTU, &request) == 0)
        mtu = (unsigned)request.ifr_mtu;
    close(fd);
    return mtu;
}

static void say_once(struct speadi_verbs_engine *e)
{
    const struct speadi_verbs_interface *interface = &e->device.report.interface;
    unsigned now;

    if (e->said_overlong)
        return;
    e->said_overlong = true;
    now = mtu_now(interface->name);
    if (now > interface->mtu)
        speadi_log_line(&e->log, SPEAD_LOG_WARNING,
                        "verbs engine: frames come that are too long for the receives: the MTU of "
                        "%s was %u when the stream began, and is %u now; they are counted as "
                        "truncated; start the stream again to receive them",
                        interface->name, interface->mtu, now);
    else
        speadi_log_line(&e->log, SPEAD_LOG_WARNING,
                        "verbs engine: frames come that are longer than the MTU of %s, which is "
                        "%u; they are counted as truncated; raise that MTU and start the stream "
                        "again, or lower the MTU of the sender",
                        interface->name, interface->mtu);
}

void speadi_verbs_lend_overlong(struct speadi_verbs_engine *e, struct speadi_verbs_queue *queue,
                                uint32_t slot, struct speadi_rx_burst *burst)
{
    const struct speadi_verbs_reader *reader = &queue->reader;

    say_once(e);
    e->lent[burst->count] = slot;
    burst->packet[burst->count++] = (struct speadi_rx_packet){
        .datagram_bytes = queue->slots.slot_bytes,
        .source = reader->source,
        .flags = SPEADI_RX_TRUNCATED,
        .segments = 1,
        .from = speadi_verbs_add_unknown(reader, burst),
        .time_ns = speadi_clock_utc_ns(),
        .place = SPEADI_RX_UNPLACED,
    };
}

void speadi_verbs_note_overlong(struct speadi_verbs_engine *e)
{
    e->overlong = e->device.report.max_sge >= SPEADI_VERBS_SPILL_PIECES;
}
