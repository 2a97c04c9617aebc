/* Builds trains. A train is several consecutive packets to one destination. One sendmsg() gives the train to the
 * kernel, and the kernel cuts it into the packets again (UDP_SEGMENT). All packets of a train have the same size, but
 * the last may be shorter.
 *
 * In this folder a *kernel message* is one struct msghdr of the kernel: a train, or one packet by itself. The socket
 * engine and the uring engine both build their kernel messages here. They also pass every result to
 * speadi_train_decide(), because a refusal of the kernel decides how later trains are built. Older kernels accept only
 * 64 packets in a train (segments) and refuse a longer one with EINVAL. Drivers may refuse segmentation with EIO or
 * EINVAL, even after they have accepted it before. So after EINVAL for a train of more than 64 packets, later trains
 * have at most 64 packets. After any other refusal the packets of the train are tried one by one (the *probe*). If one
 * of them is sent, the kernel has refused the train and not the packet. Then no more trains are built. There is one
 * exception: when the kernel has refused the train with EMSGSIZE, only packets of that size or longer are sent one by
 * one after that.
 *
 * UDP checksums stay on, because segmentation needs them, and so does GRO at the receiver. */
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
    /* The kernel messages of the last build. They use the iovecs of the packets. */
    struct mmsghdr message[SPEADI_TRAIN_MESSAGES_MAX];
    union speadi_train_control control[SPEADI_TRAIN_MESSAGES_MAX];
    uint32_t packets[SPEADI_TRAIN_MESSAGES_MAX]; /* number of packets in each kernel message */
    uint32_t bytes[SPEADI_TRAIN_MESSAGES_MAX];   /* bytes of its first packet: the segment size */
    uint16_t destination[SPEADI_TRAIN_MESSAGES_MAX];
    unsigned count;

    /* The limits of the kernel, as its refusals have shown them so far. */
    uint32_t segments_max;      /* most packets in a train; 1: no more trains are built */
    uint32_t segment_bytes_max; /* longer packets do not fit the MTU, so they are sent one by one */
    uint32_t train_bytes_max;

    uint32_t probe_left; /* packets of a refused train that are still to be tried; 0: no probe */
    int probe_error;     /* the -errno with which the train was refused */
    uint32_t repeats;    /* how often the current kernel message has been repeated */
    uint64_t icmp_unreachable;

    uint8_t *flat; /* holds a copy of one packet that has more iovecs than sendmsg() accepts */
    struct iovec flat_iov;
    struct spead_log log;
};

/* Prepares *train. Returns 0 or -ENOMEM. *log is copied; log may be NULL. */
int speadi_train_init(struct speadi_train *train, uint32_t train_bytes_max,
                      const struct spead_log *log);
void speadi_train_release(struct speadi_train *train); /* a zeroed struct is allowed */

/* Puts packets into kernel messages, in order, beginning with the first. Returns how many packets the kernel messages
 * hold (at least one when count is not 0). It overwrites the kernel messages of the last build, so they must not be in
 * use any more. */
unsigned speadi_train_build(struct speadi_train *train, const struct speadi_tx_packet *packets,
                            unsigned count);

enum speadi_train_decision {
    SPEADI_TRAIN_DONE,    /* the packets of the kernel message are done, with *error (0: sent) */
    SPEADI_TRAIN_AGAIN,   /* its packets were not sent: build again, from the first of them */
    SPEADI_TRAIN_NO_ROOM, /* do as for AGAIN, but only when the socket has room */
    SPEADI_TRAIN_STARVED, /* do as for AGAIN, but a little later: the kernel had no buffers */
};

/* Takes the result of kernel message i of the last build, and decides what the caller must do next. The result is the
 * number of bytes sent (>= 0) or -errno. The caller passes the results in the order of the kernel messages. After a
 * decision other than DONE it must build again before it passes the next result. */
enum speadi_train_decision speadi_train_decide(struct speadi_train *train, unsigned i, int result,
                                               int *error);

#endif
