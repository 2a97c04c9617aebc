/* The two ends of a spead_mem_link as the mem engines use them: single producer, single consumer. */
#ifndef SPEADI_MEM_WIRE_H
#define SPEADI_MEM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <speadline/mem_link.h>

#include <speadi/wakeup.h>

/* Producer: gathers one packet onto the link. 0, -EAGAIN (full), -EMSGSIZE, -EPIPE (closed). */
int speadi_mem_wire_push(struct spead_mem_link *link, const struct iovec *iov, unsigned iov_count);

/* Consumer: borrows the i-th waiting packet (0 = oldest); NULL when there are fewer. */
const uint8_t *speadi_mem_wire_peek(struct spead_mem_link *link, size_t i, uint32_t *bytes);

/* Consumer: gives the oldest count packets back. */
void speadi_mem_wire_pop(struct spead_mem_link *link, size_t count);

/* True when closed and nothing waits. Consumer. */
bool speadi_mem_wire_ended(struct spead_mem_link *link);

/* Bells rung when packets (for the consumer) or room (for the producer) appear; NULL detaches. The bell
 * must stay open until detached. Each end sets its own. */
void speadi_mem_wire_set_consumer_bell(struct spead_mem_link *link, const struct speadi_wakeup *bell);
void speadi_mem_wire_set_producer_bell(struct spead_mem_link *link, const struct speadi_wakeup *bell);

#endif
