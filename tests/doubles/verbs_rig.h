/* SPDX-License-Identifier: Apache-2.0 */
/* Two hosts, each with a device of the verbs double, and functions that many tests need. */
#ifndef TESTS_DOUBLES_VERBS_RIG_H
#define TESTS_DOUBLES_VERBS_RIG_H

#include "netns.h"
#include "verbs/control.h"

#include <criterion/criterion.h>
#include <infiniband/verbs.h>
#include <string.h>

#define RIG_MTU        1500u
#define RIG_DEPTH      32u
#define RIG_SLOT_BYTES 2048u
#define RIG_HEADERS    42u /* bytes of the Ethernet, IPv4 and UDP headers */
#define RIG_PORT       7148u

struct rig_options {
    /* In each field 0 means a default: RIG_DEPTH for `depth`, 4 for `sge_max`, and 4 * depth for `cqe`. */
    unsigned depth, sge_max, cqe;
    unsigned inline_max, tso_header_max;
    /* If the receive completion queue is extended, these are its flags. */
    uint64_t wc_flags;
    bool extended; /* true if the receive completion queue is extended */
};

struct rig_host {
    int network;
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_comp_channel *channel;
    struct ibv_cq *send_cq, *recv_cq;
    struct ibv_cq_ex *recv_ex;
    struct ibv_qp *qp;
    struct ibv_flow *flow; /* NULL if there is no flow rule */
    struct ibv_mr *mr;
    uint8_t *memory; /* RIG_DEPTH slots to receive into, then RIG_DEPTH slots to send from */
};

struct rig {
    struct test_netns_pair pair;
    struct rig_host near, far; /* rig_open() opens `far` only if it opens two hosts */
};

/* Opens one host or two hosts. Skips the test if the system has no network namespaces. */
void rig_open(struct rig *rig, int hosts, struct rig_options options);

/* Opens a device of one interface in addition, and closes it again. */
void rig_open_host(struct rig_host *host, int network, const char *interface,
                   struct rig_options options);
void rig_close_host(struct rig_host *host);

/* Closes everything. Asserts that every step succeeds and that no object is left. */
void rig_close(struct rig *rig);

/* Makes host->qp with these options, in the state RESET. Returns NULL with errno set if the double refuses. */
struct ibv_qp *rig_make_qp(struct rig_host *host, struct rig_options options);

/* Moves a queue pair to a state, with the attributes that this change requires. Returns 0 or a positive errno. */
int rig_move_qp(struct ibv_qp *qp, enum ibv_qp_state state);

/* Moves host->qp from RESET to RTS. */
void rig_ready(struct rig_host *host);

/* Makes a flow rule that brings all packets for UDP port RIG_PORT to host->qp. */
void rig_steer(struct rig_host *host);

int rig_post(struct rig_host *host, unsigned slot);
uint8_t *rig_slot(const struct rig_host *host, unsigned slot);

/* Writes a multicast frame to `to`. Its payload has `payload` bytes and begins with `number`. Returns the length of the
 * frame. */
size_t rig_frame(uint8_t *to, uint32_t number, size_t payload);

/* Builds a frame as rig_frame() does, sends it with the flag "signalled", and waits for the completion. Returns the
 * status of the completion. */
enum ibv_wc_status rig_send(struct rig_host *host, uint32_t number, size_t payload);

/* Returns the number at the start of the payload of a received frame. */
uint32_t rig_number(const uint8_t *frame);

/* Waits for the next completion and returns it. Fails the test when none arrives. */
struct ibv_wc rig_completion(struct ibv_cq *cq);

/* Returns true if the queue has no completion now. The caller must first make sure that all frames that were sent have
 * arrived. */
bool rig_nothing(struct ibv_cq *cq);

struct vdouble_counters rig_counters(void);

/* Waits until `matched` frames have been received. Frames that no rule matched (rx_unmatched) do not count. */
void rig_wait_frames(uint64_t matched);

#define rig_assert_refused(text)                                                        \
    cr_assert(strstr(vdouble_last_refusal(), text), "refused with '%s', not with '%s'", \
              vdouble_last_refusal(), text)

#endif
