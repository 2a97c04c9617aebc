/* SPDX-License-Identifier: Apache-2.0 */
/* Builds trains, and learns the limits of the kernel from its refusals. */
#include "datagram_train.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/packet.h>

#define SEGMENTS_MAX     128u /* UDP_MAX_SEGMENTS of newer kernels */
#define SEGMENTS_OLD_MAX 64u  /* UDP_MAX_SEGMENTS of older kernels */
#define REFUSED_REPEATS  16u

int speadi_train_init(struct speadi_train *train, uint32_t train_bytes_max,
                      enum spead_send_path path, const struct spead_log *log)
{
    *train = (struct speadi_train){
        .segments_max = SEGMENTS_MAX,
        .segment_bytes_max = UINT16_MAX,
        .train_bytes_max = speadi_min_u32(train_bytes_max, SPEADI_UDP_BYTES_MAX),
        .log = log ? *log : (struct spead_log){0},
    };
    return speadi_gather_init(&train->gather, path);
}

void speadi_train_release(struct speadi_train *train)
{
    speadi_gather_release(&train->gather);
}

/* ---- Building ------------------------------------------------------------------------------ */

/* Returns the largest number of packets from the beginning of the array that may go into one train. */
static uint32_t most_packets(const struct speadi_train *train, const struct speadi_tx_packet *first,
                             unsigned count)
{
    if (train->singly || train->singly_to[first->destination] || train->probe_left ||
        first->bytes > train->segment_bytes_max || first->bytes == 0)
        return 1;
    return speadi_min_u32(
        speadi_min_u32(train->train_bytes_max / first->bytes, train->segments_max), count);
}

/* Returns true if *next can follow *last in a train that begins with *first. Only the last packet of a train can be
 * shorter than the first. */
static inline bool can_follow(const struct speadi_tx_packet *first,
                              const struct speadi_tx_packet *last,
                              const struct speadi_tx_packet *next)
{
    return last->bytes == first->bytes && next->destination == first->destination &&
           next->bytes <= first->bytes && next->bytes != 0;
}

/* Returns how many packets from the beginning of the array go into one train. The iovecs of a train that is not
 * gathered must lie in one array without a gap, and must not be too many. */
static uint32_t train_length(const struct speadi_train *train, const struct speadi_tx_packet *first,
                             unsigned count, bool gathered)
{
    const uint32_t most = most_packets(train, first, count);
    uint32_t iovecs = first->iov_count, length = 1;

    for (; length < most && can_follow(first, &first[length - 1], &first[length]); length++) {
        const struct speadi_tx_packet *last = &first[length - 1], *next = &first[length];

        iovecs += next->iov_count;
        if (!gathered &&
            (next->iov != last->iov + last->iov_count || iovecs > SPEADI_MESSAGE_IOVECS_MAX))
            break;
    }
    return length;
}

static void set_segment_size(struct msghdr *header, union speadi_train_control *control,
                             uint16_t bytes)
{
    struct cmsghdr *message;

    header->msg_control = control->bytes;
    header->msg_controllen = sizeof control->bytes;
    message = CMSG_FIRSTHDR(header);
    message->cmsg_level = IPPROTO_UDP;
    message->cmsg_type = UDP_SEGMENT;
    message->cmsg_len = CMSG_LEN(sizeof bytes);
    memcpy(CMSG_DATA(message), &bytes, sizeof bytes);
}

/* Adds a message of `length` packets that consists of `count` pieces. */
static void add_message(struct speadi_train *train, const struct speadi_tx_packet *first,
                        uint32_t length, const struct iovec *piece, size_t count)
{
    unsigned i = train->count++;
    struct msghdr *header = &train->message[i].msg_hdr;

    *header = (struct msghdr){
        .msg_iov = (struct iovec *)(uintptr_t)piece, /* sendmsg() only reads it */
        .msg_iovlen = count,
    };
    train->is_gathered[i] = false;
    train->packets[i] = length;
    train->bytes[i] = first->bytes;
    train->destination[i] = first->destination;
    if (length > 1)
        set_segment_size(header, &train->control[i], (uint16_t)first->bytes);
}

static void set_message(struct speadi_train *train, const struct speadi_tx_packet *first,
                        uint32_t length, bool gathered)
{
    const struct speadi_tx_packet *last = first + length - 1;
    const unsigned i = train->count;

    if (gathered) {
        train->copy[i] = speadi_gather_copy(&train->gather, first, length);
        add_message(train, first, length, &train->copy[i], 1);
    } else {
        add_message(train, first, length, first->iov,
                    (size_t)(last->iov - first->iov) + last->iov_count);
    }
    train->is_gathered[i] = gathered;
}

/* Returns the bytes of a train. All packets but the last one have the same size. */
static size_t train_bytes(const struct speadi_tx_packet *first, uint32_t length)
{
    return (size_t)(length - 1) * first->bytes + first[length - 1].bytes;
}

/* Makes a train of packets of one piece. Packets that follow each other in memory become one piece of the message. Returns
 * how many packets the train has. Returns 0, and has made nothing, if they are to be gathered, because they would have too
 * many pieces. */
