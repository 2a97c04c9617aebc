/* The two ends of a spead_mem_link as the mem engines use them: single producer, single consumer. */
#ifndef SPEADI_MEM_WIRE_H
#define SPEADI_MEM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadline/mem_link.h>

#include <speadi/wake_fd.h>

/* Producer: gathers one packet onto the link. 0, -EAGAIN (full), -EMSGSIZE, -EPIPE (closed). */
int speadi_mem_wire_push(struct spead_mem_link *link, const struct iovec *iov, unsigned iov_count);

/* Consumer: borrows the i-th waiting packet (0 = oldest); NULL when there are fewer. */
const uint8_t *speadi_mem_wire_peek(struct spead_mem_link *link, size_t i, uint32_t *bytes);

/* Consumer: gives the oldest count packets back. */
void speadi_mem_wire_pop(struct spead_mem_link *link, size_t count);

/* True when closed and nothing waits. Consumer. */
bool speadi_mem_wire_ended(struct spead_mem_link *link);

/* Bells. An end that wants to sleep until packets (for the consumer) or room (for the producer) appear
 * sets its wake_fd once, and before each sleep asks may_sleep(): that announces the sleep, so that the other
 * end will ring, and then looks again. false: there is something to do, do not sleep. The announcement
 * ends with the ring; one left over from a sleep that ended otherwise costs a spurious ring.
 * NULL detaches; when set_..._bell() has returned the old wake_fd is no longer used and may be closed.
 * close() rings both bells whether or not anyone sleeps. */
void speadi_mem_wire_set_consumer_wake_fd(struct spead_mem_link *link,
                                          const struct speadi_wake_fd *wake_fd);
void speadi_mem_wire_set_producer_wake_fd(struct spead_mem_link *link,
                                          const struct speadi_wake_fd *wake_fd);
bool speadi_mem_wire_consumer_may_sleep(struct spead_mem_link *link);
bool speadi_mem_wire_producer_may_sleep(struct spead_mem_link *link);

#endif
