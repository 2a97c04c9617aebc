/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the engine "verbs", for a receive stream and for a send stream. The caller passes them in the field
 * engine_options of the stream's configuration (speadline/engine.h). */
#ifndef SPEADLINE_VERBS_H
#define SPEADLINE_VERBS_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a receive stream uses a multi-packet receive queue. Such a queue of the device (ConnectX-5 and later) puts
 * many packets into one large buffer. */
enum spead_verbs_mprq {
    SPEAD_MPRQ_AUTO = 0, /* use such a queue if the device has one and payload is not placed */
    SPEAD_MPRQ_OFF = 1,  /* do not use such a queue */
    SPEAD_MPRQ_ON = 2,   /* use such a queue; create() fails if the device has none */
};

/* What a receive stream does with a packet whose UDP checksum the device has not found right. A packet without UDP
 * checksum is accepted in every case. The counter unverified_packets of the stream counts the packets that are accepted
 * although nobody has checked their checksum. */
enum spead_verbs_checksum {
    /* If the device checks packets of this kind, the CPU checks this packet too, and the stream refuses it if its
     * checksum is wrong. If the device does not check packets of this kind, the stream accepts the packet: the device
     * has checked the CRC of its Ethernet frame. */
    SPEAD_CHECKSUM_AUTO = 0,
    /* The CPU checks the packet, which costs it one reading of all payload where the device does not check. A packet
     * whose payload the CPU cannot read is accepted. */
    SPEAD_CHECKSUM_VERIFY = 1,
    SPEAD_CHECKSUM_TRUST = 2, /* accept the packet; the CPU never checks */
};

/* Which clock gives the times of packets (spead_heap_first_ns()). spead_heap_clock() says which clock it was. */
enum spead_verbs_clock {
    /* UTC: the NIC stamps each packet with its counter, and the engine compares this counter with CLOCK_REALTIME ten
     * times a second. If the NIC stamps with another clock, or does not stamp, the engine reads CLOCK_REALTIME once for
     * each burst. */
    SPEAD_VERBS_CLOCK_AUTO = 0,
    /* The clock of the NIC (its PTP hardware clock). It is UTC only if somebody keeps it so: ptp4l sets it to TAI, which
     * is 37 seconds ahead, and without ptp4l or phc2sys it drifts. create() fails if the NIC cannot give it. */
    SPEAD_VERBS_CLOCK_NIC = 1,
    SPEAD_VERBS_CLOCK_SYSTEM = 2, /* CLOCK_REALTIME, read once for each burst */
};

#define SPEAD_VERBS_COMP_VECTOR_POLL (-1) /* value of comp_vector: poll, never sleep */
#define SPEAD_VERBS_MAX_POLL_DEFAULT 10u

/* The verbs options of a receive stream. Start from SPEAD_RECV_VERBS_CONFIG_INIT. create() borrows this struct and its
 * strings until it returns. */
struct spead_recv_verbs_config {
    struct spead_engine_options options; /* the common part; its _INIT macro sets it */
    /* The name of the RDMA device, such as "mlx5_0". NULL (default): the device that belongs to the interface of the
     * stream, or to its endpoints. */
    const char *device;
    /* The index of a completion vector of the device. The vector decides which interrupt wakes the engine.
     * SPEAD_VERBS_COMP_VECTOR_POLL: no interrupt; the engine polls and never sleeps. Default 0. */
    int32_t comp_vector;
    /* The number of polls in a row without a packet after which the engine sleeps; default 10. */
    uint32_t max_poll;
    enum spead_verbs_mprq mprq; /* multi-packet queue; default SPEAD_MPRQ_AUTO */
    /* The number of receive queues: a power of two up to 16; default 1. The device spreads the flows over the queues
     * (RSS), so all packets of a sender come through one queue. Payload can be placed through each of them, if the stream
     * has one endpoint. The owner thread of this stream polls all its queues. To use several CPU cores, make several
     * streams, each with an endpoint of its own. */
    uint32_t queues;
    /* The size of one stride is two to this power, in bytes; at most 16. An entry of a multi-packet queue consists of
     * strides, and each packet begins at a new stride. The engine changes a value that is outside the limits of the
     * device to the nearest limit. 0 (default): the engine chooses. */
    uint32_t mprq_stride_log;
    /* The size of one entry of a multi-packet queue is two to this power, in bytes; at most 26. An entry is one large
     * buffer for many packets. The engine changes a value that is outside the limits of the device to the nearest
     * limit. 0 (default): the engine chooses. */
    uint32_t mprq_entry_log;
    enum spead_verbs_checksum checksum; /* packets that the device has not checked; default AUTO */
    enum spead_verbs_clock clock;       /* the clock of packet times; default AUTO */
};

/* The verbs options of a send stream. Start from SPEAD_SEND_VERBS_CONFIG_INIT. create() borrows this struct and its
 * strings until it returns. */
struct spead_send_verbs_config {
    struct spead_engine_options options; /* the common part; its _INIT macro sets it */
    /* The name of the RDMA device, such as "mlx5_0". NULL (default): the device that belongs to the interface of the
     * stream, or to the route to its endpoints. */
    const char *device;
    /* The index of a completion vector of the device. The vector decides which interrupt wakes the engine.
     * SPEAD_VERBS_COMP_VECTOR_POLL: no interrupt; the engine polls and never sleeps. Default 0. */
    int32_t comp_vector;
    /* The number of polls in a row without a completion after which the engine sleeps; default 10. */
    uint32_t max_poll;
};

/* clang-format off */
#define SPEAD_RECV_VERBS_CONFIG_INIT { \
    .options = {.struct_size = sizeof(struct spead_recv_verbs_config), .engine = "verbs"}, \
    .max_poll = SPEAD_VERBS_MAX_POLL_DEFAULT, .queues = 1 }
#define SPEAD_SEND_VERBS_CONFIG_INIT { \
    .options = {.struct_size = sizeof(struct spead_send_verbs_config), .engine = "verbs"}, \
    .max_poll = SPEAD_VERBS_MAX_POLL_DEFAULT }
/* clang-format on */
/* The functions do what the macros do; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_recv_verbs_config_init(struct spead_recv_verbs_config *config, size_t size);
void spead_send_verbs_config_init(struct spead_send_verbs_config *config, size_t size);

#ifdef __cplusplus
}
#endif
#endif