static uint32_t join(struct speadi_train *train, const struct speadi_tx_packet *first,
                     unsigned count)
{
    const uint32_t most = most_packets(train, first, count);
    struct iovec *const pieces = &train->joined[train->joined_count];
    uint8_t *begin = first->iov->iov_base, *end = begin + first->bytes;
    size_t bytes = first->bytes;
    unsigned ended = 0; /* pieces that are complete */
    uint32_t length = 1;

    for (; length < most && can_follow(first, &first[length - 1], &first[length]); length++) {
        const struct speadi_tx_packet *next = &first[length];

        if (next->iov_count != 1)
            break;
        if (next->iov->iov_base != end) {
            pieces[ended++] = (struct iovec){.iov_base = begin, .iov_len = (size_t)(end - begin)};
            begin = end = next->iov->iov_base;
        }
        end += next->bytes;
        bytes += next->bytes;
    }
    pieces[ended++] = (struct iovec){.iov_base = begin, .iov_len = (size_t)(end - begin)};
    if (speadi_gather_wants_pieces(&train->gather, bytes, ended))
        return 0;
    train->joined_count += ended;
    add_message(train, first, length, pieces, ended);
    return length;
}

unsigned speadi_train_build(struct speadi_train *train, const struct speadi_tx_packet *packets,
                            unsigned count)
{
    unsigned built = 0;

    train->count = 0;
    train->joined_count = 0;
    speadi_gather_begin(&train->gather);
    if (train->probe_left && count > train->probe_left)
        /* During a probe, use only the packets of the refused train. No train is built until the probe has a result. */
        count = train->probe_left;
    while (built < count && train->count < SPEADI_TRAIN_MESSAGES_MAX) {
        const struct speadi_tx_packet *first = &packets[built];
        const bool gathered = speadi_gather_wants(&train->gather, first);
        uint32_t length = 0;

        if (SPEADI_TRAIN_JOINED_MAX - train->joined_count < SEGMENTS_MAX)
            break;
        if (first->iov_count == 1)
            length = join(train, first, count - built);
        if (length == 0) {
            length = train_length(train, first, count - built, gathered);
            if (gathered && !speadi_gather_has_room(&train->gather, train_bytes(first, length)))
                break;
            set_message(train, first, length, gathered);
        }
        built += length;
    }
    return built;
}

/* ---- Results ------------------------------------------------------------------------------- */

/* Ends the probe (see datagram_train.h). The kernel has now accepted a single packet of the refused train. So the train
 * was the reason for the refusal, and the packet was not. This function sets the limits for later trains. */
static void conclude_probe(struct speadi_train *train, uint32_t bytes)
{
    if (train->probe_error == -EMSGSIZE) {
        train->segment_bytes_max = bytes - 1; /* datagram_mtu.h says so to the user */
    } else {
        train->segments_max = 1;
        speadi_log_line(&train->log, SPEAD_LOG_INFO,
                        "packets go one by one from here on: the kernel refused UDP_SEGMENT: %s",
                        strerror(-train->probe_error));
    }
    train->probe_left = 0;
}

/* Handles the refusal of a kernel message. Returns true if the message is a train and the kernel has possibly refused
 * it because it is a train. The function has then also arranged that the packets are sent again, in smaller trains or
 * one by one. Otherwise it returns false. */
static bool regroup(struct speadi_train *train, unsigned i, int result)
{
    if (train->packets[i] == 1 || (result != -EINVAL && result != -EIO && result != -EMSGSIZE))
        return false;
    if (result == -EINVAL && train->packets[i] > SEGMENTS_OLD_MAX) {
        train->segments_max = SEGMENTS_OLD_MAX;
        return true;
    }
    train->probe_left = train->packets[i];
    train->probe_error = result;
    return true;
}

/* Returns how often the caller is allowed to repeat a send that returned `result`. Some errors concern an earlier
 * datagram, for which an ICMP packet has come back. A call that reports such an error sends nothing, but it clears the
 * error. The route can cause the same errno, and then every call reports it. `icmp` is true if the error queue has
 * shown an ICMP message. If it is false, the queue was perhaps full and has lost the message. Then only a second call
 * shows which of the two cases it is. ECONNREFUSED never comes from the route. When many ICMP packets arrive, several
 * consecutive calls can report them. */
static unsigned repeats_allowed(int result, bool icmp)
{
    if (icmp)
        return REFUSED_REPEATS;
    switch (-result) {
    case ECONNREFUSED:
        return REFUSED_REPEATS;
    case EPROTO:
    case EOPNOTSUPP:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EACCES:
    case EMSGSIZE:
        return 1;
    default:
        return 0;
    }
}

static enum speadi_train_decision done(struct speadi_train *train, unsigned i, int result,
                                       int *error)
{
    *error = result < 0 ? result : 0;
    train->repeats = 0;
    if (train->probe_left) {
        if (result >= 0)
            conclude_probe(train, train->bytes[i]);
        else
            train->probe_left--;
    }
    return SPEADI_TRAIN_DONE;
}

enum speadi_train_decision speadi_train_decide(struct speadi_train *train, unsigned i, int result,
                                               bool icmp, int *error)
{
    if (result >= 0) {
        /* The send has succeeded. So the errors that earlier sends of this message returned came from earlier
         * datagrams. */
        train->icmp_unreachable += train->repeats;
        return done(train, i, result, error);
    }
    switch (-result) {
    case EAGAIN:
        return SPEADI_TRAIN_NO_ROOM;
    case ENOBUFS:
        return done(train, i, result, error);
    case ENOMEM:
        return SPEADI_TRAIN_STARVED;
    case EINTR:
        return SPEADI_TRAIN_AGAIN;
    default:
        break;
    }
    if (regroup(train, i, result))
        return SPEADI_TRAIN_AGAIN;
    if (train->repeats < repeats_allowed(result, icmp)) {
        train->repeats++;
        return SPEADI_TRAIN_AGAIN;
    }
    return done(train, i, result, error);
}
