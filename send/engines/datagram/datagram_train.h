/* SPDX-License-Identifier: Apache-2.0 */
/* Builds trains. A train is several consecutive packets to one destination. One sendmsg() gives the train to the
 * kernel, and the kernel cuts it into the packets again (UDP_SEGMENT). All packets of a train have the same size; only
 * the last packet can be shorter.
 *
 * In this folder a *kernel message* is one struct msghdr of the kernel: a train, or one packet by itself. The socket
 * engine and the uring engine both build their kernel messages here. They also pass every result to
 * speadi_train_decide(), because a refusal of the kernel decides how later trains are built.
 *
 * Older kernels accept only 64 packets in a train, and refuse a longer train with EINVAL. Drivers can refuse trains
 * with EIO or EINVAL, even if they have accepted trains earlier. After EINVAL for a train of more than 64 packets,
 * later trains have at most 64 packets. After any other refusal the engine sends the packets of the train one by one.
 * This is called the *probe*. If one of these packets is sent, the train was the reason for the refusal. After EMSGSIZE
 * the engine then sends packets of that size or longer one by one, but still builds trains of shorter packets. After
 * any other error it builds no more trains.
 *
 * ENOBUFS says that a queue of this host has dropped the kernel message. It is not sent again: all its packets are done
 * with this error.
 *
 * A train goes by reference or gathered (datagram_gather.h). The packets of a gathered train need not lie in one array of
 * iovecs.
 *
 * UDP checksums stay on, because both UDP_SEGMENT and GRO at the receiver need them. */
#ifndef SPEADI_DATAGRAM_TRAIN_H
#define SPEADI_DATAGRAM_TRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <speadline/error.h>

#include "datagram_gather.h"
#include "tx_engine.h"

#define SPEADI_TRAIN_MESSAGES_MAX 64u

/* The largest number of pieces in the messages of one build whose packets have one piece each: room for two trains in
 * which no packet follows another in memory. */
#define SPEADI_TRAIN_JOINED_MAX 256u

union speadi_train_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct speadi_train {
    /* The kernel messages of the last build. They use the iovecs of the packets, or the iovec of their copy. */
    struct mmsghdr message[SPEADI_TRAIN_MESSAGES_MAX];
    /* copy[i] is where the packets of message[i] lie in the buffer, if is_gathered[i] is true */
    struct iovec copy[SPEADI_TRAIN_MESSAGES_MAX];
    bool is_gathered[SPEADI_TRAIN_MESSAGES_MAX];
    /* The pieces of the messages whose packets have one piece each: packets that follow each other in memory share a
     * piece. */
    struct iovec joined[SPEADI_TRAIN_JOINED_MAX];
    unsigned joined_count; /* how many of them the last build has used */
    union speadi_train_control control[SPEADI_TRAIN_MESSAGES_MAX];
    /* packets[i] is the number of packets in message[i] */
    uint32_t packets[SPEADI_TRAIN_MESSAGES_MAX];
    /* bytes[i] is the size of the first packet of message[i]; this is the segment size */
    uint32_t bytes[SPEADI_TRAIN_MESSAGES_MAX];
    uint16_t destination[SPEADI_TRAIN_MESSAGES_MAX];
    unsigned count;

    /* The limits of the kernel, as far as its refusals have shown them. */
    /* the largest number of packets in a train; 1 means that no train is built */
    uint32_t segments_max;
    /* The largest packet that can be in a train. The engine sends packets that are longer than this value one by
     * one. */
    uint32_t segment_bytes_max;
    uint32_t train_bytes_max;
    /* True if every packet must go by itself. The caller sets it while a queue of this host drops packets: such a queue
     * can take a part of a train, and the kernel then says nothing of the rest. */
    bool singly;
    /* singly_to[i] says the same for packets to destination i. It is true if the queue to this destination can take a
     * part of a train. */
    bool singly_to[SPEADI_TX_DESTINATIONS_MAX];

    /* How many packets of a refused train the probe has not tried yet. It is 0 if there is no probe. */
    uint32_t probe_left;
    int probe_error;  /* the -errno with which the train was refused */
    uint32_t repeats; /* how often the current kernel message has been repeated */
    uint64_t icmp_unreachable;

    struct speadi_datagram_gather gather;
    struct spead_log log;
};

/* Prepares *train. Returns 0 or -ENOMEM. The function copies *log; log may be NULL. */
int speadi_train_init(struct speadi_train *train, uint32_t train_bytes_max,
                      enum spead_send_path path, const struct spead_log *log);

/* Frees the memory of *train. Does nothing if *train is zeroed. */
void speadi_train_release(struct speadi_train *train);

/* Puts packets into kernel messages, in order, beginning with the first packet. Returns how many packets the kernel
 * messages hold. This is at least one if `count` is not 0. The function overwrites the kernel messages of the last
 * build, so these must not be in use any more. */
unsigned speadi_train_build(struct speadi_train *train, const struct speadi_tx_packet *packets,
                            unsigned count);

enum speadi_train_decision {
    /* The packets of this kernel message are done. *error is 0 if they were sent, else -errno. */
    SPEADI_TRAIN_DONE,
    /* The packets of this kernel message were not sent. The caller must build again, beginning with the first of these
     * packets. */
    SPEADI_TRAIN_AGAIN,
    /* Like SPEADI_TRAIN_AGAIN, but the caller must first wait until the socket has room. */
    SPEADI_TRAIN_NO_ROOM,
    /* Like SPEADI_TRAIN_AGAIN, but the caller must first wait a little, because the kernel had no buffers. */
    SPEADI_TRAIN_STARVED,
};

/* Takes the result of kernel message i of the last build, and decides what the caller must do next. The result is the
 * number of bytes sent (0 or more) or -errno. `icmp` is true if the error queue of the socket has shown ICMP messages
 * after this result. The error then probably belongs to an earlier datagram. The caller must pass the results in the
 * order of the kernel messages. After every decision except DONE, it must build again before it passes another
 * result. */
enum speadi_train_decision speadi_train_decide(struct speadi_train *train, unsigned i, int result,
                                               bool icmp, int *error);

#endif
