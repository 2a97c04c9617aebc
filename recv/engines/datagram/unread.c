/* SPDX-License-Identifier: Apache-2.0 */
/* See unread.h. */
#include "unread.h"

#include <sys/socket.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>
#include <speadi/udp.h>

#include "gro.h"

#define CALLS    16u
#define MESSAGES 64u /* of each call */

static void add(struct speadi_rx_unread *unread, struct mmsghdr *message)
{
    uint32_t bytes = message->msg_len; /* with MSG_TRUNC this is the true length */
    uint32_t each = speadi_gro_segment_bytes(&message->msg_hdr, bytes);
    uint64_t packets = speadi_divide_up(bytes, each);

    unread->count.packets += packets ? packets : 1;
    unread->count.bytes += bytes;
}

bool speadi_unread_count(int fd, struct speadi_rx_unread *unread)
{
    _Alignas(SPEADI_CACHE_LINE) uint8_t control[MESSAGES][SPEADI_GRO_CONTROL_BYTES];
    struct mmsghdr message[MESSAGES];
    int got = (int)MESSAGES;

    for (unsigned call = 0; call < CALLS && got == (int)MESSAGES; call++) {
        for (unsigned i = 0; i < MESSAGES; i++)
            message[i].msg_hdr =
                (struct msghdr){.msg_control = control[i], .msg_controllen = sizeof control[i]};
        got = recvmmsg(fd, message, MESSAGES, MSG_DONTWAIT | MSG_TRUNC, NULL);
        for (int i = 0; i < got; i++)
            add(unread, &message[i]);
    }
    unread->memory_bytes += speadi_udp_unread_bytes(fd);
    return got == (int)MESSAGES;
}
