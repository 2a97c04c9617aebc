/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a memory link, for the mem engines. Below, the producer is the one thread that pushes packets, and
 * the consumer is the one thread that reads them. */
#ifndef SPEADI_MEM_WIRE_H
#define SPEADI_MEM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadline/mem_link.h>
#include <speadline/stats.h>

#include <speadi/wake_fd.h>

/* Producer: copies one packet, which lies in iov_count pieces, onto the link. Returns 0, -EAGAIN (the link is full),
 * -EMSGSIZE (the packet is too long) or -EPIPE (the link is closed). */
int speadi_mem_wire_push(struct spead_mem_link *link, const struct iovec *iov, unsigned iov_count);

/* Consumer: returns the waiting packet with index i (0 is the oldest packet), or NULL when no such packet waits. Sets
 * *bytes to the length of the packet. The packet is valid until pop(). */
const uint8_t *speadi_mem_wire_peek(struct spead_mem_link *link, size_t i, uint32_t *bytes);

/* Consumer: returns how many packets wait, and the sum of their bytes. */
struct spead_count speadi_mem_wire_waiting(struct spead_mem_link *link);

/* Consumer: frees the slots of the `count` oldest packets. */
void speadi_mem_wire_pop(struct spead_mem_link *link, size_t count);

/* Consumer: returns which part of the link is full of packets, 0 to 1. */
double speadi_mem_wire_fill(struct spead_mem_link *link);

/* Consumer: returns true when the link is closed and no packet waits. */
bool speadi_mem_wire_ended(struct spead_mem_link *link);

/* How a thread sleeps.
 * The consumer sleeps until there are packets; the producer sleeps until there are free places. The thread sets its
 * wake descriptor once. Before each sleep it calls its function ..._may_sleep(). This function first announces the
 * sleep, so that the other end will signal the descriptor. Then it looks at the link again. It returns false when there
 * are packets (or free places) now, or the link is closed: then the thread must not sleep.
 * The signal ends the announcement. When the sleep ends for another reason, the announcement stays, and causes one
 * needless signal later.
 * ..._set_..._wake_fd(NULL) removes the descriptor. When this function has returned, the link no longer uses the old
 * descriptor, and the caller may close that descriptor. spead_mem_link_close() signals both descriptors, even when no
 * thread sleeps. */
void speadi_mem_wire_set_consumer_wake_fd(struct spead_mem_link *link,
                                          const struct speadi_wake_fd *wake_fd);
void speadi_mem_wire_set_producer_wake_fd(struct spead_mem_link *link,
                                          const struct speadi_wake_fd *wake_fd);
bool speadi_mem_wire_consumer_may_sleep(struct spead_mem_link *link);
bool speadi_mem_wire_producer_may_sleep(struct spead_mem_link *link);

#endif
