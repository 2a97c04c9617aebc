/* SPDX-License-Identifier: Apache-2.0 */
/* Memory links: what a stream with the engine `mem` reads from or sends to, in place of a network.
 *
 * A memory link is a bounded queue of packets inside one process. It loses no packet. It joins a send stream and a
 * receive stream whose configurations name the same link. When the link is full, the send stream waits. Memory links
 * are for tests and examples. A program can also use them to pass SPEAD heaps between two of its threads.
 *
 * Threads: one send stream and one receive stream use a link at a time. Any thread may call ref() and unref(). */
#ifndef SPEADLINE_MEM_LINK_H
#define SPEADLINE_MEM_LINK_H

#include <stddef.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_mem_link; /* opaque, reference-counted */

/* Makes a link that holds up to packet_count packets. Each packet has at most packet_bytes bytes; this includes its
 * SPEAD header. This call allocates all memory of the link. Returns 0 and gives the caller one reference in *out, or
 * -EINVAL (a size is 0, or packet_bytes is above 65507) or -ENOMEM. err may be NULL. Any thread. */
int spead_mem_link_create(struct spead_mem_link **out, size_t packet_count, size_t packet_bytes,
                          struct spead_err *err);

/* Adds one reference to the link. Returns link. Any thread; never blocks. */
struct spead_mem_link *spead_mem_link_ref(struct spead_mem_link *link);
/* Gives one reference back; the last one frees the link. Any thread. NULL is ignored. */
void spead_mem_link_unref(struct spead_mem_link *link);

/* Copies one packet, which is `bytes` bytes long, into the link, as a send stream does. The packet may contain any
 * bytes. The function is for tests, and for programs that replay recorded packets. Returns 0, -EAGAIN (the link is
 * full), -EMSGSIZE (the packet is larger than packet_bytes) or -EPIPE (the link is closed). Never blocks. Only one
 * thread at a time may push, and no send stream may use the link at the same time. */
int spead_mem_link_push(struct spead_mem_link *link, const void *packet, size_t bytes);

/* Closes the link: no further packet will come. A receive stream on the link ends when it has read all packets that are
 * in the link. The thread that pushes the packets should call this function, after its last packet. If another thread
 * calls this function, the stream can miss a packet that is pushed at the same moment. */
void spead_mem_link_close(struct spead_mem_link *link);

#ifdef __cplusplus
}
#endif
#endif
