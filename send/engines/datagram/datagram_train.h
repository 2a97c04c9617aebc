/* Trains: consecutive packets to one destination that the kernel takes as one message and cuts apart
 * again (UDP_SEGMENT). All packets of a train are equally long, but the last may be shorter.
 *
 * The socket and the uring engine both build messages here, and have every result judged here: what the
 * kernel refuses decides how later trains look. Older kernels stop at 64 segments, and drivers refuse
 * segmentation with EIO or EINVAL, sometimes after it has worked; so a refused train of more than 64 is
 * halved once, then its packets are tried one by one, and if that works trains end for good.
 *
 * UDP checksums stay on: segmentation needs them, and so do receivers that want to coalesce. */
#ifndef SPEADI_DATAGRAM_TRAIN_H
#define SPEADI_DATAGRAM_TRAIN_H

#include <stdint.h>
#include <sys/socket.h>

#include <speadline/error.h>

#include "tx_engine.h"

#define SPEADI_TRAIN_MESSAGES_MAX 64u

union speadi_train_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct speadi_train {
    /* The messages of the last build. Their iovecs are the packets' own. */
    struct mmsghdr message[SPEADI_TRAIN_MESSAGES_MAX];
    union speadi_train_control control[SPEADI_TRAIN_MESSAGES_MAX];
    uint32_t packets[SPEADI_TRAIN_MESSAGES_MAX]; /* how many each message holds */
    uint32_t bytes[SPEADI_TRAIN_MESSAGES_MAX];   /* length of its first packet: the segment size */
    uint16_t destination[SPEADI_TRAIN_MESSAGES_MAX];
    unsigned count;

    /* What the kernel takes, as far as it has said. */
    uint32_t segments_max;      /* packets in a train; 1: trains have ended */
    uint32_t segment_bytes_max; /* longer packets go singly: they do not fit the route */
    uint32_t train_bytes_max;

    uint32_t probe_left; /* packets of a refused train still to be tried singly; 0: no probe */
    int probe_error;     /* what the train was refused with */
    uint32_t repeats;    /* of the message at hand */
    uint64_t icmp_unreachable;

    uint8_t *flat; /* for one packet of more iovecs than a message may have */
    struct iovec flat_iov;
    struct spead_log log;
};

/* Returns 0 or -ENOMEM. log (nullable) is copied. */
int speadi_train_init(struct speadi_train *train, uint32_t train_bytes_max,
                      const struct spead_log *log);
void speadi_train_release(struct speadi_train *train); /* safe when zero */

/* Makes messages of the first packets, in order; returns how many packets they hold (at least one when
 * count is not 0). The messages of the build before must be done with. */
unsigned speadi_train_build(struct speadi_train *train, const struct speadi_tx_packet *packets,
                            unsigned count);

enum speadi_train_verdict {
    SPEADI_TRAIN_DONE,    /* the message's packets are done, with *error (0: sent) */
    SPEADI_TRAIN_AGAIN,   /* not sent for a passing reason: build again from its first packet */
    SPEADI_TRAIN_NO_ROOM, /* the same, once the socket has room */
    SPEADI_TRAIN_STARVED, /* the same, after a moment: the system was short of buffers */
};

/* Judges the result of message i of the last build: bytes sent (>= 0) or -errno. Results are judged in
 * the order of the messages; after AGAIN the next one judged is of a new build. */
enum speadi_train_verdict speadi_train_judge(struct speadi_train *train, unsigned i, int result,
                                             int *error);

#endif
