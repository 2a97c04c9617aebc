/* Two hosts with a device of the verbs double each, and the few calls that a test repeats. */
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
#define RIG_HEADERS    42u /* Ethernet, IPv4, UDP */
#define RIG_PORT       7148u

struct rig_options {
    unsigned depth, sge_max, cqe; /* 0: RIG_DEPTH, 4, 4 * depth */
    unsigned inline_max, tso_header_max;
    uint64_t wc_flags; /* of the receiving completion queue, which is then an extended one */
    bool extended;
};

struct rig_host {
    int network;
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_comp_channel *channel;
    struct ibv_cq *send_cq, *recv_cq;
    struct ibv_cq_ex *recv_ex;
    struct ibv_qp *qp;
    struct ibv_flow *flow; /* NULL: none */
    struct ibv_mr *mr;
    uint8_t *memory; /* RIG_DEPTH slots to receive into, then as many to send from */
};

struct rig {
    struct test_netns_pair pair;
    struct rig_host near, far; /* far is open only after rig_open() with two hosts */
};

/* Opens one host or both; skips the test where there are no namespaces. */
void rig_open(struct rig *rig, int hosts, struct rig_options options);

/* Closes what is open, and demands that every step succeeds and nothing is left alive. */
void rig_close(struct rig *rig);

/* Makes host->qp as the options say, in RESET. NULL with errno where the double refuses. */
struct ibv_qp *rig_make_qp(struct rig_host *host, struct rig_options options);
int rig_move_qp(struct ibv_qp *qp, enum ibv_qp_state state); /* with the attributes that it takes */
void rig_ready(struct rig_host *host);                       /* RESET to RTS */

/* Everything for UDP port RIG_PORT. */
void rig_steer(struct rig_host *host);

int rig_post(struct rig_host *host, unsigned slot);
uint8_t *rig_slot(const struct rig_host *host, unsigned slot);

/* A multicast frame with `payload` bytes that begin with `number`; returns its length. */
size_t rig_frame(uint8_t *to, uint32_t number, size_t payload);
/* Sends such a frame, signalled, and waits for the completion; returns its status. */
enum ibv_wc_status rig_send(struct rig_host *host, uint32_t number, size_t payload);
/* The number at the start of a received payload. */
uint32_t rig_number(const uint8_t *frame);

/* The next completion; fails the test when none comes. */
struct ibv_wc rig_completion(struct ibv_cq *cq);
/* Asserts that no completion is there, after everything sent so far had to have arrived. */
bool rig_nothing(struct ibv_cq *cq);

struct vdouble_counters rig_counters(void);
/* Waits until frames that came in reach `count`, by any of the five counters. */
void rig_wait_frames(uint64_t matched);

#define rig_assert_refused(text)                                                        \
    cr_assert(strstr(vdouble_last_refusal(), text), "refused with '%s', not with '%s'", \
              vdouble_last_refusal(), text)

#endif
