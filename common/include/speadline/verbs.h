/* Options of the "verbs" engine, for a receive stream and for a send stream. The caller passes them as engine_options
 * of the stream (speadline/engine.h). */
#ifndef SPEADLINE_VERBS_H
#define SPEADLINE_VERBS_H

#include <stdint.h>

#include <speadline/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether packets come through a multi-packet receive queue (ConnectX-5 and later). */
enum spead_verbs_mprq {
    SPEAD_MPRQ_AUTO = 0, /* yes, if the device has one and the payload is not placed */
    SPEAD_MPRQ_ON = 1,   /* yes; create() fails if the device has none */
    SPEAD_MPRQ_OFF = 2,  /* no */
};

#define SPEAD_VERBS_COMP_VECTOR_POLL (-1) /* comp_vector: the engine polls and never sleeps */
#define SPEAD_VERBS_MAX_POLL_DEFAULT 10u

/* Options of a receive stream. create() borrows this struct and its strings until it returns. */
struct spead_recv_verbs_config {
    struct spead_engine_options options; /* filled by _INIT */
    /* Name of the RDMA device. NULL: the device of the stream's interface or of its endpoints. */
    const char *device;
    /* Completion vector of the device, or SPEAD_VERBS_COMP_VECTOR_POLL; default 0. */
    int32_t comp_vector;
    uint32_t max_poll;          /* the engine sleeps after this many empty polls; default 10 */
    enum spead_verbs_mprq mprq; /* multi-packet receive queue; default SPEAD_MPRQ_AUTO */
    /* Number of receive queues: a power of two up to 16; default 1. The device spreads the flows over the queues (RSS).
     * The owner thread of this stream polls all of them. To use several cores, make several streams, each with an
     * endpoint of its own. */
    uint32_t queues;
    /* Log2 of the bytes of one stride of a multi-packet queue, up to 16. The engine keeps the value within the limits
     * of the device. 0: the engine chooses. */
    uint32_t mprq_stride_log;
    /* Log2 of the bytes of one entry of a multi-packet queue, up to 26. The engine keeps the value within the limits
     * of the device. 0: the engine chooses. */
    uint32_t mprq_entry_log;
};

/* Options of a send stream. create() borrows this struct and its strings until it returns. */
struct spead_send_verbs_config {
    struct spead_engine_options options; /* filled by _INIT */
    /* Name of the RDMA device. NULL: the device of the stream's interface or of the route. */
    const char *device;
    /* Completion vector of the device, or SPEAD_VERBS_COMP_VECTOR_POLL; default 0. */
    int32_t comp_vector;
    uint32_t max_poll; /* the engine sleeps after this many empty polls; default 10 */
};

/* clang-format off */
#define SPEAD_RECV_VERBS_CONFIG_INIT { \
    .options = {.struct_size = sizeof(struct spead_recv_verbs_config), .engine = "verbs"}, \
    .max_poll = SPEAD_VERBS_MAX_POLL_DEFAULT, .queues = 1 }
#define SPEAD_SEND_VERBS_CONFIG_INIT { \
    .options = {.struct_size = sizeof(struct spead_send_verbs_config), .engine = "verbs"}, \
    .max_poll = SPEAD_VERBS_MAX_POLL_DEFAULT }
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
