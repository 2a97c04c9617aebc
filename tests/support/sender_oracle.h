/* SPDX-License-Identifier: Apache-2.0 */
/* Knows the sender and the run of every byte that a test sends. So it can check what a stream delivers.
 *
 * The payload of each packet consists of words of 8 bytes. Each word names the origin of its packet, the run of the
 * sender, the heap counter and its own offset in the heap. No byte of a word is 0, so a zero in a heap is a hole.
 *
 * An origin is an address, a port and an endpoint. The configuration of the stream says which origins are one sender. A
 * run ends when no packet of the sender comes for longer than restart_quiet_ns, or when a start item comes that is surely
 * no copy. */
#ifndef TEST_SENDER_ORACLE_H
#define TEST_SENDER_ORACLE_H

#include "recv_rig.h"

#define ORACLE_HOSTS     3u
#define ORACLE_PORTS     2u
#define ORACLE_ENDPOINTS 3u
#define ORACLE_ORIGINS   (ORACLE_HOSTS * ORACLE_PORTS * ORACLE_ENDPOINTS)
#define ORACLE_WORD      8u   /* bytes */
#define ORACLE_HEAP_MAX  256u /* bytes of the longest heap */
#define ORACLE_STARTS    16u  /* so many start items of a sender begin a run */

/* The last packets of one sender. */
struct oracle_sender {
    bool heard;
    uint64_t heard_ns;
    uint8_t run;
    uint64_t start[ORACLE_STARTS]; /* heap counters under which a start item has come */
    uint32_t start_count;
};

struct sender_oracle {
    const struct recv_rig *rig; /* its stream must be open */
    struct spead_recv_plan plan;
    /* Indexed by the first origin of the sender. */
    struct oracle_sender sender[ORACLE_ORIGINS];
    char failure[256]; /* the first thing that was wrong; empty if all was right */
};

void sender_oracle_init(struct sender_oracle *oracle, const struct recv_rig *rig);

/* Returns the endpoint, and the address and port of the origin. */
uint16_t sender_oracle_endpoint(uint32_t origin);
struct speadi_rx_from sender_oracle_from(uint32_t origin);

/* Says that a packet of this origin comes now, by the clock of the engine. */
void sender_oracle_hear(struct sender_oracle *oracle, uint32_t origin);

/* Says that the next packet of this origin carries a start item in the heap with this counter. `read` says that the
 * stream surely reads it, and that no byte of its heap can be from before the item. The second start item of a sender
 * under one counter begins no run here, because it can be a copy. */
void sender_oracle_start(struct sender_oracle *oracle, uint32_t origin, uint64_t counter,
                         bool read);

/* Returns the run of the sender of this origin. */
uint8_t sender_oracle_run(const struct sender_oracle *oracle, uint32_t origin);

/* Fills the payload of a packet that comes now. `offset` and `bytes` must be multiples of ORACLE_WORD. */
void sender_oracle_fill(const struct sender_oracle *oracle, uint32_t origin, uint64_t counter,
                        uint64_t offset, uint8_t *payload, size_t bytes);

/* Each of these functions checks something and notes the first failure. check_heap() looks at a heap that the stream
 * has delivered, check_poll() at the stream after a poll, check_end() at the stream after its end. */
void sender_oracle_check_heap(struct sender_oracle *oracle, const struct spead_heap *heap);
void sender_oracle_check_poll(struct sender_oracle *oracle);
void sender_oracle_check_end(struct sender_oracle *oracle);

/* Notes that something was wrong. Only the first call changes the failure. */
void sender_oracle_fail(struct sender_oracle *oracle, const char *text, uint64_t a, uint64_t b);

#endif
