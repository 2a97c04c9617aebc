/* What a test may ask of the verbs double: scripted faults, limits, capabilities, counters.
 *
 * A test linked with the double calls these; a program that only finds it through LD_LIBRARY_PATH is
 * steered by the environment variable VDOUBLE, which holds a script read before the first verb.
 *
 * A script is a list of words, separated by spaces, semicolons or newlines:
 *
 *   NAME=VALUE           a setting from now on: a limit (max_qp_wr=16), a capability (ip_csum=0), the
 *                        state of the port (port_down=1); README.md lists them all
 *   POINT@N              the Nth time from now that POINT is reached, the fault happens, once
 *   POINT@%N             every Nth time
 *   POINT@N=ARGUMENT     with an errno name (ENOMEM), a completion status (LOC_LEN_ERR) or a number
 *
 * POINT is a verb without its prefix (create_qp@2=ENOMEM), or one of
 *   rx.drop rx.dup rx.swap rx.corrupt  the Nth frame that a flow rule matched; corrupt flips a bit of
 *   tx.drop tx.dup tx.swap tx.corrupt  byte ARGUMENT, counted from the last one when left out
 *   rx.status tx.status                the Nth completion carries ARGUMENT and the queue pair ends in ERR
 *   qp.fatal                           the Nth matched frame takes its queue pair to ERR, with an event
 *   cq.overrun                         the Nth completion finds its queue full
 *
 * Threads:  any call from any thread. */
#ifndef TESTS_DOUBLES_VERBS_CONTROL_H
#define TESTS_DOUBLES_VERBS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vdouble_counters {
    /* Frames from the network, each counted in exactly one of the first five. */
    uint64_t rx_delivered;     /* matched, and written to memory for at least one queue */
    uint64_t rx_unmatched;     /* no flow rule wanted it */
    uint64_t rx_out_of_buffer; /* matched, but nothing was posted or the queue was not ready */
    uint64_t rx_oversized;     /* longer than the link carries: the sender segments by offload */
    uint64_t rx_faulted;       /* dropped by script or with the port down */
    uint64_t tx_frames;
    uint64_t tx_faulted;
    uint64_t completions;    /* put on any completion queue */
    uint64_t channel_events; /* sent to any completion channel */
    uint64_t async_events;
    uint64_t faults;   /* script points that fired */
    uint64_t refusals; /* calls refused for a reason of the caller's making */
    /* Objects alive. */
    uint64_t contexts, pds, mrs, channels, cqs, qps, flows, wqs, ind_tables;
};

/* Adds a script to what holds already. Returns 0 or -EINVAL (nothing of it is in force; see last_refusal). */
int vdouble_script(const char *text);

/* Forgets every fault, returns each setting to its default, zeroes the counters other than the objects'. */
void vdouble_reset(void);

void vdouble_counters(struct vdouble_counters *out);

/* Calls of a verb ("create_qp") since the start or the last reset; 0 for a name never called. */
uint64_t vdouble_calls(const char *verb);

/* The sentence behind the latest refusal, or "". Valid until the calling thread asks again. */
const char *vdouble_last_refusal(void);

/* Takes the queue pair of that number to ERR with IBV_EVENT_QP_FATAL. Returns 0 or -ENOENT. */
int vdouble_qp_fatal(uint32_t qp_num);

/* How bytes reach memory registered by dma-buf; NULL restores memcpy on the double's own mapping. Called
 * on the device's thread or on that of post_send, with a lock held: call no verb from it. */
typedef void vdouble_copy_fn(void *user, void *to, const void *from, size_t bytes);
void vdouble_copy_hook(vdouble_copy_fn *copy, void *user);

#endif
