/* SPDX-License-Identifier: Apache-2.0 */
/* Makes one receive call (recvmmsg) of the socket engine.
 *
 * Packets without reservations go to bounce buffers. A call asks for about 64 KiB. If packets come in trains of 64 KiB,
 * one buffer is enough: measured on one core, the engine received 7.7 GB per CPU second with one buffer, which stays in
 * L2, and 5.3 GB with 32 buffers. If packets come singly, a call asks for many buffers, because one call for many
 * packets saves system calls. */
#include "rx_socket.h"

#include <errno.h>

#include <speadi/clock.h>

static uint8_t *buffer(const struct speadi_socket_engine *e, unsigned entry)
{
    return e->buffers + (size_t)entry * SPEADI_SOCKET_STRIDE;
}

/* Lets the next receive call fill one more entry. The bytes go to `iov_count` iovecs, the first of which has the index
 * e->iov_count. */
static void add_entry(struct speadi_socket_engine *e, unsigned entry, unsigned iov_count)
{
    e->header[entry].msg_hdr = (struct msghdr){
        .msg_name = e->name[entry],
        .msg_namelen = SPEADI_RX_NAME_BYTES,
        .msg_iov = &e->iov[e->iov_count],
        .msg_iovlen = iov_count,
        .msg_control = e->control[entry],
        .msg_controllen = SPEADI_GRO_CONTROL_BYTES,
    };
    e->iov_count += iov_count;
}

/* Prepares bounce buffers for the next receive call: as many as are needed for about SPEADI_SOCKET_BURST_BYTES, if each
 * receive returns source->receive_bytes bytes. Each buffer is one entry. Returns the number of entries. */
static unsigned ask_bounce(struct speadi_socket_engine *e,
                           const struct speadi_socket_source *source, unsigned room)
{
    uint32_t each = source->receive_bytes ? source->receive_bytes : SPEADI_DATAGRAMS_BYTES_MAX;
    unsigned count = SPEADI_SOCKET_BURST_BYTES / each;

    count = count ? count : 1;
    count = count < room ? count : room;
    for (unsigned i = e->entry_count; i < e->entry_count + count; i++) {
        e->entry[i].scatter.slots = 0;
        e->iov[e->iov_count] = (struct iovec){buffer(e, i), SPEADI_DATAGRAMS_BYTES_MAX};
        add_entry(e, i, 1);
    }
    return count;
}

/* Spreads the reserved ranges of the source over entries. Each entry gets as many ranges as a recent train had packets.
 * Returns the number of entries. */
static unsigned ask_placed(struct speadi_socket_engine *e,
                           const struct speadi_socket_source *source, unsigned room)
{
    unsigned train = source->train.packets ? source->train.packets : source->reserved;
    unsigned count = 0;

    for (unsigned done = 0; done < source->reserved && count < room; count++) {
        unsigned at = source->first_range + done, left = source->reserved - done;
        struct speadi_scatter *scatter = &e->entry[e->entry_count + count].scatter;

        *scatter =
            (struct speadi_scatter){.iov = &e->iov[e->iov_count], .first_place = e->ended + at};
        speadi_scatter_build(scatter, &e->range[at], left < train ? left : train,
                             source->head_bytes, e->heads + at * SPEADI_HEAD_STRIDE,
                             buffer(e, e->entry_count + count));
        add_entry(e, e->entry_count + count, 2 * scatter->slots + 1);
        done += scatter->slots;
    }
    return count;
}

static void learn(struct speadi_socket_source *source, const struct speadi_datagrams *datagrams)
{
    uint32_t bytes = datagrams->true_bytes ? datagrams->true_bytes : 1;

    source->receive_bytes = source->receive_bytes ? (3 * source->receive_bytes + bytes) / 4 : bytes;
    speadi_train_guess_learn(&source->train, speadi_datagrams_segments(datagrams));
}

static void add_received(struct speadi_socket_engine *e, unsigned index, uint64_t now)
{
    struct speadi_socket_entry *entry = &e->entry[e->entry_count];
    struct mmsghdr *header = &e->header[e->entry_count];
    uint32_t room = 0, bytes = header->msg_len; /* with MSG_TRUNC this is the true length */

    for (size_t i = 0; i < header->msg_hdr.msg_iovlen; i++)
        room += (uint32_t)header->msg_hdr.msg_iov[i].iov_len;
    entry->datagrams = (struct speadi_datagrams){
        .data = buffer(e, e->entry_count),
        .held_bytes = bytes < room ? bytes : room,
        .true_bytes = bytes,
        .segment_bytes = speadi_gro_segment_bytes(&header->msg_hdr, bytes),
        .from = speadi_rx_from_name((uint16_t)index, header->msg_hdr.msg_name,
                                    header->msg_hdr.msg_namelen),
        .time_ns = now,
    };
    learn(&e->source[index], &entry->datagrams);
    e->round_bytes += bytes;
    e->entry_count++;
    e->receives++;
}

int speadi_socket_receive(struct speadi_socket_engine *e, unsigned index)
{
    struct speadi_socket_source *source = &e->source[index];
    unsigned first = e->entry_count, room = SPEADI_SOCKET_BUFFERS - first, first_iov = e->iov_count;
    unsigned asked = source->reserved ? ask_placed(e, source, room) : ask_bounce(e, source, room);
    int got = recvmmsg(source->socket.fd, &e->header[first], asked, MSG_DONTWAIT | MSG_TRUNC, NULL);
    uint64_t now;

    e->iov_count = first_iov;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    now = speadi_clock_utc_ns();
    for (int i = 0; i < got; i++) {
        e->iov_count += (unsigned)e->header[e->entry_count].msg_hdr.msg_iovlen;
        add_received(e, index, now);
    }
    return 0;
}
