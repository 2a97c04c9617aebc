/* A wire in memory: the `mem` engine's endpoint.
 *
 * A bounded, lossless, in-process queue of packets. A send stream and a receive stream that name
 * the same link are joined; when it is full the sender is told so and waits. Tests and examples run
 * on it, and so can a program that wants SPEAD heaps between two of its own threads.
 * Threads: one sending stream and one receiving stream at a time; ref/unref from any thread. */
#ifndef SPEADLINE_MEM_LINK_H
#define SPEADLINE_MEM_LINK_H

#include <stddef.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_mem_link; /* opaque, reference-counted */

/* Makes a link that holds up to packet_count packets of at most packet_bytes bytes each (SPEAD
 * header included); all memory is taken here. Returns 0 and gives *out one reference, or -EINVAL
 * (a size is 0, or packet_bytes above 65507) or -ENOMEM. err may be NULL. */
int spead_mem_link_create(struct spead_mem_link **out, size_t packet_count, size_t packet_bytes,
                          struct spead_err *err);

struct spead_mem_link *spead_mem_link_ref(struct spead_mem_link *link);
void spead_mem_link_unref(struct spead_mem_link *link); /* NULL is ignored */

/* Copies one raw packet onto the link, as a sender would; for tests and for replaying packets.
 * Returns 0, -EAGAIN when full, -EMSGSIZE when larger than packet_bytes, -EPIPE when closed. */
int spead_mem_link_push(struct spead_mem_link *link, const void *packet, size_t bytes);

/* Says that nothing more will come: a receive stream on it ends once it has read what is there. For the
 * sending side, after its last packet (else a packet pushed at the same moment may not be read). */
void spead_mem_link_close(struct spead_mem_link *link);

#ifdef __cplusplus
}
#endif
#endif
