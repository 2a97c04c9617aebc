/* What the "verbs" engine is told, at both ends. */
#ifndef SPEADLINE_VERBS_H
#define SPEADLINE_VERBS_H

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

#ifdef __cplusplus
}
#endif
#endif
