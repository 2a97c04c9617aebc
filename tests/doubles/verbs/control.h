/* SPDX-License-Identifier: Apache-2.0 */
/* The control interface of the verbs double: scripted faults, limits, capabilities, counters.
 *
 * A test that is linked with the double calls these functions. For a program that loads the double through
 * LD_LIBRARY_PATH, the environment variable VDOUBLE holds a script; the double reads it before the first verb.
 *
 * A script is a list of words, separated by spaces, semicolons or newlines:
 *
 *   NAME=VALUE           changes a setting: a limit (max_qp_wr=16), a capability (ip_csum=0), the state of the port
 *                        (port_down=1). README.md lists all settings.
 *   POINT@N              the fault happens once, when POINT is reached the Nth time from now
 *   POINT@%N             the fault happens every Nth time that POINT is reached
 *   POINT@N=ARGUMENT     gives the fault an argument: an errno name (ENOMEM), a completion status (LOC_LEN_ERR) or a
 *                        number
 *
 * POINT is a verb without its prefix (create_qp@2=ENOMEM), or one of
 *   rx.drop rx.dup rx.swap rx.corrupt  the fault hits the Nth received frame that a flow rule matched
 *   tx.drop tx.dup tx.swap tx.corrupt  the fault hits the Nth sent frame
 *   rx.status tx.status                the Nth completion has the status ARGUMENT, and the queue moves to ERR
 *   qp.fatal                           the Nth matched frame moves its queue pair, or its work queue, to ERR, with an
 *                                      event
 *   cq.overrun                         the Nth completion finds its completion queue full
 *
 * rx.corrupt and tx.corrupt invert a bit of one byte. ARGUMENT is the index of that byte in the frame. Without an
 * argument it is the last byte.
 *
 * Threads:  any thread may call any function. */
#ifndef TESTS_DOUBLES_VERBS_CONTROL_H
#define TESTS_DOUBLES_VERBS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vdouble_counters {
    /* Each frame from the network is counted in exactly one of the first five counters. `rx_delivered` counts a frame
     * that matched a flow rule, and that the double wrote for at least one queue. */
    uint64_t rx_delivered;
    uint64_t rx_unmatched; /* no flow rule matched */
    /* A flow rule matched, but no receive was posted or no queue was ready. */
    uint64_t rx_out_of_buffer;
    /* The frame is longer than the MTU, because the kernel of the sender has not cut it into segments. */
    uint64_t rx_oversized;
    /* The script dropped the frame, or the port was down. */
    uint64_t rx_faulted;
    uint64_t tx_frames;
    uint64_t tx_faulted;
    uint64_t completions;    /* completions of all completion queues together */
    uint64_t channel_events; /* events of all completion channels together */
    uint64_t async_events;
    uint64_t faults;   /* faults of scripts that have happened */
    uint64_t refusals; /* calls that were refused because of a mistake of the caller */
    /* how many objects of each kind exist now */
    uint64_t contexts, pds, mrs, channels, cqs, qps, flows, wqs, ind_tables;
};

/* Adds a script to the scripts that are already active. Returns 0 or -EINVAL. After -EINVAL no part of the new script
 * is active, and vdouble_last_refusal() says why. */
int vdouble_script(const char *text);

/* Removes every fault, sets each setting to its default, and sets all counters to zero except those of the objects. */
void vdouble_reset(void);

void vdouble_counters(struct vdouble_counters *out);

/* Returns how many frames a queue pair or a work queue has dropped because no receive was posted to it, or because it
 * was not ready. `number` is the qp_num or wq_num; the queue may be destroyed already. */
uint64_t vdouble_out_of_buffer(uint32_t number);

/* Returns how often a verb, such as "create_qp", was called since the start or the last reset. */
uint64_t vdouble_calls(const char *verb);

/* The pacing of a queue pair. A burst or a packet size of 0 means that the device chooses it. */
struct vdouble_rate {
    uint32_t kbps, burst_bytes, packet_bytes;
};

/* Returns the pacing that a queue pair was given last. */
struct vdouble_rate vdouble_rate(void);

/* Returns the text that explains the latest refusal, or "". The text is valid until the calling thread calls this
 * function again. */
const char *vdouble_last_refusal(void);

/* Moves the queue pair with this number to the state ERR, with the event IBV_EVENT_QP_FATAL. Returns 0 or -ENOENT. */
int vdouble_qp_fatal(uint32_t qp_num);

/* Sets the function that copies bytes to and from memory that is registered as a dma-buf. NULL means that the double
 * copies with memcpy() through its own mapping. The thread of the device, or the thread in post_send, calls the
 * function. That thread has a lock during the call, so the function must not call a verb. */
typedef void vdouble_copy_fn(void *user, void *to, const void *from, size_t bytes);
void vdouble_copy_hook(vdouble_copy_fn *copy, void *user);

#endif
