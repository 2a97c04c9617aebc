/* What the "verbs" engine is told, at each end: options for a stream's engine_options (speadline/engine.h). */
#ifndef SPEADLINE_VERBS_H
#define SPEADLINE_VERBS_H

#include <stdint.h>

#include <speadline/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether packets come through a multi-packet receive queue (ConnectX-5 and later). */
enum spead_verbs_mprq {
    SPEAD_MPRQ_AUTO = 0, /* where the device has one and payload is not placed */
    SPEAD_MPRQ_ON = 1,   /* or creation fails */
    SPEAD_MPRQ_OFF = 2,
};

#define SPEAD_VERBS_COMP_VECTOR_POLL (-1) /* comp_vector: never sleep, poll */
#define SPEAD_VERBS_MAX_POLL_DEFAULT 10u

/* Of a receive stream. Borrowed during create(), as its strings are. */
struct spead_recv_verbs_config {
    struct spead_engine_options options; /* filled by _INIT */
    const char *device;         /* an RDMA device's name; NULL: that of the interface or endpoint */
    int32_t comp_vector;        /* completion vector; SPEAD_VERBS_COMP_VECTOR_POLL; default 0 */
    uint32_t max_poll;          /* polls in a row that find nothing before it sleeps; default 10 */
    enum spead_verbs_mprq mprq; /* multi-packet receive queue; default SPEAD_MPRQ_AUTO */
    /* Receive queues that the device spreads flows over (RSS), a power of two up to 16; default 1. All are this
     * stream's: several cores take several streams, an endpoint each. */
    uint32_t queues;
    /* Log2 of the bytes of a multi-packet queue's strides, up to 16 ... */
    uint32_t mprq_stride_log;
    /* ... and entries, up to 26; brought within the device's limits; 0: chosen. */
    uint32_t mprq_entry_log;
};

/* Of a send stream. Borrowed during create(), as its strings are. */
struct spead_send_verbs_config {
    struct spead_engine_options options; /* filled by _INIT */
    const char *device;  /* an RDMA device's name; NULL: that of the interface or route */
    int32_t comp_vector; /* completion vector; SPEAD_VERBS_COMP_VECTOR_POLL; default 0 */
    uint32_t max_poll;   /* polls in a row that find nothing before it sleeps; default 10 */
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
