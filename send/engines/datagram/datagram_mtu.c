/* SPDX-License-Identifier: Apache-2.0 */
/* See datagram_mtu.h. */
#include "datagram_mtu.h"

#include <sys/socket.h>

#include <speadi/address.h>
#include <speadi/err.h>
#include <speadi/udp_error_queue.h>

static void warn(const struct speadi_datagram_mtu *self, int fd, uint32_t fits, uint32_t mtu,
                 const struct spead_log *log)
{
    struct speadi_address address = {.length = sizeof address.v6};
    char text[SPEADI_ADDRESS_TEXT_MAX] = "?";

    if (getpeername(fd, &address.any, &address.length) == 0)
        speadi_address_format(&address, text);
    fits &= ~7u; /* a stream rounds packet_bytes_max down to a multiple of 8 */
    speadi_log_line(log, SPEAD_LOG_WARNING,
                    "%s: packets of %u bytes do not fit the route's MTU of %u bytes and go in IP "
                    "fragments, so that one lost fragment loses a packet: send packets of at most "
                    "%u bytes (--packet %u)",
                    text, self->packet_bytes_max, mtu, fits, fits);
}

void speadi_datagram_mtu_check(struct speadi_datagram_mtu *self, int fd,
                               const struct spead_log *log)
{
    uint32_t mtu, fits = speadi_udp_whole_bytes(fd, &mtu);

    if (self->packet_bytes_max <= fits) {
        if (fits != UINT32_MAX) /* UINT32_MAX: there is no route at this moment */
            self->mtu_said = 0;
        return;
    }
    if (self->mtu_said != mtu)
        warn(self, fd, fits, mtu, log);
    self->mtu_said = mtu;
}
